"""Tests of the last mile: a page that is small, read without a script, and helps where a phone is blocked."""

import html
import re
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.common import ENGLISH, submit
from tests.dialogs import CHOSEN, Client, add
from tests.troubleshooting import DOCUMENT

TEXTS = ENGLISH["common"]
PAGES = {
    "handover": "/api/cloudflare_mtls/handover",
    "proof": "/api/cloudflare_mtls/proof",
}
every_page = pytest.mark.parametrize(("name", "path"), PAGES.items())


async def page_at(client: TestClient[Any, Any], path: str) -> str:
    """Return a page as a browser shows it."""
    return await (await client.get(path)).text()


@every_page
@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br, zstd", "deflate"])
async def test_page_is_small(
    client: Client, name: str, path: str, accepted: str
) -> None:
    """The phone may be far from the router: all of it is one compressed answer."""
    answer = await client.get(
        path, headers={"Accept-Encoding": accepted}, auto_decompress=False
    )

    assert answer.headers["Content-Encoding"] in ("gzip", "deflate")
    assert len(await answer.read()) <= 8000
    page = await page_at(client, path)
    assert not re.findall(r'(?:src|<link[^>]* href)="', page)
    assert "@import" not in page
    assert "url(" not in page


@every_page
async def test_page_for_a_browser_that_takes_no_compression(
    client: Client, name: str, path: str
) -> None:
    """It gets the same page."""
    answer = await client.get(path, headers={"Accept-Encoding": "identity"})

    assert "Content-Encoding" not in answer.headers
    assert html.escape(TEXTS[f"{name}_title"]) in await answer.text()


@every_page
async def test_page_without_a_script(client: Client, name: str, path: str) -> None:
    """The button does nothing then, so the page says what is needed."""
    page = await page_at(client, path)

    (said,) = re.findall(r"<noscript>(.*?)</noscript>", page, re.DOTALL)
    assert html.escape(TEXTS[f"{name}_no_script"]) in said
    assert "JavaScript" in said


async def test_links_open_beside_the_page(client: Client) -> None:
    """The page that they would replace holds the only copy of the password."""
    page = await page_at(client, PAGES["handover"])

    links = re.findall(r"<a [^>]*href=[^>]*>", page)
    assert links
    assert all('target="_blank"' in link for link in links)


async def test_page_helps_where_cloudflare_blocks_the_device(client: Client) -> None:
    """The words of Cloudflare's own page stand there, and what to do about them."""
    page = await page_at(client, PAGES["handover"])

    folded = page.partition(TEXTS["handover_blocked"])[2].partition("</details>")[0]
    assert "Sorry, you have been blocked" in TEXTS["handover_blocked"]
    assert folded.count("<li>") == len(TEXTS["handover_blocked_steps"].splitlines())
    assert 'data-fill="label"' in folded


async def test_test_page_can_say_that_cloudflare_blocked_it(client: Client) -> None:
    """A page that was loaded with a certificate may be blocked when its button is pressed."""
    page = await page_at(client, PAGES["proof"])
    assert f'data-blocked="{html.escape(TEXTS["proof_blocked"])}"' in page


async def test_dialog_and_document_point_to_the_help(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Somebody whose phone is blocked looks at the dialog, or for the words on the phone."""
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)

    url = result["description_placeholders"]["blocked_url"]
    address, _, place = url.partition("#")
    assert address.endswith("/docs/troubleshooting.md")
    document = DOCUMENT.read_text("utf-8")
    section = document.partition(f'<a id="{place}"></a>')[2].partition("<a id=")[0]
    assert "Sorry, you have been blocked" in section
    assert "Get blocked requests" in section
