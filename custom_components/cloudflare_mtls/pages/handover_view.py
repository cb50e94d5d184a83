"""The page on which a device fetches its bundle."""

import base64
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..engine.api.names import in_letters
from ..engine.certificates.systems import System
from ..wording import Texts
from .certificate_test import certificate_test_url
from .handovers import (
    PATH,
    AccountNotLoadedError,
    Delivery,
    Refusal,
    async_get_handovers,
)
from .page import HEADERS, Page, async_load_page, async_read_secret, rich
from .visitor import is_at_home

# The ways to install a bundle where there are several: browsers take a certificate from the system
# or from a store of their own.
_WAYS: Final[Mapping[System, tuple[str, ...]]] = {
    System.MACOS: ("macos_browsers", "firefox", "macos_app"),
    System.WINDOWS: ("windows_browsers", "firefox"),
    System.LINUX: ("linux_browsers", "firefox"),
}

_REFUSALS: Final[Mapping[Refusal, tuple[str, HTTPStatus]]] = {
    Refusal.GONE: ("gone", HTTPStatus.NOT_FOUND),
    Refusal.WRONG_CODE: ("wrong_code", HTTPStatus.FORBIDDEN),
    Refusal.CLOSED: ("closed", HTTPStatus.NOT_FOUND),
}
# A page that was just opened asks with this and its link whether that is still good.
_LOOK: Final = "look."

type FetchedRecorder = Callable[[HomeAssistant, Delivery], Coroutine[Any, Any, None]]
"""Records that a device fetched its bundle."""


class HandoverView(HomeAssistantView):
    """The page that gives out a bundle, once; opening the page gives out nothing.

    A device that fetches its bundle may not be logged in yet, so the token is the credential.
    It is in the link's fragment and in the body of the request: no log, proxy or link preview
    sees it.
    """

    url = PATH
    name = f"api:{DOMAIN}:handover"
    requires_auth = False

    def __init__(self, page: Page, record_fetched: FetchedRecorder) -> None:
        """Take the page, and what records that a bundle was fetched."""
        self._page = page
        self._record_fetched = record_fetched

    async def get(self, request: web.Request) -> web.Response:
        """Show the page, the same to everybody."""
        text = await self._page.async_texts(request)
        places = {"label": text("any_label"), "address": text("any_address")}
        markup = {key: rich(text(key), places) for key in ("test", "test_in_app")}
        markup["blocked_steps"] = _items(text("blocked_steps"), places)
        markup["guides"] = "".join(_guide(item, text, places) for item in System)
        return await self._page.async_show(request, markup)

    async def post(self, request: web.Request) -> web.Response:
        """Give out the bundles and their password, and forget them; or only look at the link."""
        hass = request.app[KEY_HASS]
        text = await self._page.async_texts(request)
        remotely = not is_at_home(request)
        secret = await async_read_secret(request)
        if secret.startswith(_LOOK):
            link = secret.removeprefix(_LOOK)
            is_good = async_get_handovers(hass).is_good(link, remotely=remotely)
            if is_good:
                return self.json({}, headers=HEADERS)
            return self._refuse(text, Refusal.GONE, remotely=remotely)
        try:
            taken = async_get_handovers(hass).take(secret, remotely=remotely)
        except AccountNotLoadedError:
            return self.json_message(
                text("not_connected"), HTTPStatus.SERVICE_UNAVAILABLE, headers=HEADERS
            )
        if isinstance(taken, Refusal):
            return self._refuse(text, taken, remotely=remotely)
        # The device gets its bundle even if this cannot be recorded.
        hass.async_create_task(self._record_fetched(hass, taken))
        return self.json(_contents(taken), headers=HEADERS)

    def _refuse(self, text: Texts, refusal: Refusal, *, remotely: bool) -> web.Response:
        """Say why nothing can be downloaded; from outside, it may be for that reason alone."""
        key, status = _REFUSALS[refusal]
        if remotely and refusal is Refusal.GONE:
            key, status = "not_local", HTTPStatus.FORBIDDEN
        return self.json_message(text(key), status, headers=HEADERS)


async def async_setup_handover(
    hass: HomeAssistant, record_fetched: FetchedRecorder
) -> None:
    """Set up the handover page."""
    page = await async_load_page(hass, "handover")
    hass.http.register_view(HandoverView(page, record_fetched))


def _contents(delivery: Delivery) -> dict[str, Any]:
    """Return what the page saves and shows."""
    test_url = None
    # Another service has no page for the test, and a watch no browser that could open it.
    is_tested = delivery.is_home and delivery.system is not System.WEAR_OS
    if delivery.hostname and is_tested:
        test_url = certificate_test_url(delivery.hostname, delivery.test_token)
    return {
        "system": delivery.system,
        "label": delivery.label,
        "password": delivery.password,
        "hostname": delivery.hostname,
        "hostnames": [in_letters(item) for item in delivery.hostnames],
        "test_url": test_url,
        "bundles": [
            {
                "format": bundle.format,
                "filename": bundle.filename,
                "data": base64.b64encode(bundle.data).decode(),
            }
            for bundle in delivery.bundles
        ],
    }


def _guide(system: System, text: Texts, places: dict[str, str]) -> str:
    """Return how to install a bundle on a system, as a folded part of the page."""
    ways = _WAYS.get(system, (system,))
    parts: list[str] = []
    for way in ways:
        if len(ways) > 1:
            parts.append(f"<h3>{rich(text(way))}</h3>")
        parts.append(f"<ol>{_items(text(f'{way}_steps'), places)}</ol>")
    notes = _items(text(f"{system}_notes"), places)
    return (
        f'<details data-system="{system}">'
        f"<summary>{rich(text(system))}</summary>"
        f"<div>{''.join(parts)}<ul>{notes}</ul></div></details>"
    )


def _items(lines: str, places: dict[str, str]) -> str:
    """Return lines as the items of a list."""
    return "".join(f"<li>{rich(line, places)}</li>" for line in lines.splitlines())
