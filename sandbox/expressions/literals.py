"""Read literals as Cloudflare's parser does."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
import re

from .errors import UnsupportedError
from .fields import Type
from .regexes import compiled
from .tokens import Kind, Token
from .tree import IPAddress, Member, Range, Value

# A number with a minus is decimal, even with a leading zero.
_NUMBERS = ((r"0x[\dA-Fa-f]+", 16), (r"0[0-7]+", 8), (r"-?\d+", 10))
_OCTETS = re.compile(r"[\dA-Fa-f]{2}(?::[\dA-Fa-f]{2})+", re.ASCII)
_ESCAPE = re.compile(rb"\\(?:x(?P<hexadecimal>..)|(?P<octal>[0-7]{3})|(?P<plain>.))")


def literal(kind: Type, token: Token) -> Value:
    """Read the literal that a value is compared with."""
    try:
        match kind, token.kind:
            case Type.STRING, Kind.RAW:
                return _raw(token)
            case Type.STRING, Kind.QUOTED:
                return _quoted(token)
            case Type.STRING, Kind.WORD:
                if _OCTETS.fullmatch(token.text):
                    return _octets(token.text)
            case Type.NUMBER, Kind.WORD:
                return _number(token.text)
            case Type.ADDRESS, Kind.WORD:
                return ip_address(token.text)
    except ValueError:
        pass
    raise UnsupportedError(f"the literal {token.text}")


def members(kind: Type, token: Token) -> tuple[Member, ...]:
    """Read what one word of a list means; octets may follow each other without a space."""
    if kind is Type.STRING and token.kind is Kind.WORD:
        found = _OCTETS.findall(token.text)
        if "".join(found) == token.text:
            return tuple(_octets(text) for text in found)
    return (_member(kind, token),)


def _member(kind: Type, token: Token) -> Member:
    """Read a member of a list: a literal, a range or a network."""
    if token.kind is not Kind.WORD:
        return literal(kind, token)
    first, dots, last = token.text.partition("..")
    if dots:
        ends = Token(Kind.WORD, first), Token(Kind.WORD, last)
        return Range(*(literal(kind, end) for end in ends))
    if kind is not Type.ADDRESS:
        return literal(kind, token)
    try:
        return _network(token.text)
    except ValueError:
        raise UnsupportedError(f"the literal {token.text}") from None


def regular_expression(token: Token) -> str:
    """Read a regular expression; a quoted one keeps its backslashes, except before quotes."""
    quoted = token.kind is Kind.QUOTED
    pattern = token.text[1:-1].replace('\\"', '"') if quoted else _raw(token)
    compiled(pattern)
    return pattern


def _raw(token: Token) -> str:
    return token.text[1:].strip("#")[1:-1]


def _quoted(token: Token) -> str:
    """Replace the escapes of a quoted string, each by one octet."""
    octets = _ESCAPE.sub(_unescaped, token.text[1:-1].encode())
    return octets.decode("utf-8", "surrogateescape")


def _unescaped(found: re.Match[bytes]) -> bytes:
    if code := found["hexadecimal"]:
        return bytes([int(code, 16)])
    if code := found["octal"]:
        return bytes([int(code, 8)])
    return found["plain"]


def _octets(text: str) -> str:
    """Read octets in hexadecimal, such as 68:61:2d."""
    octets = bytes.fromhex(text.replace(":", ""))
    return octets.decode("utf-8", "surrogateescape")


def _number(text: str) -> int:
    for pattern, base in _NUMBERS:
        if re.fullmatch(pattern, text, re.ASCII):
            return int(text, base)
    raise ValueError(text)


def _network(text: str) -> IPAddress | IPv4Network | IPv6Network:
    """Read a network or address; an IPv4 one may leave out octets at the end."""
    address, slash, length = text.partition("/")
    if ":" not in address:
        octets = [int(octet) for octet in address.split(".")]
        address = ".".join(map(str, (octets + 3 * [0])[: max(4, len(octets))]))
    return ip_network((address, int(length))) if slash else ip_address(address)
