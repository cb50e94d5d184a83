"""Random rule expressions and random requests, of values that often match."""

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from hypothesis import strategies as st

from .expression_texts import NOT_UTF_8
from .expression_trees import (
    Address,
    Apply,
    Bare,
    Compare,
    Condition,
    Field,
    In,
    Join,
    Network,
    Not,
    Pattern,
    Regex,
    Request,
    Span,
)

STRINGS = ("http.host", "http.request.uri.path", "http.user_agent", "ip.src.country")
NUMBERS = ("ip.src.asnum",)
ADDRESSES = ("ip.src",)
BOOLEANS = (
    "cf.tls_client_auth.cert_revoked",
    "cf.tls_client_auth.cert_verified",
    "ssl",
)

# Only few letters, so that values often match; and characters with a special meaning.
_LETTERS = 'aAbB*\\"#/.(){}$ ä€'
_texts = st.text(f"{_LETTERS}{NOT_UTF_8}", max_size=4)
_wire_texts = st.text(f"{_LETTERS}{NOT_UTF_8}\n", max_size=6)
_ascii = st.text("aAbB.", max_size=6)
_numbers = st.integers(-3, 9) | st.sampled_from((64496, 2**63 - 1, -(2**63) + 1))
_addresses: st.SearchStrategy[Address] = st.sampled_from(
    [
        *(
            IPv4Address(f"10.0.{third}.{last}")
            for third in (0, 1)
            for last in (0, 1, 9)
        ),
        *(IPv6Address(f"2001:db8::{last}") for last in (0, 1, "f")),
        IPv6Address("::ffff:10.0.0.1"),
    ]
)
_networks: st.SearchStrategy[Network] = st.builds(
    lambda address, length: ip_network((address, length), strict=False),
    _addresses,
    st.sampled_from((0, 8, 24, 31, 32)),
)


def _spans(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[Span]:
    pairs = st.tuples(ends, ends).filter(lambda pair: type(pair[0]) is type(pair[1]))
    return pairs.map(lambda pair: Span(*sorted(pair)))


_fields = st.sampled_from(STRINGS).map(Field)
_strings: st.SearchStrategy[Field | Apply] = st.recursive(
    _fields,
    lambda inner: (
        st.builds(Apply, st.sampled_from(("lower", "upper")), st.tuples(inner))
        | st.builds(
            Apply,
            st.just("concat"),
            st.lists(inner | _texts, min_size=2, max_size=3).map(tuple),
        )
    ),
    max_leaves=3,
)
_integers = st.sampled_from(NUMBERS).map(Field) | st.builds(
    Apply, st.just("len"), st.tuples(_strings)
)
_orders = st.sampled_from(("eq", "ne", "lt", "le", "gt", "ge"))
_patterns = st.builds(
    Pattern,
    st.lists(_texts, min_size=1, max_size=3)
    # Cloudflare refuses two adjacent stars.
    .filter(lambda texts: all(texts[1:-1]))
    .map(tuple),
)
_regexes = st.builds(
    Regex,
    st.tuples(st.booleans(), st.booleans()),
    st.lists(
        st.tuples(
            st.sampled_from(("a", "B", ".", "[ab]")),
            st.sampled_from(("", "?", "*", "+")),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)
_leaves: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from(BOOLEANS).map(lambda name: Bare(Field(name))),
    st.builds(
        lambda function, *arguments: Bare(Apply(function, arguments)),
        st.sampled_from(("starts_with", "ends_with")),
        _strings,
        _texts,
    ),
    st.builds(Compare, _strings, _orders | st.just("contains"), _texts),
    st.builds(
        Compare, _strings, st.sampled_from(("wildcard", "strict wildcard")), _patterns
    ),
    st.builds(Compare, _strings, st.just("matches"), _regexes),
    st.builds(Compare, _integers, _orders, _numbers),
    st.builds(Compare, st.sampled_from(ADDRESSES).map(Field), _orders, _addresses),
    st.builds(In, _strings, st.lists(_texts, max_size=3).map(tuple)),
    st.builds(
        In, _integers, st.lists(_numbers | _spans(_numbers), max_size=3).map(tuple)
    ),
    st.builds(
        In,
        st.sampled_from(ADDRESSES).map(Field),
        st.lists(_addresses | _networks | _spans(_addresses), max_size=3).map(tuple),
    ),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    _leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Join, st.sampled_from(("and", "or", "xor")), inner, inner)
    ),
    max_leaves=6,
)
requests: st.SearchStrategy[Request] = st.fixed_dictionaries(
    {
        **dict.fromkeys(STRINGS, _wire_texts),
        "ip.src.country": _ascii,
        **dict.fromkeys(NUMBERS, _numbers),
        **dict.fromkeys(ADDRESSES, _addresses),
        **dict.fromkeys(BOOLEANS, st.booleans()),
    }
)
