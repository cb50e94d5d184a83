"""Programs of other people open our bundles, and only with the password."""

from pathlib import Path
import re

import pytest

from custom_components.cloudflare_mtls.engine.certificates.bundles import BundleFormat
from custom_components.cloudflare_mtls.engine.certificates.keys import KeyType
from custom_components.cloudflare_mtls.engine.certificates.systems import System

from .document import DOCUMENT, RELEASES, Release, documented_versions, promised, render
from .readers import READERS, Android13, Keytool, OpenSsl, Reader, Refused
from .samples import PASSWORD, make_sample

READABLE = [
    pytest.param(reader, bundle_format, id=f"{reader.name}-{bundle_format}")
    for reader in READERS
    for bundle_format in reader.reads
]

every_key = pytest.mark.parametrize("key_type", KeyType)


def write_bundle(
    reader: Reader, bundle_format: BundleFormat, key_type: KeyType, folder: Path
) -> Path:
    """Write a bundle to a file; skip the test if the reader is not installed."""
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
    """The reader finds our certificate, its private key and its name."""
    file = write_bundle(reader, bundle_format, key_type, tmp_path)
    sample = make_sample(bundle_format, key_type)
    opened = reader.open(file, PASSWORD)
    assert opened.public_key == sample.public_key
    assert opened.certificate == sample.certificate
    label = sample.label if reader.keeps_case else sample.label.lower()
    assert opened.label == label


@pytest.mark.parametrize("name", ["Téléphone d’été", "Телефон リビング שלי"])
@pytest.mark.parametrize("bundle_format", BundleFormat)
@pytest.mark.parametrize("reader", [OpenSsl(), Keytool()], ids=lambda item: item.name)
def test_letters_of_other_scripts_are_no_obstacle(
    reader: Reader, bundle_format: BundleFormat, name: str, tmp_path: Path
) -> None:
    """OpenSSL's command prints half of each letter, and opens the bundle all the same."""
    if missing := reader.missing():
        pytest.skip(f"missing: {', '.join(missing)}")
    sample = make_sample(bundle_format, KeyType.EC_P256, name)
    file = tmp_path / sample.bundle.filename
    file.write_bytes(sample.bundle.data)
    opened = reader.open(file, PASSWORD)
    assert opened.public_key == sample.public_key
    assert opened.certificate == sample.certificate
    assert isinstance(reader, OpenSsl) or opened.label == sample.label.lower()


@pytest.mark.parametrize("wrong", ["", PASSWORD.upper()], ids=["empty", "upper case"])
@pytest.mark.parametrize(("reader", "bundle_format"), READABLE)
def test_wrong_password_is_refused(
    reader: Reader, bundle_format: BundleFormat, wrong: str, tmp_path: Path
) -> None:
    """The reader's message says that the password is wrong."""
    file = write_bundle(reader, bundle_format, KeyType.EC_P256, tmp_path)
    with pytest.raises(Refused, match=reader.wrong_password):
        reader.open(file, wrong)


@every_key
def test_android_13_refuses_the_modern_bundle(
    key_type: KeyType, tmp_path: Path
) -> None:
    """Its key store lacks the algorithm that the file is authenticated with."""
    reader = Android13()
    file = write_bundle(reader, BundleFormat.MODERN, key_type, tmp_path)
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
    """Programs older than the readers here know only the algorithms that a format promises."""
    reader = OpenSsl()
    file = write_bundle(reader, bundle_format, KeyType.EC_P256, tmp_path)
    printed = reader.algorithms(file, PASSWORD)
    assert all(algorithm in printed for algorithm in algorithms)


def test_document_is_up_to_date() -> None:
    """Only the versions of the readers may differ: they are those of the last writer."""
    rows = {reader: promised(reader) for reader in READERS}
    assert render(rows, documented_versions()) == DOCUMENT.read_text()


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_devices_get_a_format_that_they_read(release: Release) -> None:
    """The modern format is advised only for releases that read it."""
    assert release.advised is BundleFormat.COMPATIBLE or release.reads_modern


def test_document_has_every_system() -> None:
    """The document has a release of every system that a dialog offers."""
    assert {release.system for release in RELEASES} == set(System)
