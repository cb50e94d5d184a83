"""Tests of the files of local tunnels that may name a hostname: remembered until a person says so."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.cloudflare_mtls.engine.sync.settings import HostnameSettings
from custom_components.cloudflare_mtls.storage.tombstones import (
    Tombstones,
    async_get_tombstones,
)
from custom_components.cloudflare_mtls.subentries import (
    hostname_data,
    read_hostname_settings,
)
from tests.common import HOSTNAME, hostname_settings

SETTINGS = read_hostname_settings(hostname_settings())
SERVICE = SETTINGS.protected.service
LOCAL, OTHER, THIRD = "local", "other", "third"


def at(tunnel_id: str, **changed: Any) -> HostnameSettings:
    """Return the hostname at a tunnel."""
    protected = replace(SETTINGS.protected, tunnel_id=tunnel_id)
    return replace(SETTINGS, protected=protected, **changed)


def configured(*settings: HostnameSettings) -> dict[str, ConfigSubentry]:
    """Return hostnames as subentries."""
    return {
        str(place): ConfigSubentry(
            subentry_type="protected_hostname",
            title=item.hostname,
            unique_id=item.hostname,
            data=MappingProxyType(hostname_data(item)),
        )
        for place, item in enumerate(settings)
    }


@pytest.fixture
async def tombstones(hass: HomeAssistant, hass_storage: dict[str, Any]) -> Tombstones:
    """Return those of an account whose hostname is at a local tunnel."""
    tombstones = await async_get_tombstones(hass, "account")
    await tombstones.async_update(configured(at(LOCAL)))
    await tombstones.async_note_files({HOSTNAME: {LOCAL: SERVICE}})
    return tombstones


async def test_file_is_remembered_whatever_becomes_of_the_hostname(
    tombstones: Tombstones,
) -> None:
    """It is moved to another tunnel and domain, removed, forgotten, and set up again."""
    await tombstones.async_update(configured(at(OTHER, zone_id="zone")), {OTHER})
    await tombstones.async_update(configured(at(THIRD)), {OTHER})
    await tombstones.async_update({})
    await tombstones.async_clear_hostnames({HOSTNAME})
    await tombstones.async_update(configured(at(THIRD)))
    await tombstones.async_note_let_go(HOSTNAME, None)
    assert tombstones.files == {HOSTNAME: {LOCAL: SERVICE}}


async def test_file_is_stored(
    hass: HomeAssistant, hass_storage: dict[str, Any], tombstones: Tombstones
) -> None:
    (stored,) = hass_storage.values()
    assert stored["data"]["files"] == {HOSTNAME: {LOCAL: SERVICE}}


@pytest.mark.parametrize("without_file", [(), (LOCAL,), (OTHER,), (LOCAL, OTHER)])
async def test_moved_before_anybody_knew_how_the_tunnel_is_managed(
    tombstones: Tombstones, without_file: tuple[str, ...]
) -> None:
    """It counts as a local one, unless it is known to be none."""
    await tombstones.async_note_files({})
    await tombstones.async_update(configured(at(OTHER)), without_file)
    known = {HOSTNAME: {LOCAL: SERVICE}} if LOCAL not in without_file else {}
    assert tombstones.files == known


async def test_person_took_it_out_of_one_file(tombstones: Tombstones) -> None:
    """The others are still asked for; of the present tunnel, nothing can be said while it serves."""
    await tombstones.async_update(configured(at(OTHER)))
    await tombstones.async_note_files(
        {HOSTNAME: {LOCAL: SERVICE, OTHER: SERVICE, THIRD: SERVICE}}
    )
    await tombstones.async_note_released(HOSTNAME, LOCAL)
    await tombstones.async_note_released(HOSTNAME, OTHER)
    assert tombstones.files == {HOSTNAME: {OTHER: SERVICE, THIRD: SERVICE}}
    assert tombstones.released == frozenset()

    await tombstones.async_update({})
    await tombstones.async_note_released(HOSTNAME, OTHER)
    assert tombstones.files == {HOSTNAME: {THIRD: SERVICE}}
    assert tombstones.released == {(HOSTNAME, OTHER)}

    # The file of the tunnel that it has then does not name it either.
    await tombstones.async_update(configured(at(LOCAL)))
    assert tombstones.files == {HOSTNAME: {THIRD: SERVICE}}
    await tombstones.async_note_released(HOSTNAME, THIRD)
    await tombstones.async_note_released("nas.example.com", THIRD)
    assert tombstones.files == {}


async def test_storage_of_a_version_that_knew_no_files(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """What a person said there was said of the only tunnel that it knew."""
    item = {"settings": hostname_data(at(LOCAL)), "removed_at": None, "released": False}
    removed = {**item, "removed_at": "2026-11-01T00:00:00+00:00"}
    hass_storage["cloudflare_mtls.account"] = {
        "version": 1,
        "key": "cloudflare_mtls.account",
        "data": {"hostnames": {HOSTNAME: {**removed, "released": True}}, "devices": {}},
    }
    tombstones = await async_get_tombstones(hass, "account")
    assert tombstones.files == {}
    assert tombstones.released == {(HOSTNAME, LOCAL)}
    await tombstones.async_update(configured(at(OTHER)))
    assert tombstones.files == {}
