"""Tests of the handover's link: it gives a bundle out once, within ten minutes, and only at home."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import suppress
from contextvars import ContextVar
from datetime import timedelta

from aiohttp import ClientError
from cryptography.hazmat.primitives.serialization import pkcs12
from freezegun.api import FrozenDateTimeFactory
from hass_nabucasa import remote
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cloudflare_mtls.engine.certificates.systems import System
from custom_components.cloudflare_mtls.pages import page
from custom_components.cloudflare_mtls.pages.handovers import async_get_handovers
from sandbox import Sandbox
from tests.common import CERTIFICATE_ID, ENGLISH, HOSTNAME, act, settle
from tests.deliveries import make_delivery
from tests.dialogs import Client, link_of
from tests.pages.handover_requests import PAGE, PATH, code_of, create, token_of

TEXTS = ENGLISH["common"]


async def test_opening_the_page_takes_nothing(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """A link preview also opens the page."""
    token = await create(hass, loaded_entry)

    for _ in range(3):
        answer = await client.get(PATH)
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "Your certificate for Home Assistant" in await answer.text()

    assert (await client.post(PATH, data=token)).status == 200


@pytest.mark.parametrize("bundle", ["compatible", "modern"])
@pytest.mark.parametrize("key_type", ["rsa_2048", "ec_p256"])
async def test_fetching_works_once(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    key_type: str,
    bundle: str,
) -> None:
    """The bundles open with their password, and hold key and certificate."""
    token = await create(hass, loaded_entry, key_type=key_type, bundle=bundle)

    answer = await client.post(PATH, data=token)

    assert answer.status == 200
    taken = await answer.json()
    assert taken.keys() == {
        *("system", "label", "password", "hostname", "hostnames", "test_url", "bundles")
    }
    assert taken["hostnames"] == [taken["hostname"]]
    formats = [item["format"] for item in taken["bundles"]]
    assert formats[0] == bundle
    assert sorted(formats) == ["compatible", "modern"]
    (issued,) = sandbox.state.zones[sandbox.zone_id].certificates.values()
    for item in taken["bundles"]:
        assert item["filename"].startswith("HA-Pixel-8-")
        assert item["filename"].endswith(f"-{item['format']}.p12")
        key, certificate, others = pkcs12.load_key_and_certificates(
            base64.b64decode(item["data"]), taken["password"].encode()
        )
        assert certificate == issued.certificate
        assert key
        assert key.public_key() == issued.certificate.public_key()
        assert others == []

    assert (await client.post(PATH, data=token)).status == 404


async def test_used_wrong_and_expired_links_look_the_same(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The answer does not say whether a link ever worked."""
    used = await create(hass, loaded_entry)
    await client.post(PATH, data=used)
    expired = await create(hass, loaded_entry, name="Laptop")
    freezer.tick(timedelta(minutes=10))
    async_fire_time_changed(hass)
    await settle(hass)
    long = used * 1000

    answers = []
    for token in (used, expired, "A" * 43, used[:-1], "", "\N{SNOWMAN}", long):
        answer = await client.post(PATH, data=token)
        answers.append((answer.status, await answer.text(), dict(answer.headers)))

    assert answers[0][0] == 404
    assert "This link was already used, has expired, or was closed" in answers[0][1]
    assert answers[0][2].items() >= PAGE.items()
    assert answers == [answers[0]] * len(answers)


