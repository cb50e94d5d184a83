"""Each fix changes only what a person agreed to, after reading it again."""

from copy import deepcopy
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    NotFound,
    PermissionMissing,
    RateLimited,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import Setting
from custom_components.cloudflare_mtls.engine.checks.finding import Finding
from custom_components.cloudflare_mtls.engine.checks.fixes import fix_finding
from custom_components.cloudflare_mtls.engine.checks.specs import SPECS, Check
from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import ALL_PERMISSIONS, Setting as Changed, Zone
from sandbox.zone_settings import setting
from tests.engine.builders import (
    ACCOUNT_ID,
    HOST,
    TUNNEL_ID,
    ZONE_ID,
    ZONE_NAME,
    serves,
)
from tests.engine.servers import ScriptedApi, success
from tests.faults import refusal

FIXABLE = [check for check, spec in SPECS.items() if spec.fixed_in]
SERVICE = "https://192.168.1.10:8123"
SETTINGS = [
    (Check.WEBSOCKETS_OFF, "websockets", "off", "on"),
    (Check.UNDER_ATTACK, "security_level", "under_attack", "medium"),
    (Check.ZERO_RTT_ON, "0rtt", "on", "off"),
    (Check.TLS_1_3_ONLY, "min_tls_version", "1.3", "1.2"),
]


def in_zone(check: Check) -> Finding:
    """Return a finding about the zone."""
    return Finding(check=check, target=ZONE_NAME, place=ZONE_ID)


CATCH_ALL_MISSING = Finding(check=Check.NO_CATCH_ALL, target="home", place=TUNNEL_ID)
CERTIFICATE_REFUSED = Finding(
    check=Check.ORIGIN_CERTIFICATE, target=HOST, place=TUNNEL_ID, value=SERVICE
)


@pytest.fixture
def zone(sandbox: Sandbox) -> Zone:
    """Return the zone."""
    return sandbox.state.zones[ZONE_ID]


@pytest.mark.parametrize(("check", "name", "wrong", "right"), SETTINGS)
async def test_settings(
    sandbox: Sandbox,
    client: CloudflareClient,
    zone: Zone,
    check: Check,
    name: str,
    wrong: str,
    right: str,
) -> None:
    """Only a setting that is still wrong is changed."""
    zone.settings[name] = Changed(wrong, now())

    await fix_finding(client, ACCOUNT_ID, in_zone(check))

    assert setting(zone, name) == right
    assert len(sandbox.journal.writes) == 1
    await fix_finding(client, ACCOUNT_ID, in_zone(check))
    assert len(sandbox.journal.writes) == 1


async def test_bot_fight_mode(
    sandbox: Sandbox, client: CloudflareClient, zone: Zone
) -> None:
    """Nothing else of the bot management is changed."""
    zone.bot_management = {"fight_mode": True, "enable_js": False}

    await fix_finding(client, ACCOUNT_ID, in_zone(Check.BOT_FIGHT_MODE))
    await fix_finding(client, ACCOUNT_ID, in_zone(Check.BOT_FIGHT_MODE))

    assert zone.bot_management == {"fight_mode": False, "enable_js": False}
    assert len(sandbox.journal.writes) == 1


async def test_last_rule(sandbox: Sandbox, client: CloudflareClient) -> None:
    """The rule is added at the end, and everything else is written back unchanged."""
    tunnel = sandbox.state.tunnels[TUNNEL_ID]
    assert tunnel.config
    *rules, last = tunnel.config["ingress"]
    before = deepcopy(tunnel.config)
    tunnel.config["ingress"] = rules

    await fix_finding(client, ACCOUNT_ID, CATCH_ALL_MISSING)
    await fix_finding(client, ACCOUNT_ID, CATCH_ALL_MISSING)

    assert last == {"service": "http_status:404"}
    assert tunnel.config == before
    assert len(sandbox.journal.writes) == 1


@pytest.mark.parametrize(
    "more", [{}, {"originRequest": {"connectTimeout": 5}, "x-note": "kept"}]
)
async def test_certificate_of_the_origin(
    sandbox: Sandbox, client: CloudflareClient, more: dict[str, Any]
) -> None:
    """Only the rule of the hostname accepts any certificate."""
    tunnel = sandbox.state.tunnels[TUNNEL_ID]
    assert tunnel.config
    tunnel.config["ingress"].insert(0, serves(HOST, SERVICE, **more))
    wanted = deepcopy(tunnel.config)
    origin_request = {**more.get("originRequest", {}), "noTLSVerify": True}
    wanted["ingress"][0]["originRequest"] = origin_request

    await fix_finding(client, ACCOUNT_ID, CERTIFICATE_REFUSED)
    await fix_finding(client, ACCOUNT_ID, CERTIFICATE_REFUSED)

    assert tunnel.config == wanted
    assert len(sandbox.journal.writes) == 1


