"""What companion devices run, and which bundle each of them reads (pure)."""

from collections.abc import Mapping
from enum import StrEnum
import re
from typing import Final

from .credentials import BundleFormat


class Platform(StrEnum):
    """What a companion device runs."""

    ANDROID = "android"
    IOS = "ios"
    WEAR_OS = "wear_os"
    MACOS = "macos"
    WINDOWS = "windows"
    LINUX = "linux"

    @classmethod
    def reported(cls, os_name: str) -> Platform | None:
        """Return the platform that a companion app reports, where it is known."""
        return _REPORTED.get(os_name.casefold())


_REPORTED: Final[Mapping[str, Platform]] = {
    "android": Platform.ANDROID,
    "ios": Platform.IOS,
    "ipados": Platform.IOS,
    "macos": Platform.MACOS,
}

# The first versions that read modern bundles; Android's app reports the level of its API.
# Sources: AOSP, BouncyCastle of android14-release; Apple, Security-61439.1.1.
_MODERN_SINCE: Final[Mapping[Platform, int]] = {
    Platform.ANDROID: 34,
    Platform.IOS: 18,
    Platform.MACOS: 15,
}


def advised_format(platform: Platform, version: str | None = None) -> BundleFormat:
    """Return the best format that the platform is sure to read.

    The version is as a companion app reports it: the level of the API for Android, else the
    number of the release. Every version reads a compatible bundle.
    """
    since = _MODERN_SINCE.get(platform)
    found = re.match(r"\d+", version or "")
    if since is not None and found and int(found[0]) >= since:
        return BundleFormat.MODERN
    return BundleFormat.COMPATIBLE
