"""The page on which a device tests its certificate, opened through a protected hostname."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from aiohttp import web
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..engine.rules.exempt_paths import is_exempt
from ..engine.sync.settings import HostnameSettings
from ..identity import Identity, identity_of
from ..requested_host import requested_host
from ..subentries import hostnames_of
from ..told_requests import async_pass_on
from .page import HEADERS, Page, async_load_page, async_read_secret
from .visitor import came_through_tunnel


class ProofResult(StrEnum):
    """What a test showed.

    renewed: it was done, and the device has an older certificate beside it.
    used: it was done before.
    unknown: no certificate that is good has this link.
    elsewhere: the device did not come through Cloudflare.
    other_hostname: it came by a hostname that its certificate is not for, or the tunnel says so.
    exposed: visitors get there without a certificate.
    other_certificate: the device used another one, as the edge told.
    not_accepted: the rules keep its certificate out there, so the device used another one.
    unchecked: Cloudflare does not say now whether they do.
    """

    DONE = "done"
    RENEWED = "renewed"
    USED = "used"
    UNKNOWN = "unknown"
    ELSEWHERE = "elsewhere"
    OTHER_HOSTNAME = "other_hostname"
    EXPOSED = "exposed"
    OTHER_CERTIFICATE = "other_certificate"
    NOT_ACCEPTED = "not_accepted"
    UNCHECKED = "unchecked"


type ProofRecorder = Callable[
    [HomeAssistant, str, str, Identity | None], Awaitable[ProofResult]
]
"""Records what a test shows; takes its token, the hostname that the device reached, and what the edge told."""

PATH: Final = f"/api/{DOMAIN}/proof"

_STATUSES: Final[Mapping[ProofResult, HTTPStatus]] = {
    ProofResult.DONE: HTTPStatus.OK,
    ProofResult.RENEWED: HTTPStatus.OK,
    ProofResult.USED: HTTPStatus.CONFLICT,
    ProofResult.UNKNOWN: HTTPStatus.NOT_FOUND,
    ProofResult.ELSEWHERE: HTTPStatus.FORBIDDEN,
    ProofResult.OTHER_HOSTNAME: HTTPStatus.FORBIDDEN,
    ProofResult.EXPOSED: HTTPStatus.CONFLICT,
    ProofResult.OTHER_CERTIFICATE: HTTPStatus.CONFLICT,
    ProofResult.NOT_ACCEPTED: HTTPStatus.CONFLICT,
    ProofResult.UNCHECKED: HTTPStatus.SERVICE_UNAVAILABLE,
}


def certificate_test_url(hostname: str, token: str) -> str:
    """Return where a device tests its certificate; no log and no link preview sees the token."""
    return f"https://{hostname}{PATH}#{token}"


class CertificateTestView(HomeAssistantView):
    """The page that tests a certificate when its button is pressed, not when it is opened.

    The device may not be logged in: the token that came with its bundle is the credential.
    Which certificate let it pass the protected hostname, Home Assistant sees only if the edge tells.
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
        async_pass_on(request.app[KEY_HASS], request)
        return await self._page.async_show(request)

    async def post(self, request: web.Request) -> web.Response:
        """Record that the device reached a protected hostname with its certificate."""
        async_pass_on(request.app[KEY_HASS], request)
        text = await self._page.async_texts(request)
        result = await self._async_test(request)
        return self.json_message(text(result.value), _STATUSES[result], headers=HEADERS)

    async def _async_test(self, request: web.Request) -> ProofResult:
        hass = request.app[KEY_HASS]
        token = await async_read_secret(request)
        if not came_through_tunnel(request):
            return ProofResult.ELSEWHERE
        found = _find_hostname(hass, request)
        if found is None:
            return ProofResult.OTHER_HOSTNAME
        entry, settings = found
        if entry.state is not ConfigEntryState.LOADED:
            return ProofResult.UNCHECKED
        if is_exempt(PATH, settings.protected.exempt_paths):
            return ProofResult.EXPOSED
        return await self._record_proof(
            hass, token, settings.hostname, identity_of(hass, request)
        )


async def async_setup_certificate_test(
    hass: HomeAssistant, record_proof: ProofRecorder
) -> None:
    """Set up the page that tests a certificate."""
    page = await async_load_page(hass, "proof")
    hass.http.register_view(CertificateTestView(page, record_proof))


def _find_hostname(
    hass: HomeAssistant, request: web.Request
) -> tuple[ConfigEntry, HostnameSettings] | None:
    """Return the protected hostname that the visitor opened, and its account, if it is one."""
    host = requested_host(request)
    for entry in hass.config_entries.async_entries(DOMAIN):
        for settings in hostnames_of(entry.subentries).values():
            if settings.hostname == host:
                return entry, settings
    return None
