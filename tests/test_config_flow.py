"""Tests of the config flow: what can go wrong, what the dialog says, and how it continues."""

import asyncio
import base64
from collections.abc import Callable
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.clock import Delays
from sandbox.seed import SERVICE
from sandbox.state import ALL_PERMISSIONS

from .common import (
    BLOCK_REF,
    HOSTNAME,
    SKIP_REF,
    choose,
    is_loaded,
    records_of,
    sentences,
    settle,
    setup_integration,
    state_of,
    submit,
    zone_of,
)
from .dialogs import (
    add_hostname,
    add_rules,
    assert_protected,
    finish,
    finish_from_hostname,
    finish_from_preview,
    start,
    to_hostname,
    to_preview,
    to_zone,
    zone_and_tunnel,
)
from .faults import Faults, refusal

TUNNEL_TOKEN = base64.b64encode(
    json.dumps(
        {
            "a": "ac000000000000000000000000000001",
            "t": "7e000000-0000-4000-8000-000000000001",
            "s": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==",
        }
    ).encode()
).decode()


async def test_from_the_token_to_the_protected_hostname(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A person pastes a token, previews the changes, and submits them."""
    result = await start(hass)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "user"
    assert result["errors"] == {}
    assert "permissionGroupKeys" in result["description_placeholders"]["token_url"]

    result = await submit(hass, result, {"api_token": sandbox.token})
    assert result["step_id"] == "zone"

    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["step_id"] == "hostname"
    assert result["description_placeholders"]["zone"] == "example.com"
    proposed = result["data_schema"]({"advanced": {}})
    assert proposed == {
        "hostname": HOSTNAME,
        "service": SERVICE,
        "advanced": {
            "layout": "skip_and_block",
            "exempt_paths": [],
            "keep_in_sync": True,
        },
    }

    result = await submit(hass, result, proposed)
    assert result["step_id"] == "preview"
    assert result["description_placeholders"]["hostname"] == HOSTNAME
    assert result["description_placeholders"]["changes"].splitlines() == [
        (
            "1. Add a custom rule that blocks every request to home-mobile.example.com "
            "without a valid certificate."
        ),
        "2. Ask visitors of home-mobile.example.com for a client certificate.",
        (
            "3. Add a custom rule that lets devices with a valid certificate skip the zone's "
            "other rules."
        ),
        (
            "4. Have the tunnel serve home-mobile.example.com from "
            "`http://homeassistant.local:8123`."
        ),
        "5. Add a DNS record that leads home-mobile.example.com to the tunnel.",
    ]
    assert sandbox.journal.writes == []

    entry = await finish_from_preview(hass, sandbox, result)
    assert entry.title == "Home lab"
    assert entry.unique_id == sandbox.account_id
    assert entry.data == {
        "api_token": sandbox.token,
        "account_id": sandbox.account_id,
    }
    (subentry,) = entry.subentries.values()
    assert subentry.subentry_type == "protected_hostname"
    assert subentry.title == subentry.unique_id == HOSTNAME
    assert subentry.data == {
        "hostname": HOSTNAME,
        "zone_id": sandbox.zone_id,
        "tunnel_id": sandbox.tunnel_id,
        "service": SERVICE,
        "layout": "skip_and_block",
        "exempt_paths": [],
        "published": True,
        "keep_in_sync": True,
    }
    assert len(sandbox.journal.writes) == 5


async def test_progress_is_shown_while_the_changes_are_made(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """The dialog shows that the changes are being made."""
    preview = await to_preview(hass, sandbox)
    hold = asyncio.Event()
    faults.add("POST", "/rules$", hold=hold)

    result = await hass.config_entries.flow.async_configure(preview["flow_id"], {})
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "create"
    assert result["description_placeholders"] == {"hostname": HOSTNAME}

    # The front end may ask again at any time.
    again = await hass.config_entries.flow.async_configure(preview["flow_id"])
    assert again["type"] is FlowResultType.SHOW_PROGRESS

    hold.set()
    await settle(hass)
    result = await hass.config_entries.flow.async_configure(preview["flow_id"])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    assert_protected(sandbox)


async def test_everything_that_can_be_chosen_is_kept(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The advanced settings are kept as they were chosen."""
    result = await submit(
        hass,
        await to_hostname(hass, sandbox),
        {
            "hostname": " Phones.Example.COM. ",
            "service": " https://192.168.1.10:8123 ",
            "advanced": {
                "layout": "block_only",
                "exempt_paths": ["/api/webhook/"],
                "keep_in_sync": False,
            },
        },
    )
    result = await submit(hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = result["result"].subentries.values()
    assert subentry.title == "phones.example.com"
    assert subentry.data == {
        "hostname": "phones.example.com",
        "zone_id": sandbox.zone_id,
        "tunnel_id": sandbox.tunnel_id,
        "service": "https://192.168.1.10:8123",
        "layout": "block_only",
        "exempt_paths": ["/api/webhook/"],
        "published": True,
        "keep_in_sync": False,
    }
    assert_protected(sandbox, "phones.example.com")
    rules = {rule.ref: rule for rule in zone_of(sandbox).rules}
    assert SKIP_REF not in rules
    assert "/api/webhook/" in rules[BLOCK_REF].expression


@pytest.mark.parametrize(
    ("ingress", "hostname", "service"),
    [
        pytest.param([], "ha-mobile.example.com", "", id="a tunnel without hostnames"),
        pytest.param(
            [{"hostname": "example.com", "service": SERVICE}],
            "mobile.example.com",
            SERVICE,
            id="Home Assistant at the zone itself",
        ),
        pytest.param(
            [
                {"hostname": "a.example.com", "service": "http://a"},
                {"hostname": "b.example.com", "service": "http://homeassistant:80"},
            ],
            "b-mobile.example.com",
            "http://homeassistant:80",
            id="Home Assistant is not the first",
        ),
    ],
)
async def test_proposed_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ingress: list[dict[str, str]],
    hostname: str,
    service: str,
) -> None:
    """The proposed hostname resembles the one that browsers use."""
    config = sandbox.state.tunnels[sandbox.tunnel_id].config
    assert config
    config["ingress"] = [*ingress, {"service": "http_status:404"}]

    result = await to_hostname(hass, sandbox)

    proposed = result["data_schema"]({"advanced": {}})
    own = f"http://homeassistant.local:{hass.http.server_port}"
    assert proposed["hostname"] == hostname
    assert proposed["service"] == (service or own)


async def test_choosing_one_of_several_accounts(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """With a token for several accounts, the dialog asks which one to use."""
    parents = sandbox.state.add_account("Parents")
    zone = sandbox.state.add_zone("parents.example", parents)
    tunnel = sandbox.state.add_tunnel("attic", account=parents)
    tunnel.config = {"ingress": [{"service": "http_status:404"}]}

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})
    assert result["step_id"] == "account"

    result = await submit(hass, result, {"account_id": parents.id})
    assert result["step_id"] == "zone"
    assert result["data_schema"]({}) == {"zone_id": zone.id, "tunnel_id": tunnel.id}

    result = await submit(hass, result, {"zone_id": zone.id, "tunnel_id": tunnel.id})
    result = await submit(hass, result, {"next": "go_on"})
    result = await submit(hass, result, choose())
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Parents"
    assert result["result"].unique_id == parents.id


