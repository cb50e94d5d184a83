"""Tests of setting up, staying up and coming back."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS

from .common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    EDGE_EVERY,
    SECOND_LOOK,
    TUNNELS_EVERY,
    act,
    add_certificate,
    companion,
    in_words,
    is_loaded,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
)
from .faults import Faults

STATUS = "sensor.home_tunnel_status"
DRIFT = "binary_sensor.home_mobile_example_com_drift"
EXPIRY = "sensor.pixel_8_certificate_expiry"

with_device = pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])


def permission_issues(issue_registry: ir.IssueRegistry) -> set[str]:
    """Return the permissions that repairs name."""
    return {
        issue.translation_placeholders["permission"]
        for (domain, _), issue in issue_registry.issues.items()
        if domain == DOMAIN
        and issue.translation_key == "permission_missing"
        and issue.translation_placeholders
    }


async def test_set_up_unload_and_reload(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Neither changes anything at Cloudflare."""
    assert is_loaded(loaded_entry)
    assert state_of(hass, STATUS) == "healthy"
    sandbox.journal.clear()

    assert await hass.config_entries.async_unload(loaded_entry.entry_id)
    await settle(hass)
    assert loaded_entry.state is ConfigEntryState.NOT_LOADED
    assert state_of(hass, STATUS) == "unavailable"

    assert await hass.config_entries.async_setup(loaded_entry.entry_id)
    await settle(hass)
    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert is_loaded(loaded_entry)
    assert state_of(hass, STATUS) == "healthy"
    assert sandbox.journal.writes == []


