"""Tests of the action that removes a hostname, which a person picks by its device."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import (
    BLOCK_REF,
    COMPANION_ID,
    HOSTNAME,
    HOSTNAME_ID,
    SKIP_REF,
    act,
    device_id_of,
    reported,
    settle,
    with_device,
    zone_of,
)
from tests.dialogs import assert_protected
from tests.faults import Faults
from tests.services.foreign_things import foreign


async def remove(
    hass: HomeAssistant, device_id: str, *, response: bool = True
) -> dict[str, Any] | None:
    """Call the action, and wait for what follows."""
    answer = await hass.services.async_call(
        DOMAIN,
        "remove_hostname",
        {"device_id": device_id},
        blocking=True,
        return_response=response,
    )
    await settle(hass)
    return answer


async def test_hostname_is_taken_down_and_removed(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """In the order that never opens it; everything foreign stays."""
    before = foreign(sandbox)
    await act(hass, loaded_entry, "sync")

    response = await remove(hass, device_id_of(hass, loaded_entry, HOSTNAME_ID))

    assert response
    assert response["in_sync"] is True
    assert [(step["kind"], step["action"]) for step in response["steps"]] == [
        ("dns_record", "delete"),
        ("ingress", "delete"),
        ("skip_rule", "delete"),
        ("association", "delete"),
        ("block_rule", "delete"),
        ("header_rule", "delete"),
    ]
    assert loaded_entry.subentries == {}
    assert hass.states.get("binary_sensor.home_mobile_example_com_drift") is None
    assert foreign(sandbox) == before
    assert {rule.ref for rule in zone_of(sandbox).rules}.isdisjoint(
        {BLOCK_REF, SKIP_REF}
    )
    assert reported(hass) == set()


async def test_other_hostname_stays(
    hass: HomeAssistant, sandbox: Sandbox, two_zones: MockConfigEntry
) -> None:
    await act(hass, two_zones, "sync")
    (other,) = (
        key for key, item in two_zones.subentries.items() if item.title != HOSTNAME
    )

    await remove(hass, device_id_of(hass, two_zones, other))

    assert [item.title for item in two_zones.subentries.values()] == [HOSTNAME]
    assert_protected(sandbox)


@pytest.mark.parametrize("response", [True, False])
async def test_removal_that_fails_half_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    response: bool,
) -> None:
    """The hostname stays in Home Assistant, closed, until the next call has taken it down."""
    await act(hass, loaded_entry, "sync")
    faults.unavailable("PUT", "/hostname_associations")
    device_id = device_id_of(hass, loaded_entry, HOSTNAME_ID)

    if response:
        answer = await remove(hass, device_id)
        assert answer
        assert [item["code"] for item in answer["problems"]] == ["unavailable"]
    else:
        with pytest.raises(HomeAssistantError, match="did not give a usable answer"):
            await remove(hass, device_id, response=False)
    await settle(hass)

    assert HOSTNAME_ID in loaded_entry.subentries
    assert BLOCK_REF in {rule.ref for rule in zone_of(sandbox).rules}
    faults.clear()
    await remove(hass, device_id)
    assert loaded_entry.subentries == {}


async def test_cloudflare_that_does_not_answer(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is removed, here or there."""
    await act(hass, loaded_entry, "sync")
    faults.unavailable("*", "")

    with pytest.raises(HomeAssistantError, match="did not give a usable answer"):
        await remove(hass, device_id_of(hass, loaded_entry, HOSTNAME_ID))

    assert HOSTNAME_ID in loaded_entry.subentries
    assert_protected(sandbox)


@with_device
@pytest.mark.parametrize("kind", ["companion", "account", "gone"])
async def test_device_that_is_no_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, kind: str
) -> None:
    """The error says what to choose, and nothing is changed."""
    device_ids = {
        "companion": COMPANION_ID,
        "account": sandbox.account_id,
    }
    device_id = (
        device_id_of(hass, loaded_entry, device_ids[kind])
        if kind in device_ids
        else kind
    )
    sandbox.journal.clear()

    with pytest.raises(ServiceValidationError) as raised:
        await remove(hass, device_id)

    assert raised.value.translation_key == "device_not_hostname"
    assert sandbox.journal.requests == []
    assert set(loaded_entry.subentries) == {HOSTNAME_ID, COMPANION_ID}


class TestHostnameThatWasThereBefore:
    """A protected hostname whose DNS record and ingress rule others made."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings with the hostname that the browser uses."""
        return {**settings, "hostname": "home.example.com"}

    async def test_it_is_left(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        """Record and ingress rule stay, and so the hostname stays closed; the error says why."""
        before = foreign(sandbox)
        await act(hass, loaded_entry, "sync")
        device_id = device_id_of(hass, loaded_entry, HOSTNAME_ID)

        with pytest.raises(HomeAssistantError) as raised:
            await remove(hass, device_id, response=False)

        assert raised.value.translation_key == "hostname_not_removed"
        told = raised.value.translation_placeholders
        assert told
        assert told["hostname"] == "home.example.com"
        assert "can still be reached from the internet" in told["reason"]
        assert foreign(sandbox)["records"] == before["records"]
        assert foreign(sandbox)["config"] == before["config"]
        assert BLOCK_REF in {rule.ref for rule in zone_of(sandbox).rules}
        assert HOSTNAME_ID in loaded_entry.subentries

    async def test_it_is_removed_once_the_record_is_gone(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        """A person decides about what others made."""
        await act(hass, loaded_entry, "sync")
        zone = zone_of(sandbox)
        zone.dns_records = {
            key: record
            for key, record in zone.dns_records.items()
            if record.name != "home.example.com"
        }

        await remove(hass, device_id_of(hass, loaded_entry, HOSTNAME_ID))

        assert loaded_entry.subentries == {}
        assert {rule.ref for rule in zone.rules}.isdisjoint({BLOCK_REF, SKIP_REF})
