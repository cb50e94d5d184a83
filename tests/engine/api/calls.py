"""Every call that the client can make, and the answers and errors that the tests share."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.access_models import (
    AccessApplication,
    AccessGroup,
    AccessPolicy,
)
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import EngineError
from custom_components.cloudflare_mtls.engine.api.ingress import TunnelConfiguration
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields

ROOT = Path(__file__).parents[3]
USER_TOKEN = "cfut_secret-of-a-user"
ACCOUNT_TOKEN = "cfat_secret-of-an-account"

_AN_HOUR = (
    datetime(2026, 11, 29, 10, tzinfo=UTC),
    datetime(2026, 11, 29, 11, tzinfo=UTC),
)

type Call = Callable[[CloudflareClient], Awaitable[Any]]

CALLS: dict[str, Call] = {
    "zones.list": lambda c: c.zones.list(),
    "zones.get": lambda c: c.zones.get("z"),
    "tunnels.list": lambda c: c.tunnels.list("a"),
    "tunnels.create": lambda c: c.tunnels.create("a", "home"),
    "tunnels.get_token": lambda c: c.tunnels.get_token("a", "t"),
    "connectors.list": lambda c: c.connectors.list("a", "t"),
    "tunnels.get_configuration": lambda c: c.tunnels.get_configuration("a", "t"),
    "tunnels.find": lambda c: c.tunnels.find("a", "t"),
    "tunnels.put_configuration": lambda c: c.tunnels.put_configuration(
        "a", {}, replacing=TunnelConfiguration.from_raw("t", Fields({}))
    ),
    "dns.list": lambda c: c.dns.list("z"),
    "dns.create": lambda c: c.dns.create("z", {}),
    "dns.edit": lambda c: c.dns.edit("z", "r", {}),
    "dns.delete": lambda c: c.dns.delete("z", "r"),
    "client_certificates.list": lambda c: c.client_certificates.list("z"),
    "client_certificates.create": lambda c: c.client_certificates.create("z", "csr", 1),
    "client_certificates.revoke": lambda c: c.client_certificates.revoke("z", "c"),
    "client_certificates.restore": lambda c: c.client_certificates.restore("z", "c"),
    "hostname_associations.get": lambda c: c.hostname_associations.get("z"),
    "hostname_associations.put": lambda c: c.hostname_associations.put(
        "z", (), replacing=()
    ),
    "ip_access_rules.list_allowing": lambda c: c.ip_access_rules.list_allowing("z"),
    "certificate_packs.list_names": lambda c: c.certificate_packs.list_names("z"),
    "worker_routes.list": lambda c: c.worker_routes.list("z"),
    "access_organization.get": lambda c: c.access_organization.get("a"),
    "access_organization.end_sessions_of": lambda c: (
        c.access_organization.end_sessions_of("a", "a@b.c")
    ),
    "access_identity_providers.list": lambda c: c.access_identity_providers.list("a"),
    "access_identity_providers.create_one_time_pin": lambda c: (
        c.access_identity_providers.create_one_time_pin("a")
    ),
    "access_groups.list": lambda c: c.access_groups.list("a"),
    "access_groups.find": lambda c: c.access_groups.find("a", "g"),
    "access_groups.create": lambda c: c.access_groups.create("a", {}),
    "access_groups.replace": lambda c: c.access_groups.replace(
        "a", {}, replacing=AccessGroup.parse(Fields({"id": "g"}))
    ),
    "access_groups.delete": lambda c: c.access_groups.delete("a", "g"),
    "access_policies.list": lambda c: c.access_policies.list("a"),
    "access_policies.find": lambda c: c.access_policies.find("a", "p"),
    "access_policies.create": lambda c: c.access_policies.create("a", {}),
    "access_policies.replace": lambda c: c.access_policies.replace(
        "a",
        {},
        replacing=AccessPolicy.parse(Fields({"id": "p", "decision": "allow"})),
    ),
    "access_policies.delete": lambda c: c.access_policies.delete("a", "p"),
    "access_applications.list": lambda c: c.access_applications.list("a"),
    "access_applications.find": lambda c: c.access_applications.find("a", "p"),
    "access_applications.expect_edit_permission": lambda c: (
        c.access_applications.expect_edit_permission("a")
    ),
    "access_applications.create": lambda c: c.access_applications.create("a", {}),
    "access_applications.replace": lambda c: c.access_applications.replace(
        "a", {}, replacing=AccessApplication.parse(Fields({"id": "p"}))
    ),
    "access_applications.delete": lambda c: c.access_applications.delete("a", "p"),
    "access_applications.end_sessions": lambda c: c.access_applications.end_sessions(
        "a", "p"
    ),
    "access_tags.list": lambda c: c.access_tags.list("a"),
    "access_tags.create": lambda c: c.access_tags.create("a", "t"),
    "access_tags.delete": lambda c: c.access_tags.delete("a", "t"),
    "access_logins.list": lambda c: c.access_logins.list("a", *_AN_HOUR),
    "access_users.list": lambda c: c.access_users.list("a"),
    "rulesets.get": lambda c: c.rulesets.get("z"),
    "rulesets.create": lambda c: c.rulesets.create("z", {}),
    "rulesets.create_rule": lambda c: c.rulesets.create_rule("z", "rs", {}),
    "rulesets.edit_rule": lambda c: c.rulesets.edit_rule("z", "rs", "r", {}),
    "rulesets.delete_rule": lambda c: c.rulesets.delete_rule("z", "rs", "r"),
    "header_rulesets.get": lambda c: c.header_rulesets.get("z"),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


async def error_of(call: Awaitable[Any]) -> EngineError:
    """Return what a call raises."""
    with pytest.raises(EngineError) as caught:
        await call
    return caught.value


def failure(code: object, message: object = "no") -> dict[str, Any]:
    """Return the envelope of a failure."""
    errors = [{"code": code, "message": message}]
    return {"success": False, "errors": errors, "messages": [], "result": None}


def succeeded(result: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope of a success."""
    return {"success": True, "errors": [], "messages": [], "result": result}
