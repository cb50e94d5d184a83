"""What a phone sends to the handover page, with a link or with a code."""

from collections.abc import Iterator
import itertools
from typing import Any

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.pages.handovers import Handover
from tests.common import act
from tests.dialogs import link_of

PATH = "/api/cloudflare_mtls/handover"
LINK = f"http://192.168.1.10:8123{PATH}#"

PAGE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def create(hass: HomeAssistant, entry: MockConfigEntry, **fields: Any) -> str:
    """Create a certificate and return the token at the end of its link."""
    response = await act(
        hass, entry, "mint_certificate", **{"name": "Pixel 8", **fields}
    )
    return link_of(hass, response).removeprefix(LINK)


def token_of(handover: Handover) -> str:
    """Return what the page posts when it is opened with the URL, which needs no code."""
    return handover.url.partition("#")[2]


def code_of(handover: Handover, code: str | None = None) -> str:
    """Return what the page posts after a code was entered."""
    return f"{handover.path.partition('#')[2]}.{code or handover.code}"


def wrong_codes(handover: Handover) -> Iterator[str]:
    """Yield one wrong code after the other."""
    for step in itertools.count(1):
        yield code_of(handover, f"{(int(handover.code) + step) % 1_000_000:06}")
