"""Names of companion devices, and the forms of them that certificates and bundles carry (pure)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
import unicodedata

# In characters: as much as the state of an entity can hold.
_MAX_LENGTH: Final = 250
# In bytes: X.509 allows no longer common name.
_MAX_COMMON_NAME: Final = 64

# Categories of Unicode: control characters, joiners and marks of direction, halves of pairs.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs"})
# Those that turn around what stands beside a name, as marks and joiners inside it do not.
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# PKCS#12 has no characters beyond the basic plane.
_HIGHEST_IN_LABEL: Final = "\uffff"


def read_name(text: str) -> str | None:
    """Return a device's name as one line; None if nothing of it can be seen, or it is too long."""
    kept = "".join(
        char
        for char in text
        if char.isspace()
        or (char not in _TURNING and unicodedata.category(char) not in ("Cc", "Cs"))
    )
    name = " ".join(kept.split())
    return name if common_name(name) and len(name) <= _MAX_LENGTH else None


def common_name(name: str) -> str:
    """Return the form of a name that a certificate carries, at most 64 bytes in UTF-8.

    It is cut between what people see as characters. It is empty if nothing can be seen.

    Source: RFC 5280, appendix A.1, ub-common-name.
    """
    carried = ""
    for cluster in _clusters(_visible(name)):
        if len((carried + cluster).encode()) > _MAX_COMMON_NAME:
            break
        carried += cluster
    return carried.rstrip()


def make_label(name: str, issued_on: datetime, device_id: str) -> str:
    """Return a short name for the device's own lists: letters and digits of the name, and the minute.

    A renewed certificate stands beside the one before, so a date would not tell them apart: people
    renew twice a day when a link closes. It has no dots, at which Android would cut it. Where
    nothing is left of the name, the end of the device's id stands for it.
    """
    kept = "".join(
        cluster
        for cluster in _clusters(common_name(name))
        if (cluster[0].isalnum() or cluster in " -_")
        and max(cluster) <= _HIGHEST_IN_LABEL
    )
    recognised = " ".join(kept.split()) or f"device {device_id[-4:]}"
    return f"HA {recognised} {issued_on:%Y-%m-%d %H%M}"


def _visible(name: str) -> str:
    """Return a name without what takes no place, its accents in one form, as one line."""
    line = " ".join(name.split())
    kept = "".join(
        char for char in line if unicodedata.category(char) not in _INVISIBLE
    )
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _clusters(text: str) -> Iterator[str]:
    """Yield what people see as one character each; no one is longer than a certificate can carry."""
    cluster = ""
    for char in text:
        if cluster and not _continues(cluster, char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _continues(cluster: str, char: str) -> bool:
    """Return whether a character belongs to those before it, simpler than Unicode's annex 29."""
    if len((cluster + char).encode()) > _MAX_COMMON_NAME:
        return False
    return (
        unicodedata.category(char).startswith("M")
        or _is_skin_tone(char)
        or (len(cluster) == 1 and _is_half_of_flag(cluster) and _is_half_of_flag(char))
    )


def _is_skin_tone(char: str) -> bool:
    return "\U0001f3fb" <= char <= "\U0001f3ff"


def _is_half_of_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
