"""Tests of certificates when everything is removed: the end says what is still valid."""

import asyncio
from collections.abc import Iterable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.conftest import stages
from tests.certificates.creating import REVOKE, press
from tests.certificates.helpers import look_often
from tests.certificates.stages import Stages
from tests.certificates.test_during_a_pass import turn_often
from tests.common import act, add_certificate, records_of, reported, settle, zone_of
from tests.dialogs import certificates, handovers_of, open_options, status_of_fetch
from tests.faults import Faults

from .test_remove_everything import answer, home, protect_in_second_zone, settings

__all__ = ["home", "settings", "stages"]


def valid(sandbox: Sandbox) -> set[str]:
    """Return the ids of the certificates that were created here and get in."""
    return {
        key
        for key, status in certificates(sandbox).items()
        if status == "active" and key != "foreign"
    }


async def test_domain_that_cannot_be_listed(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, home: MockConfigEntry
) -> None:
    """Its certificates are known by their devices: they are shown, and revoked once they are seen."""
    second = await protect_in_second_zone(hass, sandbox, home)
    await act(hass, home, "mint_certificate", name="Tablet", hostname="ha.example.org")
    await settle(hass)
    faults.unavailable("GET", f"/zones/{second.id}/client_certificates")
    form = await open_options(hass, home, "remove")
    shown = form["description_placeholders"]["certificates"]
    assert shown == "- `Pixel 8`\n- `Tablet`"

    done = await answer(hass, form, revoke=True)

    assert done["reason"] == "removed_not_revoked"
    assert done["description_placeholders"]["certificates"] == "- `Tablet`"
    assert valid(sandbox) == set()
    assert "revocation_not_seen" in reported(hass)
    assert not handovers_of(hass)
    faults.clear()
    await home.runtime_data.protection.async_refresh()
    await settle(hass)
    assert {item.status for item in second.certificates.values()} == {"revoked"}


async def test_status_that_nobody_knows(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """It may mean that the certificate is valid, so the certificate is revoked."""
    for key, item in zone_of(sandbox).certificates.items():
        if key != "foreign":
            item.status = "expiring_soon"  # type: ignore[assignment]
    form = await open_options(hass, home, "remove")
    assert form["description_placeholders"]["certificates"] == "- `Pixel 8`"

    done = await answer(hass, form, revoke=True)

    assert done["reason"] == "removed_and_revoked"
    assert sorted(certificates(sandbox).values()) == ["active", "revoked"]


@pytest.mark.parametrize("stage", ["sign", "visit", "pack"])
@pytest.mark.parametrize("is_new", [False, True], ids=["renewal", "new device"])
async def test_creation_under_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    stages: Stages,
    home: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    stage: str,
    is_new: bool,
) -> None:
    """It ends without a certificate, and nothing is given out."""
    client = await hass_client_no_auth()
    (current,) = valid(sandbox)
    before = handovers_of(hass)
    stages.hold(stage)
    creating = hass.async_create_task(
        act(hass, home, "mint_certificate", name="Tablet", key_type="ec_p256")
        if is_new
        else act(
            hass, home, "renew_certificate", certificate_id=current, key_type="ec_p256"
        )
    )
    await stages.until_reached()
    form = await hass.config_entries.options.async_init(home.entry_id)
    form = await hass.config_entries.options.async_configure(
        form["flow_id"], {"next_step_id": "remove"}
    )

    done: Any = await hass.config_entries.options.async_configure(
        form["flow_id"], {"revoke_certificates": True}
    )
    stages.release()
    with pytest.raises(HomeAssistantError) as raised:
        await creating
    await settle(hass)

    assert done["reason"] == "removed_and_revoked"
    assert raised.value.translation_key == "creation_stopped"
    assert valid(sandbox) == set()
    assert not handovers_of(hass)
    assert {await status_of_fetch(client, item.url) for item in before} == {404}


