"""docs/bundles.md: which readers open which bundle, and what that means for devices."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
import re
import tempfile
from typing import Final

from custom_components.cloudflare_mtls.engine.certificates.credentials import (
    BundleFormat,
    KeyType,
)
from custom_components.cloudflare_mtls.engine.certificates.systems import (
    System,
    advised_format,
)

from .readers import Reader, Refused
from .samples import PASSWORD, make_sample

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "bundles.md"

COLUMNS: Final = tuple(product(BundleFormat, KeyType))


@dataclass(frozen=True, kw_only=True)
class Release:
    """Releases of a system that read the same."""

    name: str
    system: System
    version: str | None
    """What the companion app on its last one reports."""
    reads_modern: bool
    known_from: str

    @property
    def advised(self) -> BundleFormat:
        """Return what a device with it is given unless its owner chooses."""
        return advised_format(self.system, self.version)


_AOSP: Final = "AOSP's source"
_APPLE: Final = "Apple's source"
_MICROSOFT: Final = "Microsoft's documentation"

RELEASES: Final = (
    Release(
        name="Android 6 to 13",
        system=System.ANDROID,
        version="33",
        reads_modern=False,
        known_from=f"{_AOSP}, and the last reader above",
    ),
    Release(
        name="Android 14 and later",
        system=System.ANDROID,
        version="34",
        reads_modern=True,
        known_from=_AOSP,
    ),
    Release(
        name="Wear OS 2 to 4",
        system=System.WEAR_OS,
        version=None,
        reads_modern=False,
        known_from="the Android that it is made of",
    ),
    Release(
        name="Wear OS 5 and later",
        system=System.WEAR_OS,
        version=None,
        reads_modern=True,
        known_from="the Android that it is made of",
    ),
    Release(
        name="iOS and iPadOS 16 and 17",
        system=System.IOS,
        version="17.7",
        reads_modern=False,
        known_from=_APPLE,
    ),
    Release(
        name="iOS and iPadOS 18 and later",
        system=System.IOS,
        version="18.0",
        reads_modern=True,
        known_from=_APPLE,
    ),
    Release(
        name="macOS 12 to 14",
        system=System.MACOS,
        version="14.8",
        reads_modern=False,
        known_from=_APPLE,
    ),
    Release(
        name="macOS 15 and later",
        system=System.MACOS,
        version="15.0",
        reads_modern=True,
        known_from=_APPLE,
    ),
    Release(
        name="Windows 7 to 10 before 1709, Server 2016 and earlier",
        system=System.WINDOWS,
        version=None,
        reads_modern=False,
        known_from=_MICROSOFT,
    ),
    Release(
        name="Windows 10 1709 and later, Server 2019 and later",
        system=System.WINDOWS,
        version=None,
        reads_modern=True,
        known_from=_MICROSOFT,
    ),
    Release(
        name="Linux, and Firefox anywhere",
        system=System.LINUX,
        version=None,
        reads_modern=True,
        known_from="NSS above",
    ),
)


def promised(reader: Reader) -> list[str]:
    """Return the cells of a reader as the tests hold it to them."""
    return [_cell(bundle_format in reader.reads) for bundle_format, _ in COLUMNS]


def tried(reader: Reader) -> list[str]:
    """Return the cells of a reader as it fills them now."""
    return [_cell(_opens(reader, *column)) for column in COLUMNS]


def render(rows: Mapping[Reader, list[str]], versions: Mapping[str, str]) -> str:
    """Write the document."""
    columns = [f"{item}, {_KEYS[key_type]}" for item, key_type in COLUMNS]
    readers = [
        (reader.name, versions[reader.name], *cells) for reader, cells in rows.items()
    ]
    releases = [
        (item.name, "yes", "yes" if item.reads_modern else "no", item.advised, item.known_from)
        for item in RELEASES
    ]  # fmt: skip
    return _TEXT.format(
        readers=_table(("reader", "version", *columns), readers),
        releases=_table(
            ("device", "reads compatible", "reads modern", "gets", "known from"),
            releases,
        ),
    )


def documented_versions() -> dict[str, str]:
    """Read from the document which version of each reader filled its row."""
    rows = re.findall(
        r"^\| ([^|]+) \| (\d[\d.]*) \|", DOCUMENT.read_text(), re.MULTILINE
    )
    return dict(rows)


_KEYS: Final[Mapping[KeyType, str]] = {
    KeyType.RSA_2048: "RSA 2048",
    KeyType.EC_P256: "P-256",
}


def _opens(reader: Reader, bundle_format: BundleFormat, key_type: KeyType) -> bool:
    sample = make_sample(bundle_format, key_type)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / sample.bundle.filename
        file.write_bytes(sample.bundle.data)
        try:
            opened = reader.open(file, PASSWORD)
        except Refused:
            return False
    return opened.public_key == sample.public_key


def _cell(opens: bool) -> str:
    return "opens" if opens else "refused"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    def lines() -> Iterator[str]:
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
        for row in rows:
            yield f"| {' | '.join(row)} |"

    return "\n".join(lines())


_TEXT: Final = """# Who reads the bundles

A device gets its key and certificate as one PKCS#12 file under a password. The file comes in two formats: *compatible*
(3DES, authenticated with SHA-1) is what every device reads, *modern* (AES-256 with PBKDF2, authenticated with SHA-256) is
what newer ones read too. The encryption of the compatible one is weak against guessing, so its password is not left to
people: it is random, of 120 bits.

## Programs of other people

Each opens the file with its password only, finds the certificate, the name and the private key, and shows that it has the
key: it prints it decrypted, or its public half, or signs a request with it. Java's own key store writes the name in small
letters. An empty and a wrong password are refused, for that reason.

{readers}

*Bouncy Castle as in Android 13* is Bouncy Castle without the algorithms that
[AOSP's change 4fae1c6c](https://android.googlesource.com/platform/external/bouncycastle/+/4fae1c6cb82e4b3e7d51e38ce0e3d7a4f22a0939)
made known to Android's own, first released with Android 14: its real parser runs into what is really missing. AOSP's own
Bouncy Castle, compiled for a desktop once (`android13-release` at 5a6c64cb, `android14-release` at ff41706a, with Java's
elliptic curves in the place of Conscrypt's), opens and refuses the same files, for the same reason. Neither tells anything
about the installer's dialogs, or about what a vendor changed.

## Devices

What is in the hands of people cannot be tried here; this is what is known of it. A companion app reports its version, and
then the device gets the best that it is sure to read. Where nobody reports a version, that is the compatible one; whoever
sets up the device may choose otherwise.

{releases}

An Apple Watch gets the file of its iPhone. Android and Apple both say *wrong password* where they mean a format that they
do not read. Keys of both types are read everywhere; the app for iOS fails with P-521, which is not offered.

## A browser

Chromium with the file in its NSS store, and without it, at the sandbox's edge in front of a real Home Assistant:

| with | without |
|---|---|
| ![Home Assistant's login](images/browser-with-certificate.png) | ![Blocked](images/browser-without-certificate.png) |

Written by `python -m tests.peers`; the tests try it all again, and compare everything but the versions.
"""
