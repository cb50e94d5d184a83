"""Tests that this version reads what each released one stored, and that the older one can read it again after that."""

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatch
import json
import re
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import (
    HOSTNAME,
    act,
    is_loaded,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
)
from tests.engine.access.helpers import STRANGER
from tests.logins import application_at, log_in

from .cloudflare import Trouble, sign_again, stand_again
from .left_out import LEFT_OUT
from .recording import TOKEN, Recording, missing, recorded_versions
from .test_recording import shown
from .world import IN_TRIAL, LIMITED, LOG_EVERY, NEXT_TRIAL, World, begin_trial

# Home Assistant keeps the states of the first two itself; the other two are read again after each start.
NOT_STORED: Final = re.compile(
    r"event\..*|button\..*|.*_reaches_home_assistant|.*_connected_since"
)

# Where what is stored has names of its own, and not those of hostnames, devices or certificates.
NAMED_PARTS: Final = (
    ".alarms/data",
    ".begun_hostnames/data/*",
    ".certificates/data",
    ".certificates/data/records/*",
    ".certificates/data/places/*",
    ".found_by_visits/data",
    ".logins/data/*",
    ".logins/data/*/ids",
    ".logins/data/*/let_in",
    ".logins/data/*/sessions",
    ".logins/data/*/settings",
    ".told_logins/data",
    ".told_logins/data/last/*",
    ".uses/data",
    "/data",
    "/data/hostnames/*",
    "/data/hostnames/*/settings",
    "/data/devices/*",
    "/data/devices/*/settings",
)


@pytest.fixture(params=recorded_versions())
async def recording(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    trouble: Trouble,
    freezer: FrozenDateTimeFactory,
) -> Recording:
    """Return what a version recorded, as if that had been now; Cloudflare is as it was then."""
    made = Recording.read(request.param).moved_to(dt_util.utcnow())
    names = await sign_again(sandbox, made.cloudflare["certificates"])
    made = made.renamed({**names, TOKEN: sandbox.token})
    stand_again(sandbox, trouble, made.cloudflare)
    return made


@pytest.fixture
async def account(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    world: World,
    recording: Recording,
) -> MockConfigEntry:
    """Return the recorded account, loaded by this version."""
    return await load(hass, hass_storage, world, recording)


async def load(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    world: World,
    recording: Recording,
) -> MockConfigEntry:
    """Load an account as Home Assistant does at its start."""
    stored = recording.entry
    kept = ("entry_id", "title", "unique_id", "data", "options")
    entry = MockConfigEntry(
        domain=DOMAIN,
        version=stored["version"],
        minor_version=stored["minor_version"],
        subentries_data=stored["subentries"],
        **{key: stored[key] for key in kept},
    )
    hass_storage.update(json.loads(json.dumps(recording.storage)))
    await setup_integration(hass, entry)
    # The first answers after a start may be old: only those of a minute later count.
    for _ in range(3):
        await wait_for_refresh(hass, world.freezer, timedelta(minutes=1))
    world.entry = entry
    return entry


async def test_account_is_as_it_was(
    hass: HomeAssistant, account: MockConfigEntry, recording: Recording
) -> None:
    """No repair comes or goes, and each certificate counts as it did."""
    assert is_loaded(account)
    now = await shown(hass, account)
    assert now["repairs"] == recording.shown["repairs"]
    assert now["certificates"] == recording.shown["certificates"]


async def test_entities_are_as_they_were(
    hass: HomeAssistant, account: MockConfigEntry, recording: Recording
) -> None:
    """Each keeps its own id, by which Home Assistant knows its name and history, and its state."""
    now = (await shown(hass, account))["entities"]
    assert recording.shown["entities"].keys() <= now.keys()
    for own_id, was in recording.shown["entities"].items():
        if not NOT_STORED.fullmatch(was["entity_id"]):
            assert now[own_id]["state"] == was["state"], was["entity_id"]


