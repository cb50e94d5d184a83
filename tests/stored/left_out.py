"""What a version no longer stores, or stores as something else, on purpose: why an older one does not need it."""

from collections.abc import Mapping
from typing import Final

# The paths of `missing`, in which a star stands for anything, and the reason.
LEFT_OUT: Final[Mapping[str, str]] = {
    "*.told_logins/data/read_until": "It is when the log was read last.",
}
