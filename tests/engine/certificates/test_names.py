"""Names of companion devices, and the forms of them that certificates and bundles carry."""

from datetime import UTC, datetime
import unicodedata

from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.certificates.keys import (
    KeyType,
    make_signing_request,
)
from custom_components.cloudflare_mtls.engine.certificates.names import (
    common_name,
    make_label,
    read_name,
)
from tests.engine.searching import search

ISSUED = datetime(2026, 11, 28, 9, 5, tzinfo=UTC)
DEVICE_ID = "01JDEVICE00000000000000A7F"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
LONG = "Galaxy Tab S9 FE+ 5G of the guest room upstairs (charging station, do not move)"


@pytest.mark.parametrize(
    ("name", "carried"),
    [
        (f"Mum's iPad {FAMILY}", "Mum's iPad \U0001f468\U0001f469\U0001f467"),
        ("Télé 📱", "Télé 📱"),
        ("リビングルームのタブレット・キッチン用バックアップ", "リビングルームのタブレット・キッチン用バッ"),
        ("Телефон из комнаты для гостей наверху", "Телефон из комнаты для гостей наве"),
        (LONG, "Galaxy Tab S9 FE+ 5G of the guest room upstairs (charging statio"),
        ("שלי \u200fiPhone", "שלי iPhone"),
        ("Anna\u2019s\u00a0phone", "Anna\u2019s phone"),
        ("Te\u0301le\u0301", "Télé"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\nb\x07\ud800", "a b"),
        # A cut never divides what people see as one character.
        ("x" * 60 + "👍🏽", "x" * 60),
        ("x" * 58 + "🇩🇪", "x" * 58),
        ("x" * 52 + "🇩🇪🇫🇷", "x" * 52 + "🇩🇪"),
        ("x" * 62 + "q\u0308", "x" * 62),
        ("x" * 59 + "नि", "x" * 59),
        ("x" * 59 + "❤\ufe0f", "x" * 59),
        ("x" * 63 + " y", "x" * 63),
    ],
)  # fmt: skip
def test_certificate_carries_a_form_that_fits(name: str, carried: str) -> None:
    assert common_name(name) == carried
    request = make_signing_request(name, DEVICE_ID, KeyType.EC_P256)
    subject = x509.load_pem_x509_csr(request.csr.encode()).subject
    (attribute,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert attribute.value == carried


@given(st.text(st.characters(exclude_categories=[]), max_size=120))
@search(500)
def test_every_name_fits_or_is_none(text: str) -> None:
    """A name that can be read is one that a certificate can carry."""
    name = read_name(text)
    if name is None:
        return
    carried = common_name(name)
    assert 0 < len(carried.encode()) <= 64
    assert carried == carried.strip()
    assert common_name(carried) == carried
    assert read_name(name) == name
    assert not {"Cc", "Cf", "Cs"} & {unicodedata.category(char) for char in carried}


def test_one_character_of_many_marks_is_cut_between_them() -> None:
    assert len(common_name("q" + "\u0308" * 100).encode()) == 63


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (f" Mum's iPad {FAMILY} ", f"Mum's iPad {FAMILY}"),
        ("שלי \u200fiPhone", "שלי \u200fiPhone"),
        (LONG, LONG),
        ("a\r\nb\tc", "a b c"),
        ("\u202eevil\u2066x\x07\ud800", "evilx"),
        ("x" * 250, "x" * 250),
        ("x" * 251, None),
        ("", None),
        (" \t", None),
        ("\u200b\u200d\u200f", None),
        ("\x07", None),
    ],
)
def test_name_stays_what_its_owner_calls_it(typed: str, name: str | None) -> None:
    """What turns a line around or rings a bell is no part of a name."""
    assert read_name(typed) == name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Phone", "HA Phone 2026-11-28 0905"),
        ("Anna's phone", "HA Annas phone 2026-11-28 0905"),
        ("v1.2.3", "HA v123 2026-11-28 0905"),
        ("Büro-Tablet_2", "HA Büro-Tablet_2 2026-11-28 0905"),
        ("Téléphone d’été", "HA Téléphone dété 2026-11-28 0905"),
        ("Te\u0301le\u0301 📱", "HA Télé 2026-11-28 0905"),
        ("手机", "HA 手机 2026-11-28 0905"),
        ("リビングのタブレット", "HA リビングのタブレット 2026-11-28 0905"),
        ("キッチンのタブレット", "HA キッチンのタブレット 2026-11-28 0905"),
        ("Телефон", "HA Телефон 2026-11-28 0905"),
        ("שלי \u200fiPhone", "HA שלי iPhone 2026-11-28 0905"),
        ("बैठक", "HA बैठक 2026-11-28 0905"),
        ("𠮷野", "HA 野 2026-11-28 0905"),
        (" ../../etc ", "HA etc 2026-11-28 0905"),
        ("a\r\nSet-Cookie: b", "HA a Set-Cookie b 2026-11-28 0905"),
        # Nothing is left of these names, so the device's id tells them apart.
        ("📱", "HA device 0A7F 2026-11-28 0905"),
        ("❤\ufe0f", "HA device 0A7F 2026-11-28 0905"),
        ("\u0308!?", "HA device 0A7F 2026-11-28 0905"),
    ],
)  # fmt: skip
def test_label_keeps_what_people_recognise(name: str, label: str) -> None:
    assert make_label(name, ISSUED, DEVICE_ID) == label


@given(st.text(max_size=80))
@search()
def test_label_is_one_that_every_reader_shows(text: str) -> None:
    """Android cuts it at a dot, and PKCS#12 has no characters beyond the basic plane."""
    label = make_label(text, ISSUED, DEVICE_ID)
    assert "." not in label
    assert max(label) <= "\uffff"
    assert len(label.encode()) <= 83
    assert label.removeprefix("HA ").removesuffix(" 2026-11-28 0905").strip()
