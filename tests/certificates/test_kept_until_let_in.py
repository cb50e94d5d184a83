"""Tests of certificates that are kept until the rules let the newer one in wherever they let the old one in."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import Rule
from tests.certificates.helpers import DAY, HANDOVER, look_often, pass_time
from tests.certificates.test_pinning import pinned
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    ENGLISH,
    HOSTNAME,
    act,
    fingerprint_of,
    settle,
    state_of,
    with_device,
    zone_of,
)
from tests.dialogs import Client, certificates, fetch, link_of, run_test, token_of_test
from tests.faults import Faults
from tests.limited import LIMITED, PHONE, TABLET, listed, set_up_home

TEXTS = ENGLISH["common"]
OLD_BUTTON = "button.pixel_8_revoke_old"
OPEN_PATHS = pytest.mark.parametrize("exempt_paths", [[], ["/api/webhook/"]])


@pytest.fixture
def exempt_paths() -> list[str]:
    """Return the paths of the hostname that are open to everybody."""
    return []


@pytest.fixture
def settings(settings: dict[str, Any], exempt_paths: list[str]) -> dict[str, Any]:
    """Return the settings of the hostname."""
    return {**settings, "exempt_paths": exempt_paths}


async def renew(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    certificate_id: str,
    **date: int,
) -> tuple[str, str]:
    """Have a device fetch a new certificate; return its id and the token of its test."""
    renewed = await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=certificate_id,
        key_type="ec_p256",
        **date,
    )
    token = token_of_test(await fetch(client, link_of(hass, renewed)))
    await settle(hass)
    return renewed["certificate_id"], token


def fingerprints(sandbox: Sandbox, *certificate_ids: str) -> set[str]:
    """Return the fingerprints of certificates."""
    known = zone_of(sandbox).certificates
    return {fingerprint_of(known[item].certificate) for item in certificate_ids}


def take_out_of_rules(sandbox: Sandbox, faults: Faults, certificate_id: str) -> None:
    """Take a certificate out of the rules, and have Cloudflare refuse every change of them."""
    (fingerprint,) = fingerprints(sandbox, certificate_id)
    for rule in zone_of(sandbox).rules:
        rule.expression = rule.expression.replace(f'"{fingerprint}"', "")
    for method in ("PATCH", "POST", "PUT"):
        faults.refuse(method, "/rulesets", 400, 20000, "No")


async def test_tested_at_a_hostname_of_other_devices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Somebody else's device opened the link; at its own hostname, the test works."""
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    client, old = await hass_client_no_auth(), f"of-{PHONE}"
    new, token = await renew(hass, entry, client, old)
    assert listed(sandbox, BLOCK_REF) == {tablet}

    said = await run_test(client, token, Host=LIMITED)

    assert said == TEXTS["proof_not_accepted"]
    assert state_of(hass, "sensor.phone_handover") == "taken"
    await pass_time(hass, freezer, 20 * DAY)
    assert certificates(sandbox)[old] == "active"

    assert await run_test(client, token, Host=HOSTNAME) == TEXTS["proof_renewed"]
    await pass_time(hass, freezer, 8 * DAY)
    assert certificates(sandbox) == {
        old: "revoked",
        new: "active",
        f"of-{TABLET}": "active",
    }


@with_device
@OPEN_PATHS
async def test_tested_while_the_rules_list_the_old_one_only(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The device can only have shown the old one. Once the rules list both, the test works."""
    client = await hass_client_no_auth()
    new, token = await renew(hass, home, client, CERTIFICATE_ID)
    take_out_of_rules(sandbox, faults, new)
    assert pinned(sandbox, BLOCK_REF) == fingerprints(sandbox, CERTIFICATE_ID)

    assert await run_test(client, token) == TEXTS["proof_not_accepted"]
    assert state_of(hass, HANDOVER) == "taken"
    await pass_time(hass, freezer, 20 * DAY)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"

    faults.clear()
    await look_often(hass, freezer)
    assert pinned(sandbox, BLOCK_REF) == fingerprints(sandbox, CERTIFICATE_ID, new)
    assert await run_test(client, token) == TEXTS["proof_renewed"]
    await pass_time(hass, freezer, 8 * DAY)
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}


@with_device
@OPEN_PATHS
async def test_date_while_the_rules_list_the_old_one_only(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The old one is revoked once the rules list the new one, and no button offers it before."""
    new, _ = await renew(
        hass, home, await hass_client_no_auth(), CERTIFICATE_ID, revoke_old_after=1
    )
    take_out_of_rules(sandbox, faults, new)
    await pass_time(hass, freezer, 3 * DAY)
    assert pinned(sandbox, BLOCK_REF) == fingerprints(sandbox, CERTIFICATE_ID)
    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}
    assert state_of(hass, OLD_BUTTON) == "unavailable"

    faults.clear()
    await look_often(hass, freezer)
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}
    assert pinned(sandbox, BLOCK_REF) == fingerprints(sandbox, new)


