"""The configuration that a cloudflared runs with, as its metrics server shows it.

Source: cloudflared 2026.8.2, ingress.go, config.go, origin_service.go and orchestrator.go.
"""

from collections.abc import Mapping
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

_DEFAULTS: Mapping[str, Any] = {
    "connectTimeout": 30,
    "tlsTimeout": 10,
    "tcpKeepAlive": 30,
    "noHappyEyeballs": False,
    "keepAliveTimeout": 90,
    "keepAliveConnections": 100,
    "httpHostHeader": "",
    "originServerName": "",
    "matchSNItoHost": False,
    "caPool": "",
    "noTLSVerify": False,
    "disableChunkedEncoding": False,
    "bastionMode": False,
    "proxyAddress": "127.0.0.1",
    "proxyPort": 0,
    "proxyType": "",
    "ipRules": None,
    "http2Origin": False,
    "access": {"teamName": "", "audTag": None},
}
_WARP_ROUTING = {"connectTimeout": 5, "maxActiveFlows": 0, "tcpKeepAlive": 30}
_DURATIONS = ("connectTimeout", "tlsTimeout", "tcpKeepAlive", "keepAliveTimeout")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d+(?:\.\d*)?)(ms|s|m|h)")
_DEFAULT_PORTS = {"ssh": 22, "rdp": 3389, "smb": 445, "tcp": 7864}
_WITHOUT_ADDRESS = ("http_status:", "unix:", "unix+tls:")


class InvalidServiceError(Exception):
    """An ingress rule has a service that cloudflared refuses; the message is its own."""


def active_config(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a configuration as the metrics server writes it; raise InvalidServiceError."""
    settings = dict(config or {})
    defaults = _with_overrides(_DEFAULTS, settings.get("originRequest"))
    rules = [_rule(rule, defaults) for rule in settings.get("ingress") or ()]
    return {
        "ingress": rules or [_nothing_defined()],
        "warp-routing": _warp_routing(settings.get("warp-routing") or {}),
        "originRequest": defaults,
    }


def normalised_service(service: str) -> str:
    """Return a service as cloudflared writes it; raise InvalidServiceError."""
    if service == "hello-world":
        return "hello_world"
    if service.startswith(_WITHOUT_ADDRESS) or "://" not in service:
        return service
    url = urlsplit(service)
    if not url.hostname:
        raise InvalidServiceError(
            f"{service} is an invalid address, please make sure it has a scheme and a "
            "hostname"
        )
    if url.path:
        raise InvalidServiceError(
            f"{service} is an invalid address, ingress rules don't support proxying to "
            "a different path on the origin service. The path will be the same as the "
            "eyeball request's path"
        )
    return _with_port(url)


def _warp_routing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs from the defaults; older keys, such as `enabled`, are gone."""
    chosen = {
        key: _seconds(value) if key in _DURATIONS else value
        for key, value in settings.items()
        if key in _WARP_ROUTING
    }
    return {key: value for key, value in chosen.items() if value != _WARP_ROUTING[key]}


def _with_port(url: SplitResult) -> str:
    if url.scheme not in ("http", "https", "ws", "wss"):
        port = _DEFAULT_PORTS.get(url.scheme)
        address = url.netloc.rpartition("@")[2]
        if port is not None and url.port is None:
            address = f"{address.rstrip(':')}:{port}"
        return f"{url.scheme}://{address}"
    return url.geturl()


def _rule(rule: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    service = normalised_service(rule.get("service") or "")
    settings = _with_overrides(defaults, rule.get("originRequest"))
    if settings["bastionMode"]:
        service = "bastion"
    elif service == "bastion":
        settings["bastionMode"] = True
    # A top-level `access` shows in every rule, and only the rule's own one acts.
    access = (rule.get("originRequest") or {}).get("access") or {}
    return {
        "hostname": rule.get("hostname") or "",
        "path": rule.get("path") or None,
        "service": service,
        "Handlers": [{}] if access.get("required") else None,
        "originRequest": settings,
    }


def _nothing_defined() -> dict[str, Any]:
    """Return the rule that stands for no rules: no setting of it has a value."""
    zeros = {str: "", int: 0, bool: False}
    settings = {key: zeros.get(type(value), value) for key, value in _DEFAULTS.items()}
    return {
        "hostname": "",
        "path": None,
        "service": "http_status:503",
        "Handlers": None,
        "originRequest": settings,
    }


def _with_overrides(
    defaults: Mapping[str, Any], overrides: Mapping[str, Any] | None
) -> dict[str, Any]:
    settings = dict(defaults)
    for key, value in (overrides or {}).items():
        if value is None or key not in settings:
            continue
        if key in _DURATIONS:
            settings[key] = _seconds(value)
        elif key == "ipRules":
            # Their fields are not exported, so JSON has none of them.
            settings[key] = [{} for _ in value] or settings[key]
        elif key == "access":
            settings[key] = {**_DEFAULTS["access"], **value}
        else:
            settings[key] = value
    return settings


def _seconds(duration: float | str) -> float:
    if not isinstance(duration, str):
        return duration
    total = sum(
        float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration)
    )
    return int(total) if total == int(total) else total