@pytest.mark.parametrize("service", [None, "https://192.168.1.11:8123"])
async def test_rule_that_has_changed_since(
    sandbox: Sandbox, client: CloudflareClient, service: str | None
) -> None:
    """The person agreed to trust one service, and no other."""
    tunnel = sandbox.state.tunnels[TUNNEL_ID]
    assert tunnel.config
    if service:
        tunnel.config["ingress"].insert(0, serves(HOST, service))

    with pytest.raises(Conflict):
        await fix_finding(client, ACCOUNT_ID, CERTIFICATE_REFUSED)

    assert sandbox.journal.writes == []


async def test_tunnel_that_is_managed_locally(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Cloudflare no longer holds its configuration."""
    sandbox.state.tunnels[TUNNEL_ID].config_src = "local"
    with pytest.raises(Conflict):
        await fix_finding(client, ACCOUNT_ID, CATCH_ALL_MISSING)


@pytest.mark.parametrize("check", sorted(FIXABLE))
async def test_read_only_token(
    sandbox: Sandbox, client: CloudflareClient, zone: Zone, check: Check
) -> None:
    """The error names the missing permission, and nothing is changed."""
    add_every_cause(sandbox)
    permissions = {item.replace("edit", "read") for item in ALL_PERMISSIONS}
    sandbox.state.tokens[sandbox.token].permissions = frozenset(permissions)
    before = deepcopy((zone.settings, zone.bot_management, sandbox.state.tunnels))

    with pytest.raises(PermissionMissing) as caught:
        await fix_finding(client, ACCOUNT_ID, finding_of(check))

    assert caught.value.permission.endswith("/ Edit")
    assert (zone.settings, zone.bot_management, sandbox.state.tunnels) == before


@pytest.mark.parametrize("check", sorted(FIXABLE))
async def test_answer_with_another_value(api: ScriptedApi, check: Check) -> None:
    """A change that Cloudflare did not keep is not a success."""
    ingress = [serves(HOST, SERVICE)]
    wrong = next((item[2] for item in SETTINGS if item[0] is check), "")
    api.answers = lambda _: success(
        {"value": wrong, "fight_mode": True, "config": {"ingress": ingress}}
    )
    client = CloudflareClient("token", base_url=api.url)

    with pytest.raises(Conflict):
        await fix_finding(client, ACCOUNT_ID, finding_of(check))

    assert [item.method != "GET" for item in api.calls] == [False, True]


@pytest.mark.parametrize("check", sorted(FIXABLE))
@pytest.mark.parametrize(
    ("status", "error"), [(429, RateLimited), (500, Unavailable), (404, NotFound)]
)
async def test_nothing_is_written_without_reading_first(
    api: ScriptedApi, check: Check, status: int, error: type[EngineError]
) -> None:
    """If the setting cannot be read, nothing is written."""
    api.always(status, refusal(1000, "no"))
    client = CloudflareClient("token", base_url=api.url)

    with pytest.raises(error):
        await fix_finding(client, ACCOUNT_ID, finding_of(check))

    assert {item.method for item in api.calls} == {"GET"}


async def test_access_without_zero_trust(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Where Zero Trust was never set up, no login is asked for."""
    assert await client.access_applications.list(ACCOUNT_ID) == ()
    sandbox.state.accounts[ACCOUNT_ID].access.team = None
    assert await client.access_applications.list(ACCOUNT_ID) == ()


async def test_bot_management_of_a_paid_plan(api: ScriptedApi) -> None:
    """Paid plans have no Bot Fight Mode."""
    api.always(200, {"success": True, "result": {"sbfm_likely_automated": "block"}})
    client = CloudflareClient("token", base_url=api.url)
    assert await client.bot_management.get_fight_mode(ZONE_ID) is False


@pytest.mark.parametrize("result", [None, {}, {"value": 1}, {"value": None}])
async def test_setting_without_a_value(api: ScriptedApi, result: Any) -> None:
    """An answer without the value raises an error."""
    api.always(200, {"success": True, "result": result})
    client = CloudflareClient("token", base_url=api.url)
    with pytest.raises(Unavailable):
        await client.zone_settings.get(ZONE_ID, Setting.WEBSOCKETS)


def add_every_cause(sandbox: Sandbox) -> None:
    """Change every setting that a check looks at, at once."""
    zone, tunnel = sandbox.state.zones[ZONE_ID], sandbox.state.tunnels[TUNNEL_ID]
    for _, name, wrong, _ in SETTINGS:
        zone.settings[name] = Changed(wrong, now())
    zone.bot_management = {"fight_mode": True}
    tunnel.config = {"ingress": [serves(HOST, SERVICE)]}


def finding_of(check: Check) -> Finding:
    """Return the finding of a check in a zone with every cause."""
    found = {item.check: item for item in (CATCH_ALL_MISSING, CERTIFICATE_REFUSED)}
    return found.get(check) or in_zone(check)
