"""The two spellings of a name, and texts that are none."""

import pytest

from custom_components.cloudflare_mtls.engine.api.names import (
    in_dns,
    in_letters,
    is_decodable,
)

NAMES = [
    ("ha-mobile.mås-hem.example", "ha-mobile.xn--ms-hem-iua.example"),
    ("例え.example", "xn--r8jz45g.example"),
    ("😀.example", "xn--e28h.example"),
    ("straße.example", "xn--strae-oqa.example"),
    ("bücher.straße.example", "xn--bcher-kva.xn--strae-oqa.example"),
    ("*.mås-hem.example", "*.xn--ms-hem-iua.example"),
    ("_dmarc.mås-hem.example", "_dmarc.xn--ms-hem-iua.example"),
    ("home.example.com", "home.example.com"),
    ("", ""),
]


@pytest.mark.parametrize(("letters", "encoded"), NAMES)
def test_both_spellings(letters: str, encoded: str) -> None:
    assert in_dns(letters) == encoded
    assert in_dns(encoded) == encoded
    assert in_letters(encoded) == letters
    assert is_decodable(encoded)


@pytest.mark.parametrize(
    ("written", "encoded"),
    [
        ("Home.Example.COM", "home.example.com"),
        ("MÅS-HEM.example.", "xn--ms-hem-iua.example."),
        ("ma\u030as-hem.example", "xn--ms-hem-iua.example"),
        ("ｍås－hem。example", "xn--ms-hem-iua.example"),
        ("må\u00ads-hem.example", "xn--ms-hem-iua.example"),
        ("❤\ufe0f.example", "xn--qei.example"),
    ],
)
def test_other_ways_to_write(written: str, encoded: str) -> None:
    """Capitals, combined letters, wide letters and invisible ones make no other name."""
    assert in_dns(written) == encoded


@pytest.mark.parametrize(
    "text",
    ["a\u00a0b\u0080.example", "\ud800.example", f"{'ü' * 64}.example", "ü" * 300],
)
def test_text_that_is_no_name(text: str) -> None:
    """It stays as it is, however long it is."""
    assert in_dns(text) == text


@pytest.mark.parametrize(
    "label",
    ["xn--", "xn--a", "xn--abc-", "xn--zzzzzz", "xn--MS-HEM", f"xn--{'a' * 60}", "xn--ü"],
)  # fmt: skip
def test_label_that_only_begins_like_an_encoded_one(label: str) -> None:
    name = f"{label}.example"
    assert in_letters(name) == name
    assert not is_decodable(name)


@pytest.mark.parametrize("letters", ["a.b", "a。b", "Ä", "a\u202eb"])
def test_encoded_label_that_no_name_has(letters: str) -> None:
    """It would stand for other letters than it holds, so it is not shown in letters."""
    label = f"xn--{letters.encode('punycode').decode()}"
    assert in_letters(label) == label
