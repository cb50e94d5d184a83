"""Tells at once of requests that Cloudflare should have blocked, and looks why it did not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util

from ..account import async_get_account_state
from ..const import CONF_ACCOUNT_ID
from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.visits import VisitCoordinator
from ..engine.certificates.certificate import Certificate, readable
from ..engine.moment import Lasting, Moment
from ..engine.rules.exempt_paths import is_exempt
from ..engine.sync.settings import HostnameSettings
from ..issues import async_report, uncertified_issue
from ..storage.alarms import Alarms
from ..told_requests import SIGNAL_TOLD, ToldRequest

# New rules, and revocations, reach the edge's servers one by one.
_SETTLING: Final = timedelta(minutes=1)
_REVOKING: Final = timedelta(minutes=15)
# Until then a list may lack a certificate that somebody has just created elsewhere.
_LISTING: Final = timedelta(minutes=2)
# Until then lists that cannot be read may be readable again.
_UNREAD: Final = timedelta(hours=1)
# A stranger may send as many requests as they like.
_MOST_UNLISTED: Final = 100
_PAUSE: Final = timedelta(minutes=15)
# Who came once may try again.
_OVER_AFTER: Final = timedelta(days=1)


class _Reason(Enum):
    """Why Cloudflare is looked at."""

    UNCERTIFIED = auto()
    UNLISTED = auto()


@dataclass(frozen=True)
class _Unlisted:
    """When a certificate came that nobody has listed yet, by both clocks."""

    since: Moment
    at: datetime


def _has_lasted(since: Moment | None, time: timedelta) -> bool:
    return since is not None and since.age >= time


class RequestAlarm:
    """Watches what the edge tells of requests through an account's protected hostnames."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        visits: VisitCoordinator,
        alarms: Alarms,
    ) -> None:
        """Take the account, and what shows that its hostnames are closed."""
        self._hass = hass
        self._entry = entry
        self._protection = protection
        self._visits = visits
        self._alarms = alarms
        # What Cloudflare listed at the last look, by fingerprint.
        self._listed: Mapping[str, Certificate] = {}
        self._told = async_get_account_state(hass, entry.data[CONF_ACCOUNT_ID]).told
        self._told_since: Mapping[str, Moment] = {}
        # Which certificates are listed as revoked, and since when.
        self._revoked = Lasting()
        self._revoked_since: Mapping[str, Moment] = {}
        # What decides which of the others are accepted where, and since when.
        self._decided = Lasting()
        self._decided_since: Mapping[str, Moment] = {}
        # Why Cloudflare was looked at, and when: each reason has a pause of its own.
        self._looked_at: dict[_Reason, Moment] = {}
        # By hostname and fingerprint, when certificates came that nobody has listed yet.
        self._unlisted: dict[tuple[str, str], _Unlisted] = {}

    @callback
    def async_listen(self) -> None:
        """Listen to what the edge tells, until the account is unloaded."""
        for unsubscribe in (
            async_dispatcher_connect(self._hass, SIGNAL_TOLD, self._async_told),
            self._protection.async_add_listener(self._async_check),
            self._visits.async_add_listener(self._async_check),
        ):
            self._entry.async_on_unload(unsubscribe)
        self._async_check()

    @callback
    def _async_told(self, told: ToldRequest) -> None:
        hostname, fingerprint = told.identity
        since = self._told_since.get(hostname)
        if since is None or since.age < _SETTLING:
            return
        settings = self._hostnames().get(hostname)
        if settings is None or is_exempt(told.path, settings.protected.exempt_paths):
            return
        end = self._protection.ledger.end_of(fingerprint) if fingerprint else None
        if fingerprint is None or (end and dt_util.utcnow() - end >= _REVOKING):
            self._async_raise(hostname, dt_util.utcnow())
            return
        certificate = self._listed.get(fingerprint)
        if certificate and self._is_refused(settings, certificate):
            self._async_raise(hostname, dt_util.utcnow())
        elif certificate is None and end is None:
            # Somebody created it elsewhere, and a refresh tells of it; or a stranger made it up.
            if len(self._unlisted) < _MOST_UNLISTED:
                self._unlisted.setdefault(
                    (hostname, fingerprint), _Unlisted(Moment.now(), dt_util.utcnow())
                )
            self._async_look(_Reason.UNLISTED)

    @callback
    def _async_raise(self, hostname: str, at: datetime) -> None:
        last = self._alarms.last.get(hostname)
        # The clock may have been set back.
        if last is None or abs(at - last) >= _PAUSE:
            self._alarms.async_raise(hostname, at)
            self._visits.async_update_listeners()
        self._async_look(_Reason.UNCERTIFIED)

    @callback
    def _async_look(self, reason: _Reason) -> None:
        """Look at Cloudflare in the background, which fixes or tells what is wrong."""
        last = self._looked_at.get(reason)
        if last and last.age < _PAUSE:
            return
        self._looked_at[reason] = Moment.now()
        self._entry.async_create_background_task(
            self._hass,
            self._protection.async_refresh(),
            f"{self._entry.title} looks after a request",
        )

    @callback
    def _async_check(self) -> None:
        """End the alarms of hostnames that were closed for a while, or removed."""
        self._told_since = self._told.look(self._protection.told_hostnames)
        certificates = readable(self._protection.data.certificates or ())
        self._listed = {item.facts.fingerprint_sha256: item for item in certificates}
        self._revoked_since = self._revoked.look(
            key for key, item in self._listed.items() if not item.may_be_active
        )
        self._decided_since = self._decided.look([self._decision()])
        self._async_judge_unlisted()
        hostnames = self._hostnames()
        long_ago = dt_util.utcnow() - _OVER_AFTER
        over = [
            hostname
            for hostname, at in self._alarms.last.items()
            if hostname not in hostnames
            or (at <= long_ago and self._is_closed(hostnames[hostname]))
        ]
        if over:
            self._alarms.async_end(over)
            self._visits.async_update_listeners()
        self._async_report()

    @callback
    def _async_judge_unlisted(self) -> None:
        """Tell of certificates that no list has shown for a while: nobody but a stranger made them."""
        is_complete = self._protection.data.is_complete
        # While lists cannot be read, what is known here needs none.
        known = self._listed.keys() | (set() if is_complete else self._known())
        for (hostname, fingerprint), item in list(self._unlisted.items()):
            if fingerprint in known:
                del self._unlisted[hostname, fingerprint]
            elif item.since.age >= (_LISTING if is_complete else _UNREAD):
                del self._unlisted[hostname, fingerprint]
                self._async_raise(hostname, item.at)

    def _known(self) -> set[str]:
        """Return the fingerprints of the certificates that were created or confirmed here."""
        ledger = self._protection.ledger
        created = {record.fingerprint for record in ledger.records.values()}
        return created | ledger.confirmed.keys()

    def _is_refused(self, settings: HostnameSettings, certificate: Certificate) -> bool:
        """Return whether the rules have refused a listed certificate at a hostname for a while now."""
        if not certificate.may_be_active:
            fingerprint = certificate.facts.fingerprint_sha256
            return _has_lasted(self._revoked_since.get(fingerprint), _REVOKING)
        is_limited = settings.protected.is_limited
        if not (is_limited or self._protection.pins):
            return False
        trust = self._protection.trust
        is_accepted = trust.trusts(certificate) and (
            not is_limited or settings.is_for(trust.device_id_of(certificate))
        )
        return not is_accepted and _has_lasted(
            self._decided_since.get(self._decision()), _SETTLING
        )

    def _decision(self) -> str:
        """Return what decides which certificates are accepted where, as a key."""
        limits = [
            (item.hostname, item.protected.devices)
            for item in self._protection.hostnames
        ]
        pins = self._protection.pins
        if not pins and all(devices is None for _, devices in limits):
            return ""
        trust = self._protection.trust
        trusted = frozenset(
            key for key, item in self._listed.items() if trust.trusts(item)
        )
        return f"{hash((pins, frozenset(limits), trusted))}"

    def _is_closed(self, settings: HostnameSettings) -> bool:
        """Return whether the rules, and the last visit if there are any, show that such requests are blocked."""
        met = self._visits.data.get(settings.hostname)
        is_blocked = met is not None and met.enforced is True
        return self._protection.data.is_closed(settings) and (
            is_blocked or not settings.protected.published
        )

    def _hostnames(self) -> dict[str, HostnameSettings]:
        return {item.hostname: item for item in self._protection.hostnames}

    @callback
    def _async_report(self) -> None:
        issues = [
            uncertified_issue(hostname, at)
            for hostname, at in self._alarms.last.items()
        ]
        async_report(self._hass, self._entry.entry_id, "alarm", issues)