async def test_trial_goes_on(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    account: MockConfigEntry,
) -> None:
    """The login is there until the end of its trial, and is undone then."""
    await wait_for_refresh(hass, freezer, timedelta(minutes=11))
    assert application_at(sandbox, IN_TRIAL)
    assert "login_undone" not in reported(hass)
    await wait_for_refresh(hass, freezer, timedelta(minutes=2))
    assert application_at(sandbox, IN_TRIAL) is None
    assert "login_undone" in reported(hass)


async def test_older_version_can_read_it_again(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    world: World,
    account: MockConfigEntry,
    recording: Recording,
) -> None:
    """Whatever the older version stored is still stored where it looks for it."""
    hass_storage.clear()
    await use(world)
    written = {key: hass_storage[key] for key in recording.storage}
    lost = [
        *missing(recording.storage, written),
        *missing(of_person(recording.entry), of_person(entry_now(account)), "/entry"),
    ]
    unexplained = [
        path for path in lost if not any(fnmatch(path, each) for each in LEFT_OUT)
    ]
    assert unexplained == []
    assert account.version == recording.entry["version"]


async def use(world: World) -> None:
    """Have every file of the integration written, without a change of what is recorded."""
    hass, entry = world.hass, world.entry
    await act(hass, entry, "mint_certificate", name="Next phone", hostname=HOSTNAME)
    await begin_trial(hass, entry, NEXT_TRIAL)
    await world.begin_hostname()
    log_in(world.sandbox, STRANGER, allowed=False)
    await wait_for_refresh(hass, world.freezer, LOG_EVERY)
    world.trouble.let_in(HOSTNAME)
    await act(hass, entry, "verify", hostname=HOSTNAME)
    await settle(hass)
    (laptop,) = (
        item["certificate_id"]
        for item in (await act(hass, entry, "list_certificates"))["certificates"]
        if item["name"] == "Laptop"
    )
    await world.come(LIMITED, laptop)
    await world.come(LIMITED)
    # What was used is stored after a while, or when Home Assistant stops.
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle(hass)


def entry_now(entry: MockConfigEntry) -> dict[str, Any]:
    """Return the entry as Home Assistant stores it."""
    return dict(entry.as_dict())


def of_person(stored: dict[str, Any]) -> dict[str, Any]:
    """Return what a person entered and chose: the data, the options, and the subentries by their ids."""
    subentries = {
        item["subentry_id"]: {**item, "data": dict(item["data"])}
        for item in stored["subentries"]
    }
    data, options = dict(stored["data"]), dict(stored["options"])
    return {"data": data, "options": options, "subentries": subentries}


async def test_later_version_may_store_more(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    world: World,
    recording: Recording,
) -> None:
    """Somebody may return to this version from one that stores more: it reads what it knows."""
    prefix = f"{DOMAIN}.{recording.entry['entry_id']}"
    patterns = [f"/{prefix}{part}" for part in NAMED_PARTS]
    more = json.loads(json.dumps(recording.storage))
    met = set()
    for path, part in list(parts(more)):
        for pattern in patterns:
            if fnmatch(path, pattern) and path.count("/") == pattern.count("/"):
                part["added_later"] = "x"
                met.add(pattern)
    assert met == {*patterns}
    for stored in more.values():
        stored["minor_version"] += 1
    for item in (recording.entry, *recording.entry["subentries"]):
        item["data"]["added_later"] = "x"
    recording.entry["minor_version"] += 1
    recording.storage.clear()
    recording.storage.update(more)

    account = await load(hass, hass_storage, world, recording)
    assert is_loaded(account)
    now = await shown(hass, account)
    assert now["repairs"] == recording.shown["repairs"]
    assert now["certificates"] == recording.shown["certificates"]


def parts(value: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every object of a JSON document with its path."""
    for key, part in value.items():
        if isinstance(part, dict):
            yield f"{path}/{key}", part
            yield from parts(part, f"{path}/{key}")


def test_what_is_left_out_has_reasons() -> None:
    assert all(LEFT_OUT.values())
