"""Addresses as Go's standard library reads them (1.27)."""

from dataclasses import dataclass
from ipaddress import IPv6Address
import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
# In a host an escape may only stand for what is not ASCII, or for the percent sign itself.
_BAD_HOST_ESCAPE = re.compile(r"%(?!25|[89A-Fa-f])[0-9A-Fa-f]{2}")
_NOT_IN_HOSTS = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"%\x80-\U0010ffff]")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r", '"': r"\"", "\\": r"\\"}
_PORT = re.compile(r"(?::[0-9]*)?")


class UrlError(ValueError):
    """Go cannot read an address, in these words."""


@dataclass(frozen=True)
class GoUrl:
    """The parts of an address."""

    scheme: str
    hostname: str
    path: str


def split_host_port(text: str) -> str | None:
    """Return the host before a port, None if there is no port; as net.SplitHostPort does."""
    if match := re.fullmatch(r"\[([^\[\]]*)\]:[^:\[\]]*", text):
        return match[1]
    if match := re.fullmatch(r"([^:\[\]]*):[^:\[\]]*", text):
        return match[1]
    return None


def parse(text: str) -> GoUrl:
    """Return the parts of an address; raise UrlError for one that url.Parse refuses."""
    address, mark, fragment = text.partition("#")
    try:
        url = _parse(address)
    except UrlError as error:
        raise UrlError(f"parse {_quoted(address)}: {error}") from None
    if bad := _BAD_ESCAPE.search(fragment):
        reason = f"invalid URL escape {_quoted(bad[0])}"
        raise UrlError(f"parse {_quoted(address + mark + fragment)}: {reason}")
    return url


def _quoted(text: str) -> str:
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else f"\\x{ord(char):02x}"


def _parse(text: str) -> GoUrl:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise UrlError("net/url: invalid control character in URL")
    if text.startswith(":"):
        raise UrlError("missing protocol scheme")
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    rest = text[match.end() :] if match else text
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        if scheme:
            return GoUrl(scheme, "", "")
        if ":" in rest.partition("/")[0]:
            raise UrlError("first path segment in URL cannot contain colon")
    hostname = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        hostname = _hostname(scheme, authority)
        rest = slash + path
    if bad := _BAD_ESCAPE.search(rest):
        raise UrlError(f"invalid URL escape {_quoted(bad[0])}")
    return GoUrl(scheme, hostname, rest)


def _hostname(scheme: str, authority: str) -> str:
    user, at, host = authority.rpartition("@")
    if "[" in host[1:]:
        raise UrlError("invalid IP-literal")
    if host.startswith("["):
        hostname = _literal(host)
    else:
        hostname = _name(scheme, host)
    if at and not _USER.fullmatch(user):
        raise UrlError("net/url: invalid userinfo")
    if bad := _BAD_ESCAPE.search(user):
        raise UrlError(f"invalid URL escape {_quoted(bad[0])}")
    return hostname


def _literal(host: str) -> str:
    literal, bracket, port = host[1:].rpartition("]")
    if not bracket:
        raise UrlError("missing ']' in host")
    if not _PORT.fullmatch(port):
        raise UrlError(f"invalid port {_quoted(port)} after host")
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", literal):
        raise UrlError("invalid IP-literal")
    try:
        IPv6Address(literal.replace("%25", "%", 1))
    except ValueError:
        raise UrlError(
            f'invalid host: ParseAddr("{literal}"): unable to parse IP'
        ) from None
    return literal


def _name(scheme: str, host: str) -> str:
    # Only addresses of the web may not have more colons than the one of the port.
    at = host.find(":") if scheme in ("http", "https") else host.rfind(":")
    name, port = (host[:at], host[at:]) if at >= 0 else (host, "")
    if not _PORT.fullmatch(port):
        raise UrlError(f"invalid port {_quoted(port)} after host")
    if bad := _BAD_ESCAPE.search(host) or _BAD_HOST_ESCAPE.search(host):
        raise UrlError(f"invalid URL escape {_quoted(bad[0])}")
    if bad := _NOT_IN_HOSTS.search(host):
        raise UrlError(f"invalid character {_quoted(bad[0])} in host name")
    return name
