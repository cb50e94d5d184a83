"""The page on which a device tests its certificate, opened through a protected hostname."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..subentries import hostnames_of
from .page import HEADERS, Page, async_load_page, has_ray

type ProofRecorder = Callable[[HomeAssistant, str, str], Awaitable[bool]]
"""Records that a certificate reached a hostname; takes both, returns whether they are known."""

PATH: Final = f"/api/{DOMAIN}/proof"

_MAX_REQUEST: Final = 100


def certificate_test_url(hostname: str, certificate_id: str) -> str:
    """Return where a device tests its certificate."""
    return f"https://{hostname}{PATH}#{certificate_id}"


class CertificateTestView(HomeAssistantView):
    """The page that tests a certificate when its button is pressed, not when it is opened.

    The device may not be logged in: it only learns whether its certificate works. That it
    reached the page is the proof, because nothing passes a protected hostname without one.
    """

    url = PATH
    name = f"api:{DOMAIN}:proof"
    requires_auth = False

    def __init__(self, page: Page, record_proof: ProofRecorder) -> None:
        """Take the page, and what records that a certificate works."""
        self._page = page
        self._record_proof = record_proof

    async def get(self, request: web.Request) -> web.Response:
        """Show the page, the same to everybody."""
        return await self._page.async_show(request)

    async def post(self, request: web.Request) -> web.Response:
        """Record that the device reached a protected hostname with its certificate."""
        text = await self._page.async_texts(request)
        hass = request.app[KEY_HASS]
        content = await request.content.read(_MAX_REQUEST)
        certificate_id = content.decode("ascii", "replace")
        hostname = _protected_hostname(hass, request)
        if (
            certificate_id
            and hostname
            and await self._record_proof(hass, certificate_id, hostname)
        ):
            return self.json_message(text("done"), headers=HEADERS)
        return self.json_message(text("failed"), HTTPStatus.NOT_FOUND, headers=HEADERS)


async def async_setup_certificate_test(
    hass: HomeAssistant, record_proof: ProofRecorder
) -> None:
    """Set up the page that tests a certificate."""
    page = await async_load_page(hass, "proof")
    hass.http.register_view(CertificateTestView(page, record_proof))


def _protected_hostname(hass: HomeAssistant, request: web.Request) -> str | None:
    """Return the protected hostname through which the request came, or None."""
    if not has_ray(request):
        return None
    # Only the Host header counts: a visitor can forge the headers that proxies add.
    host = request.headers.get(hdrs.HOST, "").partition(":")[0].lower()
    protected = {
        item.hostname
        for entry in hass.config_entries.async_loaded_entries(DOMAIN)
        for item in hostnames_of(entry.subentries).values()
        # Where the page needs no certificate, reaching it proves nothing.
        if not PATH.startswith(item.protected.exempt_paths)
    }
    return host if host in protected else None
