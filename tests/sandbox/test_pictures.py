"""Take the pictures in docs/images: a real Home Assistant behind the edge, in a browser.

They are only taken on demand: `scripts/docs pictures`.
"""

import asyncio
import os
from pathlib import Path

import pytest

from custom_components.cloudflare_mtls.engine.certificates.bundles import BundleFormat
from demo.browser import Chromium
from demo.home_assistant import HomeAssistant, User
from sandbox.seed import SERVICE
from tests.programs import needs_certificates_in_chromium

from .browser import install_certificate, new_chromium
from .helpers import Api

IMAGES = Path(__file__).parents[2] / "docs" / "images"


@needs_certificates_in_chromium()
@pytest.mark.skipif(
    not os.environ.get("TAKE_PICTURES"), reason="TAKE_PICTURES is not set"
)
@pytest.mark.timeout(900)
async def test_pictures(api: Api, protected: str, tmp_path: Path) -> None:
    """Take a picture without a certificate (Cloudflare's page) and one with (Home Assistant)."""
    async with HomeAssistant(tmp_path, {}) as home:
        await home.start()
        client = await home.anonymous().onboard(User("anna"))
        await home.until_running(client)
        api.sandbox.state.origins[SERVICE] = home.url
        chromium = await new_chromium(api.sandbox, tmp_path)
        await _take(chromium, protected, "browser-without-certificate")
        await install_certificate(chromium, api, BundleFormat.MODERN)
        await _take(chromium, protected, "browser-with-certificate")


async def _take(chromium: Chromium, host: str, name: str) -> None:
    async with chromium.tab(size=(900, 640), identify_at=host) as tab:
        await tab.open(f"https://{host}/", "document.body.innerText.length")
        # The front end fades in.
        await asyncio.sleep(2)
        (IMAGES / f"{name}.png").write_bytes(await tab.picture())
