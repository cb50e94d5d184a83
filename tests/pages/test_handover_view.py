"""Tests of the handover: a bundle is given out once, within ten minutes, and stored nowhere."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
import html
import itertools
import json
import logging
import re
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
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

import custom_components.cloudflare_mtls as integration
from custom_components.cloudflare_mtls.engine.certificates.systems import System
from custom_components.cloudflare_mtls.pages import page as pages
from custom_components.cloudflare_mtls.pages.handovers import (
    MAX_WRONG_CODES,
    Delivery,
    Handover,
    async_get_handovers,
)
from custom_components.cloudflare_mtls.pages.page import async_load_page
from sandbox import Sandbox
from tests.common import CERTIFICATE_ID, ENGLISH, HOSTNAME, PACKAGE, act, settle
from tests.deliveries import PASSWORD, make_delivery

type Client = TestClient[Any, Any]

PAGE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """Return the deliveries that the page reported as fetched."""
    deliveries: list[Delivery] = []

    async def record(_hass: HomeAssistant, delivery: Delivery) -> None:
        deliveries.append(delivery)

    monkeypatch.setattr(integration, "async_record_fetched", record)
    return deliveries


@pytest.fixture
async def client(
    hass: HomeAssistant,
    fetched: list[Delivery],
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return the browser of a phone that is not logged in."""
    # Once a client is connected, no more views can be registered.
    assert await async_setup_component(hass, "diagnostics", {})
    return await hass_client_no_auth()


PATH = "/api/cloudflare_mtls/handover"
LINK = f"http://192.168.1.10:8123{PATH}#"


async def create(hass: HomeAssistant, entry: MockConfigEntry, **fields: Any) -> str:
    """Create a certificate and return the token at the end of its link."""
    response = await act(
        hass, entry, "mint_certificate", **{"name": "Pixel 8", **fields}
    )
    return str(response["handover_url"]).removeprefix(LINK)


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
        *("system", "label", "password", "hostname", "test_url", "bundles")
    }
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
    expired = await create(hass, loaded_entry)
    freezer.tick(timedelta(minutes=10))
    async_fire_time_changed(hass)
    await settle(hass)
    long = used * 1000

    answers = []
    for token in (used, expired, "A" * 43, used[:-1], "", "\N{SNOWMAN}", long):
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
    """It can be fetched until then, and not a moment longer."""
    early = await create(hass, loaded_entry)
    late = await create(hass, loaded_entry)

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
    """Two devices can fetch theirs at the same time."""
    first = await create(hass, loaded_entry, name="Pixel 8")
    second = await create(hass, loaded_entry, name="iPad")
    assert first != second

    taken = await (await client.post(PATH, data=second)).json()
    assert taken["label"].startswith("HA iPad ")
    taken = await (await client.post(PATH, data=first)).json()
    assert taken["label"].startswith("HA Pixel 8 ")


@pytest.mark.parametrize("header", ["CF-Ray", "cf-connecting-ip"])
@pytest.mark.parametrize("right", [True, False])
async def test_never_over_the_internet(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    header: str,
    right: bool,
) -> None:
    """A request through Cloudflare gets nothing, and the link still works at home."""
    token = await create(hass, loaded_entry)
    asked = {True: token, False: "A" * 43}[right]

    answer = await client.post(PATH, data=asked, headers={header: "203.0.113.24"})

    assert answer.status == 403
    assert "not given away over the internet" in await answer.text()
    assert answer.headers.items() >= PAGE.items()
    assert (await client.post(PATH, data=token)).status == 200


