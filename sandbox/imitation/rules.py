"""Which ingress rule takes a request, as cloudflared chooses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..state import Tunnel
from . import re2
from .go_idna import to_ascii
from .go_urls import split_host_port


@dataclass(frozen=True)
class Service:
    """The service that an ingress rule names, with its settings."""

    name: str
    origin_request: dict[str, Any]


def service_for(tunnel: Tunnel, host: str, path: str) -> Service:
    """Return the service of the first rule that takes a request, by its decoded path."""
    config = fields(tunnel.config or {})
    for rule in map(fields, config.get("ingress") or ()):
        if takes(rule.get("hostname") or "*", host) and re2.compiled(
            rule.get("path") or ""
        ).search(path):
            settings = fields(config.get("originrequest") or {})
            # Access is asked for by rules alone.
            settings.pop("access", None)
            settings |= fields(rule.get("originrequest") or {})
            return Service(rule["service"], settings)
    # cloudflared answers 503 while it has no configuration.
    return Service("http_status:503", {})


def takes(pattern: str, host: str) -> bool:
    """Return whether cloudflared takes a rule for a Host header: case counts, and a dot.

    Source: cloudflared 2026.8.2, ingress.go, FindMatchingRule and matchHost.
    """
    without_port = split_host_port(host)
    host = host if without_port is None else without_port
    if pattern in ("", "*"):
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host in (pattern, to_ascii(pattern))


def fields(json: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object as Go reads it: any case in the keys, the later one wins, null is absent."""
    return {key.lower(): value for key, value in json.items() if value is not None}
