"""The systems of companion devices, and which bundle each of them reads (pure)."""

from collections.abc import Mapping
from enum import StrEnum
import re
from typing import Final

from .bundles import BundleFormat


class System(StrEnum):
    """The system that a companion device runs."""

    ANDROID = "android"
    IOS = "ios"
    WEAR_OS = "wear_os"
    MACOS = "macos"
    WINDOWS = "windows"
    LINUX = "linux"
    CHROMEOS = "chromeos"

    @property
    def is_computer(self) -> bool:
        """Return whether browsers use the certificate there, and no camera scans a code."""
        return self in _COMPUTERS

    @classmethod
    def reported(cls, os_name: str) -> System | None:
        """Return the system that a companion app reports, None if it is not known."""
        return _REPORTED.get(os_name.casefold())


_COMPUTERS: Final = frozenset(
    {System.MACOS, System.WINDOWS, System.LINUX, System.CHROMEOS}
)

_REPORTED: Final[Mapping[str, System]] = {
    "android": System.ANDROID,
    "ios": System.IOS,
    "ipados": System.IOS,
    "macos": System.MACOS,
}

# The first versions that read modern bundles; for Android it is the API level.
# Sources: AOSP, BouncyCastle of android14-release; Apple, Security-61439.1.1.
_MODERN_SINCE: Final[Mapping[System, int]] = {
    System.ANDROID: 34,
    System.IOS: 18,
    System.MACOS: 15,
}


def advised_format(system: System, version: str | None = None) -> BundleFormat:
    """Return the best format that the system can certainly read.

    The version is as a companion app reports it: the API level for Android, else the number
    of the release. Every version reads a compatible bundle.
    """
    since = _MODERN_SINCE.get(system)
    found = re.match(r"[0-9]{1,6}", version or "")
    if since is not None and found and int(found[0]) >= since:
        return BundleFormat.MODERN
    return BundleFormat.COMPATIBLE
