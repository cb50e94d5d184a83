"""Tests of the handover: given out once, within ten minutes, and kept nowhere."""

import base64
from datetime import timedelta
import json
import logging
from typing import Any

from aiohttp.test_utils import TestClient
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox

from .common import act, settle

type Client = TestClient[Any, Any]

PAGE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return the browser of a phone that is not logged in."""
    # Once somebody is connected, no more pages can be added.
    assert await async_setup_component(hass, "diagnostics", {})
    return await hass_client_no_auth()


PATH = "/api/cloudflare_mtls/handover"
LINK = f"http://192.168.1.10:8123{PATH}#"


async def mint(hass: HomeAssistant, entry: MockConfigEntry, **fields: Any) -> str:
    """Mint a certificate and return the token that its link ends with."""
    response = await act(
        hass, entry, "mint_certificate", **{"name": "Pixel 8", **fields}
    )
    return str(response["handover_url"]).removeprefix(LINK)


async def test_looking_is_free(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """A link preview opens the page as well, so opening it takes nothing."""
    token = await mint(hass, loaded_entry)

    for _ in range(3):
        answer = await client.get(PATH)
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "Your certificate for Home Assistant" in await answer.text()

    assert (await client.post(PATH, data=token)).status == 200


@pytest.mark.parametrize("bundle", ["compatible", "modern"])
@pytest.mark.parametrize("key_type", ["rsa_2048", "ec_p256"])
async def test_taking_is_once(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    key_type: str,
    bundle: str,
) -> None:
    """The bundle opens with its password, holds key and certificate, and is gone."""
    token = await mint(hass, loaded_entry, key_type=key_type, bundle=bundle)

    answer = await client.post(PATH, data=token)

    assert answer.status == 200
    taken = await answer.json()
    assert taken.keys() == {"filename", "data", "password"}
    assert taken["filename"].startswith("HA-Pixel-8-")
    assert taken["filename"].endswith(".p12")
    key, certificate, others = pkcs12.load_key_and_certificates(
        base64.b64decode(taken["data"]), taken["password"].encode()
    )
    (minted,) = sandbox.state.zones[sandbox.zone_id].certificates.values()
    assert certificate == minted.certificate
    assert key
    assert key.public_key() == minted.certificate.public_key()
    assert others == []

    assert (await client.post(PATH, data=token)).status == 404


async def test_used_wrong_and_old_links_look_the_same(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody learns whether a link was ever good."""
    used = await mint(hass, loaded_entry)
    await client.post(PATH, data=used)
    old = await mint(hass, loaded_entry)
    freezer.tick(timedelta(minutes=10))
    async_fire_time_changed(hass)
    await settle(hass)
    long = used * 1000

    answers = []
    for token in (used, old, "A" * 43, used[:-1], "", "\N{SNOWMAN}", long):
        answer = await client.post(PATH, data=token)
        answers.append((answer.status, await answer.text(), dict(answer.headers)))

    assert answers[0][0] == 404
    assert "There is nothing to fetch with this link" in answers[0][1]
    assert answers[0][2].items() >= PAGE.items()
    assert answers == [answers[0]] * len(answers)


