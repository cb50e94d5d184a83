"""Random expressions that Cloudflare's own parser accepts, about what strangers choose."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from random import Random
import re
from typing import Final

from hypothesis import strategies as st
from octorules_wirefilter import parse_expression

from tests.engine.builders import HOST

_OTHER_TEXTS: Final = ("x", "abc", "Mobile", "MOBILE")
HOST_TEXTS: Final = (
    HOST, "nas.example.com", "example.com", ".example.com", "home", "home-mobile", "-mobile",
    "cloud", ":cloud", ".nas.example", ":8443", f"{HOST}:8443", f"{HOST}.", f"{HOST}:", f"{HOST}:77", ":",
    ".", "com", "m", "8443", "ome-mobile.example.comm", HOST.upper(), "Home-Mobile.example.com", "",
    "hömé", "\u212a", f"{HOST}:ü",
)  # fmt: skip
PATH_TEXTS: Final = (
    "/", "/api/webhook/", "/api/webhook", "/api/", "/auth/", "/auth/token", "/auth/authorize", "webhook", "/local/",
    "..", "%", "//", "/api/webhook/x", "/API/",
)  # fmt: skip
CERTIFICATE_TEXTS: Final = ("", "4D", "CN=phone", "a" * 64, "b" * 64, "c" * 64)
_COUNTRIES: Final = ("DE", "US", "FR")
_ADDRESSES: Final = (
    "198.51.100.7", "192.0.2.0/24", "10.0.0.1..10.0.0.9", "2001:db8::/32", "::1", "203.0.113.5",
)  # fmt: skip


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


_WRITINGS: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: f'"{_escaped(text)}"',
    lambda text: f'r"{text}"',
    lambda text: f'r#"{text}"#',
    lambda text: '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"',
    lambda text: '"' + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"',
    lambda text: f'"{_escaped(text[:1])}' + "".join(f"\\x{byte:02X}" for byte in text[1:].encode()) + '"',
)  # fmt: skip
# The plain way is by far the most frequent.
_QUOTED: Final = st.sampled_from((*_WRITINGS[:1] * 6, *_WRITINGS))
_SEPARATORS: Final = st.sampled_from(":-.")


def _written(texts: Sequence[str], *, in_hex: bool = True) -> st.SearchStrategy[str]:
    """Return literals for one of the texts, in all the ways to write them."""
    quoted = st.builds(lambda text, write: write(text), st.sampled_from(texts), _QUOTED)
    long = [text for text in texts if len(text) > 1]
    if not in_hex or not long:
        return quoted
    hexadecimal = st.builds(
        lambda text, separator: text.encode().hex(separator),
        st.sampled_from(long),
        _SEPARATORS,
    )
    return st.one_of(quoted, quoted, quoted, hexadecimal)


def _wildcards(texts: Sequence[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda text, shape: f'r"{shape.format(text)}"',
        st.sampled_from([text for text in texts if text]),
        st.sampled_from(("*{}*", "*{}", "{}*", "{}", "*.{}", "{}:*", "*:{}")),
    )


def _patterns(texts: Sequence[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda text, shape: f'r"{shape.format(text.replace(".", chr(92) + "."))}"',
        st.sampled_from([text for text in texts if text.isascii() and text]),
        st.sampled_from(("^{}", "{}$", "{}", "^{}$", "^.*{}")),
    )


_TRANSFORMED: Final = st.sampled_from(
    (*("{}",) * 9, *("lower({})",) * 5, "lower({})", "upper({})", "lower(upper({}))", "url_decode({})",
     'concat({}, "x")', 'concat("x", {})', "substring({}, 0, 11)", "substring({}, 5, 30)", "substring({}, 23, 40)",
     "remove_bytes({}, \".\")", "remove_bytes({}, \":\")", "lower(substring({}, 0, 23))")
)  # fmt: skip


def _compared(
    value: st.SearchStrategy[str], texts: Sequence[str]
) -> st.SearchStrategy[str]:
    """Return comparisons of a value with the texts."""
    literal = _written(texts)
    several = st.lists(literal, min_size=1, max_size=3).map(" ".join)
    return st.one_of(
        st.builds("{} {} {}".format, value, st.sampled_from(("eq", "==", "ne", "!=")), literal),
        st.builds("{} contains {}".format, value, literal),
        st.builds("{} in {{{}}}".format, value, several),
        st.builds("{} {} {}".format, value, st.sampled_from(("wildcard", "strict wildcard")), _wildcards(texts)),
        st.builds("{} matches {}".format, value, _patterns(texts)),
        st.builds("{} {} {}".format, value, st.sampled_from(("lt", "ge")), literal),
        st.builds("{}({}, {})".format, st.sampled_from(("starts_with", "ends_with")), value, _written(texts, in_hex=False)),
        st.builds("len({}) {} {}".format, value, st.sampled_from(("gt", "le", "eq", "lt")), st.sampled_from((0, 3, len(HOST), 40, 64))),
        st.builds("len({}) in {{{}}}".format, value, st.sampled_from((f"{len(HOST)}", "1..20", "24..60", "0 64"))),
        value.map("{} in $names".format),
        value.map("{} in {{}}".format),
    )  # fmt: skip


def _about(field: str, texts: Sequence[str]) -> st.SearchStrategy[str]:
    return _compared(_TRANSFORMED.map(lambda shape: shape.format(field)), texts)


_MAPS: Final = st.sampled_from(
    ('http.request.headers["x-key"]', 'http.request.cookies["key"]', 'http.request.uri.args["key"]')
)  # fmt: skip
_ARRAYS: Final = st.one_of(
    _MAPS,
    st.sampled_from(("http.request.headers.names", "http.request.headers.values", "http.request.uri.args.values")),
)  # fmt: skip


def _of_each(inner: Callable[[str], str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda quantifier, array: f"{quantifier}({inner(array)})",
        st.sampled_from(("any", "all")),
        _ARRAYS,
    )


_ELEMENTS: Final = st.one_of(
    _of_each('{0}[*] eq "cloud"'.format),
    _of_each('not {0}[*] eq "cloud"'.format),
    _of_each('lower({0}[*])[*] contains "mobile"'.format),
    _of_each('(starts_with({0}[*], "c") or {0}[*] wildcard "*x")'.format),
    _of_each('len({0}[*])[*] in {{1..3}}'.format),
    _of_each('url_decode({0}[*])[*] in {{"cloud" "x"}}'.format),
    _compared(_MAPS.map("{}[0]".format), _OTHER_TEXTS),
)  # fmt: skip

_HOSTS: Final = _about("http.host", HOST_TEXTS)
# Most of them hold for every form of the hostname.
_ALL_FORMS: Final = st.sampled_from(
    (f'starts_with(lower(http.host), "{HOST}")', 'starts_with(lower(http.host), "home")', 'lower(http.host) contains "mobile.example"',
     'lower(http.host) wildcard "HOME-mobile*"', 'http.host wildcard "home-mobile*"', 'http.host wildcard "home*com*"',
     f'upper(http.host) contains "{HOST.upper()}"', f'lower(http.host) strict wildcard "{HOST}*"', 'http.host contains "example"', "ssl or not ssl")
)  # fmt: skip
_CERTIFICATES: Final = st.one_of(
    st.sampled_from(
        ("cf.tls_client_auth.cert_verified", "cf.tls_client_auth.cert_revoked", "cf.tls_client_auth.cert_presented",
         "cf.tls_client_auth.cert_verified and not cf.tls_client_auth.cert_revoked",
         "not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked")
    ).map("({})".format),
    _compared(
        st.sampled_from(
            ("cf.tls_client_auth.cert_fingerprint_sha256", "cf.tls_client_auth.cert_serial",
             "cf.tls_client_auth.cert_subject_dn", "cf.tls_client_auth.cert_issuer_ski", "cf.tls_client_auth.cert_fingerprint_sha1")
        ),
        CERTIFICATE_TEXTS,
    ),
)  # fmt: skip
_PATHS: Final = _about("http.request.uri.path", PATH_TEXTS)
_OTHERS: Final = st.one_of(
    _PATHS,
    _about("raw.http.request.uri.path", PATH_TEXTS),
    _about("http.request.uri", PATH_TEXTS),
    _about("http.request.full_uri", (*HOST_TEXTS, *PATH_TEXTS)),
    _about("http.request.uri.query", _OTHER_TEXTS),
    _about("http.user_agent", ("", *_OTHER_TEXTS)),
    _about("http.cookie", ("", *_OTHER_TEXTS)),
    _about("http.referer", ("", HOST)),
    _about("http.request.method", ("GET", "POST", "HEAD")),
    _compared(st.sampled_from(("ip.src.country", "ip.geoip.country")), _COUNTRIES),
    st.builds("ip.src in {{{}}}".format, st.lists(st.sampled_from(_ADDRESSES), min_size=1, max_size=3).map(" ".join)),
    st.builds("ip.src {} 198.51.100.7".format, st.sampled_from(("eq", "ne"))),
    st.builds("ip.src.asnum {}".format, st.sampled_from(("eq 64500", "in {1..99}", "ne 3", "gt 64499"))),
    st.builds("cf.edge.server_port {}".format, st.sampled_from(("eq 443", "in {443 8443}", "ne 443"))),
    st.sampled_from(("ssl", "not ssl", "cf.edge.client_tcp", "ip.src in $office")),
    _ELEMENTS,
)  # fmt: skip
_ATOMS: Final = st.one_of(_HOSTS, _HOSTS, _CERTIFICATES, _OTHERS)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, _OPERATORS, inner),
        st.builds("{} {} {}".format, inner, _OPERATORS, inner),
        st.builds("{}{}".format, st.sampled_from(("not ", "!", "not")), inner),
        inner.map("not ({})".format),
    )


_OPERATORS: Final = st.sampled_from(("and", "or", "and", "or", "xor", "&&", "||", "^^"))
_LITERAL: Final = re.compile(r'(r?#*"(?:[^"\\]|\\.)*"#*|strict wildcard)')
_SPACINGS: Final = (" ", " ", "", "  ", "\n", "\r\n ")


def _respaced(expression: str, seed: int) -> str:
    """Return the same expression with other spaces; 0 leaves it as it is."""
    random = Random(seed)
    parts = _LITERAL.split(expression)
    for at in range(0, len(parts), 2):
        parts[at] = re.sub(
            r" |(?<=\()|(?=\))", lambda _: random.choice(_SPACINGS), parts[at]
        )
    respaced = "".join(parts)
    return respaced if seed and is_accepted(respaced) else expression


def is_accepted(expression: str) -> bool:
    """Return whether Cloudflare's own parser accepts an expression."""
    return "error" not in parse_expression(expression)


