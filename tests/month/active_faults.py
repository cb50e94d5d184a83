"""What goes wrong on the way to Cloudflare, and what nobody can see while it lasts."""

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
    """What is shown, or not, together."""

    TUNNELS = "tunnels"
    HOSTNAME = "hostname"
    CERTIFICATES = "certificates"


# What is looked at together, so that what one cannot see the other does not either.
_EDGE: Final = (Part.HOSTNAME, Part.CERTIFICATES)
# What costs one feature only.
_REFUSALS: Final = (FaultKind.UNAUTHORIZED, FaultKind.FORBIDDEN)

# No answer of these kinds can be taken for a good one.
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
# What can happen to any call, whatever its answer looks like. Whoever is refused everything
# has no good token.
WHOLE: Final = (
    FaultKind.SERVER_ERROR,
    FaultKind.BAD_GATEWAY,
    FaultKind.UNSUCCESSFUL,
    FaultKind.HTML,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
)


@dataclass(frozen=True, repr=False)
class Call:
    """A call of a refresh, how often it is made, and where its answer can be spoiled."""

    path: str
    part: Part
    every: timedelta
    key: str
    kinds: tuple[FaultKind, ...] = KINDS

    @override
    def __repr__(self) -> str:
        return self.path


_ZONE: Final = f"/zones/{Sandbox.zone_id}"
_TUNNELS: Final = f"/accounts/{Sandbox.account_id}/cfd_tunnel"
_TUNNEL: Final = f"{_TUNNELS}/{Sandbox.tunnel_id}"

# A tunnel that does not run may well have no connections to tell of.
CONNECTIONS: Final = Call(
    f"{_TUNNEL}/connections", Part.TUNNELS, timedelta(minutes=5), "result", WHOLE
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
    ),
    Call(f"{_TUNNEL}/configurations", Part.HOSTNAME, EDGE_EVERY, "result.config"),
    Call(_TUNNELS, Part.TUNNELS, TUNNELS_EVERY, "result.0.id"),
    CONNECTIONS,
)


@dataclass(frozen=True)
class Blindness:
    """A part that cannot be seen any more once it was to be looked at."""

    part: Part
    since: datetime
    because_of: Part


class Troubles:
    """The troubles of a home: they last until they are ended, or for one call."""

    def __init__(self, home: Home) -> None:
        """Begin without any."""
        self._home = home
        self._blind: list[Blindness] = []
        self._once: list[Fault] = []
        self._paused_until = home.now
        # Since when nothing was in the way.
        self.clear_since = home.now
        # Whether the token was refused something for longer than a moment.
        self.was_refused = False

    @property
    def none(self) -> bool:
        """Tell whether nothing goes wrong, or is about to."""
        return not self._blind and not self._once and not self.paused

    @property
    def calm(self) -> bool:
        """Tell whether nothing went wrong for so long that the next will be the first again."""
        return self.none and self._home.now - self.clear_since > 2 * TICK

    @property
    def asks_more(self) -> int:
        """Return how many calls are made every minute since one of them fails."""
        spoiled = {fault.path for fault in self._home.sandbox.faults.waiting}
        return len(self._home.tunnels) if CONNECTIONS.path in spoiled else 0

    @property
    def paused(self) -> bool:
        """Tell whether Cloudflare wants to be left alone."""
        return self._home.now < self._paused_until

    def blinds(self, part: Part) -> bool:
        """Tell whether nothing of a part has been seen for longer than anything may be shown."""
        return any(
            blindness.part is part
            and self._home.now > blindness.since
            # Who is refused first does not hear what else fails, and sees the rest.
            and (blindness.because_of is part or not self._is_refused)
            for blindness in self._blind
        )

    def spoil(self, call: Call, kind: FaultKind) -> None:
        """Spoil one call; one that is spoiled stays as it is."""
        if any(
            fault.path == call.path and fault.times is None
            for fault in self._home.sandbox.faults.waiting
        ):
            return
        self._add(Fault(kind, "GET", call.path, times=None, key=call.key))
        together = call.part in _EDGE and kind not in _REFUSALS
        for part in _EDGE if together else (call.part,):
            self._cover(part, call.every, call.part)

    def spoil_everything(self, kind: FaultKind) -> None:
        """Spoil every call."""
        self._add(Fault(kind, times=None))
        self._cover_everything()

    def lose_names(self) -> None:
        """Let no name be found."""
        self._home.loop.knows_names = False
        self._cover_everything()

    def limit(self, seconds: int) -> None:
        """Ask for a pause at the next call."""
        self._once.append(self._add(Fault(FaultKind.RATE_LIMITED, retry_after=seconds)))

    def refuse_once(self, call: Call) -> None:
        """Refuse a call once, for no reason."""
        self._once.append(self._add(Fault(FaultKind.FORBIDDEN, "GET", call.path)))

    def end(self) -> None:
        """Have all go well again; a pause that was asked for is kept."""
        self._home.sandbox.faults.clear()
        self._home.loop.knows_names = True
        self._blind.clear()
        self._once.clear()

    def note(self, heard: Iterable[Entry]) -> None:
        """Take what was heard in a tick."""
        for fault in self._once:
            if fault.kind is FaultKind.RATE_LIMITED and any(
                entry.fault == fault.kind for entry in heard
            ):
                pause = timedelta(seconds=fault.retry_after)
                self._paused_until = self._home.now + pause
        if not self.none:
            self.clear_since = self._home.now
        self.was_refused |= self._is_refused
        self._once = [fault for fault in self._once if not fault.calls]

    @property
    def _is_refused(self) -> bool:
        """Tell whether something is refused for longer than a moment."""
        return any(
            fault.kind in _REFUSALS and fault.times is None
            for fault in self._home.sandbox.faults.waiting
        )

    def _add(self, fault: Fault) -> Fault:
        return self._home.sandbox.faults.add(fault)

    def _cover(self, part: Part, every: timedelta, because_of: Part) -> None:
        # Somebody may ask twice before saying that he cannot see.
        since = self._home.now + every + TICK
        self._blind.append(Blindness(part, since, because_of))

    def _cover_everything(self) -> None:
        self._cover(Part.TUNNELS, TUNNELS_EVERY, Part.TUNNELS)
        for part in _EDGE:
            self._cover(part, EDGE_EVERY, part)
