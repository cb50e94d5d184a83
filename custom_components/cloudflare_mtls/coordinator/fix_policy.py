"""Decides when drift is fixed, when a person is told of it, and how soon to look again (pure)."""

from collections.abc import Collection, Iterable, Mapping

from ..engine.api.errors import EngineError, Permission, PermissionMissing
from ..engine.sync.reconciler import ZoneSync
from ..engine.sync.settings import HostnameSettings
from ..engine.sync.steps import Step, is_shared


class FixPolicy:
    """The attempts to fix drift, from when it is found until a refresh finds none.

    One attempt is made at a time, and each ends with a refresh that shows what came of it.
    What failed once is tried again soon; a person is told of it only if that fails as well.
    There are two exceptions. That somebody gets in without a good certificate is told as soon
    as closing it has failed. Drift that an attempt left although nothing stopped it is told
    at once, and tried once more soon: it may have come while the attempt was under way.
    """

    def __init__(self) -> None:
        """Start before the first attempt."""
        self._under_way = False
        self._attempts = 0
        self._failures = 0
        self._succeeded = False
        self._is_left = False
        self._missing: frozenset[Permission] = frozenset()
        self._refusals: Mapping[str, str] = {}

    def begin(self) -> bool:
        """Begin an attempt, unless one is under way; return whether one begins."""
        if self._under_way:
            self._is_left = self._succeeded
            return False
        self._under_way = True
        self._attempts += 1
        return True

    def failed(self, errors: Collection[EngineError] = ()) -> None:
        """Record that an attempt failed, and what stopped its changes if it made any."""
        self._failures += 1
        if errors:
            self._missing = frozenset(
                err.permission for err in errors if isinstance(err, PermissionMissing)
            )

    def refused(self, messages: Mapping[str, str]) -> None:
        """Record what Cloudflare said where it refused a change, by zone."""
        self._refusals = messages

    @property
    def refusals(self) -> Mapping[str, str]:
        """Return what Cloudflare says, by zone, where it refuses a change again and again."""
        return self._refusals if self._failures > 1 else {}

    def succeeded(self) -> None:
        """Record that nothing stopped an attempt."""
        self._refusals = {}
        self._failures = 0
        self._succeeded = True
        self._missing = frozenset()

    def end(self) -> None:
        """End an attempt: the refresh after it is over."""
        self._under_way = False

    def may_tell(self, *, exposed: bool) -> bool:
        """Return whether a person is told of what was found; exposed if somebody gets in."""
        if not self._under_way or self._succeeded:
            return True
        return self._failures > 1 or (exposed and self._failures == 1)

    @property
    def missing_permissions(self) -> frozenset[Permission]:
        """Return the permissions that a person is told to add so that drift can be fixed."""
        return self._missing if self._failures > 1 else frozenset()

    @property
    def wants_second_look(self) -> bool:
        """Return whether the next refresh is due soon, rather than at the usual time."""
        return self._failures == 1 or (self._is_left and self._attempts == 1)


def fixed_steps(
    zones: Mapping[str, ZoneSync],
    hostnames: Iterable[HostnameSettings],
    removed: Collection[HostnameSettings],
) -> Mapping[str, list[Step]]:
    """Return the steps that fixed each of these hostnames, by hostname.

    A rule belongs to all hostnames of its zone; while others are taken down there, it is
    changed for their sake.
    """
    removed_in = {item.zone_id for item in removed}
    fixed = {
        item.hostname: [
            step
            for step in zones[item.zone_id].applied
            if step.target == item.hostname
            or (is_shared(step) and item.zone_id not in removed_in)
        ]
        for item in hostnames
        if item.zone_id in zones
    }
    return {hostname: steps for hostname, steps in fixed.items() if steps}
