"""Literals of the rules language: strings, integers, wildcard patterns and regular expressions."""

import re
from typing import Final

_ESCAPE: Final = re.compile(r'\\(?:(["\\])|x([0-9A-Fa-f]{2})|([0-7]{3}))')


def quoted(text: str) -> tuple[bytes, int]:
    """Return the bytes of a quoted string whose first quote has been read, and its length with the last one."""
    read = bytearray()
    at = 0
    while at < len(text):
        if text[at] == '"':
            return bytes(read), at + 1
        if text[at] != "\\":
            read += text[at].encode()
            at += 1
            continue
        if not (escape := _ESCAPE.match(text, at)):
            raise ValueError(f"no escape: {text[at : at + 4]}")
        character, hexadecimal, octal = escape.groups()
        if character:
            read += character.encode()
        else:
            read.append(int(hexadecimal, 16) if hexadecimal else int(octal, 8))
        at = escape.end()
    raise ValueError("a string has no end")


def integer(text: str) -> int:
    """Return an integer: hexadecimal after 0x, octal after another 0, else decimal."""
    if text.startswith("0x"):
        return int(text, 16)
    return int(text, 8 if text.startswith("0") else 10)


def as_wildcard(text: bytes, *, strict: bool) -> re.Pattern[bytes]:
    r"""Return what matches the whole of a value: `*` is anything, `\*` and `\\` are themselves."""
    parts: list[bytes] = []
    at = 0
    while at < len(text):
        character = text[at : at + 1]
        at += 1
        if character == b"*":
            if parts and parts[-1] == b".*":
                raise ValueError("two stars in a row")
            parts.append(b".*")
            continue
        if character == b"\\":
            character = text[at : at + 1]
            if character not in (b"*", b"\\"):
                raise ValueError("a backslash escapes nothing")
            at += 1
        parts.append(re.escape(character))
    flags = re.DOTALL if strict else re.DOTALL | re.IGNORECASE
    return re.compile(rb"\A" + b"".join(parts) + rb"\Z", flags)


def as_regular_expression(source: str) -> re.Pattern[bytes]:
    """Return a regular expression; those of the tests mean the same in Rust and in Python."""
    return re.compile(source.encode())
