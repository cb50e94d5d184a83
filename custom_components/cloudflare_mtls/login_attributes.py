"""What the entities of a login hostname show of a login (pure)."""

from typing import Final

from .engine.access.logins import Login
from .quoting import plain

ATTR_EMAIL: Final = "email"
ATTR_COUNTRY: Final = "country"
ATTR_METHOD: Final = "method"

PERSONAL: Final = frozenset({ATTR_EMAIL, ATTR_COUNTRY, ATTR_METHOD})
"""What the recorder must not keep: who somebody is, and where they were."""


def describe_login(login: Login) -> dict[str, str]:
    """Return who logged in, from where and how; not the IP address, since every user reads states."""
    return {
        ATTR_EMAIL: plain(login.email),
        ATTR_COUNTRY: plain(login.country),
        ATTR_METHOD: plain(login.method),
    }
