"""Tests of what the handover page shows: its texts in the visitor's language, and its headers."""

from collections.abc import Callable
from dataclasses import replace
import html
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util.language import matches
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls import languages as chosen
from custom_components.cloudflare_mtls.engine.certificates.systems import System
from custom_components.cloudflare_mtls.pages import page as pages
from custom_components.cloudflare_mtls.pages.page import async_load_page
from tests.common import ENGLISH, PACKAGE
from tests.dialogs import Client
from tests.pages.handover_requests import PAGE, PATH, create


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


GERMAN = {"handover_title": "Dein Zertifikat", "handover_gone": "Hier gibt es nichts."}


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """Return the texts in other languages than English."""
    languages: dict[str, dict[str, str]] = {"de": GERMAN, "he": {}}

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
    assert f'<html lang="{shown}" dir="ltr">' in page
    assert f"<title>{texts['handover_title']}</title>" in page
    assert answer["message"] == texts["handover_gone"]


async def test_direction_of_the_page(
    speaking: dict[str, dict[str, str]], client: Client
) -> None:
    """Lines begin where those of their language begin."""
    pages_by_language = {
        language: await (
            await client.get(PATH, headers={"Accept-Language": language})
        ).text()
        for language in ("de", "he")
    }

    assert '<html lang="de" dir="ltr">' in pages_by_language["de"]
    assert '<html lang="he" dir="rtl">' in pages_by_language["he"]


# One line of a header may have 8,190 bytes.
FLOODS = [
    ",".join(f"a{number}" for number in range(1500)),
    ",".join(f"{number:03}-x;q=0.{number}" for number in range(600)),
    "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z",
    "de," * 2700,
    "a-" * 4000,
    ";q=" + "9" * 8000,
    "," * 8180,
]


@pytest.mark.parametrize("header", FLOODS, ids=lambda header: header[:12])
async def test_header_that_is_meant_to_cost_much(
    hass: HomeAssistant,
    speaking: dict[str, dict[str, str]],
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    header: str,
) -> None:
    """No browser asks for so many languages: few of them are looked at."""
    hass.config.language = "de"
    compared: list[str] = []

    def count(tag: str, *rest: Any) -> list[str]:
        compared.append(tag)
        return matches(tag, *rest)

    monkeypatch.setattr(chosen, "matches", count)

    answer = await client.get(PATH, headers={"Accept-Language": header})

    assert '<html lang="de" dir="ltr">' in await answer.text()
    # Eight of the visitor's and Home Assistant's own: for the guides, and for the page.
    assert len(compared) <= 2 * 9


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

    said_by_view = {
        *("handover_gone", "handover_closed", "handover_wrong_code"),
        *("handover_not_connected", "handover_not_local"),
    }
    for key, sentence in ENGLISH["common"].items():
        if key.startswith("handover_") and key not in said_by_view:
            for line in sentence.splitlines():
                plain = re.split(r"\*\*|{[a-z]+}[.,]?", line)
                assert all(html.escape(part) in page for part in plain), key
    for system in System:
        assert page.count(f'data-system="{system}"') == 1
