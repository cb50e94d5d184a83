"""An HTTP request to the API, however it arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from typing import Any

from yarl import URL

PREFIX = "/client/v4"


@dataclass(frozen=True)
class Request:
    """What a client asks."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes
    remote: str

    @property
    def path(self) -> str:
        """Return the path below PREFIX."""
        return self.url.path.removeprefix(PREFIX)

    @property
    def query(self) -> dict[str, str]:
        """Return the first value of each parameter."""
        return dict(self.url.query)

    def json(self) -> Any:
        """Return the body, or None where it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError, RecursionError:
            return None
