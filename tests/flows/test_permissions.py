"""Tests of permissions that the API token lacks: when the dialog says so, and how it continues."""

from homeassistant.core import HomeAssistant
import pytest

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import choose, records_of, sentences, submit
from tests.dialogs import (
    finish,
    finish_from_hostname,
    finish_from_preview,
    start,
    zone_and_tunnel,
)
from tests.faults import Faults


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
    assert result["errors"] == {"base": "permissions_missing"}
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
    assert result["errors"] == {"base": "permissions_missing"}
    assert f"needs more permissions: {named}." in sentences(result)["base"]
    # On a phone, a table would push the error out of view.
    assert result["description_placeholders"].keys() == {"permissions"}
    assert sandbox.journal.writes == []

    sandbox.state.tokens[token].permissions = ALL_PERMISSIONS
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    await finish_from_hostname(hass, sandbox, result)


async def test_all_missing_permissions_show_at_once(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The error names every missing permission, not only the first, and no optional one."""
    token = sandbox.state.add_token(
        permissions=without("dns:edit", "ssl:edit", "bots:edit")
    )
    result = await submit(hass, await start(hass), {"api_token": token})

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    assert sentences(result)["base"] == (
        "The API token needs more permissions: Zone / DNS / Edit; "
        "Zone / SSL and Certificates / Edit. Nothing was changed. "
        "Add what is missing to the token at Cloudflare, then try again."
    )


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
    assert table.count("\n| ") == 2
    assert "| Zone / Zone Settings / Edit | missing (optional) |" in table
    assert table.count("| missing") == 1
    assert sandbox.journal.writes == []


async def test_permissions_that_cannot_be_found_out(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """Optional permissions may remain unknown."""
    result = await submit(hass, await start(hass), {"api_token": sandbox.token})
    faults.unavailable("GET", "/cfd_tunnel$")
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["errors"] == {"base": "unavailable"}

    faults.clear()
    faults.unavailable("*", "/settings/|/graphql")
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(hass, result, choose())
    table = result["description_placeholders"]["permissions"]
    assert "| Zone / Zone Settings / Edit | couldn't check (optional) |" in table
    assert "| Zone / Analytics / Read | couldn't check (optional) |" in table
    await finish_from_preview(hass, sandbox, result)


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