async def test_bundle_waits_for_ten_minutes(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It can be fetched until then, and not a moment longer."""
    early = await create(hass, loaded_entry)
    late = await create(hass, loaded_entry, name="Laptop")

    freezer.tick(timedelta(minutes=9, seconds=58))
    async_fire_time_changed(hass)
    await settle(hass)
    assert (await client.post(PATH, data=early)).status == 200

    freezer.tick(timedelta(seconds=2))
    async_fire_time_changed(hass)
    await settle(hass)
    assert (await client.post(PATH, data=late)).status == 404


async def test_timer_that_is_late(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A busy machine runs no timer in time, and gives nothing out all the same."""
    token = await create(hass, loaded_entry)
    handover = async_get_handovers(hass).offer(make_delivery())

    # No timer fires.
    freezer.tick(timedelta(minutes=10))

    assert not async_get_handovers(hass).is_waiting(CERTIFICATE_ID)
    for asked in (token, token_of(handover), code_of(handover)):
        assert (await client.post(PATH, data=asked)).status == 404


async def test_each_certificate_has_its_own_link(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """Two devices can fetch theirs at the same time."""
    first = await create(hass, loaded_entry, name="Pixel 8")
    second = await create(hass, loaded_entry, name="iPad")
    assert first != second

    taken = await (await client.post(PATH, data=second)).json()
    assert taken["label"].startswith("HA iPad ")
    taken = await (await client.post(PATH, data=first)).json()
    assert taken["label"].startswith("HA Pixel 8 ")


# What a trusted proxy passes on of a request from somewhere else. Cloudflare may leave out the
# visitor's address, and a visitor may pretend any other one.
AWAY: list[dict[str, str]] = [
    {"CF-Ray": "8f2a-FRA"},
    {"cf-connecting-ip": "192.168.1.20"},
    {"cf-ipcountry": "DE", "X-Forwarded-For": "192.168.1.20"},
    {"X-Forwarded-For": "203.0.113.24"},
    {"X-Forwarded-For": "192.168.1.20, 203.0.113.24"},
    {"X-Forwarded-For": "192.168.1.20, 2001:db8::7"},
    {"X-Forwarded-For": "100.64.0.7"},
    {"X-Forwarded-For": "2001:db8::7", "X-Real-IP": "192.168.1.20"},
]


@pytest.mark.parametrize("headers", AWAY, ids=str)
@pytest.mark.parametrize("right", [True, False])
async def test_never_outside_the_home_network(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    headers: dict[str, str],
    right: bool,
) -> None:
    """Such a request gets nothing, and the link still works at home."""
    token = await create(hass, loaded_entry)
    asked = {True: token, False: "A" * 43}[right]

    answer = await client.post(PATH, data=asked, headers=headers)

    assert answer.status == 403
    assert (await answer.json())["message"] == TEXTS["handover_not_local"]
    assert answer.headers.items() >= PAGE.items()
    assert (await client.post(PATH, data=token)).status == 200


async def test_never_through_home_assistant_cloud(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It connects from this machine, which is local otherwise."""
    token = await create(hass, loaded_entry)
    hass.config.components.add("cloud")
    from_cloud = ContextVar("is_cloud_request", default=True)
    monkeypatch.setattr(remote, "is_cloud_request", from_cloud)

    assert (await client.post(PATH, data=token)).status == 403

    monkeypatch.undo()
    assert (await client.post(PATH, data=token)).status == 200


@pytest.mark.parametrize("visitor", ["192.168.1.20", "10.0.0.7", "fd00::7", "fe80::7"])
async def test_at_home_through_a_reverse_proxy(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry, visitor: str
) -> None:
    """A trusted proxy says for whom it asks."""
    token = await create(hass, loaded_entry)

    answer = await client.post(PATH, data=token, headers={"X-Forwarded-For": visitor})

    assert answer.status == 200


@pytest.mark.parametrize("cut", [0, 1, 21, 42, 43])
async def test_token_in_two_parts(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry, cut: int
) -> None:
    """A network may cut a body anywhere."""
    token = await create(hass, loaded_entry)

    async def parts() -> AsyncIterator[bytes]:
        yield token[:cut].encode()
        await asyncio.sleep(0)
        yield token[cut:].encode()

    assert (await client.post(PATH, data=parts())).status == 200


async def test_body_without_an_end(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """No more is read than a token has, even if it begins with a good one."""
    token = await create(hass, loaded_entry)
    sent = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal sent
        yield token.encode()
        while True:
            await asyncio.sleep(0)
            sent += 1
            yield b"A"

    with suppress(ClientError):
        answer = await client.post(PATH, data=parts())
        assert answer.status == 404
    assert sent < 1000
    assert (await client.post(PATH, data=token)).status == 200


async def test_body_that_stops_half_way(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody can keep a request open for as long as they like."""
    token = await create(hass, loaded_entry)
    monkeypatch.setattr(page, "_SECRET_SECONDS", 0)
    never = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield token[:9].encode()
        await never.wait()

    answer = await client.post(PATH, data=parts())

    assert answer.status == 404
    monkeypatch.undo()
    assert (await client.post(PATH, data=token)).status == 200


async def test_name_with_markup(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """A device may have any name; the file's name has only safe characters."""
    name = "<script>alert(1)</script>\"'&$nonce{title}"
    token = await create(hass, loaded_entry, name=name)

    taken = await (await client.post(PATH, data=token)).json()

    for item in taken["bundles"]:
        assert item["filename"].startswith("HA-scriptalert1scriptnoncetitle-")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_take_nothing(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry, method: str
) -> None:
    """Only GET and POST do anything."""
    token = await create(hass, loaded_entry)

    answer = await client.request(method, PATH, data=token)

    assert answer.status in (200, 405)
    assert await answer.read() in (b"", b"405: Method Not Allowed")
    assert (await client.post(PATH, data=token)).status == 200


async def test_without_a_local_address(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """The link is then a path without an address."""
    await hass.config.async_update(
        internal_url=None, external_url="https://home.example.com"
    )
    hass.config.api = None

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"].startswith(f"{PATH}#code.")
    path, _, token = link_of(hass, response).partition("#")
    assert path == PATH
    assert (await client.post(PATH, data=token)).status == 200


@pytest.mark.parametrize(
    ("hostname", "system"), [(None, System.ANDROID), (HOSTNAME, System.WEAR_OS)]
)
async def test_where_there_is_nothing_to_test(
    hass: HomeAssistant, client: Client, hostname: str | None, system: System
) -> None:
    """Without a protected hostname, or on a watch, there is no link to the test."""
    delivery = make_delivery(hostname=hostname, system=system)
    handover = async_get_handovers(hass).offer(delivery)

    taken = await (await client.post(PATH, data=token_of(handover))).json()

    assert taken["test_url"] is None
    assert taken["system"] == system


async def test_account_that_is_unloaded_meanwhile(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """A reload keeps the offers."""
    token = await create(hass, loaded_entry)

    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)

    assert (await client.post(PATH, data=token)).status == 200
