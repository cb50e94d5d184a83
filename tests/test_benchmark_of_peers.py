"""The benchmark measures other integrations at the local Cloudflare, and says of the others why it cannot."""

from collections.abc import Callable, Mapping
import json
from pathlib import Path
import re
import sys
from typing import Any, Final

import pytest

from benchmarks.peers.__main__ import compare, run
from benchmarks.peers.candidates import NotMeasured, candidate
from benchmarks.peers.measure import measured
from sandbox.seed import ZONE_NAME

type Write = Callable[..., Path]

pytestmark = [
    # Each measures in processes of its own.
    pytest.mark.usefixtures("socket_enabled"),
    pytest.mark.skipif(
        "tests.newest_home_assistant" in sys.modules,
        reason="the benchmarks run in the oldest Home Assistant",
    ),
]

# Looks at a tunnel every ten minutes.
WATCHER: Final = {
    "__init__.py": """
async def async_setup_entry(hass, entry):
    await hass.config_entries.async_forward_entry_setups(entry, ["sensor"])
    return True
""",
    "sensor.py": """
from datetime import timedelta

from homeassistant.components.sensor import SensorEntity
from homeassistant.helpers.aiohttp_client import async_get_clientsession

SCAN_INTERVAL = timedelta(minutes=10)

async def async_setup_entry(hass, entry, async_add_entities):
    async_add_entities([Tunnel(entry.data)], True)

class Tunnel(SensorEntity):
    _attr_name = "Tunnel"

    def __init__(self, data):
        account = "https://api.cloudflare.com/client/v4/accounts/" + data["account_id"]
        self.url = f"{account}/cfd_tunnel/{data['tunnel_id']}"
        self.headers = {"Authorization": "Bearer " + data["token"]}

    async def async_update(self):
        session = async_get_clientsession(self.hass)
        async with session.get(self.url, headers=self.headers) as answer:
            self._attr_native_value = (await answer.json())["result"]["status"]
        # Nobody knows this call.
        async with session.get(self.url + "/nonsense", headers=self.headers):
            pass
""",
}
DIALOG: Final = """
from homeassistant.config_entries import ConfigFlow
import voluptuous as vol

class Flow(ConfigFlow, domain="peer"):
    async def async_step_user(self, user_input=None):
        if user_input is not None:
            return self.async_create_entry(title="Peer", data=user_input)
        fields = FIELDS
        return self.async_show_form(step_id="user", data_schema=vol.Schema(fields))
"""
FACTS: Final = (
    '{vol.Required(name): str for name in ("account_id", "token", "tunnel_id")}'
)
# Asks clients for other machines, and says what they answered and what its config entry has.
TRAVELLER: Final = """
import socket

from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.httpx_client import get_async_client
import requests

async def async_setup_entry(hass, entry):
    found = [entry.data["zone"]]
    for ask in (
        async_get_clientsession(hass).get("http://aiohttp.example"),
        get_async_client(hass).get("http://192.0.2.1"),
        hass.async_add_executor_job(requests.get, "http://192.0.2.2"),
        hass.async_add_executor_job(socket.getaddrinfo, "socket.example", 80),
        get_async_client(hass).get("https://api.cloudflare.com/client/v4/zones"),
        hass.async_add_executor_job(
            requests.get, "https://api.cloudflare.com/client/v4/user/tokens/verify"
        ),
    ):
        try:
            found.append(str(await ask))
        except Exception as error:
            while error:
                found.append(str(error))
                error = error.__cause__ or error.__context__
    raise ConfigEntryNotReady(" ".join(found))
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what writes an integration called peer, and returns its manifest."""

    def write(*modules: Mapping[str, str], fields: str = "{}", **manifest: Any) -> Path:
        folder = tmp_path / "peers" / "peer"
        folder.mkdir(parents=True)
        texts = {"__init__.py": "", "config_flow.py": DIALOG.replace("FIELDS", fields)}
        for name, text in {**texts, **dict(*modules)}.items():
            (folder / name).write_text(text)
        known = {
            "domain": "peer",
            "name": "Peer",
            "version": "1.2.3",
            "config_flow": True,
        }
        file = folder / "manifest.json"
        file.write_text(json.dumps(known | manifest))
        return file

    return write