@pytest.mark.parametrize(
    "wrap", ["{}\n", "\r\n{}", "  {}\t"], ids=["newline", "before", "blanks"]
)
async def test_blanks_around_the_token_are_ignored(
    hass: HomeAssistant, sandbox: Sandbox, wrap: str
) -> None:
    """Blanks that were copied along with the token are removed."""
    entry = await finish(hass, sandbox, wrap.format(sandbox.token), await start(hass))
    assert entry.data["api_token"] == sandbox.token


async def test_token_of_an_account(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A token of the account works as well as one of a user."""
    token = sandbox.state.add_token("account")

    entry = await finish(hass, sandbox, token, await start(hass))

    assert entry.data["api_token"] == token
    asked = [request.path for request in sandbox.journal.requests]
    assert f"/accounts/{sandbox.account_id}/tokens/verify" in asked
    assert "/user/tokens/verify" not in asked


@pytest.mark.parametrize(
    ("token", "error", "words"),
    [
        pytest.param("", "token_empty", "no API token in the field", id="empty"),
        pytest.param(" \n", "token_empty", "no API token in the field", id="blank"),
        pytest.param(
            "cfut_abcdefghijklmnopqr\nstuvwxyzABCDEFGHIJKLMNO",
            "token_malformed",
            "a line break",
            id="newline in the middle",
        ),
        pytest.param(
            "Bearer cfut_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
            "token_malformed",
            "a space",
            id="with the scheme",
        ),
        pytest.param(
            "cfut_abcdefghijklmnopqrstuvwxyz…",
            "token_malformed",
            "a character",
            id="cut",
        ),
        pytest.param(
            TUNNEL_TOKEN, "token_of_tunnel", "only cloudflared", id="of a tunnel"
        ),
        pytest.param(
            "cfk_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
            "token_is_global_key",
            "Global API Key",
            id="global key",
        ),
        pytest.param(
            "0123456789abcdef0123456789abcdef01234",
            "token_is_global_key",
            "Global API Key",
            id="global key of old",
        ),
        pytest.param("abc", "token_rejected", "does not know", id="too short"),
        pytest.param(
            "cfut_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
            "token_rejected",
            "does not know",
            id="unknown",
        ),
        pytest.param(
            "cfat_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
            "token_rejected",
            "does not know",
            id="unknown, of an account",
        ),
    ],
)
async def test_text_that_is_no_token(
    hass: HomeAssistant, sandbox: Sandbox, token: str, error: str, words: str
) -> None:
    """The form says what was pasted instead of a token, and continues with a good one."""
    result = await submit(hass, await start(hass), {"api_token": token})

    assert result["step_id"] == "user"
    assert result["errors"] == {"base": error}
    assert words in sentences(result)["base"]
    assert sandbox.journal.writes == []

    await finish(hass, sandbox, sandbox.token, result)


@pytest.mark.parametrize("kind", ["user", "account"])
@pytest.mark.parametrize("status", ["disabled", "expired"])
async def test_token_that_is_no_longer_active(
    hass: HomeAssistant, sandbox: Sandbox, kind: str, status: str
) -> None:
    """A token that is disabled or expired is refused, and works once it is active."""
    token = sandbox.state.add_token(kind, status=status)

    result = await submit(hass, await start(hass), {"api_token": token})

    assert result["step_id"] == "user"
    errors = {"user": "token_inactive", "account": "token_rejected"}
    assert result["errors"] == {"base": errors[kind]}
    assert "Nothing was changed" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    sandbox.state.tokens[token].status = sandbox.state.tokens[sandbox.token].status
    await finish(hass, sandbox, token, result)


async def test_token_that_may_not_be_used_from_here(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """An IP address filter is named as the reason."""
    faults.refuse(
        "GET",
        "",
        403,
        9109,
        "Cannot use the access token from location: 203.0.113.24",
    )

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})

    assert result["errors"] == {"base": "token_location"}
    assert "IP address filter" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    await finish(hass, sandbox, sandbox.token, result)


def without(*permissions: str) -> frozenset[str]:
    """Return all permissions except these."""
    return ALL_PERMISSIONS - frozenset(permissions)


async def test_no_zone_may_be_seen(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """Without a readable zone, the form names both possible causes."""
    token = sandbox.state.add_token(permissions=without("zone:read"))

    result = await submit(hass, await start(hass), {"api_token": token})

    assert result["errors"] == {"base": "no_zone"}
    assert "Zone / Zone / Read" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    sandbox.state.tokens[token].permissions = ALL_PERMISSIONS
    await finish(hass, sandbox, token, result)


@pytest.mark.parametrize("kind", ["user", "account"])
async def test_tunnels_may_not_be_seen(
    hass: HomeAssistant, sandbox: Sandbox, kind: str
) -> None:
    """The missing permission to read tunnels is named in the form of the token."""
    token = sandbox.state.add_token(kind, permissions=without("tunnel:edit"))

    result = await submit(hass, await start(hass), {"api_token": token})

    assert result["step_id"] == "user"
    assert result["errors"] == {"base": "permission_missing"}
    assert "Account / Cloudflare Tunnel / Edit" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    sandbox.state.tokens[token].permissions = ALL_PERMISSIONS
    await finish(hass, sandbox, token, result)


@pytest.mark.parametrize("kind", ["user", "account"])
@pytest.mark.parametrize(
    ("permissions", "named"),
    [
        (without("dns:edit"), "Zone / DNS / Edit"),
        (without("ssl:edit"), "Zone / SSL and Certificates / Edit"),
        (without("waf:edit"), "Zone / Zone WAF / Edit"),
        (without("waf:edit") | {"waf:read"}, "Zone / Zone WAF / Edit"),
    ],
)
async def test_permission_missing_before_the_preview(
    hass: HomeAssistant,
    sandbox: Sandbox,
    kind: str,
    permissions: frozenset[str],
    named: str,
) -> None:
    """A missing permission shows before the preview, by its name in the dashboard."""
    token = sandbox.state.add_token(kind, permissions=permissions)
    result = await submit(hass, await start(hass), {"api_token": token})

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    assert result["step_id"] == "zone"
    assert result["errors"] == {"base": "permission_missing"}
    assert f"lacks the permission {named}." in sentences(result)["base"]
    table = result["description_placeholders"]["permissions"]
    assert table.count("\n| ") == 10
    assert "| Zone / Zone / Read | yes |" in table
    assert f"| {named} | **no** |" in table
    assert table.count("**no**") == 1
    assert sandbox.journal.writes == []

    sandbox.state.tokens[token].permissions = ALL_PERMISSIONS
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    await finish_from_hostname(hass, sandbox, result)


async def test_all_missing_permissions_show_at_once(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The table lists every missing permission, not only the first."""
    token = sandbox.state.add_token(
        permissions=without("dns:edit", "ssl:edit", "bots:edit")
    )
    result = await submit(hass, await start(hass), {"api_token": token})

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    assert result["description_placeholders"]["permissions"].split("\n") == [
        "",
        "",
        "| Permission of the API token | Allowed here |",
        "|---|---|",
        "| Zone / Zone / Read | yes |",
        "| Zone / DNS / Edit | **no** |",
        "| Zone / SSL and Certificates / Edit | **no** |",
        "| Zone / Zone WAF / Edit | yes |",
        "| Account / Cloudflare Tunnel / Edit | reading yes, writing not tried |",
        "| Zone / Zone Settings / Edit | reading yes, writing not tried |",
        "| Zone / Bot Management / Edit | no (optional) |",
        "| Account / Access: Apps and Policies / Read | not known (optional) |",
        "| Zone / Analytics / Read | yes |",
    ]


async def test_preview_shows_what_the_token_may_do(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A missing optional permission shows before anything is changed."""
    token = sandbox.state.add_token(permissions=without("settings:edit"))
    result = await submit(hass, await start(hass), {"api_token": token})
    result = await submit(hass, result, zone_and_tunnel(sandbox))

    result = await submit(hass, result, choose())

    assert result["step_id"] == "preview"
    table = result["description_placeholders"]["permissions"]
    assert table.count("\n| ") == 10
    assert "| Zone / Zone Settings / Edit | no (optional) |" in table
    assert table.count("| no") == 2
    assert sandbox.journal.writes == []


async def test_permissions_that_cannot_be_found_out(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """While Cloudflare fails there is no table; optional permissions may remain unknown."""
    result = await submit(hass, await start(hass), {"api_token": sandbox.token})
    faults.unavailable("GET", "/cfd_tunnel$")
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["errors"] == {"base": "unavailable"}
    assert result["description_placeholders"]["permissions"] == ""

    faults.clear()
    faults.unavailable("*", "/settings/|/graphql")
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(hass, result, choose())
    table = result["description_placeholders"]["permissions"]
    assert "| Zone / Zone Settings / Edit | not known (optional) |" in table
    assert "| Zone / Analytics / Read | not known (optional) |" in table
    await finish_from_preview(hass, sandbox, result)


async def test_token_that_is_too_new(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A token that some of Cloudflare does not know yet is not taken for a bad one."""
    sandbox.state.delays = Delays(new_token=30)
    token = sandbox.state.add_token()

    await finish(hass, sandbox, token, await start(hass))

    refused = [item for item in sandbox.journal.requests if item.status == 403]
    assert refused


@pytest.mark.parametrize("path", ["/dns_records", "/rulesets", "/client_certificates"])
async def test_single_refusal_is_no_missing_permission(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, path: str
) -> None:
    """One refusal is not enough to report a missing permission."""
    result = await submit(hass, await start(hass), {"api_token": sandbox.token})
    fault = faults.refuse("*", path, 403, 10000, "Authentication error", times=1)

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    assert fault.hits == 1
    await finish_from_hostname(hass, sandbox, result)


@pytest.mark.parametrize(
    ("permissions", "named"),
    [
        (without("dns:edit") | {"dns:read"}, "Zone / DNS / Edit"),
        (without("ssl:edit") | {"ssl:read"}, "Zone / SSL and Certificates / Edit"),
        (
            without("tunnel:edit") | {"tunnel:read"},
            "Account / Cloudflare Tunnel / Edit",
        ),
    ],
)
async def test_permission_missing_while_the_changes_are_made(
    hass: HomeAssistant, sandbox: Sandbox, permissions: frozenset[str], named: str
) -> None:
    """A missing write permission shows only on writing; what was done so far exposes nothing."""
    token = sandbox.state.add_token(permissions=permissions)
    result = await submit(hass, await start(hass), {"api_token": token})
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(hass, result, choose())

    result = await submit(hass, result)

    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "permission_missing"}
    assert f"lacks the permission {named}." in sentences(result)["base"]
    assert records_of(sandbox) == []

    sandbox.state.tokens[token].permissions = ALL_PERMISSIONS
    await finish_from_preview(hass, sandbox, result)


@pytest.mark.parametrize(
    ("status", "paused"), [("active", True), ("pending", False), ("moved", False)]
)
async def test_zone_that_is_not_active(
    hass: HomeAssistant, sandbox: Sandbox, status: str, paused: bool
) -> None:
    """A zone that Cloudflare does not serve is refused."""
    zone = zone_of(sandbox)
    zone.status, zone.paused = status, paused
    result = await to_zone(hass, sandbox)

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    assert result["step_id"] == "zone"
    assert result["errors"] == {"zone_id": "zone_not_active"}
    assert (
        "The zone example.com is paused or not active" in (sentences(result)["zone_id"])
    )
    assert sandbox.journal.writes == []

    hass.config_entries.flow.async_abort(result["flow_id"])
    zone.status, zone.paused = "active", False
    await finish(hass, sandbox, sandbox.token, await start(hass))


async def test_another_zone_instead_of_one_that_is_not_active(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The dialog continues with another zone."""
    paused = sandbox.state.add_zone("paused.example")
    paused.paused = True
    result = await to_zone(hass, sandbox)
    result = await submit(
        hass, result, {"zone_id": paused.id, "tunnel_id": sandbox.tunnel_id}
    )
    assert result["errors"] == {"zone_id": "zone_not_active"}

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    await finish_from_hostname(hass, sandbox, result)


async def test_zone_that_becomes_active_while_the_dialog_is_open(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The dialog continues once the zone is active."""
    zone_of(sandbox).paused = True
    result = await to_zone(hass, sandbox)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["errors"] == {"zone_id": "zone_not_active"}

    zone_of(sandbox).paused = False
    result = await submit(hass, result, zone_and_tunnel(sandbox))

    await finish_from_hostname(hass, sandbox, result)


async def test_tunnel_that_is_managed_locally(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A tunnel that is managed by a local config file is refused."""
    local = sandbox.state.add_tunnel("old", config_src="local")
    result = await to_zone(hass, sandbox)

    result = await submit(
        hass, result, {"zone_id": sandbox.zone_id, "tunnel_id": local.id}
    )

    assert result["step_id"] == "zone"
    assert result["errors"] == {"tunnel_id": "tunnel_managed_locally"}
    assert sentences(result)["tunnel_id"].startswith(
        "The tunnel old takes its settings"
    )
    assert sandbox.journal.writes == []

    result = await submit(hass, result, zone_and_tunnel(sandbox))
    await finish_from_hostname(hass, sandbox, result)


def ingress_of(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the ingress rules of the home lab's tunnel."""
    return sandbox.state.tunnels[sandbox.tunnel_id].ingress


@pytest.mark.parametrize(
    ("changes", "field", "error", "words"),
    [
        *(
            pytest.param(
                {"hostname": hostname},
                "hostname",
                "hostname_malformed",
                "This is not a hostname",
                id=f"hostname {hostname!r}",
            )
            for hostname in (
                "",
                "mobile",
                "https://ha.example.com",
                "ha.example.com:8123",
                "ha.example.com/path",
                "*.example.com",
                "ha_mobile.example.com",
                "-ha.example.com",
                "hä.example.com",
                f"{'a' * 64}.example.com",
            )
        ),
        *(
            pytest.param(
                {"hostname": hostname},
                "hostname",
                "hostname_outside_zone",
                "does not belong to the zone example.com",
                id=f"hostname {hostname!r}",
            )
            for hostname in (
                "ha.example.net",
                "ha.notexample.com",
                "example.com.evil.net",
            )
        ),
        pytest.param(
            {"hostname": "nas.example.com"},
            "hostname",
            "hostname_in_use",
            "nas.example.com already leads to http://192.168.1.20:5000",
            id="another service in the ingress",
        ),
        pytest.param(
            {"hostname": "vpn.example.com"},
            "hostname",
            "hostname_in_use",
            "vpn.example.com already leads to 198.51.100.7",
            id="a foreign DNS record",
        ),
        *(
            pytest.param(
                {"service": service},
                "service",
                "service_malformed",
                "This is not the address of a service",
                id=f"service {service!r}",
            )
            for service in (
                "",
                "homeassistant.local:8123",
                "ssh://homeassistant.local",
                "http_status:200",
                "http://homeassistant.local:8123/lovelace",
                "http://home assistant:8123",
            )
        ),
        *(
            pytest.param(
                {"advanced": {"exempt_paths": ["/api/webhook/", path]}},
                "base",
                "exempt_path_malformed",
                f"{path.strip()} cannot stay open",
                id=f"path {path!r}",
            )
            for path in (
                "/",
                "//",
                "api/webhook/",
                "/api/webhook",
                "/api/*/",
                "/api/../",
                '/api/" or 1/',
                "/ä/",
            )
        ),
    ],
)
async def test_input_that_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    changes: dict[str, Any],
    field: str,
    error: str,
    words: str,
) -> None:
    """The message stands beside its field, and the dialog continues once it is corrected."""
    result = await to_hostname(hass, sandbox)

    result = await submit(hass, result, {**choose(), **changes})

    assert result["step_id"] == "hostname"
    assert result["errors"] == {field: error}
    assert words in sentences(result)[field]
    assert sandbox.journal.writes == []

    await finish_from_hostname(hass, sandbox, result)


async def test_zone_whose_rules_are_all_taken(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Without a free rule, the rules that exist are named, and none is changed."""
    add_rules(sandbox, 4)
    result = await to_hostname(hass, sandbox)

    result = await submit(hass, result, choose())

    assert result["step_id"] == "hostname"
    assert result["errors"] == {"base": "problem_no_free_rule"}
    assert (
        "These are there: Block other countries, Foreign rule 0, Foreign rule 1, "
        "Foreign rule 2, Foreign rule 3."
    ) in sentences(result)["base"]
    assert "in example.com" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    zone_of(sandbox).rules.pop()
    zone_of(sandbox).rules.pop()
    await finish_from_hostname(hass, sandbox, result)


async def test_zone_with_one_free_rule(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """One free rule is enough for the layout with one rule."""
    add_rules(sandbox, 3)
    result = await to_hostname(hass, sandbox)
    result = await submit(hass, result, choose())
    assert result["errors"] == {"base": "problem_no_free_rule"}
    assert sandbox.journal.writes == []

    await finish_from_hostname(hass, sandbox, result, layout="block_only")

    assert len(zone_of(sandbox).rules) == 5


async def test_rule_that_would_be_too_long(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Cloudflare's limit is named before anything is written."""
    result = await to_hostname(hass, sandbox)

    paths = [f"/{'a' * 90}{index}/" for index in range(40)]
    result = await submit(hass, result, choose(exempt_paths=paths))

    assert result["errors"] == {"base": "problem_expression_too_long"}
    assert "Cloudflare allows 4,096" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    await finish_from_hostname(hass, sandbox, result)


async def test_reads_that_lag_behind(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """A list that Cloudflare still shows as it was is not written a second time."""
    sandbox.state.delays.associations = 70

    await finish(hass, sandbox, sandbox.token, await start(hass))
    await settle(hass)

    lists = [write for write in sandbox.journal.writes if "associations" in write.path]
    assert len(lists) == 1
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"


async def test_zone_that_may_not_skip_everything(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """What the zone cannot skip is found without a write, and is left out from then on."""
    sandbox.state.switches.refused_skips = ["http_request_sbfm", "waf"]

    entry = await finish(hass, sandbox, sandbox.token, await start(hass))

    (skip,) = [rule for rule in zone_of(sandbox).rules if rule.ref == SKIP_REF]
    assert skip.action_parameters == {
        "ruleset": "current",
        "phases": ["http_ratelimit", "http_request_firewall_managed"],
        "products": [
            "bic",
            "hot",
            "rateLimit",
            "securityLevel",
            "uaBlock",
            "zoneLockdown",
        ],
    }
    # After a reload, everything is still in sync.
    sandbox.journal.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert sandbox.journal.writes == []
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"


async def test_all_of_it_is_there_already(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Setting an account up a second time writes nothing."""
    entry = await finish(hass, sandbox, sandbox.token, await start(hass))
    await hass.config_entries.async_remove(entry.entry_id)
    sandbox.journal.clear()

    result = await to_hostname(hass, sandbox)
    result = await submit(hass, result, {**choose(), "hostname": HOSTNAME})
    assert result["description_placeholders"]["changes"] == (
        "Nothing: all of it is there already."
    )
    await finish_from_preview(hass, sandbox, result)

    assert sandbox.journal.writes == []


# The pause that Cloudflare asks for, in seconds.
PAUSE = 42

BROKEN: list[Any] = [
    pytest.param(
        lambda faults, path: faults.limit(PAUSE, "GET", path),
        "rate_limited",
        "a pause of 42 seconds",
        id="rate limited",
    ),
    pytest.param(
        lambda faults, path: faults.unavailable("GET", path),
        "unavailable",
        "did not give a usable answer",
        id="broken server",
    ),
    pytest.param(
        lambda faults, path: faults.add(
            "GET", path, status=200, body=refusal(7000, "No route for that URI")
        ),
        "rejected",
        "No route for that URI",
        id="no success",
    ),
    pytest.param(
        lambda faults, path: faults.add("GET", path, status=200, body="<html>"),
        "unavailable",
        "did not give a usable answer",
        id="a page instead of an answer",
    ),
]


@pytest.mark.parametrize("path", ["^/zones", "/cfd_tunnel"])
@pytest.mark.parametrize(("spoil", "error", "words"), BROKEN)
async def test_cloudflare_fails_while_the_token_is_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    spoil: Callable[[Faults, str], object],
    error: str,
    words: str,
    path: str,
) -> None:
    """A failure of Cloudflare is not blamed on the token, and a second attempt succeeds."""
    spoil(faults, path)

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})

    assert result["step_id"] == "user"
    assert result["errors"] == {"base": error}
    assert words in sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    freezer.tick(PAUSE)
    await finish(hass, sandbox, sandbox.token, result)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda faults: faults.limit(PAUSE, path="/tokens/verify"), "rate_limited"),
        (lambda faults: faults.unavailable("GET", "/tokens/verify"), "unavailable"),
        (
            lambda faults: faults.add(
                "GET", "/tokens/verify", status=200, body=refusal(7000, "No route")
            ),
            "unavailable",
        ),
    ],
    ids=["rate limited", "broken server", "no success"],
)
@pytest.mark.parametrize("kind", ["user", "account"])
async def test_cloudflare_fails_while_the_token_is_verified(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    kind: str,
    spoil: Callable[[Faults], object],
    error: str,
) -> None:
    """A failure of Cloudflare is not blamed on the token."""
    spoil(faults)
    token = sandbox.state.add_token(kind)

    result = await submit(hass, await start(hass), {"api_token": token})

    assert result["step_id"] == "user"
    assert result["errors"] == {"base": error}
    assert sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    freezer.tick(PAUSE)
    await finish(hass, sandbox, token, result)


async def test_cloudflare_cannot_be_reached(
    hass: HomeAssistant,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """Without a network the form says so, and continues once there is one."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"http://127.0.0.1:{unused_tcp_port}")

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})

    assert result["errors"] == {"base": "unavailable"}
    assert sentences(result)["base"]

    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.api_url)
    await finish(hass, sandbox, sandbox.token, result)


@pytest.mark.parametrize(("spoil", "error", "words"), BROKEN)
async def test_cloudflare_fails_while_the_zone_is_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    spoil: Callable[[Faults, str], object],
    error: str,
    words: str,
) -> None:
    """The dialog stays at the zone, and continues from there."""
    result = await to_zone(hass, sandbox)
    spoil(faults, "/dns_records")

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    assert result["step_id"] == "zone"
    assert result["errors"] == {"base": error}
    assert words in sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    freezer.tick(PAUSE)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    await finish_from_hostname(hass, sandbox, result)


@pytest.mark.parametrize(("spoil", "error", "words"), BROKEN)
async def test_cloudflare_fails_while_the_changes_are_planned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    spoil: Callable[[Faults, str], object],
    error: str,
    words: str,
) -> None:
    """The dialog stays at the hostname, and continues from there."""
    result = await to_hostname(hass, sandbox)
    spoil(faults, "/hostname_associations")

    result = await submit(hass, result, choose())

    assert result["step_id"] == "hostname"
    assert result["errors"] == {"base": error}
    assert words in sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    freezer.tick(PAUSE)
    await finish_from_hostname(hass, sandbox, result)


STEPS: list[Any] = [
    pytest.param("POST", "/rules$", id="block rule"),
    pytest.param("PUT", "/hostname_associations", id="association"),
    pytest.param("PUT", "/configurations", id="ingress"),
    pytest.param("POST", "/dns_records", id="DNS record"),
]


@pytest.mark.parametrize("after_write", [False, True], ids=["not done", "done unseen"])
@pytest.mark.parametrize(("method", "path"), STEPS)
async def test_change_that_gets_no_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    method: str,
    path: str,
    after_write: bool,
) -> None:
    """The dialog lists what is left; nothing is done twice."""
    preview = await to_preview(hass, sandbox)
    changes = numbered(preview)
    fault = faults.unavailable(method, path, after_write=after_write, times=1)

    result = await submit(hass, preview)

    assert fault.hits == 1
    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "unavailable"}
    assert "Nothing was opened" in sentences(result)["base"]
    done = len(sandbox.journal.writes)
    assert numbered(result) == changes[done:]

    await finish_from_preview(hass, sandbox, result)


