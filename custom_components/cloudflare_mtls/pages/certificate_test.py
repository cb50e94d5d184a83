"""Lets a device prove that it gets in: a page to open through a protected hostname."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..subentries import hostnames_of
from .page import HEADERS, Page, async_load_page, has_ray

type Prover = Callable[[HomeAssistant, str, str], Awaitable[bool]]
"""Takes a certificate's id and the hostname that was reached; tells whether it is known."""


PATH: Final = f"/api/{DOMAIN}/proof"

_MAX_REQUEST: Final = 100


def certificate_test_url(hostname: str, certificate_id: str) -> str:
    """Return where a device tests its certificate."""
    return f"https://{hostname}{PATH}#{certificate_id}"


class CertificateTestView(HomeAssistantView):
    """The page that tests a certificate: to look proves nothing, to press the button does.

    The device may not be logged in. All that it learns is whether it got in, and it got in
    only with a certificate, because nothing else passes at a protected hostname.
    """

    url = PATH
    name = f"api:{DOMAIN}:proof"
    requires_auth = False

    def __init__(self, page: Page, prover: Prover) -> None:
        """Take the page, and who is told of a device that got in."""
        self._page = page
        self._prover = prover

    async def get(self, request: web.Request) -> web.Response:
        """Show the page, the same to everybody."""
        return await self._page.async_show(request)

    async def post(self, request: web.Request) -> web.Response:
        """Have it proved that the device got in with its certificate."""
        text = await self._page.async_texts(request)
        hass = request.app[KEY_HASS]
        asked = (await request.content.read(_MAX_REQUEST)).decode("ascii", "replace")
        hostname = _protected_hostname(hass, request)
        if asked and hostname and await self._prover(hass, asked, hostname):
            return self.json_message(text("done"), headers=HEADERS)
        return self.json_message(text("failed"), HTTPStatus.NOT_FOUND, headers=HEADERS)


async def async_setup_certificate_test(hass: HomeAssistant, prover: Prover) -> None:
    """Set up the page that tests a certificate."""
    page = await async_load_page(hass, "proof")
    hass.http.register_view(CertificateTestView(page, prover))


def _protected_hostname(hass: HomeAssistant, request: web.Request) -> str | None:
    """Return the protected hostname that the request came in by, if it did."""
    if not has_ray(request):
        return None
    # Not what a proxy says that the host was: a visitor can say that, too.
    host = request.headers.get(hdrs.HOST, "").partition(":")[0].lower()
    protected = {
        item.hostname
        for entry in hass.config_entries.async_loaded_entries(DOMAIN)
        for item in hostnames_of(entry.subentries).values()
        # Whoever reaches the page without a certificate proves nothing.
        if not PATH.startswith(item.protected.exempt_paths)
    }
    return host if host in protected else None
