"""The faults that are active, and what the integration cannot know while they last."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, override

from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from sandbox.journal import Entry
from tests.common import EDGE_EVERY, TUNNELS_EVERY

from .home import TICK, Home


class Part(Enum):
    """A group of entities that are known or unknown together."""

    TUNNELS = "tunnels"
    HOSTNAME = "hostname"
    CERTIFICATES = "certificates"


# Parts of one refresh: if it fails as a whole, both are unknown.
_PROTECTION: Final = (Part.HOSTNAME, Part.CERTIFICATES)
_REFUSALS: Final = (FaultKind.UNAUTHORIZED, FaultKind.FORBIDDEN)
# Faults that make only the part of the call unknown: Cloudflare answers, and says no.
_ANSWERS: Final = (*_REFUSALS, FaultKind.UNSUCCESSFUL)

# Faults whose answers cannot be mistaken for good ones.
KINDS: Final = (
    FaultKind.UNAUTHORIZED,
    FaultKind.FORBIDDEN,
    FaultKind.SERVER_ERROR,
    FaultKind.BAD_GATEWAY,
    FaultKind.UNSUCCESSFUL,
    FaultKind.HTML,
    FaultKind.NULL,
    FaultKind.MISSING,
    FaultKind.MISTYPED,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
)
# Faults that can hit all calls. Refusals are left out: a token that is refused everything is
# a dead token.
KINDS_FOR_ALL_CALLS: Final = (
    FaultKind.SERVER_ERROR,
    FaultKind.BAD_GATEWAY,
    FaultKind.UNSUCCESSFUL,
    FaultKind.HTML,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
)


@dataclass(frozen=True, repr=False)
class Call:
    """A call of a refresh, how often it is made, and the key of its answer that a fault changes."""

    path: str
    part: Part
    every: timedelta
    key: str
    kinds: tuple[FaultKind, ...] = KINDS
    # Whether its failure makes only its own part unknown.
    alone: bool = False

    @override
    def __repr__(self) -> str:
        return self.path


_ZONE: Final = f"/zones/{Sandbox.zone_id}"
_TUNNELS: Final = f"/accounts/{Sandbox.account_id}/cfd_tunnel"
_TUNNEL: Final = f"{_TUNNELS}/{Sandbox.tunnel_id}"

# Without connections, a changed answer looks like that of a tunnel that does not run.
CONNECTIONS: Final = Call(
    f"{_TUNNEL}/connections",
    Part.TUNNELS,
    timedelta(minutes=5),
    "result",
    KINDS_FOR_ALL_CALLS,
)
CALLS: Final = (
    Call(_ZONE, Part.HOSTNAME, EDGE_EVERY, "result.name"),
    Call(f"{_ZONE}/dns_records", Part.HOSTNAME, EDGE_EVERY, "result.0.type"),
    Call(f"{_ZONE}/rulesets/phases/*", Part.HOSTNAME, EDGE_EVERY, "result.id"),
    Call(
        f"{_ZONE}/certificate_authorities/hostname_associations",
        Part.HOSTNAME,
        EDGE_EVERY,
        "result",
    ),
    Call(
        f"{_ZONE}/client_certificates",
        Part.CERTIFICATES,
        EDGE_EVERY,
        "result.0.certificate",
        alone=True,
    ),
    Call(
        f"{_TUNNEL}/configurations",
        Part.HOSTNAME,
        EDGE_EVERY,
        "result.config",
        alone=True,
    ),
    Call(_TUNNELS, Part.TUNNELS, TUNNELS_EVERY, "result.0.id"),
    CONNECTIONS,
)


@dataclass(frozen=True)
class _Unknown:
    """A part that has to be unknown from a time on."""

    part: Part
    since: datetime
    cause: Part
    """The part whose call fails."""


class ActiveFaults:
    """The faults of a home's calls; each lasts until `end`, or for one call."""

    def __init__(self, home: Home) -> None:
        """Start without faults."""
        self._home = home
        self._unknown: list[_Unknown] = []
        self._single: list[Fault] = []
        self._paused_until = home.now
        # The last time at which any fault was active.
        self.none_since = home.now
        # Whether a call was refused more than once, since the checker reset it.
        self.was_refused = False

    @property
    def none(self) -> bool:
        """Return whether no fault is active or waits for a call."""
        return not self._unknown and not self._single and not self.is_paused

    @property
    def none_for_long(self) -> bool:
        """Return whether there was no fault for so long that the next one counts as the first."""
        return self.none and self._home.now - self.none_since > 2 * TICK

    @property
    def is_paused(self) -> bool:
        """Return whether Cloudflare has asked for a pause that is not over."""
        return self._home.now < self._paused_until

    def makes_unknown(self, part: Part) -> bool:
        """Return whether a part has to be unknown by now."""
        return any(
            each.part is part
            and self._home.now > each.since
            # While a call is refused, a refresh may end with this refusal instead of another
            # call's failure, and a refusal makes only its own part unknown.
            and (each.cause is part or not self._is_refused)
            for each in self._unknown
        )

    def fail_call(self, call: Call, kind: FaultKind) -> None:
        """Let a call fail, unless it already does."""
        if any(
            fault.path == call.path and fault.times is None
            for fault in self._home.sandbox.faults.waiting
        ):
            return
        self._add(Fault(kind, "GET", call.path, times=None, key=call.key))
        together = call.part in _PROTECTION and not call.alone and kind not in _ANSWERS
        for part in _PROTECTION if together else (call.part,):
            self._expect_unknown(part, call.every, call.part)

    def fail_all_calls(self, kind: FaultKind) -> None:
        """Let all calls fail."""
        self._add(Fault(kind, times=None))
        self._expect_all_unknown()

    def stop_name_resolution(self) -> None:
        """Let no name server answer."""
        self._home.loop.resolves_names = False
        self._expect_all_unknown()

    def limit_rate(self, seconds: int) -> None:
        """Let the next call be rate-limited, with a pause of some seconds."""
        fault = self._add(Fault(FaultKind.RATE_LIMITED, retry_after=seconds))
        self._single.append(fault)

    def refuse_once(self, call: Call) -> None:
        """Refuse a call once, although the token has the permission."""
        self._single.append(self._add(Fault(FaultKind.FORBIDDEN, "GET", call.path)))

    def end(self) -> None:
        """End all faults; a pause that Cloudflare asked for goes on."""
        self._home.sandbox.faults.clear()
        self._home.loop.resolves_names = True
        self._unknown.clear()
        self._single.clear()

    def note(self, requests: Iterable[Entry]) -> None:
        """Update from the requests of a tick."""
        for fault in self._single:
            if fault.kind is FaultKind.RATE_LIMITED and any(
                entry.fault == fault.kind for entry in requests
            ):
                pause = timedelta(seconds=fault.retry_after)
                self._paused_until = self._home.now + pause
        if not self.none:
            self.none_since = self._home.now
        self.was_refused |= self._is_refused
        self._single = [fault for fault in self._single if not fault.calls]

    @property
    def _is_refused(self) -> bool:
        """Return whether a call is refused until the faults end."""
        return any(
            fault.kind in _REFUSALS and fault.times is None
            for fault in self._home.sandbox.faults.waiting
        )

    def _add(self, fault: Fault) -> Fault:
        return self._home.sandbox.faults.add(fault)

    def _expect_unknown(self, part: Part, every: timedelta, cause: Part) -> None:
        # A refresh that fails is repeated once before its entities become unknown; none comes in a pause.
        since = max(self._home.now, self._paused_until) + every + TICK
        self._unknown.append(_Unknown(part, since, cause))

    def _expect_all_unknown(self) -> None:
        self._expect_unknown(Part.TUNNELS, TUNNELS_EVERY, Part.TUNNELS)
        for part in _PROTECTION:
            self._expect_unknown(part, EDGE_EVERY, part)
