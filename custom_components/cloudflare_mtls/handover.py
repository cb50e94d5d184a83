"""Hands a bundle to a device: once, within ten minutes, from memory."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
import secrets
from typing import Any, Final

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
from .pages import HEADERS, Page, async_load_page, is_remote, rich
from .proof import proof_url
from .texts import Texts

LIFETIME: Final = timedelta(minutes=10)
MAX_WRONG_CODES: Final = 5
PATH: Final = f"/api/{DOMAIN}/handover"

_HANDOVERS: HassKey[Handovers] = HassKey(f"{DOMAIN}_handovers")

# Begins what asks for a code; no token has a dot in it.
_WITH_CODE: Final = "code"
_MAX_REQUEST: Final = 100


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a device fetches, once, and who is told of it.

    The bundles are all under one password, the advised one first. With the certificate in
    them the device reaches Home Assistant at the hostname, where one is protected. Only
    where it may be fetched remotely is it given away through Cloudflare.
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

    @property
    def until(self) -> str:
        """Return the time of day until which it waits, as clocks here show it."""
        return f"{dt_util.as_local(self.expires_at):%H:%M}"

    def __repr__(self) -> str:
        """Keep the token and the code out of logs and tracebacks."""
        return f"Handover({self.path!r})"


@dataclass(kw_only=True)
class _Offer:
    delivery: Delivery
    public_id: str
    code: bytes
    forget: CALLBACK_TYPE
    tries: int = MAX_WRONG_CODES


class Handovers:
    """The deliveries that wait to be fetched; they are nowhere else."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nothing."""
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
                self._forget(token)

    @callback
    def offer(self, delivery: Delivery) -> Handover:
        """Hold a delivery for a while and return where it can be fetched."""
        token = secrets.token_urlsafe(32)
        public_id = secrets.token_urlsafe(12)
        code = f"{secrets.randbelow(1_000_000):06}"

        @callback
        def expire(_now: datetime) -> None:
            self._forget(token)

        job = HassJob(expire, cancel_on_shutdown=True)
        self._offers[token] = _Offer(
            delivery=delivery,
            public_id=public_id,
            code=code.encode(),
            forget=async_call_later(self._hass, LIFETIME, job),
        )
        return Handover(
            url=f"{local_url(self._hass)}{PATH}#{token}",
            path=f"{PATH}#{_WITH_CODE}.{public_id}",
            code=code,
            expires_at=dt_util.utcnow() + LIFETIME,
        )

    @callback
    def take(self, asked: str, *, remotely: bool) -> Delivery | None:
        """Return the delivery that is asked for, and keep nothing of it.

        What is asked for is a token, or an offer's public id and its code. Who asks remotely
        meets no other offers than those for them, so they cannot use up a code's tries.
        """
        offers = {
            token: offer
            for token, offer in self._offers.items()
            if offer.delivery.remotely or not remotely
        }
        match asked.split("."):
            case [token] if token in offers:
                return self._forget(token)
            case [kind, public_id, code] if kind == _WITH_CODE:
                for token, offer in offers.items():
                    if offer.public_id == public_id and _opens(offer, code):
                        return self._forget(token)
        return None

    def _forget(self, token: str) -> Delivery:
        offer = self._offers.pop(token)
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

    def __init__(self, page: Page) -> None:
        """Take the page."""
        self._page = page

    async def get(self, request: web.Request) -> web.Response:
        """Show the page, the same to everybody."""
        text = await self._page.async_texts(request)
        places = {"label": text("any_label"), "address": text("any_address")}
        markup = {key: rich(text(key), places) for key in ("test", "test_in_app")}
        markup["guides"] = "".join(_guide(item, text, places) for item in Platform)
        return await self._page.async_show(request, markup)

    async def post(self, request: web.Request) -> web.Response:
        """Give the bundles and their password away, and forget them."""
        text = await self._page.async_texts(request)
        remotely = is_remote(request)
        asked = (await request.content.read(_MAX_REQUEST)).decode("ascii", "replace")
        handovers = async_get_handovers(request.app[KEY_HASS])
        if delivery := handovers.take(asked, remotely=remotely):
            delivery.taken()
            return self.json(_contents(delivery), headers=HEADERS)
        if remotely:
            return self.json_message(
                text("not_local"), HTTPStatus.FORBIDDEN, headers=HEADERS
            )
        return self.json_message(text("gone"), HTTPStatus.NOT_FOUND, headers=HEADERS)


async def async_setup_handover(hass: HomeAssistant) -> None:
    """Set up the handover page."""
    hass.data[_HANDOVERS] = Handovers(hass)
    hass.http.register_view(HandoverView(await async_load_page(hass, "handover")))


@callback
def async_get_handovers(hass: HomeAssistant) -> Handovers:
    """Return what waits to be fetched."""
    return hass.data[_HANDOVERS]


def _opens(offer: _Offer, code: str) -> bool:
    """Tell whether the code is the offer's; too many wrong ones, and none is any more."""
    if not offer.tries:
        return False
    if secrets.compare_digest(offer.code, code.encode()):
        return True
    offer.tries -= 1
    return False


def _contents(delivery: Delivery) -> dict[str, Any]:
    """Return what the page gets to save and to show."""
    test_url = None
    # A watch has nothing to open the test with.
    if delivery.hostname and delivery.platform is not Platform.WEAR_OS:
        test_url = proof_url(delivery.hostname, delivery.certificate_id)
    return {
        "platform": delivery.platform,
        "label": delivery.label,
        "password": delivery.password,
        "hostname": delivery.hostname,
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


def _guide(platform: Platform, text: Texts, places: dict[str, str]) -> str:
    """Return how to install a bundle on a platform, as a part of the page that folds."""
    steps, notes = (
        "".join(f"<li>{rich(line, places)}</li>" for line in text(key).splitlines())
        for key in (f"{platform}_steps", f"{platform}_notes")
    )
    return (
        f'<details data-platform="{platform}">'
        f"<summary>{rich(text(platform))}</summary>"
        f"<div><ol>{steps}</ol><ul>{notes}</ul></div></details>"
    )


def local_url(hass: HomeAssistant) -> str:
    """Return Home Assistant's address on the local network, or nothing where it has none."""
    try:
        return get_url(hass, allow_external=False, allow_cloud=False)
    except NoURLAvailableError:
        return ""
