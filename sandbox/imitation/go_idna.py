"""International names as Go's idna.Lookup writes them."""

from functools import lru_cache
import unicodedata

import idna
from idna.core import check_bidi, check_initial_combiner, valid_contextj

_ENCODED = "xn--"
# Zero-width letters, which are good in few places only.
_JOINERS = "\u200c\u200d"


@lru_cache(maxsize=1024)
def to_ascii(name: str) -> str | None:
    """Return the form of a name in DNS, None for a name that Go refuses; its length does not matter."""
    try:
        labels = idna.uts46_remap(name, std3_rules=True).split(".")
        letters = [_decoded(label) for label in labels]
        for label in letters:
            _check(label, has_bidi=any(map(_is_right_to_left, letters)))
    except UnicodeError, IndexError:
        return None
    return ".".join(map(_encoded, letters))


def _check(label: str, *, has_bidi: bool) -> None:
    if label.startswith("-") or label.endswith("-") or label.encode()[2:4] == b"--":
        raise idna.IDNAError(label)
    if label:
        check_initial_combiner(label)
    if any(
        letter in _JOINERS and not valid_contextj(label, place)
        for place, letter in enumerate(label)
    ):
        raise idna.IDNAError(label)
    if has_bidi and label:
        check_bidi(label, check_ltr=True)


def _is_right_to_left(label: str) -> bool:
    return any(
        unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in label
    )


def _decoded(label: str) -> str:
    if not label.startswith(_ENCODED):
        return label
    letters = label.removeprefix(_ENCODED).encode("ascii").decode("punycode")
    if letters.isascii() or idna.uts46_remap(letters, std3_rules=True) != letters:
        raise idna.IDNAError(label)
    return letters


def _encoded(label: str) -> str:
    if label.isascii():
        return label
    return _ENCODED + label.encode("punycode").decode()
