"""Tests of a home whose clock is wrong for a while: the right certificate is revoked, or none."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.helpers import DAY, pass_time
from tests.certificates.test_trust import STORE
from tests.clocks import HomeClock
from tests.common import (
    CERTIFICATE_ID,
    ENGLISH,
    act,
    add_known_certificate,
    is_loaded,
    reported,
    settle,
    setup_integration,
    with_device,
)
from tests.dialogs import (
    Client,
    certificates,
    fetch,
    link_of,
    renew_and_test,
    run_test,
    token_of_test,
)

# A host whose hardware clock keeps local time is ahead until it has asked for the time.
SKEW = timedelta(hours=2)
# What the first version reads of a certificate.
FIELDS = {
    "fingerprint",
    "device_id",
    "created_on",
    "taken_on",
    "test_digest",
    "proven_on",
    "restored_on",
    "revoke_old_on",
}


async def set_up(
    hass: HomeAssistant, client: Client, response: dict[str, Any], *, tests: bool
) -> str:
    """Have the device fetch a new certificate, and test it or not; return its id."""
    fetched = await fetch(client, link_of(hass, response))
    await settle(hass)
    if tests:
        said = await run_test(client, token_of_test(fetched))
        texts = ENGLISH["common"]
        assert said in (texts["proof_done"], texts["proof_renewed"])
        await settle(hass)
    certificate_id: str = response["certificate_id"]
    return certificate_id


async def renew_with_date(
    hass: HomeAssistant, entry: MockConfigEntry, certificate_id: str
) -> dict[str, Any]:
    """Renew a certificate, and have it revoked a day later."""
    return await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=certificate_id,
        key_type="ec_p256",
        revoke_old_after=1,
    )


async def restore_again(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Revoke the old certificate, and restore it."""
    for action in ("revoke_certificate", "restore_certificate"):
        await act(hass, entry, action, certificate_id=CERTIFICATE_ID)


@pytest.mark.parametrize("tests", [False, True], ids=["fetched", "tested"])
async def test_ahead_while_the_old_one_was_created(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    tests: bool,
) -> None:
    """The old one is revoked as ordered, although it was created "later", and a restart changes nothing."""
    home_clock.set(SKEW)
    created = await act(
        hass, loaded_entry, "mint_certificate", name="Pixel 8", key_type="ec_p256"
    )
    old = await set_up(hass, client, created, tests=tests)
    home_clock.set(-SKEW)
    freezer.tick(timedelta(minutes=5))
    renewed = await renew_with_date(hass, loaded_entry, old)
    new = await set_up(hass, client, renewed, tests=tests)
    await hass.config_entries.async_reload(loaded_entry.entry_id)

    await pass_time(hass, freezer, 10 * DAY)

    assert certificates(sandbox) == {old: "revoked", new: "active"}


@with_device
async def test_behind_cloudflares_clock(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """A certificate that a person confirmed has Cloudflare's date: it is older all the same."""
    freezer.tick(SKEW)
    await add_known_certificate(hass, entry, sandbox, not_before=sandbox.clock.now())
    home_clock.set(-SKEW)
    freezer.tick(timedelta(minutes=10))
    await setup_integration(hass, entry)
    client = await hass_client_no_auth()
    renewed = await renew_with_date(hass, entry, CERTIFICATE_ID)
    new = await set_up(hass, client, renewed, tests=False)
    home_clock.set(SKEW)

    await pass_time(hass, freezer, 10 * DAY)

    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}


