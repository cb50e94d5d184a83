"""Tests of the test page in a real browser, where its request meets an answer of somebody else."""

from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from demo.browser import ANDROID, Chromium
from tests.common import ENGLISH
from tests.dialogs import TEST_PATH
from tests.programs import needs

pytestmark = needs("chromium")

TEXTS = ENGLISH["common"]


@pytest.fixture
async def page(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    socket_enabled: None,
    hass_client_no_auth: ClientSessionGenerator,
) -> str:
    """Return the address of the page; no account is needed, whose clock would stand still."""
    assert await async_setup_component(hass, DOMAIN, {})
    return str((await hass_client_no_auth()).make_url(TEST_PATH))


@pytest.mark.parametrize(
    ("status", "content_type", "said"),
    [
        (403, "text/html; charset=UTF-8", "proof_blocked"),
        # Home Assistant bans an address with plain text; a tunnel without a connector is a page.
        (403, "text/plain; charset=utf-8", "proof_unanswered"),
        (530, "text/html; charset=UTF-8", "proof_unanswered"),
    ],
)
async def test_answer_of_somebody_else(
    page: str, tmp_path: Path, status: int, content_type: str, said: str
) -> None:
    """Only Cloudflare's block page means that the certificate was missing."""
    chromium = Chromium(tmp_path, "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    async with chromium.tab(user_agent=ANDROID) as browser:
        await browser.open(f"{page}#{'A' * 43}")
        await browser.run(
            "void (window.fetch = async () => new Response('<html></html>',"
            f"{{ status: {status}, headers: {{ 'Content-Type': {content_type!r} }} }}))"
        )
        await browser.tap("#test")
        await browser.until(f"result.textContent === {TEXTS[said]!r}")
        assert await browser.run("result.className") == "bad"
        assert not await browser.run("form.hidden")
