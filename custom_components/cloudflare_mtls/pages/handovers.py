"""Bundles that are offered to devices: each once, for ten minutes, in memory only."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
import secrets
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.certificates.bundles import Bundle
from ..engine.certificates.systems import System
from .local_url import LocalAddress, find_local_address

LIFETIME: Final = timedelta(minutes=10)
MAX_WRONG_CODES: Final = 5
PATH: Final = f"/api/{DOMAIN}/handover"

_HANDOVERS: HassKey[Handovers] = HassKey(f"{DOMAIN}_handovers")

# A secret that begins with this and a dot needs a code; no token has a dot in it.
_WITH_CODE: Final = "code"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a device fetches, once.

    All bundles have the same password, and the advised one is first. The hostname is what the
    device opens with the certificate, if one is protected. If Home Assistant is there (`is_home`),
    it tests that with the token, once. The hostnames are all that it may open, that one first.
    Outside the home network the delivery is given out only where `remotely` says so.
    """

    entry_id: str
    device_id: str
    certificate_id: str
    label: str
    system: System
    password: str
    bundles: tuple[Bundle, ...]
    hostname: str | None = None
    is_home: bool = True
    hostnames: tuple[str, ...] = ()
    remotely: bool = False
    test_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def __repr__(self) -> str:
        """Keep the password and the token out of logs and tracebacks."""
        return f"Delivery({self.label!r})"


@dataclass(frozen=True, kw_only=True)
class Handover:
    """Where a delivery can be fetched, and until when.

    The URL is all that is needed to fetch it, and so is the other one, if a device cannot look
    up the first one's name. The path is not secret, and neither is the URL of the same page that
    asks for the code.
    """

    certificate_id: str
    address: LocalAddress | None
    url: str
    other_url: str | None
    asking_url: str
    path: str
    code: str
    expires_at: datetime

    @property
    def until(self) -> str:
        """Return until what time of day it can be fetched, in Home Assistant's time zone."""
        return f"{dt_util.as_local(self.expires_at):%H:%M}"

    def __repr__(self) -> str:
        """Keep the token and the code out of logs and tracebacks."""
        return f"Handover({self.path!r})"


@dataclass(kw_only=True)
class _Offer:
    delivery: Delivery
    handover: Handover
    public_id: str
    cancel_expiry: CALLBACK_TYPE
    at_end: list[CALLBACK_TYPE] = field(default_factory=list)
    tries_left: int = MAX_WRONG_CODES

    @property
    def is_open(self) -> bool:
        """Return whether it can be fetched; its timer may be late."""
        return dt_util.utcnow() < self.handover.expires_at

    def accepts(self, code: str) -> bool:
        """Return whether this is the code; a wrong one counts."""
        if secrets.compare_digest(self.handover.code.encode(), code.encode()):
            return True
        self.tries_left -= 1
        return False


class Refusal(Enum):
    """Why a secret opens nothing."""

    GONE = auto()
    WRONG_CODE = auto()
    CLOSED = auto()


def signal_missed(entry_id: str) -> str:
    """Return the signal that nobody can download a certificate of an account any more, and nobody did."""
    return f"{DOMAIN}_{entry_id}_handover_missed"


class AccountNotLoadedError(Exception):
    """Nobody could revoke what is fetched now: the account has no connection to Cloudflare."""


