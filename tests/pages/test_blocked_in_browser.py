"""Tests of the test page in a real browser, where its request meets an answer of somebody else."""

from pathlib import Path

import pytest

from demo.browser import ANDROID, Chromium
from tests.common import ENGLISH
from tests.dialogs import TEST_PATH, Client
from tests.programs import needs

pytestmark = needs("chromium")

TEXTS = ENGLISH["common"]


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
    socket_enabled: None,
    client: Client,
    tmp_path: Path,
    status: int,
    content_type: str,
    said: str,
) -> None:
    """Only Cloudflare's block page means that the certificate was missing."""
    chromium = Chromium(tmp_path, "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    async with chromium.tab(user_agent=ANDROID) as browser:
        await browser.open(f"{client.make_url(TEST_PATH)}#{'A' * 43}")
        await browser.run(
            "void (window.fetch = async () => new Response('<html></html>',"
            f"{{ status: {status}, headers: {{ 'Content-Type': {content_type!r} }} }}))"
        )
        await browser.tap("#test")
        await browser.until(f"result.textContent === {TEXTS[said]!r}")
        assert await browser.run("result.className") == "bad"
        assert not await browser.run("form.hidden")