async def test_bundle_waits_for_ten_minutes(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Until then it can be fetched, and not a moment longer."""
    early = await mint(hass, loaded_entry)
    late = await mint(hass, loaded_entry)

    freezer.tick(timedelta(minutes=9, seconds=58))
    async_fire_time_changed(hass)
    await settle(hass)
    assert (await client.post(PATH, data=early)).status == 200

    freezer.tick(timedelta(seconds=2))
    async_fire_time_changed(hass)
    await settle(hass)
    assert (await client.post(PATH, data=late)).status == 404


async def test_each_certificate_has_its_own_link(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """Two devices are handed theirs side by side."""
    first = await mint(hass, loaded_entry, name="Pixel 8")
    second = await mint(hass, loaded_entry, name="iPad")
    assert first != second

    taken = await (await client.post(PATH, data=second)).json()
    assert taken["filename"].startswith("HA-iPad-")
    taken = await (await client.post(PATH, data=first)).json()
    assert taken["filename"].startswith("HA-Pixel-8-")


@pytest.mark.parametrize("header", ["CF-Ray", "cf-connecting-ip"])
@pytest.mark.parametrize("right", [True, False])
async def test_never_over_the_internet(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    header: str,
    right: bool,
) -> None:
    """What came through Cloudflare gets nothing, learns nothing and burns nothing."""
    token = await mint(hass, loaded_entry)
    asked = {True: token, False: "A" * 43}[right]

    answer = await client.post(PATH, data=asked, headers={header: "203.0.113.24"})

    assert answer.status == 403
    assert "not given away over the internet" in await answer.text()
    assert answer.headers.items() >= PAGE.items()
    assert (await client.post(PATH, data=token)).status == 200


async def test_headers_of_the_page(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is cached, framed, guessed or sent on, and only the page's own script runs."""
    token = await mint(hass, loaded_entry)

    policies = []
    for _ in range(2):
        answer = await client.get(PATH)
        assert answer.headers.items() >= PAGE.items()
        policy = answer.headers["Content-Security-Policy"]
        nonce = policy.partition("'nonce-")[2].partition("'")[0]
        assert policy == (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        page = await answer.text()
        assert page.count(f'nonce="{nonce}"') == 2
        assert page.count("<script") == page.count("<style") == 1
        assert "$" not in page
        policies.append(policy)
    assert policies[0] != policies[1]

    answer = await client.post(PATH, data=token)
    assert answer.headers.items() >= PAGE.items()
    assert answer.content_type == "application/json"


async def test_name_with_markup(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """A device may be called anything; no file is."""
    name = "<script>alert(1)</script>\"'&$nonce{title}"
    token = await mint(hass, loaded_entry, name=name)

    taken = await (await client.post(PATH, data=token)).json()

    assert taken["filename"].startswith("HA-scriptalert1scriptnoncetitle-")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_take_nothing(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry, method: str
) -> None:
    """There is a way to look and a way to take, and no third."""
    token = await mint(hass, loaded_entry)

    answer = await client.request(method, PATH, data=token)

    assert answer.status in (200, 405)
    assert await answer.read() in (b"", b"405: Method Not Allowed")
    assert (await client.post(PATH, data=token)).status == 200


async def test_page_in_the_language_of_home_assistant(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """A language without a translation of ours shows the page in English."""
    hass.config.language = "de"

    answer = await client.get(PATH)

    assert answer.status == 200
    assert "Your certificate for Home Assistant" in await answer.text()


async def test_without_a_local_address(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """Where Home Assistant does not know its own address, the path is given."""
    await hass.config.async_update(
        internal_url=None, external_url="https://home.example.com"
    )
    hass.config.api = None

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    path, _, token = response["handover_url"].partition("#")
    assert path == PATH
    assert (await client.post(PATH, data=token)).status == 200


async def test_account_that_is_unloaded_meanwhile(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """A reload, as each new hostname brings, takes no link from anybody."""
    token = await mint(hass, loaded_entry)

    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)

    assert (await client.post(PATH, data=token)).status == 200


@pytest.mark.parametrize("key_type", ["rsa_2048", "ec_p256"])
async def test_secrets_are_nowhere_else(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_storage: dict[str, Any],
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
    key_type: str,
) -> None:
    """Neither password, key, bundle nor link is in a state, log, file or diagnostics."""
    caplog.set_level(logging.DEBUG)
    for name in logging.root.manager.loggerDict:
        caplog.set_level(logging.DEBUG, name)
    hass.config_entries.async_update_entry(loaded_entry, title="Home")
    await settle(hass)
    response = await act(
        hass, loaded_entry, "mint_certificate", name="Pixel 8", key_type=key_type
    )
    token = response.pop("handover_url").removeprefix(LINK)
    await client.get(PATH)
    taken = await (await client.post(PATH, data=token)).json()
    await client.post(PATH, data=token)
    key, *_ = pkcs12.load_key_and_certificates(
        base64.b64decode(taken["data"]), taken["password"].encode()
    )
    assert key
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    await settle(hass)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle(hass)

    everything = {
        "response": json.dumps(response),
        "states": json.dumps(
            [state.as_dict() for state in hass.states.async_all()], default=str
        ),
        "storage": json.dumps(hass_storage, default=str),
        "issues": str(issue_registry.issues),
        "diagnostics": json.dumps(
            await get_diagnostics_for_config_entry(hass, hass_client, loaded_entry)
        ),
        "log": caplog.text + "".join(f"{vars(record)}" for record in caplog.records),
    }
    secrets = {
        "password": taken["password"],
        "bundle": taken["data"][:60],
        "key": pem.splitlines()[1],
        "token of the link": token,
        "API token": sandbox.token,
    }
    found = [
        (secret, place)
        for secret, value in secrets.items()
        for place, text in everything.items()
        if value in text
    ]
    # Home Assistant keeps the entry's own token.
    assert found == [("API token", "storage")]
    assert everything["storage"].count(sandbox.token) == 1
