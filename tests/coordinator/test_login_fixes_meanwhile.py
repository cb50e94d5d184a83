"""Tests of what happens to a login hostname while its drift is being fixed, or is about to be."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import SECOND_LOOK, act, settle, wait_for_refresh
from tests.engine.access.helpers import HOME, settings as chosen, without_pauses
from tests.faults import Faults
from tests.logins import access_of, application_at, login, only_another_login

from .test_access import READ_EVERY

PATH = "/api/webhook/"
ADDRESS = f"{HOME}{PATH}*"


@pytest.fixture(autouse=True)
def _no_other_application(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    only_another_login(sandbox)
    without_pauses(monkeypatch)


@pytest.mark.parametrize(
    "devices", [[login(chosen(open_paths=frozenset({PATH})))]], ids=["open path"]
)
async def test_person_closes_a_path_while_access_is_read(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """What is read before the new settings are stored looks like drift; the path stays closed."""
    await settle(hass)
    assert application_at(sandbox, ADDRESS)
    hold = asyncio.Event()
    closing = faults.add(
        "DELETE", "/access/apps/", hold=hold, after_write=True, times=1
    )
    change = hass.async_create_task(
        act(hass, loaded_entry, "protect_with_access", hostname=HOME, open_paths=[])
    )
    await closing.until_hit()
    while application_at(sandbox, ADDRESS):
        await asyncio.sleep(0)
    await loaded_entry.runtime_data.access.async_look_again()
    hold.set()
    await change
    await settle(hass)
    assert application_at(sandbox, ADDRESS) is None


@pytest.mark.parametrize("devices", [[login()]], ids=["login"])
async def test_opened_again_while_it_is_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The read that ends the attempt finds it, and half a minute later it is fixed as well."""
    await settle(hass)
    [policy_id] = access_of(sandbox).policies
    everyone: list[Any] = [{"everyone": {}}]

    def is_open() -> bool:
        return access_of(sandbox).policies[policy_id].include == everyone

    access_of(sandbox).policies[policy_id].include = everyone
    look = hass.async_create_task(wait_for_refresh(hass, freezer, READ_EVERY))
    while is_open():
        await asyncio.sleep(0)
    access_of(sandbox).policies[policy_id].include = everyone
    await look
    await settle(hass)
    assert is_open()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert not is_open()
