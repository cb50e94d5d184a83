"""What was asked of the API, so that tests and the demo can count it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One answered API request; its path lacks the /client/v4 prefix."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    """What was answered; 0 where nothing was."""
    took_effect: bool
    """Whether the endpoint ran and did not refuse, whatever was answered."""
    fault: str | None = None

    @property
    def write(self) -> bool:
        """Tell whether it could have changed anything."""
        reads = self.method == "GET" or self.path == "/graphql"
        return not reads and self.query.get("dry_run") != "true"

    def as_json(self) -> dict[str, Any]:
        """Describe it without its query and body, which may hold secrets."""
        body: dict[str, Any] = {
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "write": self.write,
        }
        if self.fault is not None:
            body |= {"fault": self.fault, "took_effect": self.took_effect}
        return body


@dataclass
class Journal:
    """Every API request since the start, or since it was cleared."""

    requests: list[Entry] = field(default_factory=list)

    @property
    def writes(self) -> list[Entry]:
        """Return what was neither a GET nor a dry run, refused ones included."""
        return [entry for entry in self.requests if entry.write]

    def clear(self) -> None:
        """Forget everything."""
        self.requests.clear()
