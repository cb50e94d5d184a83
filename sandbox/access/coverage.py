"""Which application covers a request, and which of its paths are open to everybody."""

from collections.abc import Iterable
import re
from typing import Any, NamedTuple

from ..state import AccessApplication


class Covering(NamedTuple):
    """An application that covers a request, by one of its destinations."""

    application: AccessApplication
    destination: dict[str, Any]


def uris(application: AccessApplication) -> list[str]:
    """Return the public addresses of an application."""
    return [str(each["uri"]) for each in application.destinations]


def covering(
    applications: Iterable[AccessApplication], hostname: str, path: str
) -> Covering | None:
    """Find the most specific match for a request: exact hostnames first, then long paths."""
    found = [
        Covering(application, destination)
        for application in applications
        if application.type == "self_hosted"
        for destination in application.destinations
        if _covers(destination["uri"], hostname, path)
    ]
    return max(
        found, key=lambda each: _precision(each.destination["uri"]), default=None
    )


def is_public(destination: dict[str, Any], path: str) -> bool:
    """Return whether a destination makes exactly this path public."""
    return any(
        override.get("behavior") == "public"
        and re.fullmatch(_pattern(override.get("path_pattern", ""), "[^/]+"), path)
        for override in destination.get("overrides") or ()
    )


def _covers(uri: str, hostname: str, path: str) -> bool:
    host_pattern, slash, path_pattern = uri.lower().partition("/")
    if not re.fullmatch(_pattern(host_pattern, "[^.]*"), hostname):
        return False
    # GUESS: hostname and path ignore case. A star in a path may span segments.
    below = _pattern(f"{slash}{path_pattern}".rstrip("/"), ".+")
    return re.fullmatch(f"{below}(/.*)?", path.lower()) is not None


def _precision(uri: str) -> tuple[bool, int, int, bool]:
    host, _, path = uri.partition("/")
    # GUESS: of two wildcards the longer one is the more specific one.
    return (
        "*" not in host,
        len(host) if "*" in host else 0,
        len(path.strip("/").split("/")) if path else 0,
        "*" not in path,
    )


def _pattern(text: str, star: str) -> str:
    return star.join(re.escape(part) for part in text.split("*"))