async def test_unloaded_account_is_left_in_peace(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """After unloading, Cloudflare gets no request any more."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    sandbox.journal.clear()

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert sandbox.journal.requests == []


async def test_in_sync_means_no_write(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Refreshes without drift write nothing."""
    sandbox.journal.clear()

    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert sandbox.journal.requests
    assert sandbox.journal.writes == []


async def test_requests_of_an_hour_without_change(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An hour costs sixty lists of tunnels, connections every five minutes, four looks."""
    await setup_integration(hass, entry)
    sandbox.journal.clear()

    for _ in range(60):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    paths = [request.path.rsplit("/", 1)[-1] for request in sandbox.journal.requests]
    assert 58 <= paths.count("cfd_tunnel") <= 60
    assert 10 <= paths.count("connections") <= 12
    assert 3 <= paths.count("client_certificates") <= 4
    assert len(paths) <= 3000 / 24


@pytest.mark.parametrize("path", ["/cfd_tunnel$", "/dns_records"])
async def test_unavailable_at_first(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """An account whose Cloudflare does not answer is tried again until it does."""
    faults.unavailable("GET", path)
    await setup_integration(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert hass.config_entries.flow.async_progress() == []

    faults.clear()
    await wait_for_refresh(hass, freezer, timedelta(minutes=1))

    assert is_loaded(entry)
    assert state_of(hass, STATUS) == "healthy"


@pytest.mark.parametrize("status", ["disabled", "expired", "gone"])
async def test_dead_token(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, status: str
) -> None:
    """Only a token that Cloudflare refuses as a whole asks a person for another one."""
    old = sandbox.state.tokens.pop(sandbox.token)
    dead = sandbox.state.add_token(status="disabled" if status == "gone" else status)
    sandbox.state.tokens |= {
        "disabled": {sandbox.token: sandbox.state.tokens[dead]},
        "expired": {sandbox.token: sandbox.state.tokens[dead]},
        "gone": {"cfut_" + "n" * 40: old},
    }[status]

    await setup_integration(hass, entry)

    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["context"]["entry_id"] == entry.entry_id
    assert sandbox.journal.writes == []


async def test_token_that_dies_later(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One flow is started, however often the token is refused."""
    del sandbox.state.tokens[sandbox.token]

    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert state_of(hass, STATUS) == "unavailable"
    assert state_of(hass, DRIFT) == "unavailable"


async def test_permission_to_see_tunnels_is_missing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One permission costs one feature; a repair names it until it is added."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"tunnel:edit"}

    for expected in (set(), {"permission_missing"}):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
        assert reported(hass) == expected
        assert state_of(hass, STATUS) == "unavailable"
        assert state_of(hass, "binary_sensor.home_connectivity") == "unavailable"
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

    # Refused calls are made less often: a day of refusals must not cost more than any other.
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
    """An account sets up with what its token may read; the rest follows with the permission."""
    expiry = (await add_certificate(sandbox)).not_valid_after_utc
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
    """Drift that cannot be fixed stays visible, and is fixed once the token may."""
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


async def test_pause_that_cloudflare_asks_for(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Before the Retry-After is over, there is no request; after it, everything recovers."""
    fault = faults.limit(240, times=1, path="/cfd_tunnel$")
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert fault.hits == 1
    assert state_of(hass, STATUS) == "unavailable"
    faults.requests.clear()

    for _ in range(3):
        await wait_for_refresh(hass, freezer, timedelta(seconds=79))
    assert faults.requests == []

    await wait_for_refresh(hass, freezer, timedelta(seconds=4))
    assert faults.requests
    assert state_of(hass, STATUS) == "healthy"


async def test_pause_that_cloudflare_asks_for_at_first(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The Retry-After is kept during set-up, too."""
    faults.limit(240)
    await setup_integration(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    faults.clear()
    faults.requests.clear()

    for _ in range(3):
        await wait_for_refresh(hass, freezer, timedelta(seconds=79))
    assert faults.requests == []

    # Home Assistant's own pause has grown meanwhile, in its own way in each version.
    for _ in range(4):
        await wait_for_refresh(hass, freezer, timedelta(seconds=90))
    assert is_loaded(entry)


async def test_one_line_when_down_and_one_when_back(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An outage is logged once, and its end once; it ends without help."""
    caplog.clear()
    caplog.set_level("INFO")
    faults.unavailable("GET", "/cfd_tunnel")
    for _ in range(5):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert state_of(hass, STATUS) == "unavailable"
    assert state_of(hass, DRIFT) == "off"
    faults.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert state_of(hass, STATUS) == "healthy"
    lines = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name.startswith(f"custom_components.{DOMAIN}")
    ]
    assert [level for level, _ in lines] == ["ERROR", "INFO"]
    assert "did not give a usable answer" in lines[0][1]
    assert "recovered" in lines[1][1]


async def test_edge_is_down(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An entity whose data cannot be read is unavailable: the last value may be wrong."""
    faults.unavailable("GET", "/zones/")

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "unavailable"
    assert state_of(hass, STATUS) == "healthy"

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "off"


@with_device
async def test_devices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """The account has its tunnels, its hostnames and its companion devices below it."""
    await add_certificate(sandbox)
    await add_certificate(
        sandbox, name="Laptop", organization="Somebody", certificate_id="foreign"
    )
    await setup_integration(hass, entry)

    subentry_id, _ = entry.subentries
    devices = {
        next(iter(device.identifiers))[1]: device
        for device in dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    }
    assert devices.keys() == {
        sandbox.account_id,
        sandbox.tunnel_id,
        subentry_id,
        COMPANION_ID,
    }
    account = devices[sandbox.account_id]
    assert {
        key: (device.name, device.model, device.config_subentry_id)
        for key, device in devices.items()
    } == {
        sandbox.account_id: ("Home lab", "Account", None),
        sandbox.tunnel_id: ("home", "Tunnel", None),
        subentry_id: ("home-mobile.example.com", "Protected hostname", subentry_id),
        COMPANION_ID: ("Pixel 8", "Companion device", COMPANION_ID),
    }
    assert account.configuration_url == (
        f"https://dash.cloudflare.com/{sandbox.account_id}"
    )
    assert {device.via_device_id for device in devices.values()} == {None, account.id}
    assert {device.entry_type for device in devices.values()} == {
        dr.DeviceEntryType.SERVICE
    }
    assert {device.manufacturer for device in devices.values()} == {"Cloudflare"}


async def test_tunnels_come_and_go(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A new tunnel appears without reload, and a deleted one disappears with its device."""
    attic = sandbox.state.add_tunnel("attic")
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert state_of(hass, "sensor.attic_tunnel_status") == "inactive"
    assert state_of(hass, "binary_sensor.attic_connectivity") == "off"
    assert state_of(hass, STATUS) == "healthy"

    del sandbox.state.tunnels[attic.id]
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert hass.states.get("sensor.attic_tunnel_status") is None
    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, attic.id), loaded_entry.entry_id
    )
    assert state_of(hass, STATUS) == "healthy"

    sandbox.state.tunnels[attic.id] = attic
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert state_of(hass, "sensor.attic_tunnel_status") == "inactive"


async def test_tunnel_that_went_while_home_assistant_was_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Devices of tunnels that were deleted meanwhile are removed at the next start."""
    attic = sandbox.state.add_tunnel("attic")
    await setup_integration(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    del sandbox.state.tunnels[attic.id]

    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)

    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, attic.id), entry.entry_id
    )


@with_device
async def test_devices_stay_while_nothing_is_known(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An outage or a missing permission removes no device."""
    await add_certificate(sandbox)
    await setup_integration(hass, entry)
    count = len(dr.async_entries_for_config_entry(device_registry, entry.entry_id))

    faults.unavailable("GET", "")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.clear()
    sandbox.state.tokens[sandbox.token].permissions = frozenset({"zone:read"})
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert count == 4
    assert (
        len(dr.async_entries_for_config_entry(device_registry, entry.entry_id)) == count
    )


async def test_account_without_hostnames_asks_for_no_zone(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Without protected hostnames, only the tunnels are watched."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home lab",
        unique_id=sandbox.account_id,
        data={"api_token": sandbox.token, "account_id": sandbox.account_id},
    )

    await setup_integration(hass, entry)

    assert is_loaded(entry)
    assert state_of(hass, STATUS) == "healthy"
    assert not [
        request for request in sandbox.journal.requests if "/zones" in request.path
    ]
    assert await act(hass, entry, "list_certificates") == {"certificates": []}


async def test_account_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Removing the account leaves everything at Cloudflare as it is, closed."""
    sandbox.journal.clear()

    await hass.config_entries.async_remove(loaded_entry.entry_id)
    freezer.tick(EDGE_EVERY)
    async_fire_time_changed(hass)
    await settle(hass)

    assert hass.states.async_all() == []
    assert sandbox.journal.requests == []


@with_device
async def test_device_stays_until_it_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Whose certificate is revoked may get another one; who is removed leaves nothing."""
    await add_certificate(sandbox)
    await setup_integration(hass, entry)
    await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    assert device_registry.async_get_device_by_identifier(
        (DOMAIN, COMPANION_ID), entry.entry_id
    )

    hass.config_entries.async_remove_subentry(entry, COMPANION_ID)
    await settle(hass)

    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, COMPANION_ID), entry.entry_id
    )
    assert hass.states.get(EXPIRY) is None