def _spaced(expressions: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(_respaced, expressions.filter(is_accepted), st.integers(0, 20))


EXPRESSIONS: Final = _spaced(st.recursive(_ATOMS, _joined, max_leaves=3))

# About what our own rules ask for: of all else, everything is open.
CLOSE_TO_OURS: Final = _spaced(
    st.one_of(
        *(_HOSTS,) * 3,
        _PATHS,
        _CERTIFICATES,
        st.builds("{} and {}".format, _ALL_FORMS, st.one_of(_PATHS, _CERTIFICATES)),
        st.builds("{} and not ({})".format, _HOSTS, st.one_of(_PATHS, _CERTIFICATES)),
    )
)
# Some of these block everybody who has no good certificate, most do not.
BLOCKS: Final = _spaced(
    st.one_of(
        _HOSTS,
        _ALL_FORMS,
        st.builds("{} and ({})".format, _ALL_FORMS, st.one_of(_CERTIFICATES, _PATHS)),
        st.builds("{} and not ({})".format, _ALL_FORMS, st.one_of(_CERTIFICATES, _PATHS)),
        st.builds("{} and ({} or {})".format, _ALL_FORMS, _CERTIFICATES, _CERTIFICATES),
    )
)  # fmt: skip


def simple_tests(field: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield every operator with every text, on a field as it is, in lower and in upper case."""
    for shape, text, test in product(
        ("{}", "lower({})", "upper({})"), texts, _SIMPLE_TESTS
    ):
        expression = test.format(shape.format(field), text)
        if text.isascii() and is_accepted(expression):
            yield expression


_SIMPLE_TESTS: Final = (
    '{} eq "{}"', '{} ne "{}"', '{} in {{"{}" "x"}}', '{} contains "{}"', '{} lt "{}"', '{} ge "{}"',
    'starts_with({}, "{}")', 'ends_with({}, "{}")', 'not starts_with({}, "{}")', 'not ends_with({}, "{}")',
    '{} wildcard "{}"', '{} wildcard "{}*"', '{} wildcard "*{}"', '{} wildcard "*{}*"',
    '{} strict wildcard "{}*"', '{} strict wildcard "*{}"', 'not {} wildcard "*{}*"', 'not {} contains "{}"',
)  # fmt: skip