async def test_certificate_that_was_not_shown(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """One that was created since is shown before it is revoked."""
    form = await open_options(hass, home, "remove")
    await act(hass, home, "mint_certificate", name="Tablet", key_type="ec_p256")
    await settle(hass)

    form = await answer(hass, form, revoke=True)

    assert form["errors"] == {"base": "changed_meanwhile"}
    assert form["description_placeholders"]["certificates"] == "- `Tablet`"
    done = await answer(hass, form, revoke=True)
    assert done["reason"] == "removed_and_revoked"
    assert valid(sandbox) == set()


async def test_home_assistant_that_stops_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, home: MockConfigEntry
) -> None:
    """What was not revoked by then is revoked after the start."""
    await act(hass, home, "mint_certificate", name="Tablet", key_type="ec_p256")
    await settle(hass)
    assert len(valid(sandbox)) == 2
    form = await open_options(hass, home, "remove")
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/client_certificates", hold=hold, status=500, body="")
    task = hass.async_create_task(answer(hass, form, revoke=True))
    await fault.until_hit()
    task.cancel()
    await asyncio.wait([task])
    await hass.config_entries.async_unload(home.entry_id)
    hold.set()
    await settle(hass)
    assert len(valid(sandbox)) == 2

    faults.clear()
    await hass.config_entries.async_setup(home.entry_id)
    await settle(hass)
    assert valid(sandbox) == set()


async def test_stranger_under_an_id_of_ours(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """Whatever Cloudflare has under an id that was created here, it is revoked too."""
    (current,) = valid(sandbox)
    await add_certificate(sandbox, organization="Somebody", certificate_id=current)
    form = await open_options(hass, home, "remove")
    done = await answer(hass, form, revoke=True)
    assert done["reason"] == "removed_and_revoked"
    assert valid(sandbox) == set()


class _Removal:
    """A removal of everything in two domains, each of which refuses, held between both."""

    def __init__(self, faults: Faults, zone_ids: Iterable[str]) -> None:
        """Have both domains refuse, and wait before they do."""
        self._holds = [asyncio.Event() for _ in zone_ids]
        self._faults = [
            faults.refuse(
                "DELETE",
                f"/zones/{zone_id}/dns_records",
                400,
                1400,
                "No",
                hold=hold,
            )
            for zone_id, hold in zip(zone_ids, self._holds, strict=True)
        ]

    async def until(self, count: int) -> None:
        """Wait until so many of the domains were asked."""
        while sum(bool(fault.hits) for fault in self._faults) < count:
            await asyncio.sleep(0)

    def go_on(self) -> None:
        """Have every domain that was asked refuse."""
        for fault, hold in zip(self._faults, self._holds, strict=True):
            if fault.hits:
                hold.set()


@pytest.mark.parametrize("by_id", [False, True], ids=["button", "action"])
async def test_revoked_by_somebody_else_while_the_removal_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    by_id: bool,
) -> None:
    """The dialog takes back nothing that another person ordered meanwhile."""
    second = await protect_in_second_zone(hass, sandbox, home)
    (current,) = valid(sandbox)
    form = await open_options(hass, home, "remove")
    removal = _Removal(faults, (sandbox.zone_id, second.id))
    faults.refuse("DELETE", "/client_certificates", 400, 1400, "No")
    removing = hass.async_create_task(answer(hass, form, revoke=True))
    await removal.until(1)
    order: Any = (
        act(hass, home, "revoke_certificate", certificate_id=current)
        if by_id
        else press(hass, REVOKE)
    )
    revoking = hass.async_create_task(order)
    await turn_often()
    removal.go_on()
    await removal.until(2)
    removal.go_on()
    with pytest.raises(HomeAssistantError):
        await revoking
    form = await removing

    assert form["type"] == "form"
    assert form["errors"]
    assert valid(sandbox) == {current}
    faults.clear()
    await look_often(hass, freezer)
    assert valid(sandbox) == set()


async def test_nothing_is_revoked_while_hostnames_are_taken_down(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A removal that fails leaves every certificate as it is, and shows it again."""
    second = await protect_in_second_zone(hass, sandbox, home)
    current = valid(sandbox)
    form = await open_options(hass, home, "remove")
    removal = _Removal(faults, (sandbox.zone_id, second.id))
    removing = hass.async_create_task(answer(hass, form, revoke=True))
    await removal.until(1)
    removal.go_on()
    await removal.until(2)
    await home.runtime_data.protection.async_refresh()
    await turn_often()
    removal.go_on()
    form = await removing

    assert form["errors"]
    assert form["description_placeholders"]["certificates"] == "- `Pixel 8`"
    faults.clear()
    await look_often(hass, freezer)
    assert valid(sandbox) == current


async def test_dialog_that_is_closed_while_hostnames_are_taken_down(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, home: MockConfigEntry
) -> None:
    """What a person ordered is done to its end."""
    form = await open_options(hass, home, "remove")
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/dns_records", hold=hold)
    task = hass.async_create_task(answer(hass, form, revoke=True))
    await fault.until_hit()
    task.cancel()
    await asyncio.wait([task])
    hold.set()
    await settle(hass)
    assert records_of(sandbox) == []
    assert valid(sandbox) == set()
