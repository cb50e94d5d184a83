"""Faults that are planned for certain calls, whatever goes wrong then."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass
class PlannedFault[KindT]:
    """What goes wrong, and the calls that it applies to."""

    kind: KindT
    method: str = "*"
    path: str = "*"
    """A file name pattern for the path."""
    first: int = 1
    """The number of the first matching call that goes wrong."""
    times: int | None = 1
    """How many matching calls go wrong from there on; None means all."""
    seconds: float = 0
    """How long the answer is delayed; used by every kind of fault."""
    calls: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Count a matching call and return whether it goes wrong."""
        if self.method not in ("*", method) or not fnmatchcase(path, self.path):
            return False
        self.calls += 1
        return self.calls >= self.first and (
            self.times is None or self.calls < self.first + self.times
        )


class PlannedFaults[FaultT: PlannedFault[Any]]:
    """The faults that are set up."""

    def __init__(self) -> None:
        """Start without faults."""
        self.waiting: list[FaultT] = []

    def add(self, fault: FaultT) -> FaultT:
        """Add a fault; if several match a call, the one added first applies."""
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self.waiting.clear()

    def take(self, method: str, path: str) -> FaultT | None:
        """Count a call for every fault and return the first that applies to it."""
        matching = [fault for fault in self.waiting if fault.takes(method, path)]
        return matching[0] if matching else None
