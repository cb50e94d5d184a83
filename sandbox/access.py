"""Zero Trust Access at the edge: which application covers a request, and who may skip the login."""

from ipaddress import ip_network
import re
from typing import Any
from urllib.parse import urlencode

from .state import Access, AccessApplication, AccessPolicy, Visitor


def login_url(access: Access, visitor: Visitor, hostname: str, path: str) -> str | None:
    """Return the URL where a visitor has to log in first, or None if no login is needed."""
    covering = _most_specific(access, hostname, path)
    if covering is None:
        return None
    application, destination = covering
    if _is_public(destination, path) or any(
        policy.decision == "bypass" and _applies(policy, visitor)
        for policy in application.policies
    ):
        return None
    # GUESS: the query. The sandbox has no login, so nothing reads it.
    query = urlencode({"kid": application.aud, "redirect_url": path})
    return f"https://{access.auth_domain}/cdn-cgi/access/login/{hostname}?{query}"


def uris(application: AccessApplication) -> list[str]:
    """Return the public addresses of an application."""
    return [str(each["uri"]) for each in application.destinations]


def _most_specific(
    access: Access, hostname: str, path: str
) -> tuple[AccessApplication, dict[str, Any]] | None:
    """Find the most specific match for a request: exact hostnames first, then long paths."""
    found = [
        (application, destination)
        for application in access.applications.values()
        for destination in application.destinations
        if _covers(destination["uri"], hostname, path)
    ]
    return max(found, key=lambda each: _precision(each[1]["uri"]), default=None)


def _covers(uri: str, hostname: str, path: str) -> bool:
    host_pattern, slash, path_pattern = uri.lower().partition("/")
    if not re.fullmatch(_pattern(host_pattern, "[^.]+"), hostname):
        return False
    # GUESS: hostname and path ignore case; a path covers everything below it.
    below = _pattern(f"{slash}{path_pattern}".rstrip("/"), "[^/]+")
    return re.fullmatch(f"{below}(/.*)?", path.lower()) is not None


def _precision(uri: str) -> tuple[bool, int, bool]:
    host, _, path = uri.partition("/")
    return (
        "*" not in host,
        len(path.strip("/").split("/")) if path else 0,
        "*" not in path,
    )


def _pattern(text: str, star: str) -> str:
    return star.join(re.escape(part) for part in text.split("*"))


def _is_public(destination: dict[str, Any], path: str) -> bool:
    """Return whether a destination makes exactly this path public."""
    return any(
        override.get("behavior") == "public"
        and re.fullmatch(_pattern(override.get("path_pattern", ""), "[^/]+"), path)
        for override in destination.get("overrides", ())
    )


def _applies(policy: AccessPolicy, visitor: Visitor) -> bool:
    return (
        any(_is_met(rules, visitor) for rules in policy.include)
        and all(_is_met(rules, visitor) for rules in policy.require)
        and not any(_is_met(rules, visitor) for rules in policy.exclude)
    )


def _is_met(rule: dict[str, Any], visitor: Visitor) -> bool:
    """Return whether a rule is true for a visitor who has not logged in."""
    return any(_matches(kind, value, visitor) for kind, value in rule.items())


def _matches(kind: str, value: dict[str, Any], visitor: Visitor) -> bool:
    match kind:
        case "everyone":
            return True
        case "geo":
            return bool(value["country_code"] == visitor.country)
        case "ip":
            return visitor.ip in ip_network(value["ip"], strict=False)
    return False