async def test_headers_of_the_page(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is cached, framed or leaked to other sites, and only the page's own script runs."""
    token = await create(hass, loaded_entry)

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
        assert not re.search(r"\$[a-z]", page)
        assert not re.search(r"{[a-z_]+}", page.partition("<script")[0])
        policies.append(policy)
    assert policies[0] != policies[1]

    answer = await client.post(PATH, data=token)
    assert answer.headers.items() >= PAGE.items()
    assert answer.content_type == "application/json"


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


GERMAN = {"handover_title": "Dein Zertifikat", "handover_gone": "Hier gibt es nichts."}


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """Return the texts in other languages than English."""
    languages = {"de": GERMAN}

    async def texts(
        hass: HomeAssistant, category: str, language: str | None = None
    ) -> Callable[[str], str]:
        assert language
        known = {**ENGLISH[category], **languages.get(language, {})}
        return lambda key: str(known[key])

    load = pages.Page.load
    monkeypatch.setattr(pages, "async_get_texts", texts)
    monkeypatch.setattr(
        pages.Page,
        "load",
        lambda name: replace(load(name), languages=("en", *languages)),
    )
    return languages


@pytest.mark.parametrize(
    ("accepted", "own", "shown"),
    [
        (None, "en", "en"),
        (None, "de", "de"),
        (None, "fr", "en"),
        ("de", "en", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "en", "de"),
        ("DE-de", "en", "de"),
        ("fr, de;q=0.5, en;q=0.7", "en", "en"),
        ("fr;q=1, de;q=0.2", "en", "de"),
        ("fr", "de", "de"),
        ("en-GB,en;q=0.9", "de", "en"),
        ("de;q=0, en", "de", "en"),
        ("*", "de", "de"),
        ("fr, *;q=0.1", "de", "de"),
        (";;,q=,de;q=much", "en", "en"),
        ('<script>"$nonce', "en", "en"),
    ],
)
async def test_language_of_the_page(
    hass: HomeAssistant,
    speaking: dict[str, dict[str, str]],
    client: Client,
    accepted: str | None,
    own: str,
    shown: str,
) -> None:
    """It is the visitor's language, if there is a translation."""
    hass.config.language = own
    headers = {"Accept-Language": accepted} if accepted else {}

    page = await (await client.get(PATH, headers=headers)).text()
    answer = await (await client.post(PATH, data="A", headers=headers)).json()

    texts = {"en": ENGLISH["common"], "de": GERMAN}[shown]
    assert f'<html lang="{shown}">' in page
    assert f"<title>{texts['handover_title']}</title>" in page
    assert answer["message"] == texts["handover_gone"]


async def test_only_translations_that_exist(hass: HomeAssistant) -> None:
    """The page offers no language without a translation."""
    languages = {path.stem for path in (PACKAGE / "translations").iterdir()}

    page = await async_load_page(hass, "handover")

    assert set(page.languages) == languages


async def test_texts_with_markup(
    speaking: dict[str, dict[str, str]], client: Client
) -> None:
    """Translations are escaped, in sentences and in attributes."""
    evil = '<script>alert(1)</script>" onclick="'
    speaking["de"] = {
        key: f"{evil} {{label}} {{address}} $nonce **strong**"
        for key in ENGLISH["common"]
        if key.startswith("handover_")
    }

    answer = await client.get(PATH, headers={"Accept-Language": "de"})

    page = await answer.text()
    assert answer.status == 200
    assert "<strong>strong</strong>" in page
    assert page.count("<script") == 1
    assert evil not in page
    assert '" onclick' not in page


async def test_every_text_has_its_place(client: Client) -> None:
    """The page holds all its texts, also those that only the script shows."""
    page = await (await client.get(PATH)).text()

    said_by_view = {"handover_gone", "handover_not_local"}
    for key, sentence in ENGLISH["common"].items():
        if key.startswith("handover_") and key not in said_by_view:
            for line in sentence.splitlines():
                plain = re.split(r"\*\*|{[a-z]+}", line)
                assert all(html.escape(part) in page for part in plain), key
    for system in System:
        assert page.count(f'data-system="{system}"') == 1


async def test_without_a_local_address(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """The link is then a path without an address."""
    await hass.config.async_update(
        internal_url=None, external_url="https://home.example.com"
    )
    hass.config.api = None

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    path, _, token = response["handover_url"].partition("#")
    assert path == PATH
    assert (await client.post(PATH, data=token)).status == 200


def code_of(handover: Handover, code: str | None = None) -> str:
    """Return what the page posts after a code was entered."""
    return f"{handover.path.partition('#')[2]}.{code or handover.code}"


def wrong_codes(handover: Handover) -> Iterator[str]:
    """Yield one wrong code after the other."""
    for step in itertools.count(1):
        yield code_of(handover, f"{(int(handover.code) + step) % 1_000_000:06}")


def token_of(handover: Handover) -> str:
    """Return what the page posts when it is opened with the URL, which needs no code."""
    return handover.url.partition("#")[2]


async def test_code(
    hass: HomeAssistant, client: Client, fetched: list[Delivery]
) -> None:
    """With the code, the path gives the same as the URL, and once."""
    delivery = make_delivery()
    handover = async_get_handovers(hass).offer(delivery)
    assert handover.path.startswith(f"{PATH}#code.")
    assert re.fullmatch("[0-9]{6}", handover.code)
    assert handover.code not in handover.path
    assert token_of(handover) not in handover.path

    answer = await client.post(PATH, data=code_of(handover))

    assert answer.status == 200
    assert answer.headers.items() >= PAGE.items()
    assert await answer.json() == {
        "system": "android",
        "label": delivery.label,
        "password": delivery.password,
        "hostname": HOSTNAME,
        "test_url": f"https://{HOSTNAME}/api/cloudflare_mtls/proof#{CERTIFICATE_ID}",
        "bundles": [
            {
                "format": bundle.format,
                "filename": bundle.filename,
                "data": base64.b64encode(bundle.data).decode(),
            }
            for bundle in delivery.bundles
        ],
    }
    assert fetched == [delivery]
    assert not async_get_handovers(hass).is_waiting(CERTIFICATE_ID)
    for asked in (code_of(handover), token_of(handover)):
        assert (await client.post(PATH, data=asked)).status == 404
    assert fetched == [delivery]


async def test_code_is_closed_by_five_wrong_ones(
    hass: HomeAssistant, client: Client
) -> None:
    """After that even the right code fails, but the URL still works."""
    handovers = async_get_handovers(hass)
    handover, other = (handovers.offer(make_delivery()) for _ in range(2))

    for wrong in itertools.islice(wrong_codes(handover), MAX_WRONG_CODES):
        assert (await client.post(PATH, data=wrong)).status == 404

    assert (await client.post(PATH, data=code_of(handover))).status == 404
    assert (await client.post(PATH, data=token_of(handover))).status == 200
    assert (await client.post(PATH, data=code_of(other))).status == 200


async def test_code_after_four_wrong_ones(hass: HomeAssistant, client: Client) -> None:
    """The right code still works after a few typing errors."""
    handover = async_get_handovers(hass).offer(make_delivery())

    for wrong in itertools.islice(wrong_codes(handover), MAX_WRONG_CODES - 1):
        assert (await client.post(PATH, data=wrong)).status == 404

    assert (await client.post(PATH, data=code_of(handover))).status == 200


async def test_no_code_looks_different(
    hass: HomeAssistant, client: Client, freezer: FrozenDateTimeFactory
) -> None:
    """Wrong, closed, used, expired, unknown or malformed: the answer is the same."""
    handovers = async_get_handovers(hass)
    old = handovers.offer(make_delivery())
    freezer.tick(timedelta(minutes=10))
    async_fire_time_changed(hass)
    await settle(hass)
    used, closed, good = (handovers.offer(make_delivery()) for _ in range(3))
    await client.post(PATH, data=code_of(used))
    for wrong in itertools.islice(wrong_codes(closed), MAX_WRONG_CODES):
        await client.post(PATH, data=wrong)

    answers = []
    for asked in (
        *(code_of(old), code_of(used), code_of(closed), "code.unknown.123456"),
        *(code_of(good, "\N{SNOWMAN}"), code_of(good, "1"), code_of(good) + "0"),
        *("code.", "code..", "...", "code." + "9" * 200, code_of(good) + ".1"),
        *(code_of(good).replace("code", "Code"), good.code, f"{good.code}.{good.code}"),
        *(code_of(good).rpartition(".")[0], f"code.{token_of(good)}"),
    ):
        answer = await client.post(PATH, data=asked)
        answers.append((answer.status, await answer.text(), dict(answer.headers)))

    assert answers[0][0] == 404
    assert answers == [answers[0]] * len(answers)
    assert (await client.post(PATH, data=code_of(good))).status == 200


@pytest.mark.parametrize("header", ["CF-Ray", "CF-Connecting-IP"])
async def test_code_over_the_internet(
    hass: HomeAssistant, client: Client, header: str
) -> None:
    """It is refused there, and wrong codes from there do not count."""
    handover = async_get_handovers(hass).offer(make_delivery())
    through = {header: "203.0.113.24"}

    answers = []
    wrong = itertools.islice(wrong_codes(handover), 2 * MAX_WRONG_CODES)
    for asked in (*wrong, code_of(handover), token_of(handover), "code.unknown.1", "A"):
        answer = await client.post(PATH, data=asked, headers=through)
        answers.append((answer.status, await answer.text(), dict(answer.headers)))

    assert answers[0][0] == 403
    assert answers == [answers[0]] * len(answers)
    assert (await client.post(PATH, data=code_of(handover))).status == 200


@pytest.mark.parametrize("asked", [token_of, code_of])
async def test_over_the_internet_where_it_is_allowed(
    hass: HomeAssistant, client: Client, asked: Callable[[Handover], str]
) -> None:
    """It can be fetched there, once, and wrong codes from there count."""
    handovers = async_get_handovers(hass)
    handover, closed = (handovers.offer(make_delivery(remotely=True)) for _ in range(2))
    through = {"CF-Ray": "8f2a-FRA"}
    for wrong in itertools.islice(wrong_codes(closed), MAX_WRONG_CODES):
        answer = await client.post(PATH, data=wrong, headers=through)
        assert answer.status == 403
    assert (await client.post(PATH, data=code_of(closed))).status == 404

    first = await client.post(PATH, data=asked(handover), headers=through)
    second = await client.post(PATH, data=asked(handover), headers=through)

    assert (first.status, second.status) == (200, 403)
    assert await second.json() == await answer.json()


async def test_offer_that_is_withdrawn(hass: HomeAssistant, client: Client) -> None:
    """Neither the URL nor the code works any more."""
    handover = async_get_handovers(hass).offer(make_delivery())
    async_get_handovers(hass).withdraw(CERTIFICATE_ID)

    for asked in (token_of(handover), code_of(handover)):
        assert (await client.post(PATH, data=asked)).status == 404


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


def test_what_is_logged_by_accident() -> None:
    """The representation of an object with secrets does not show them."""
    delivery = make_delivery()
    handover = Handover(
        url="secret", path=PATH, code="secret", expires_at=dt_util.utcnow()
    )

    shown = repr((delivery, delivery.bundles, handover))

    assert delivery.password not in shown
    assert "secret" not in shown


async def test_account_that_is_unloaded_meanwhile(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> None:
    """A reload keeps the offers."""
    token = await create(hass, loaded_entry)

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
    """No secret is in a response, state, log, file, repair or diagnostics."""
    caplog.set_level(logging.DEBUG)
    for name in logging.root.manager.loggerDict:
        caplog.set_level(logging.DEBUG, name)
    hass.config_entries.async_update_entry(loaded_entry, title="Home")
    await settle(hass)
    response = await act(
        hass, loaded_entry, "mint_certificate", name="Pixel 8", key_type=key_type
    )
    token = response.pop("handover_url").removeprefix(LINK)
    handover = async_get_handovers(hass).offer(make_delivery())
    await client.get(PATH)
    taken = await (await client.post(PATH, data=token)).json()
    await client.post(PATH, data=token)
    await client.post(PATH, data=next(wrong_codes(handover)))
    await client.post(PATH, data=code_of(handover))
    key, *_ = pkcs12.load_key_and_certificates(
        base64.b64decode(taken["bundles"][0]["data"]), taken["password"].encode()
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
        "password of another": PASSWORD,
        "bundle": taken["bundles"][0]["data"][:60],
        "other bundle": taken["bundles"][1]["data"][:60],
        "code": code_of(handover),
        "token beside the code": token_of(handover),
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
    # Six digits occur in other numbers too.
    alone = re.compile(rf"(?<![\w.]){handover.code}(?![\w.])")
    assert not [place for place, text in everything.items() if alone.search(text)]
    # Home Assistant stores the token with the entry.
    assert found == [("API token", "storage")]
    assert everything["storage"].count(sandbox.token) == 1
