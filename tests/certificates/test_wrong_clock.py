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


async def set_up(
    hass: HomeAssistant, client: Client, response: dict[str, Any], *, tests: bool
) -> str:
    """Have the device fetch a new certificate, and test it or not; return its id."""
    fetched = await fetch(client, link_of(hass, response))
    await settle(hass)
    if tests:
        said = await run_test(client, token_of_test(fetched))
        assert said == ENGLISH["common"]["proof_done"]
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
    for action in ("revoke_certificate", "restore_certificate"):
        await act(hass, ready, action, certificate_id=CERTIFICATE_ID)
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
    for action in ("revoke_certificate", "restore_certificate"):
        await act(hass, ready, action, certificate_id=CERTIFICATE_ID)
    home_clock.set(-SKEW)
    freezer.tick(timedelta(minutes=5))
    renewed = await renew_and_test(hass, client, ready, CERTIFICATE_ID)

    await pass_time(hass, freezer, 10 * DAY)

    new = renewed["certificate_id"]
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}


@with_device
async def test_store_of_a_version_that_kept_only_times(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    hass_storage: dict[str, Any],
) -> None:
    """What was restored after a test stays, as it did; and that version can read what is stored now."""
    client = await hass_client_no_auth()
    renewed = await renew_and_test(hass, client, ready, CERTIFICATE_ID)
    freezer.tick(timedelta(minutes=5))
    for action in ("revoke_certificate", "restore_certificate"):
        await act(hass, ready, action, certificate_id=CERTIFICATE_ID)
    await hass.config_entries.async_unload(ready.entry_id)
    store = hass_storage[STORE.format(ready.entry_id)]
    assert (store["version"], store["minor_version"]) == (2, 1)
    fields = {"fingerprint", "device_id", "created_on", "taken_on", "test_digest"}
    for record in store["data"]["records"].values():
        assert record.keys() <= fields | {"proven_on", "restored_on"}
    del store["data"]["places"]
    hass.data.pop("cloudflare_mtls_ledgers")
    await hass.config_entries.async_setup(ready.entry_id)
    await settle(hass)

    await pass_time(hass, freezer, 10 * DAY)

    assert is_loaded(ready)
    both = {CERTIFICATE_ID: "active", renewed["certificate_id"]: "active"}
    assert certificates(sandbox) == both
    assert reported(hass) == set()