def numbered(result: Any) -> list[str]:
    """Return the changes that a step shows, without their numbers."""
    lines = result["description_placeholders"]["changes"].splitlines()
    parts = [line.partition(". ") for line in lines]
    assert [number for number, _, _ in parts] in (
        [str(n) for n in range(1, len(lines) + 1)],
        ["Nothing: all of it is there already."],
    )
    return [change for _, _, change in parts if change]


@pytest.mark.parametrize(("method", "path"), STEPS)
async def test_change_that_is_refused(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, method: str, path: str
) -> None:
    """Cloudflare's own reason is shown, and no further change is attempted."""
    preview = await to_preview(hass, sandbox)
    faults.refuse(method, path, 400, 1234, "the moon is in the wrong phase", times=1)

    result = await submit(hass, preview)

    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "rejected"}
    assert sentences(result)["base"] == (
        "Cloudflare refused the request: the moon is in the wrong phase. "
        "Nothing further was changed."
    )
    assert records_of(sandbox) == []

    await finish_from_preview(hass, sandbox, result)


@pytest.mark.parametrize(
    ("code", "error"), [(50001, "quota_exceeded"), (81053, "conflict")]
)
async def test_change_that_meets_a_limit_or_somebody_else(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, code: int, error: str
) -> None:
    """A limit of the plan and a conflict have messages of their own."""
    preview = await to_preview(hass, sandbox)
    faults.refuse("POST", "/dns_records", 400, code, "An A record is there", times=1)

    result = await submit(hass, preview)

    assert result["errors"] == {"base": error}
    assert "An A record is there" in sentences(result)["base"]

    await finish_from_preview(hass, sandbox, result)


