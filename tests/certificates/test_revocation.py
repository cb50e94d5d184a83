"""Tests of revocations: of a certificate that was replaced or locked out, and of a removed device."""

from datetime import timedelta
import threading
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.helpers import (
    DAY,
    HANDOVER,
    STATUS,
    open_repairs,
    pass_time,
    through_dialog,
)
from tests.certificates.stages import Stages
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import (
    CHOSEN,
    Client,
    add,
    certificates,
    fetch,
    link_of,
    run_test,
    token_of_test,
)
from tests.faults import Faults


async def test_old_one_is_revoked_after_the_chosen_days(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The new one need not be tested for that, and a reload changes nothing."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (old,) = certificates(sandbox)
    await pass_time(hass, freezer, DAY)

    response = await act(
        hass,
        loaded_entry,
        "renew_certificate",
        certificate_id=old,
        key_type="ec_p256",
        revoke_old_after=7,
    )
    await settle(hass)
    await fetch(client, link_of(hass, response))
    await pass_time(hass, freezer, 6 * DAY)
    assert certificates(sandbox)[old] == "active"

    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await pass_time(hass, freezer, DAY)
    assert certificates(sandbox)[old] == "revoked"
    assert certificates(sandbox)[response["certificate_id"]] == "active"


async def renew_with_date(
    hass: HomeAssistant, entry: MockConfigEntry, days: int
) -> dict[str, Any]:
    """Renew the device's certificate, and have the old one revoked after some days."""
    return await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
        revoke_old_after=days,
    )


@with_device
@pytest.mark.parametrize("days", [0, 7])
async def test_old_one_is_kept_while_nobody_has_fetched_the_new_one(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    days: int,
) -> None:
    """The device has no other certificate, whatever date a person chose."""
    await renew_with_date(hass, home, days)
    await settle(hass)
    await pass_time(hass, freezer, DAY)
    assert state_of(hass, HANDOVER) == "missed"
    await pass_time(hass, freezer, 30 * DAY)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert state_of(hass, STATUS) == "active"


@with_device
async def test_old_one_is_revoked_at_once_when_the_new_one_is_fetched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing happens while the link waits."""
    client = await hass_client_no_auth()
    response = await renew_with_date(hass, home, 0)
    await wait_for_refresh(hass, freezer, timedelta(minutes=5))
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"

    await fetch(client, link_of(hass, response))
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"


@with_device
async def test_old_one_is_kept_during_a_creation(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry, stages: Stages
) -> None:
    """The creation may fail: then the device would be left without any."""
    stages.hold("visit")
    renewal = hass.async_create_task(renew_with_date(hass, home, 0))
    await stages.until_reached()
    await home.runtime_data.protection.async_refresh()
    await hass.async_add_executor_job(threading.Event().wait, 0.5)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"

    stages.release()
    await renewal
    await settle(hass)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"


async def test_restored_certificate_stays(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is not revoked again, although a newer one replaced it."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (old,) = certificates(sandbox)
    await pass_time(hass, freezer, DAY)
    response = await act(
        hass, loaded_entry, "renew_certificate", certificate_id=old, key_type="ec_p256"
    )
    await settle(hass)
    fetched = await fetch(client, link_of(hass, response))
    await run_test(client, token_of_test(fetched))
    await pass_time(hass, freezer, 7 * DAY)
    assert certificates(sandbox)[old] == "revoked"

    restored = await act(hass, loaded_entry, "restore_certificate", certificate_id=old)
    assert restored["certificate_id"] == old
    assert restored["status"] in ("pending_reactivation", "active")
    for _ in range(3):
        await pass_time(hass, freezer, DAY)
    assert certificates(sandbox)[old] == "active"


async def test_removed_while_cloudflare_is_out_of_reach(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The certificate of a removed device is revoked once Cloudflare answers."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    faults.unavailable("DELETE", "/client_certificates")
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)
    assert list(certificates(sandbox).values()) == ["active"]
    assert open_repairs(hass) == {"revocation_pending": {"name": "Pixel 8"}}

    await hass.config_entries.async_unload(loaded_entry.entry_id)
    faults.clear()
    await hass.config_entries.async_setup(loaded_entry.entry_id)
    await settle(hass)

    await pass_time(hass, freezer, timedelta(0))
    assert list(certificates(sandbox).values()) == ["revoked"]
    assert reported(hass) == set()


async def test_removed_while_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Each refresh tries the revocation again, although nothing else changes."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    fault = faults.unavailable("DELETE", "/client_certificates")
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)
    for _ in range(3):
        tried = fault.hits
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert fault.hits == tried + 1
    assert reported(hass) == {"revocation_pending"}

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert list(certificates(sandbox).values()) == ["revoked"]
    assert reported(hass) == set()


@pytest.mark.parametrize("asked", ["cert_verified", "cert_presented"])
async def test_revocation_first_fixes_rules_that_let_revoked_certificates_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    asked: str,
) -> None:
    """Rules without `cert_revoked` are fixed before the certificate is revoked."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (certificate_id,) = certificates(sandbox)
    for rule in zone_of(sandbox).rules:
        rule.expression = (
            rule.expression.replace(" or cf.tls_client_auth.cert_revoked", "")
            .replace(" and not cf.tls_client_auth.cert_revoked", "")
            .replace("cert_verified", asked)
        )
    sandbox.journal.clear()

    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.pixel_8_revoke"},
        blocking=True,
    )
    await settle(hass)

    kinds = [
        (write.method, write.path.split("/")[3]) for write in sandbox.journal.writes
    ]
    assert kinds[-1] == ("DELETE", "client_certificates")
    assert set(kinds[:-1]) == {("PATCH", "rulesets")}
    assert all(
        "cert_revoked" in rule.expression
        for rule in zone_of(sandbox).rules
        if rule.ref.startswith("cloudflare_mtls")
    )
    assert certificates(sandbox)[certificate_id] == "revoked"