async def reason(manifest: Path) -> str:
    """Return why an integration is not measured."""
    with pytest.raises(NotMeasured) as found:
        await measured(candidate(manifest))
    return str(found.value)


@pytest.mark.nightly  # it starts Home Assistant four times
async def test_peer_is_measured(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its dialog is answered, and its day and the outages are watched; nothing is left beside it."""
    manifest = write(WATCHER, fields=FACTS)
    before = sorted(manifest.parent.rglob("*"))

    await compare(manifest)

    _, _, row, note = capsys.readouterr().out.splitlines()
    name, imports, set_up, memory, calls, writes, shown = re.split("  +", row.strip())
    assert name == "Peer 1.2.3"
    assert imports.endswith(" ms")
    assert set_up.endswith(" ms")
    assert memory.endswith(" MiB")
    assert (calls, writes) == ("288", "0")
    wait = re.fullmatch(r"after (\d+) s, in sensor.tunnel", shown)
    assert wait is not None
    # It looks every 600 seconds.
    assert 590 < int(wait[1]) <= 600
    assert note.startswith(
        "peer asked what the local Cloudflare refuses: GET /accounts/"
    )
    assert note.endswith("/nonsense")
    assert sorted(manifest.parent.rglob("*")) == before


async def test_no_other_machine(write: Write) -> None:
    """Whatever client it uses, it reaches this machine alone; the API is led to the local one."""
    manifest = write({"__init__.py": TRAVELLER})
    entry = {"data": {"zone": "{zone_name}"}}
    manifest.parent.with_suffix(".json").write_text(json.dumps(entry))

    why = await reason(manifest)

    assert why.startswith(f"its set-up fails: {ZONE_NAME} ")
    for host in ("aiohttp.example", "192.0.2.1", "192.0.2.2", "socket.example"):
        assert f"{host} is not this machine" in why
    assert why.count("[40") == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("async def async_setup_entry(", "SyntaxError"),
        ("import os; os._exit(3)", "its process ends with status 3"),
    ],
)
async def test_broken_peer(write: Write, text: str, expected: str) -> None:
    assert expected in await reason(write({"__init__.py": text}))


async def test_peer_without_its_package(write: Write) -> None:
    manifest = write(requirements=["nowhere==1.0"])
    assert await reason(manifest) == "it needs nowhere==1.0, which is not installed"


async def test_dialog_with_a_question(write: Write) -> None:
    fields = '{vol.Required("favourite_colour"): str}'
    assert await reason(write(fields=fields)) == (
        'its dialog asks for "favourite_colour", which nobody can guess: '
        "write its config entry into peer.json"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "peer.json is not JSON"),
        ("[]", "peer.json is not an object"),
        ('{"data": 1}', 'peer.json has no "data"'),
    ],
)
async def test_wrong_config_entry(write: Write, text: str, expected: str) -> None:
    manifest = write()
    manifest.parent.with_suffix(".json").write_text(text)
    assert (await reason(manifest)).startswith(expected)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"version": None}, "manifest.json has no version"),
        ({"domain": "other"}, "manifest.json is of other, not of its folder"),
        ({"config_flow": False}, "it has no dialog, and only YAML sets it up"),
    ],
)
async def test_what_home_assistant_would_not_set_up(
    write: Write, manifest: Mapping[str, Any], expected: str
) -> None:
    assert await reason(write(**manifest)) == expected


async def test_reasons_are_printed(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be measured stops nothing."""
    manifest = write()
    manifest.write_text("{")
    await compare(manifest)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("peer was not measured: manifest.json is not JSON")


@pytest.mark.parametrize("there", [True, False], ids=["empty", "missing"])
async def test_nothing_to_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    """Without another integration, nothing is measured at all."""
    folder = tmp_path / "peers"
    if there:
        folder.mkdir()
    assert await run(folder) == 2
    output = capsys.readouterr()
    assert "has no integrations" in output.err
    assert output.out == ""