async def test_nothing_can_be_seen_after_a_change_that_failed(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """If Cloudflare no longer answers, the list stays as it was last known."""
    preview = await to_preview(hass, sandbox)
    faults.unavailable("PUT", "")
    result = await submit(hass, preview)
    assert result["errors"] == {"base": "unavailable"}
    left = result["description_placeholders"]["changes"]

    faults.unavailable("GET", "")
    result = await submit(hass, result)

    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "unavailable"}
    assert result["description_placeholders"]["changes"] == left

    faults.clear()
    await finish_from_preview(hass, sandbox, result)


async def test_changes_that_are_left_are_made_only_on_submit(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """A front end that only loads the form again gets the list, and nothing is written."""
    preview = await to_preview(hass, sandbox)
    faults.unavailable("POST", "/dns_records", times=1)
    result = await submit(hass, preview)
    left = result["description_placeholders"]["changes"]
    sandbox.journal.clear()

    again: Any = await hass.config_entries.flow.async_configure(result["flow_id"])

    assert again["step_id"] == "resume"
    assert again["description_placeholders"]["changes"] == left
    assert sandbox.journal.writes == []
    await finish_from_preview(hass, sandbox, again)


async def test_dialog_closed_while_the_changes_are_made(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """Closing stops between two changes: nothing is exposed, and the next dialog finishes."""
    hold = asyncio.Event()
    fault = faults.add("PUT", "/hostname_associations", hold=hold)
    preview = await to_preview(hass, sandbox)
    await hass.config_entries.flow.async_configure(preview["flow_id"], {})
    async with asyncio.timeout(10):
        while not fault.hits:
            await asyncio.sleep(0.01)

    hass.config_entries.flow.async_abort(preview["flow_id"])
    hold.set()
    faults.clear()
    await settle(hass)

    assert hass.config_entries.async_entries(DOMAIN) == []
    assert len(sandbox.journal.writes) <= 2
    assert records_of(sandbox) == []

    await finish(hass, sandbox, sandbox.token, await start(hass))


async def test_account_that_is_set_up_already(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A second entry for an account is refused, and the first one is not changed."""
    entry.add_to_hass(hass)
    before = dict(entry.data)

    result = await submit(
        hass, await start(hass), {"api_token": sandbox.state.add_token()}
    )

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert entry.data == before
    assert sandbox.journal.writes == []


async def test_new_token_after_the_old_one_was_refused(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Reauthentication refuses a bad token and accepts a good one."""
    old = sandbox.state.tokens.pop(sandbox.token)
    await setup_integration(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress()
    result: Any = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert result["step_id"] == "reauth_confirm"
    assert result["description_placeholders"]["account"] == "Home lab"

    result = await submit(hass, result, {"api_token": sandbox.token})
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "token_rejected"}
    assert sentences(result)["base"]

    new = "cfut_" + "n" * 40
    sandbox.state.tokens[new] = old
    result = await submit(hass, result, {"api_token": new})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert entry.data["api_token"] == new
    assert is_loaded(entry)


async def test_new_token_while_the_account_is_loaded(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The account works with the new token alone."""
    new = sandbox.state.add_token()
    result = await loaded_entry.start_reauth_flow(hass)

    result = await submit(hass, result, {"api_token": new})

    assert result["reason"] == "reauth_successful"
    assert is_loaded(loaded_entry)
    del sandbox.state.tokens[sandbox.token]
    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    assert is_loaded(loaded_entry)


async def test_another_token_before_the_old_one_expires(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Reconfiguring says what is wrong with a token, and accepts a good one."""
    result: Any = await loaded_entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure"
    assert result["description_placeholders"]["account"] == "Home lab"

    result = await submit(hass, result, {"api_token": TUNNEL_TOKEN})
    assert result["errors"] == {"base": "token_of_tunnel"}

    new = sandbox.state.add_token("account")
    result = await submit(hass, result, {"api_token": new})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.data["api_token"] == new
    assert is_loaded(loaded_entry)


@pytest.mark.parametrize("step", ["reauth", "reconfigure"])
async def test_token_of_another_account(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, step: str
) -> None:
    """A token of another account is refused."""
    other = sandbox.state.add_account("Parents")
    zone = sandbox.state.add_zone("parents.example", other)
    token = sandbox.state.add_token(zones=[zone.id])
    start_flow = {
        "reauth": loaded_entry.start_reauth_flow,
        "reconfigure": loaded_entry.start_reconfigure_flow,
    }[step]

    result = await submit(hass, await start_flow(hass), {"api_token": token})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_account"
    assert loaded_entry.data["api_token"] == sandbox.token


async def test_further_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A second hostname shares the rules of the first, which stays protected."""
    sandbox.journal.clear()
    result = await add_hostname(hass, loaded_entry)
    assert result["step_id"] == "zone"
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["step_id"] == "hostname"

    # A hostname cannot be protected twice.
    result = await submit(hass, result, {**choose(), "hostname": HOSTNAME})
    assert result["errors"] == {"hostname": "hostname_protected"}
    words = sentences(result, "config_subentries.protected_hostname")["hostname"]
    assert words.startswith("home-mobile.example.com is protected already")

    result = await submit(hass, result, {**choose(), "hostname": "tablet.example.com"})
    assert result["step_id"] == "preview"
    changes = result["description_placeholders"]["changes"]
    assert changes.splitlines()[0] == (
        "1. Rewrite the custom rule that blocks requests without a valid certificate, "
        "to cover tablet.example.com."
    )
    assert sandbox.journal.writes == []

    result = await submit(hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "tablet.example.com"
    assert_protected(sandbox)
    assert_protected(sandbox, "tablet.example.com")
    rules = {rule.ref: rule for rule in zone_of(sandbox).rules}
    assert HOSTNAME in rules[BLOCK_REF].expression
    assert "tablet.example.com" in rules[BLOCK_REF].expression
    assert [item.title for item in loaded_entry.subentries.values()] == [
        HOSTNAME,
        "tablet.example.com",
    ]
    assert state_of(hass, "binary_sensor.tablet_example_com_drift") == "off"
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"


async def test_further_hostname_while_the_account_is_not_loaded(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """While the account is not loaded, the dialog ends with the reason."""
    entry.add_to_hass(hass)

    result = await add_hostname(hass, entry)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


@pytest.mark.parametrize("path", ["^/zones$", "/cfd_tunnel$"])
@pytest.mark.parametrize(
    ("spoil", "reason", "placeholders"),
    [
        (
            lambda faults, path: faults.limit(PAUSE, "GET", path),
            "rate_limited",
            {"seconds": "42"},
        ),
        (lambda faults, path: faults.unavailable("GET", path), "unavailable", {}),
        (
            lambda faults, path: faults.refuse("GET", path, 400, 1, "No"),
            "rejected",
            {"message": "No"},
        ),
    ],
    ids=["rate limited", "broken server", "refused"],
)
async def test_further_hostname_while_cloudflare_fails(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    path: str,
    spoil: Callable[[Faults, str], object],
    reason: str,
    placeholders: dict[str, str],
) -> None:
    """The dialog ends with the reason."""
    spoil(faults, path)

    result = await add_hostname(hass, loaded_entry)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == reason
    assert result["description_placeholders"] == placeholders


async def test_further_hostname_without_a_zone(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Without a readable zone the dialog ends with the reason."""
    sandbox.state.tokens[sandbox.token].permissions = without("zone:read")

    result = await add_hostname(hass, loaded_entry)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_zone"


async def test_further_hostname_closed_half_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """A failed change leads to the list of what is left; closing there adds no hostname."""
    result = await add_hostname(hass, loaded_entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(hass, result, {**choose(), "hostname": "tablet.example.com"})
    faults.unavailable("POST", "/dns_records", times=1)

    result = await submit(hass, result)
    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "unavailable"}
    assert records_of(sandbox, "tablet.example.com") == []

    hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)
    assert len(loaded_entry.subentries) == 1
    assert_protected(sandbox)