class Handovers:
    """The deliveries that can be fetched now, by token; they are kept nowhere else."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without any."""
        self._hass = hass
        self._offers: dict[str, _Offer] = {}

    @callback
    def is_waiting(self, certificate_id: str) -> bool:
        """Return whether a certificate can still be fetched."""
        return any(
            offer.delivery.certificate_id == certificate_id and offer.is_open
            for offer in self._offers.values()
        )

    @callback
    def find(self, device_id: str) -> Handover | None:
        """Return where a device can fetch its certificate now."""
        for offer in self._offers.values():
            if offer.delivery.device_id == device_id and offer.is_open:
                return offer.handover
        return None

    @callback
    def call_at_end(self, device_id: str, call: CALLBACK_TYPE) -> bool:
        """Call once a device can no longer fetch its certificate; return whether it can now."""
        for offer in self._offers.values():
            if offer.delivery.device_id == device_id:
                offer.at_end.append(call)
                return True
        return False

    @callback
    def withdraw(self, certificate_id: str) -> None:
        """Stop offering a certificate."""
        self._withdraw(lambda item: item.certificate_id == certificate_id)

    @callback
    def withdraw_device(self, device_id: str) -> list[str]:
        """Stop offering certificates to a device, and return their ids."""
        return self._withdraw(lambda item: item.device_id == device_id)

    @callback
    def withdraw_others(self, entry_id: str, device_ids: Collection[str]) -> None:
        """Stop offering certificates of an account, except to these devices."""
        self._withdraw(
            lambda item: item.entry_id == entry_id and item.device_id not in device_ids
        )

    @callback
    def keep_at_home(self, entry_id: str) -> None:
        """Give out an account's deliveries on the home network only."""
        for offer in self._offers.values():
            if offer.delivery.entry_id == entry_id:
                offer.delivery = replace(offer.delivery, remotely=False)

    def _withdraw(self, is_withdrawn: Callable[[Delivery], bool]) -> list[str]:
        """Stop offering some deliveries, and return the ids of their certificates."""
        tokens = [
            token
            for token, offer in self._offers.items()
            if is_withdrawn(offer.delivery)
        ]
        return [self._remove(token).certificate_id for token in tokens]

    @callback
    def offer(self, delivery: Delivery) -> Handover:
        """Offer a delivery until it is fetched or expires, and return where."""
        token = secrets.token_urlsafe(32)
        public_id = secrets.token_urlsafe(12)

        @callback
        def expire(_now: datetime) -> None:
            self._miss(token)

        address = find_local_address(self._hass)
        # Without an address, the companion app still opens the path.
        base, other = address.urls_for(delivery.system) if address else ("", None)
        path = f"{PATH}#{_WITH_CODE}.{public_id}"
        handover = Handover(
            certificate_id=delivery.certificate_id,
            address=address,
            url=f"{base}{PATH}#{token}",
            other_url=f"{other}{PATH}#{token}" if other else None,
            asking_url=f"{base}{path}",
            path=path,
            code=f"{secrets.randbelow(1_000_000):06}",
            expires_at=dt_util.utcnow() + LIFETIME,
        )
        job = HassJob(expire, cancel_on_shutdown=True)
        self._offers[token] = _Offer(
            delivery=delivery,
            handover=handover,
            public_id=public_id,
            cancel_expiry=async_call_later(self._hass, LIFETIME, job),
        )
        return handover

    @callback
    def is_good(self, link: str, *, remotely: bool) -> bool:
        """Return whether something can be fetched with a link, and take nothing.

        A link is a token, or an offer's public id without its code.
        """
        offers = self._open_offers(remotely=remotely)
        asking = (f"{_WITH_CODE}.{offer.public_id}" for offer in offers.values())
        return link in offers or link in asking

    def _open_offers(self, *, remotely: bool) -> Mapping[str, _Offer]:
        return {
            token: offer
            for token, offer in self._offers.items()
            if offer.is_open and (offer.delivery.remotely or not remotely)
        }

    @callback
    def take(self, secret: str, *, remotely: bool) -> Delivery | Refusal:
        """Return the delivery that a secret opens, and stop offering it.

        A secret is a token, or an offer's public id and its code. Too many wrong codes end the
        offer. Remotely, only deliveries that allow it are looked at, so that a stranger cannot
        use up the tries of the others. Raises AccountNotLoadedError: the delivery stays offered.
        """
        offers = self._open_offers(remotely=remotely)
        match secret.split("."):
            case [token] if token in offers:
                return self._give_out(token)
            case [kind, public_id, code] if kind == _WITH_CODE:
                for token, offer in offers.items():
                    if offer.public_id == public_id:
                        return self._try(token, offer, code)
        return Refusal.GONE

    def _try(self, token: str, offer: _Offer, code: str) -> Delivery | Refusal:
        if offer.accepts(code):
            return self._give_out(token)
        if offer.tries_left:
            return Refusal.WRONG_CODE
        self._miss(token)
        return Refusal.CLOSED

    def _give_out(self, token: str) -> Delivery:
        entry_id = self._offers[token].delivery.entry_id
        entry = self._hass.config_entries.async_get_entry(entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            raise AccountNotLoadedError
        return self._remove(token)

    def _miss(self, token: str) -> None:
        """Stop offering what nobody fetched."""
        delivery = self._remove(token)
        async_dispatcher_send(self._hass, signal_missed(delivery.entry_id))

    def _remove(self, token: str) -> Delivery:
        offer = self._offers.pop(token)
        offer.cancel_expiry()
        for call in offer.at_end:
            call()
        return offer.delivery


@callback
def async_get_handovers(hass: HomeAssistant) -> Handovers:
    """Return the deliveries of all accounts: a reload takes none of them away."""
    return hass.data.setdefault(_HANDOVERS, Handovers(hass))
