"""What a token may do, as far as reading shows it."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from custom_components.cloudflare_mtls.engine import permissions
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Permission,
    RateLimited,
    TokenRejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.permissions import (
    NEEDED,
    OPTIONAL,
    Allowance,
    find_permissions,
    token_url,
)
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, Access, AccessApplication
from tests.engine.servers import ScriptedApi, envelope, success


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait before asking again."""
    monkeypatch.setattr(permissions, "SECOND_THOUGHT", 0)


# The sandbox's name of each permission.
IN_THE_SANDBOX = {
    Permission.ZONE_READ: "zone:read",
    Permission.DNS_EDIT: "dns:edit",
    Permission.CERTIFICATES_EDIT: "ssl:edit",
    Permission.RULES_EDIT: "waf:edit",
    Permission.TUNNEL_EDIT: "tunnel:edit",
    Permission.SETTINGS_EDIT: "settings:edit",
    Permission.BOTS_EDIT: "bots:edit",
    Permission.ACCESS_ORGANIZATION_EDIT: "access_organization:edit",
    Permission.ACCESS_LOGINS_READ: "access_logs:read",
    Permission.FIREWALL_READ: "firewall:edit",
    Permission.WORKERS_READ: "workers:edit",
    Permission.ANALYTICS_READ: "analytics:read",
    Permission.HEADER_RULES_EDIT: "transform:edit",
}


def ticked(url: str) -> list[tuple[str, str]]:
    """Return the permissions that a link selects in the dashboard."""
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "dash.cloudflare.com")
    (groups,) = parse_qs(parts.query)["permissionGroupKeys"]
    return [(group["key"], group["type"]) for group in json.loads(groups)]


async def test_everything_is_allowed(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Only proven permissions are certain: being able to read proves no write access."""
    nas = AccessApplication("NAS", [{"type": "public", "uri": "nas.example.com"}])
    access = Access(team="home", applications={nas.id: nas})
    sandbox.state.accounts[sandbox.account_id].access = access
    found = await find_permissions(client, sandbox.account_id, sandbox.zone_id)
    assert tuple(found) == NEEDED + OPTIONAL
    proven = {item for item, allowed in found.items() if allowed is Allowance.YES}
    assert proven == {
        Permission.ZONE_READ,
        Permission.RULES_EDIT,
        Permission.ACCESS_LOGINS_READ,
        Permission.FIREWALL_READ,
        Permission.WORKERS_READ,
        Permission.ANALYTICS_READ,
        Permission.HEADER_RULES_EDIT,
    }
    assert set(found.values()) == {Allowance.YES, Allowance.READS}
    assert sandbox.journal.writes == []


@pytest.mark.parametrize("lacks", IN_THE_SANDBOX, ids=str)
async def test_each_is_found_to_be_missing(sandbox: Sandbox, lacks: Permission) -> None:
    """The missing permission is found, and no other."""
    token = sandbox.state.add_token(
        permissions=ALL_PERMISSIONS - {IN_THE_SANDBOX[lacks]}
    )
    client = CloudflareClient(token, base_url=sandbox.api_url)
    found = await find_permissions(client, sandbox.account_id, sandbox.zone_id)
    assert [item for item, may in found.items() if may is Allowance.NO] == [lacks]


async def test_no_applications_prove_nothing(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A token without the permission gets an empty list too."""
    found = await find_permissions(client, sandbox.account_id, sandbox.zone_id)
    assert found[Permission.ACCESS_EDIT] is Allowance.UNCLEAR


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(500, None, Unavailable), (429, 10429, RateLimited), (400, 6003, TokenRejected)],
)
async def test_failures_are_no_missing_permissions(
    api: ScriptedApi, status: int, code: int | None, error: type[Exception]
) -> None:
    """A failure says nothing about permissions, so it is raised."""
    api.answers = lambda _: envelope(status, code=code)
    client = CloudflareClient("token", base_url=api.url)
    with pytest.raises(error):
        await find_permissions(client, "a", "z")


async def test_optional_ones_may_fail(api: ScriptedApi) -> None:
    """A feature that the plan lacks, or a failure, does not stop the set-up."""
    optional = (
        "/settings/",
        "/bot_management",
        "/access/",
        "/firewall/",
        "/workers/",
        "/graphql",
        "/phases/http_request_late_transform/",
    )
    zone = {
        "id": "z",
        "name": "example.com",
        "status": "active",
        "paused": False,
        "account": {"id": "a", "name": "Home"},
    }
    lists = ("/dns_records", "/client_certificates", "/cfd_tunnel")
    api.answers = lambda asked: (
        envelope(500)
        if any(part in asked.path for part in optional)
        else success([] if asked.path.endswith(lists) else zone)
        if "rulesets" not in asked.path
        else success({"id": "rs", "rules": []})
    )
    client = CloudflareClient("token", base_url=api.url)
    found = await find_permissions(client, "a", "z")
    assert {found[item] for item in OPTIONAL} == {Allowance.UNCLEAR}
    assert Allowance.UNCLEAR not in {found[item] for item in NEEDED}


def test_links_tick_the_requested_permissions() -> None:
    """The needed permissions always, the optional ones when they are named, each once."""
    needed = ticked(token_url())
    assert needed == [
        ("zone", "read"),
        ("dns", "edit"),
        ("ssl_and_certificates", "edit"),
        ("zone_waf", "edit"),
        ("argotunnel", "edit"),
    ]
    assert ticked(token_url(Permission.DNS_EDIT, Permission.RULES_EDIT)) == needed
    assert ticked(token_url(Permission.ANALYTICS_READ)) == [
        *needed,
        ("analytics", "read"),
    ]
    assert len(set(ticked(token_url(*OPTIONAL)))) == len(NEEDED) + len(OPTIONAL)
