"""Looks for a request without a good certificate that gets in, led by what the rules mention."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from random import Random
import re
from typing import Any, Final

from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.rules.admissions import Admission

from .edge import Edge, nodes
from .handshakes import NOTHING_PRESENTED, handshakes
from .language import Comparison, Constant, Span, Value
from .parser import parse
from .paths import is_outside
from .requests import Request
from .tunnel import goes_around_the_edge, reaches_an_origin

# What a Host header and any other header can carry.
_OF_A_HOST: Final = re.compile(r"[!-.0-~]*")
_OF_A_HEADER: Final = re.compile(r"[ -~]{,70}")
_MIXTURES: Final = 120


@dataclass(frozen=True)
class Direct:
    """Everybody gets in, because the hostname leads past the edge."""


def intruder(
    observation: Observation,
    hostname: str,
    admission: Admission,
    *,
    mixtures: int = _MIXTURES,
) -> Request | Direct | None:
    """Return a request that gets in without a good certificate outside the exempt paths, if one is found."""
    if goes_around_the_edge(observation, hostname):
        return Direct()
    edge = Edge.of(observation.ruleset)
    for request in requests_for(hostname, admission, edge, mixtures):
        if (
            is_outside(request.path, admission.exempt_paths)
            and not request.handshake.is_good(admission)
            and reaches_an_origin(observation, hostname, request)
            and edge.lets_through(request)
        ):
            return request
    return None


def requests_for(
    hostname: str, admission: Admission, edge: Edge, mixtures: int = _MIXTURES
) -> Iterator[Request]:
    """Yield requests for a hostname: each odd thing alone, then many mixtures of them."""
    mentioned = _Mentions.of(edge)
    choices = {
        name: tuple(dict.fromkeys(values))
        for name, values in _choices(hostname, admission, mentioned).items()
    }
    plain = {name: values[0] for name, values in choices.items()}
    for name, values in choices.items():
        for value in values:
            yield _request(plain | {name: value})
    random = Random(repr(edge.rules))
    for _ in range(mixtures):
        yield _request({
            name: random.choice(values) for name, values in choices.items()
        })  # fmt: skip


def _request(chosen: Mapping[str, Any]) -> Request:
    """Return the request with the chosen things; without TLS there is no handshake."""
    sent = dict(chosen)
    headers = tuple(part for part in (sent.pop("header"), sent.pop("cookie")) if part)
    if not sent["encrypted"]:
        sent |= {"handshake": NOTHING_PRESENTED, "port": 80}
    return Request(**sent, headers=headers)


@dataclass(frozen=True)
class _Mentions:
    """What the rules mention: texts, numbers, addresses, and names of headers and the like."""

    texts: tuple[str, ...]
    numbers: tuple[int, ...]
    addresses: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, edge: Edge) -> _Mentions:
        texts: list[str] = []
        numbers: list[int] = []
        addresses: list[str] = []
        names: list[str] = []
        for rule in edge.rules:
            for node in nodes(parse(rule.expression)):
                match node:
                    case Comparison(_, _, operand) | Constant(operand):
                        for literal in _literals(operand):
                            if isinstance(literal, str):
                                texts.append(literal)
                            elif isinstance(literal, int):
                                numbers.append(literal)
                            else:
                                addresses.append(str(literal))
                    case Value(_, steps):
                        names += [step for step in steps if isinstance(step, str)]
        # What is left of a text once another one has been put before or behind it.
        texts += [whole.removesuffix(part) for whole in texts for part in texts]
        texts += [whole.removeprefix(part) for whole in texts for part in texts]
        # As long as a rule asks for, or a little longer or shorter.
        texts += ["1" * max(0, n + by) for n in numbers if n < 100 for by in (-1, 0, 1)]
        return cls(
            tuple(dict.fromkeys(texts)), tuple(numbers), tuple(addresses), tuple(names)
        )


def _literals(operand: Any) -> Iterator[str | int | IPv4Address | IPv6Address]:
    match operand:
        case bytes():
            yield operand.decode("latin-1")
        case re.Pattern():
            # Something that a wildcard or a simple expression matches.
            source = operand.pattern.decode("latin-1")
            plain = re.sub(r"\\[AZbB]|[\^$()?+]", "", source).replace("\\", "")
            yield plain.replace(".*", "")
            yield plain.replace(".*", "x")
        case Span(first, last):
            yield first
            yield last
        case int() | IPv4Address() | IPv6Address():
            yield operand
        case frozenset() | tuple():
            for each in operand:
                yield from _literals(each)


def _choices(
    hostname: str, admission: Admission, mentioned: _Mentions
) -> dict[str, Sequence[Any]]:
    texts = [text for text in mentioned.texts if _OF_A_HOST.fullmatch(text)]
    # First and last of all in the order of texts, and all others.
    short = ["!", "~", *filter(_OF_A_HEADER.fullmatch, mentioned.texts)]
    pairs = [
        (name.lower(), value) for name in mentioned.names for value in (*short, "x")
    ]
    return {
        "host": list(_hosts(hostname, texts, mentioned.numbers)),
        "path": [path for path in _paths(admission, mentioned.texts) if is_outside(path, admission.exempt_paths)],
        "query": ["", *short, *(f"{name}={value}" for name, value in pairs)],
        "method": ["GET", "POST", *(text for text in texts if text.isupper() and text.isalpha())],
        "version": ["HTTP/2", "HTTP/1.1", "HTTP/3"],
        "header": [None, *pairs, *(("user-agent", text) for text in short), *(("referer", text) for text in short),
                   *(("x-forwarded-for", text) for text in short), *((text.lower(), "x") for text in short if text)],
        "cookie": [None, *(("cookie", text) for text in short), *(("cookie", f"{name}={value}") for name, value in pairs)],
        "handshake": list(handshakes(admission, short)),
        "encrypted": [True, True, True, False],
        "port": [443, 8443, *(number for number in mentioned.numbers if 0 < number < 65536)],
        "address": ["198.51.100.7", "2001:db8::7", *mentioned.addresses],
        "country": ["ZZ", "AD", *(text for text in texts if len(text) == 2 and text.isupper())],
        "network": [64500, *mentioned.numbers],
    }  # fmt: skip


def _hosts(
    hostname: str, texts: Sequence[str], numbers: Iterable[int]
) -> Iterator[str]:
    """Yield the forms in which a Host header can write the hostname, with anything behind a colon."""
    yield hostname
    for form in _FORMS:
        yield form(hostname)
    for text in texts:
        behind = text.partition(":")[2] or text
        for written in (text, behind, text.upper(), text.lower()):
            yield f"{hostname}:{written}"
        if _names(text, hostname):
            yield text
        for tail in (hostname, f"{hostname}.", hostname.upper()):
            # The literal may go on behind the colon where the hostname ends.
            if text.lower().startswith(tail.lower()):
                yield tail + text[len(tail) :]
    for number in numbers:
        for length in (number - 1, number, number + 1):
            if len(hostname) < length < 300:
                yield f"{hostname}:" + "1" * (length - len(hostname) - 1)


_FORMS: Final[tuple[Callable[[str], str], ...]] = (
    "{}:443".format,
    "{}:8443".format,
    "{}.".format,
    "{}.:2053".format,
    "{}:".format,
    "{}:a:b".format,
    str.upper,
    str.title,
    lambda hostname: f"{hostname.upper()}.:x",
)


def _names(host: str, hostname: str) -> bool:
    """Return whether a Host header asks for the hostname."""
    return host.partition(":")[0].removesuffix(".").lower() == hostname


def _paths(admission: Admission, texts: Iterable[str]) -> Iterator[str]:
    yield "/"
    yield "/auth/authorize"
    yield "/x%20y"
    yield "/api%2Fx"
    # A path is what the connector reads it as, so characters that end it are not in it.
    for text in texts:
        if re.fullmatch(r"[!-~]*", text) and not set(text) & set("?#"):
            rooted = text if text.startswith("/") else f"/{text}"
            yield rooted
            yield f"{rooted}x"
            yield f"/x{rooted}"
            yield f"/a/..{rooted}"
            yield f"{rooted}/../../auth"
            yield f"{rooted}/%2e%2e/%2e%2e/auth"
    for exempt in admission.exempt_paths:
        bare = exempt.rstrip("/")
        yield from (
            bare, f"{bare}x", f"{bare}/x", f"/x{exempt}", bare.upper(), f"{bare.upper()}/x",
            f"{bare}/../../auth/authorize", f"{bare}/%2e%2e/%2E./auth/authorize",
            f"{bare}/..%2f..%2fauth/authorize", f"{bare}/..\\..\\auth/authorize",
            f"/x/..{exempt}", f"/{exempt}", f"/.{exempt}", f"{bare}/./x",
            f"/%{ord(exempt[1:2] or 'a'):02x}{exempt[2:]}x" if len(exempt) > 1 else "/",
        )  # fmt: skip
