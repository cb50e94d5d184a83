"""Marks by which our own rules and DNS records are recognised at Cloudflare (pure)."""

import re
from typing import Final

BLOCK_REF: Final = "cloudflare_mtls_block"
SKIP_REF: Final = "cloudflare_mtls_skip"
HEADER_REF: Final = "cloudflare_mtls_header"
RECORD_COMMENT: Final = "Home Assistant: Cloudflare mTLS"

_BLOCK_DESCRIPTION: Final = "Home Assistant: block devices without a certificate"
_SKIP_DESCRIPTION: Final = "Home Assistant: let devices with a certificate in"

# The first pair has no number; no other one is written as 0, 1 or with a leading zero.
_NUMBER: Final = r"(?P<number>[2-9]|[1-9]\d{1,2})"
_OUR_REF: Final = re.compile(rf"(?:{BLOCK_REF}|{SKIP_REF})(?:_{_NUMBER})?", re.ASCII)
_NUMBERED: Final = re.compile(
    rf"(?:{_BLOCK_DESCRIPTION}|{_SKIP_DESCRIPTION}) \({_NUMBER}\)", re.ASCII
)


def block_ref(number: int) -> str:
    """Return the ref of the block rule of a zone's pair of rules; the first pair is number 1."""
    return BLOCK_REF if number == 1 else f"{BLOCK_REF}_{number}"


def skip_ref(number: int) -> str:
    """Return the ref of the skip rule of a zone's pair of rules."""
    return SKIP_REF if number == 1 else f"{SKIP_REF}_{number}"


def block_description(number: int) -> str:
    """Return what people read of the block rule of a pair."""
    return _with_number(_BLOCK_DESCRIPTION, number)


def skip_description(number: int) -> str:
    """Return what people read of the skip rule of a pair."""
    return _with_number(_SKIP_DESCRIPTION, number)


def pair_of(ref: str) -> int | None:
    """Return the number of the pair that a rule with this ref belongs to; None if it is not ours."""
    found = _OUR_REF.fullmatch(ref)
    return int(found["number"] or 1) if found else None


def pair_described(description: str) -> int:
    """Return the number of the pair in a description of ours; the first pair has none."""
    found = _NUMBERED.fullmatch(description)
    return int(found["number"]) if found else 1


def is_block_ref(ref: str) -> bool:
    """Return whether a ref is that of one of our block rules."""
    return pair_of(ref) is not None and ref.startswith(BLOCK_REF)


def is_skip_ref(ref: str) -> bool:
    """Return whether a ref is that of one of our skip rules."""
    return pair_of(ref) is not None and ref.startswith(SKIP_REF)


def _with_number(description: str, number: int) -> str:
    return description if number == 1 else f"{description} ({number})"
