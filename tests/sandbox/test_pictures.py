"""The pictures in docs/images: a real Home Assistant behind the edge, seen by a browser.

They are taken anew only when asked for: `TAKE_PICTURES=1 scripts/test tests/sandbox/test_pictures.py`.
"""

import os
from pathlib import Path

import pytest

from custom_components.cloudflare_mtls.edge.credentials import BundleFormat
from demo.home_assistant import HomeAssistant, User
from sandbox.seed import SERVICE

from .browser import Browser, needs_a_browser
from .helpers import Api

IMAGES = Path(__file__).parents[2] / "docs" / "images"


@needs_a_browser
@pytest.mark.skipif(
    not os.environ.get("TAKE_PICTURES"), reason="TAKE_PICTURES is not set"
)
@pytest.mark.timeout(900)
async def test_pictures(api: Api, protected: str, tmp_path: Path) -> None:
    """Without a certificate Cloudflare's page is shown, with one Home Assistant's."""
    async with HomeAssistant(tmp_path, {}) as home:
        await home.start()
        client = await home.anonymous().onboard(User("anna"))
        await home.until_running(client)
        api.sandbox.state.origins[SERVICE] = home.url
        browser = await Browser.new(api.sandbox, tmp_path)
        await browser.take_picture(
            protected, IMAGES / "browser-without-certificate.png"
        )
        await browser.get_certificate(api, BundleFormat.MODERN)
        await browser.take_picture(protected, IMAGES / "browser-with-certificate.png")