@with_device
@OPEN_PATHS
async def test_new_one_that_leaves_the_rules_after_its_test(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Somebody changed the rules at Cloudflare, and they cannot be fixed: the device needs the old one."""
    client = await hass_client_no_auth()
    new, token = await renew(hass, home, client, CERTIFICATE_ID)
    assert await run_test(client, token) == TEXTS["proof_renewed"]
    await settle(hass)
    assert state_of(hass, OLD_BUTTON) != "unavailable"
    take_out_of_rules(sandbox, faults, new)

    await pass_time(hass, freezer, 20 * DAY)

    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}
    assert state_of(hass, OLD_BUTTON) == "unavailable"


@with_device
async def test_date_while_the_rules_cannot_be_read_after_a_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Nobody knows whether they let the new one in, so the old one is kept until they are read."""
    new, _ = await renew(
        hass, home, await hass_client_no_auth(), CERTIFICATE_ID, revoke_old_after=1
    )
    faults.unavailable("GET", "/rulesets")
    await hass.config_entries.async_reload(home.entry_id)
    await settle(hass)

    await pass_time(hass, freezer, 3 * DAY)
    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}

    faults.clear()
    await look_often(hass, freezer)
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}


@with_device
async def test_date_while_others_skip_the_rules_for_some_visitors(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Nobody knows whether the device is among them, so the old one is kept."""
    new, _ = await renew(
        hass, home, await hass_client_no_auth(), CERTIFICATE_ID, revoke_old_after=1
    )
    take_out_of_rules(sandbox, faults, new)
    zone_of(sandbox).rules.insert(
        0,
        Rule(
            "skip", 'ip.src.country eq "DE"', action_parameters={"ruleset": "current"}
        ),
    )

    await pass_time(hass, freezer, 3 * DAY)

    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}
    assert state_of(hass, OLD_BUTTON) == "unavailable"


@with_device
@pytest.mark.parametrize("by", ["date", "test"])
async def test_due_while_the_rules_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    by: str,
) -> None:
    """What was read days before says nothing of now: somebody has taken the new one out since."""
    client = await hass_client_no_auth()
    date = {"revoke_old_after": 2} if by == "date" else {}
    new, token = await renew(hass, home, client, CERTIFICATE_ID, **date)
    if by == "test":
        assert await run_test(client, token) == TEXTS["proof_renewed"]
    await look_often(hass, freezer)
    take_out_of_rules(sandbox, faults, new)
    faults.unavailable("GET", "/rulesets")

    await pass_time(hass, freezer, 9 * DAY)

    assert pinned(sandbox, BLOCK_REF) == fingerprints(sandbox, CERTIFICATE_ID)
    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}


@with_device
async def test_due_while_nothing_can_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """A change of a name has everything judged again that was read before."""
    client = await hass_client_no_auth()
    new, _ = await renew(hass, home, client, CERTIFICATE_ID, revoke_old_after=2)
    await look_often(hass, freezer)
    take_out_of_rules(sandbox, faults, new)
    faults.unavailable("GET", "")
    await pass_time(hass, freezer, 3 * DAY)

    (device,) = home.get_subentries_of_type("companion_device")
    hass.config_entries.async_update_subentry(
        home, device, title="Phone", data={**device.data, "name": "Phone"}
    )
    await settle(hass)

    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}
