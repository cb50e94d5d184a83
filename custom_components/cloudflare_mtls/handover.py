"""Hands a bundle to a device: once, within ten minutes, from memory."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
import html
from http import HTTPStatus
from pathlib import Path
import secrets
from string import Template
from typing import Final

from aiohttp import web
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .edge.credentials import Bundle
from .edge.platforms import Platform
from .texts import async_get_texts

LIFETIME: Final = timedelta(minutes=10)
PATH: Final = f"/api/{DOMAIN}/handover"

_HANDOVERS: HassKey[Handovers] = HassKey(f"{DOMAIN}_handovers")
_PAGE: Final = Path(__file__).parent / "handover.html"
_TEXTS: Final = ("title", "intro", "get", "password", "keep", "again", "failed")
_MAX_TOKEN: Final = 100

# What Cloudflare adds to every request that it passes on.
_CLOUDFLARE_HEADERS: Final = ("Cf-Ray", "Cf-Connecting-Ip")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a device fetches, once, and who is told of it.

    The bundles are all under one password, the advised one first. With the certificate in
    them the device reaches Home Assistant at the hostname, where one is protected.
    """

    certificate_id: str
    label: str
    platform: Platform
    password: str
    bundles: tuple[Bundle, ...]
    hostname: str | None
    taken: Callable[[], None]
    remotely: bool = False

    def __repr__(self) -> str:
        """Keep the password out of logs and tracebacks."""
        return f"Delivery({self.label!r})"


@dataclass(frozen=True, kw_only=True)
class Handover:
    """Where a delivery can be fetched, and until when.

    The URL holds all it takes; the path can be told to everybody, and asks for the code.
    """

    url: str
    path: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class _Offer:
    delivery: Delivery
    forget: CALLBACK_TYPE


class Handovers:
    """The deliveries that wait to be fetched; they are nowhere else."""

    def __init__(self, hass: HomeAssistant, page: Template) -> None:
        """Take the page that offers a delivery."""
        self.page = page
        self._hass = hass
        self._offers: dict[str, _Offer] = {}

    @callback
    def is_waiting(self, certificate_id: str) -> bool:
        """Tell whether a certificate can still be fetched."""
        return any(
            offer.delivery.certificate_id == certificate_id
            for offer in self._offers.values()
        )

    @callback
    def withdraw(self, certificate_id: str) -> None:
        """Hand a certificate out to nobody any more."""
        for token, offer in list(self._offers.items()):
            if offer.delivery.certificate_id == certificate_id:
                self.take(token)

    @callback
    def offer(self, delivery: Delivery) -> Handover:
        """Hold a delivery for a while and return where it can be fetched."""
        token = secrets.token_urlsafe(32)

        @callback
        def expire(_now: datetime) -> None:
            self.take(token)

        job = HassJob(expire, cancel_on_shutdown=True)
        forget = async_call_later(self._hass, LIFETIME, job)
        self._offers[token] = _Offer(delivery=delivery, forget=forget)
        return Handover(
            url=f"{_local_url(self._hass)}{PATH}#{token}",
            path=PATH,
            code="",
            expires_at=dt_util.utcnow() + LIFETIME,
        )

    @callback
    def take(self, token: str) -> Delivery | None:
        """Return the delivery that waits for the token, and keep nothing of it."""
        if (offer := self._offers.pop(token, None)) is None:
            return None
        offer.forget()
        return offer.delivery


class HandoverView(HomeAssistantView):
    """The page that hands a bundle over: to look is free, to take it is once.

    The token is the credential: the phone that fetches its bundle may not be logged in yet.
    It stands in the link's fragment and in the body of the request, so no log, proxy or link
    preview sees it.
    """

    url = PATH
    name = f"api:{DOMAIN}:handover"
    requires_auth = False

    async def get(self, request: web.Request) -> web.Response:
        """Show the page, the same to everybody."""
        hass = request.app[KEY_HASS]
        text = await async_get_texts(hass, "common")
        nonce = secrets.token_urlsafe(16)
        page = hass.data[_HANDOVERS].page.substitute(
            {key: html.escape(text(f"handover_{key}")) for key in _TEXTS},
            nonce=nonce,
            language=html.escape(hass.config.language),
        )
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; "
            f"style-src 'nonce-{nonce}'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return web.Response(
            text=page,
            content_type="text/html",
            headers={**_HEADERS, "Content-Security-Policy": policy},
        )

    async def post(self, request: web.Request) -> web.Response:
        """Give the bundle and its password away, and forget both."""
        hass = request.app[KEY_HASS]
        text = await async_get_texts(hass, "common")
        if any(header in request.headers for header in _CLOUDFLARE_HEADERS):
            return self.json_message(
                text("handover_not_local"), HTTPStatus.FORBIDDEN, headers=_HEADERS
            )
        token = (await request.content.read(_MAX_TOKEN)).decode("ascii", "replace")
        if (delivery := hass.data[_HANDOVERS].take(token)) is None:
            return self.json_message(
                text("handover_gone"), HTTPStatus.NOT_FOUND, headers=_HEADERS
            )
        delivery.taken()
        bundle = delivery.bundles[0]
        return self.json(
            {
                "filename": bundle.filename,
                "data": base64.b64encode(bundle.data).decode(),
                "password": delivery.password,
            },
            headers=_HEADERS,
        )


_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def async_setup_handover(hass: HomeAssistant) -> None:
    """Set up the handover page."""
    page = Template(await hass.async_add_executor_job(_PAGE.read_text, "utf-8"))
    hass.data[_HANDOVERS] = Handovers(hass, page)
    hass.http.register_view(HandoverView)


@callback
def async_get_handovers(hass: HomeAssistant) -> Handovers:
    """Return what waits to be fetched."""
    return hass.data[_HANDOVERS]


def _local_url(hass: HomeAssistant) -> str:
    """Return Home Assistant's address on the local network, or nothing where it has none."""
    try:
        return get_url(hass, allow_external=False, allow_cloud=False)
    except NoURLAvailableError:
        return ""
