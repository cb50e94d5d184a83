"""Every call that the client can make, and the answers and errors that the tests share."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import EngineError
from custom_components.cloudflare_mtls.engine.api.ingress import TunnelConfiguration
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields

ROOT = Path(__file__).parents[3]
USER_TOKEN = "cfut_secret-of-a-user"
ACCOUNT_TOKEN = "cfat_secret-of-an-account"

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
    "rulesets.get": lambda c: c.rulesets.get("z"),
    "rulesets.create": lambda c: c.rulesets.create("z", {}),
    "rulesets.create_rule": lambda c: c.rulesets.create_rule("z", "rs", {}),
    "rulesets.edit_rule": lambda c: c.rulesets.edit_rule("z", "rs", "r", {}),
    "rulesets.delete_rule": lambda c: c.rulesets.delete_rule("z", "rs", "r"),
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