@with_device
async def test_restored_after_a_test_from_the_future(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """A person restored it after the test of the new one, whatever the clock said: it stays."""
    client = await hass_client_no_auth()
    home_clock.set(SKEW)
    renewed = await renew_and_test(hass, client, ready, CERTIFICATE_ID)
    home_clock.set(-SKEW)
    freezer.tick(timedelta(minutes=5))
    await restore_again(hass, ready)
    await hass.config_entries.async_reload(ready.entry_id)

    await pass_time(hass, freezer, 10 * DAY)

    both = {CERTIFICATE_ID: "active", renewed["certificate_id"]: "active"}
    assert certificates(sandbox) == both


@with_device
async def test_tested_after_a_restoration_from_the_future(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The new one replaces what was restored before it, whatever the clock said."""
    client = await hass_client_no_auth()
    home_clock.set(SKEW)
    await restore_again(hass, ready)
    home_clock.set(-SKEW)
    freezer.tick(timedelta(minutes=5))
    renewed = await renew_and_test(hass, client, ready, CERTIFICATE_ID)

    await pass_time(hass, freezer, 10 * DAY)

    new = renewed["certificate_id"]
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}


@with_device
async def test_restored_after_a_date_from_the_future(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """A person restored it after the renewal that set the date, whatever the clock said: it stays."""
    client = await hass_client_no_auth()
    home_clock.set(SKEW)
    renewed = await renew_with_date(hass, ready, CERTIFICATE_ID)
    new = await set_up(hass, client, renewed, tests=False)
    home_clock.set(-SKEW)
    freezer.tick(timedelta(minutes=5))
    await restore_again(hass, ready)
    await hass.config_entries.async_reload(ready.entry_id)

    await pass_time(hass, freezer, 10 * DAY)

    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}


@with_device
async def test_date_after_a_restoration_from_the_future(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The renewal came later, whatever the clock said: its date holds."""
    client = await hass_client_no_auth()
    home_clock.set(SKEW)
    await restore_again(hass, ready)
    home_clock.set(-SKEW)
    freezer.tick(timedelta(minutes=5))
    renewed = await renew_with_date(hass, ready, CERTIFICATE_ID)
    new = await set_up(hass, client, renewed, tests=False)

    await pass_time(hass, freezer, 10 * DAY)

    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}


@with_device
@pytest.mark.parametrize(
    ("tests", "kept"), [(False, 5 * DAY), (True, 7 * DAY)], ids=["fetched", "tested"]
)
async def test_days_that_began_while_the_clock_was_behind(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    hass_client_no_auth: ClientSessionGenerator,
    tests: bool,
    kept: timedelta,
) -> None:
    """The old one is kept as long as a person was told, also once the clock is right."""
    client = await hass_client_no_auth()
    home_clock.set(-10 * DAY)
    days = {} if tests else {"revoke_old_after": 5}
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
        **days,
    )
    new = await set_up(hass, client, renewed, tests=tests)
    home_clock.set(10 * DAY)

    await pass_time(hass, freezer, kept - DAY)
    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}
    await pass_time(hass, freezer, 2 * DAY)
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}


@with_device
@pytest.mark.parametrize("tests", [False, True], ids=["date", "tested"])
@pytest.mark.parametrize(
    "unknown",
    [("creation",), ("creation", "proof", "restoration")],
    ids=["no_creations", "only_times"],
)
async def test_store_of_an_earlier_version(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    hass_storage: dict[str, Any],
    tests: bool,
    unknown: tuple[str, ...],
) -> None:
    """What was restored after a test or a date stays; and the first version can read what is stored now."""
    client = await hass_client_no_auth()
    renewed = await renew_with_date(hass, ready, CERTIFICATE_ID)
    new = await set_up(hass, client, renewed, tests=tests)
    freezer.tick(timedelta(minutes=5))
    await restore_again(hass, ready)
    await hass.config_entries.async_unload(ready.entry_id)
    store = hass_storage[STORE.format(ready.entry_id)]
    assert (store["version"], store["minor_version"]) == (2, 1)
    for record in store["data"]["records"].values():
        assert record.keys() <= FIELDS
    for places in store["data"]["places"].values():
        for kind in unknown:
            del places[kind]
    hass.data.pop("cloudflare_mtls_ledgers")
    await hass.config_entries.async_setup(ready.entry_id)
    await settle(hass)

    await pass_time(hass, freezer, 10 * DAY)

    assert is_loaded(ready)
    assert certificates(sandbox) == {CERTIFICATE_ID: "active", new: "active"}
    assert reported(hass) == set()
