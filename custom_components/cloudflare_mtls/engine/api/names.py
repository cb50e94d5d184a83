"""The two spellings of a name: the one that DNS has, and the one that people read (pure)."""

from typing import Final

# Home Assistant's own HTTP clients bring it.
import idna

# Of what is longer, DNS has no name.
MAX_NAME: Final = 253
_MAX_LABEL: Final = 63
_ENCODED: Final = "xn--"


def in_dns(name: str) -> str:
    """Return the form in which DNS has a name: in lower case, other letters in Punycode.

    Cloudflare lists zones in their own letters, and has everything else in this form. A text
    that cannot be a name only becomes lower case.

    Source: Unicode Technical Standard 46, as browsers and cloudflared have it.
    """
    if name.isascii() or len(name) > MAX_NAME:
        return name.lower()
    try:
        mapped = idna.uts46_remap(name, std3_rules=False)
    except idna.IDNAError:
        return name.lower()
    return ".".join(map(_encode, mapped.split(".")))


def in_letters(name: str) -> str:
    """Return a name of DNS in its own letters, as people read it.

    A label that only begins like an encoded one, and is none, stays.
    """
    return ".".join(map(_decode, name.split(".")))


def is_at_or_below(name: str, other: str) -> bool:
    """Return whether a name of DNS is another one, or has labels before it."""
    return name == other or name.endswith(f".{other}")


def is_decodable(name: str) -> bool:
    """Return whether every label of a name that begins like an encoded one is one."""
    return not any(label.startswith(_ENCODED) for label in in_letters(name).split("."))


def _encode(label: str) -> str:
    if label.isascii() or len(label) > _MAX_LABEL:
        return label
    return f"{_ENCODED}{label.encode('punycode').decode()}"


def _decode(label: str) -> str:
    if not label.startswith(_ENCODED) or len(label) > _MAX_LABEL:
        return label
    try:
        letters = label.removeprefix(_ENCODED).encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return letters if in_dns(letters) == label else label
