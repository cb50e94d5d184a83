"""Bundles open in other people's readers, and there with their password only."""

from pathlib import Path
import re

import pytest

from custom_components.cloudflare_mtls.engine.certificates.credentials import (
    BundleFormat,
    KeyType,
)
from custom_components.cloudflare_mtls.engine.certificates.systems import System

from .document import DOCUMENT, RELEASES, Release, documented_versions, promised, render
from .readers import READERS, Android13, OpenSsl, Reader, Refused
from .samples import PASSWORD, make_sample

READABLE = [
    pytest.param(reader, bundle_format, id=f"{reader.name}-{bundle_format}")
    for reader in READERS
    for bundle_format in reader.reads
]

every_key = pytest.mark.parametrize("key_type", KeyType)


def write_down(
    reader: Reader, bundle_format: BundleFormat, key_type: KeyType, folder: Path
) -> Path:
    """Return the file of a bundle for a reader that is here."""
    if missing := reader.missing():
        pytest.skip(f"missing: {', '.join(missing)}")
    bundle = make_sample(bundle_format, key_type).bundle
    file = folder / bundle.filename
    file.write_bytes(bundle.data)
    return file


@every_key
@pytest.mark.parametrize(("reader", "bundle_format"), READABLE)
def test_bundle_opens(
    reader: Reader, bundle_format: BundleFormat, key_type: KeyType, tmp_path: Path
) -> None:
    """The key is the certificate's, the certificate is ours, and so is the name."""
    file = write_down(reader, bundle_format, key_type, tmp_path)
    sample = make_sample(bundle_format, key_type)
    opened = reader.open(file, PASSWORD)
    assert opened.public_key == sample.public_key
    assert opened.certificate == sample.certificate
    label = sample.label if reader.keeps_case else sample.label.lower()
    assert opened.label == label


@pytest.mark.parametrize("wrong", ["", PASSWORD.upper()], ids=["empty", "upper case"])
@pytest.mark.parametrize(("reader", "bundle_format"), READABLE)
def test_wrong_password_is_refused(
    reader: Reader, bundle_format: BundleFormat, wrong: str, tmp_path: Path
) -> None:
    """It is refused for that reason, and for no other."""
    file = write_down(reader, bundle_format, KeyType.EC_P256, tmp_path)
    with pytest.raises(Refused, match=reader.wrong_password):
        reader.open(file, wrong)


@every_key
def test_modern_bundle_is_beyond_android_13(key_type: KeyType, tmp_path: Path) -> None:
    """Its key store does not know how the file is authenticated: "wrong password", it says."""
    reader = Android13()
    file = write_down(reader, BundleFormat.MODERN, key_type, tmp_path)
    with pytest.raises(Refused, match=re.escape(reader.missing_algorithm)):
        reader.open(file, PASSWORD)


@pytest.mark.parametrize(
    ("bundle_format", "algorithms"),
    [
        (BundleFormat.COMPATIBLE, ["MAC: sha1", "pbeWithSHA1And3-KeyTripleDES-CBC"]),
        (BundleFormat.MODERN, ["MAC: sha256", "AES-256-CBC", "hmacWithSHA256"]),
    ],
)
def test_encryption_is_what_the_format_promises(
    bundle_format: BundleFormat, algorithms: list[str], tmp_path: Path
) -> None:
    """What no reader here is too old for, an older one may be."""
    reader = OpenSsl()
    file = write_down(reader, bundle_format, KeyType.EC_P256, tmp_path)
    told = reader.algorithms(file, PASSWORD)
    assert all(algorithm in told for algorithm in algorithms)


def test_document_tells_what_is_tested_here() -> None:
    """Only the versions of the readers may differ."""
    rows = {reader: promised(reader) for reader in READERS}
    assert render(rows, documented_versions()) == DOCUMENT.read_text()


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_no_device_gets_what_it_cannot_read(release: Release) -> None:
    """The modern one goes only where it is read."""
    assert release.advised is BundleFormat.COMPATIBLE or release.reads_modern


def test_document_knows_every_platform() -> None:
    """Whatever can be chosen is told of."""
    assert {release.system for release in RELEASES} == set(System)
