"""The zone settings that can affect visitors: allowed values and defaults."""

from collections.abc import Mapping

from .state import Zone

_ON_OFF = ("on", "off")

VALUES: Mapping[str, tuple[str, ...]] = {
    "0rtt": _ON_OFF,
    "always_use_https": _ON_OFF,
    "browser_check": _ON_OFF,
    "http3": _ON_OFF,
    "min_tls_version": ("1.0", "1.1", "1.2", "1.3"),
    "security_level": (
        "off",
        "essentially_off",
        "low",
        "medium",
        "high",
        "under_attack",
    ),
    "ssl": ("off", "flexible", "full", "strict"),
    "tls_1_3": ("on", "off", "zrt"),
    "websockets": _ON_OFF,
}
# GUESS: the defaults of a new zone, except browser_check and websockets.
_DEFAULTS: Mapping[str, str] = {
    "0rtt": "off",
    "always_use_https": "off",
    "browser_check": "on",
    "http3": "on",
    "min_tls_version": "1.0",
    "security_level": "medium",
    "ssl": "full",
    "tls_1_3": "on",
    "websockets": "on",
}


def setting(zone: Zone, name: str) -> str:
    """Return the value of a zone's setting."""
    changed = zone.settings.get(name)
    return changed.value if changed else _DEFAULTS[name]
