"""Tests of missing permissions: each disables one feature, and a repair names it until it is added."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS

from .common import (
    EDGE_EVERY,
    SECOND_LOOK,
    TUNNELS_EVERY,
    add_known_certificate,
    in_words,
    is_loaded,
    reported,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
)

STATUS = "sensor.home_tunnel_status"
DRIFT = "binary_sensor.home_mobile_example_com_drift"
EXPIRY = "sensor.pixel_8_certificate_expiry"


def permission_issues(issue_registry: ir.IssueRegistry) -> set[str]:
    """Return the permissions that repairs name."""
    return {
        issue.translation_placeholders["permission"]
        for (domain, _), issue in issue_registry.issues.items()
        if domain == DOMAIN
        and issue.translation_key == "permission_missing"
        and issue.translation_placeholders
    }


async def test_permission_to_see_tunnels_is_missing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One feature is off, and a repair names the permission until it is added."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"tunnel:edit"}

    for expected in (set(), {"permission_missing"}):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
        assert reported(hass) == expected
        assert state_of(hass, STATUS) == "unavailable"
        assert state_of(hass, "binary_sensor.home_connected") == "unavailable"
        assert state_of(hass, DRIFT) == "off"

    assert is_loaded(loaded_entry)
    assert hass.config_entries.flow.async_progress() == []
    assert permission_issues(issue_registry) == {"Account / Cloudflare Tunnel / Edit"}
    (issue,) = (
        issue
        for (domain, _), issue in issue_registry.issues.items()
        if domain == DOMAIN
    )
    assert issue.translation_key == "permission_missing"
    assert issue.translation_placeholders == {
        "account": "Home lab",
        "permission": "Account / Cloudflare Tunnel / Edit",
    }
    assert not issue.is_fixable

    # Refused calls are made less often, so that a day of refusals costs no more than any other.
    sandbox.journal.clear()
    for _ in range(9):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    paths = [entry.path for entry in sandbox.journal.requests]
    assert 1 <= sum(path.endswith("/cfd_tunnel") for path in paths) <= 2

    token.permissions = ALL_PERMISSIONS
    for _ in range(5):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert permission_issues(issue_registry) == set()
    assert state_of(hass, STATUS) == "healthy"


@with_device
@pytest.mark.parametrize(
    ("permissions", "named", "states"),
    [
        pytest.param(
            ALL_PERMISSIONS - {"tunnel:edit"},
            {"Account / Cloudflare Tunnel / Edit"},
            {
                STATUS: None,
                DRIFT: "unavailable",
                EXPIRY: "end of the certificate",
            },
            id="tunnels",
        ),
        pytest.param(
            ALL_PERMISSIONS - {"dns:edit"},
            {"Zone / DNS / Edit"},
            {STATUS: "healthy", DRIFT: "unavailable"},
            id="DNS",
        ),
        pytest.param(
            ALL_PERMISSIONS - {"waf:edit"},
            {"Zone / Zone WAF / Edit"},
            {STATUS: "healthy", DRIFT: "unavailable"},
            id="rules",
        ),
        pytest.param(
            ALL_PERMISSIONS - {"ssl:edit"},
            {"Zone / SSL and Certificates / Edit"},
            {
                STATUS: "healthy",
                DRIFT: "unavailable",
                EXPIRY: "unavailable",
            },
            id="certificates",
        ),
        pytest.param(
            ALL_PERMISSIONS - {"zone:read"},
            {"Zone / Zone / Read"},
            {STATUS: "healthy", DRIFT: "unavailable"},
            id="zones",
        ),
    ],
)
async def test_set_up_with_a_permission_missing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
    permissions: frozenset[str],
    named: set[str],
    states: dict[str, str | None],
) -> None:
    """The account is set up with everything that the token may read; the rest follows later."""
    expiry = (await add_known_certificate(hass, entry, sandbox)).not_valid_after_utc
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = permissions

    await setup_integration(hass, entry)
    assert permission_issues(issue_registry) == set()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)

    assert is_loaded(entry)
    assert hass.config_entries.flow.async_progress() == []
    assert permission_issues(issue_registry) == named
    for entity_id, expected in states.items():
        state = hass.states.get(entity_id)
        shown = state.state if state else None
        assert in_words(shown, {expiry: "end of the certificate"}) == expected

    token.permissions = ALL_PERMISSIONS
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert permission_issues(issue_registry) == set()
    assert state_of(hass, STATUS) == "healthy"
    assert state_of(hass, DRIFT) == "off"
    assert state_of(hass, EXPIRY) == expiry.isoformat()


@pytest.mark.parametrize(
    ("permission", "named"),
    [
        ("dns", "Zone / DNS / Edit"),
        ("ssl", "Zone / SSL and Certificates / Edit"),
        ("waf", "Zone / Zone WAF / Edit"),
        ("tunnel", "Account / Cloudflare Tunnel / Edit"),
    ],
)
async def test_permission_to_fix_is_missing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
    permission: str,
    named: str,
) -> None:
    """Drift that cannot be fixed stays visible, and is fixed once the token has the permission."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = (ALL_PERMISSIONS - {f"{permission}:edit"}) | {
        f"{permission}:read"
    }
    await setup_integration(hass, entry)
    assert reported(hass) == set()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert state_of(hass, DRIFT) == "on"
    assert permission_issues(issue_registry) == {named}
    assert "drift" in reported(hass)

    token.permissions = ALL_PERMISSIONS
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, DRIFT) == "off"
    assert permission_issues(issue_registry) == set()
