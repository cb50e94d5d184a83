"""Hands a bundle to a device: once, within ten minutes, from memory."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
import secrets
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.certificates.credentials import Bundle
from ..engine.certificates.systems import System

LIFETIME: Final = timedelta(minutes=10)
MAX_WRONG_CODES: Final = 5
PATH: Final = f"/api/{DOMAIN}/handover"

_HANDOVERS: HassKey[Handovers] = HassKey(f"{DOMAIN}_handovers")

# Begins what asks for a code; no token has a dot in it.
_WITH_CODE: Final = "code"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a device fetches, once, and who is told of it.

    The bundles are all under one password, the advised one first. With the certificate in
    them the device reaches Home Assistant at the hostname, where one is protected. Only
    where it may be fetched remotely is it given away through Cloudflare.
    """

    certificate_id: str
    label: str
    system: System
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


def local_url(hass: HomeAssistant) -> str:
    """Return Home Assistant's address on the local network, or nothing where it has none."""
    try:
        return get_url(hass, allow_external=False, allow_cloud=False)
    except NoURLAvailableError:
        return ""
