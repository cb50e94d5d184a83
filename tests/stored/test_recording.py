"""Tests that what this version stores is recorded completely, without anything secret."""

import json
import os
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.json import json_dumps
from homeassistant.util import dt as dt_util
import pytest

from tests.common import PACKAGE, act, reported
from tests.test_versions import MANIFEST

from . import recording as module
from .cloudflare import what_stands
from .recording import RECORD, TOKEN, Recording, recorded_versions
from .world import World

# These are there only while all hostnames are being removed, Access cannot be read, or a visit met
# no login.
TRANSIENT = {"ordered_with_removal", "undecided", "without_login"}


@pytest.fixture
async def recording(
    hass: HomeAssistant, hass_storage: dict[str, Any], world: World
) -> Recording:
    """Return what this version stores of the world."""
    await world.live()
    ours = f"cloudflare_mtls.{world.entry.entry_id}"
    made = Recording(
        entry=json.loads(json_dumps(world.entry.as_dict())),
        storage={
            key: value for key, value in hass_storage.items() if key.startswith(ours)
        },
        cloudflare=what_stands(world.sandbox, world.trouble),
        shown=await shown(hass, world.entry),
    )
    return made.renamed({world.sandbox.token: TOKEN})


async def shown(hass: HomeAssistant, entry: Any) -> dict[str, Any]:
    """Return what a person sees now: repairs, certificates, and entities by their own ids."""
    listed = await act(hass, entry, "list_certificates")
    registry = er.async_get(hass)
    return {
        "at": dt_util.utcnow().isoformat(),
        "repairs": sorted(reported(hass)),
        "certificates": {
            item["certificate_id"]: {
                key: item[key] for key in ("name", "status", "trusted", "hostnames")
            }
            for item in listed["certificates"]
        },
        "entities": {
            item.unique_id: {
                "entity_id": item.entity_id,
                "state": state.state,
            }
            for item in er.async_entries_for_config_entry(registry, entry.entry_id)
            if (state := hass.states.get(item.entity_id))
        },
    }


async def test_everything_is_recorded(recording: Recording) -> None:
    """Each file of the integration is there, and something in each part of it.

    With the environment variable of `python -m tests.stored`, the recording is kept.
    """
    entry_id = recording.entry["entry_id"]
    sources = "".join(
        path.read_text() for path in sorted((PACKAGE / "storage").glob("*.py"))
    )
    named = re.findall(r'f"\{DOMAIN\}\.\{entry_id\}([\w.]*)"', sources)
    assert len(named) == len(re.findall(r"\b\w*Store\(hass,", sources)) == 8
    assert sorted(recording.storage) == sorted(
        f"cloudflare_mtls.{entry_id}{name}" for name in named
    )
    for name, stored in recording.storage.items():
        empty = {key for key, part in stored["data"].items() if part in ({}, [])}
        assert empty <= TRANSIENT, name

    kinds = {item["subentry_type"] for item in recording.entry["subentries"]}
    texts = json.loads((PACKAGE / "strings.json").read_text())
    assert kinds == texts["config_subentries"].keys()
    assert recording.entry["options"].keys() == {
        "metrics_addresses",
        "pin_certificates",
        "remote_handover",
    }
    if os.environ.get(RECORD):
        recording.write(MANIFEST["version"])


async def test_nothing_secret_is_recorded(
    recording: Recording, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the token of the account nor that of a tunnel, no key, no link."""
    monkeypatch.setattr(module, "_FOLDER", tmp_path)
    recording.write("1.2.3")
    text = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    tunnel = world.sandbox.state.tunnels[world.sandbox.tunnel_id]
    for secret in (world.sandbox.token, tunnel.secret, "PRIVATE KEY", "/login/"):
        assert secret not in text
    assert Recording.read("1.2.3") == recording


def test_this_version_is_recorded() -> None:
    """Where this fails, run `python -m tests.stored`."""
    assert MANIFEST["version"] in recorded_versions()
