"""The API requests so far, so that tests and the demo can count them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_READ_BY_POST = ("/graphql", "/options/validate")


@dataclass(frozen=True)
class Entry:
    """An API request and its answer; the path is without the prefix /client/v4."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    """The status of the answer; 0 if there was none."""
    took_effect: bool
    """Whether the endpoint ran and succeeded, even if the client got another answer."""
    fault: str | None = None

    @property
    def write(self) -> bool:
        """Return whether the request could have changed anything."""
        reads = self.method == "GET" or self.path.endswith(_READ_BY_POST)
        return not reads and self.query.get("dry_run") != "true"

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON, without query and body, which may hold secrets."""
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
    """Every API request since the start, or since the journal was cleared."""

    requests: list[Entry] = field(default_factory=list)

    @property
    def writes(self) -> list[Entry]:
        """Return the writes, refused ones included; reads and dry runs are not writes."""
        return [entry for entry in self.requests if entry.write]

    def clear(self) -> None:
        """Remove all entries."""
        self.requests.clear()
