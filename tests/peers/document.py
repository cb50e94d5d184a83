"""docs/bundles.md: which readers open which bundle, and which one devices get."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
import re
import tempfile
from typing import Final

from custom_components.cloudflare_mtls.engine.certificates.bundles import BundleFormat
from custom_components.cloudflare_mtls.engine.certificates.keys import KeyType
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
    """Releases of a system that read the same formats."""

    name: str
    system: System
    version: str | None
    """The version that the companion app reports on the last of these releases."""
    reads_modern: bool
    known_from: str

    @property
    def advised(self) -> BundleFormat:
        """Return the format that a device gets unless a person chooses one."""
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
    Release(
        name="ChromeOS",
        system=System.CHROMEOS,
        version=None,
        reads_modern=True,
        known_from="Chromium's source",
    ),
)


def promised(reader: Reader) -> list[str]:
    """Return the cells of a reader that the tests check."""
    return [_cell(bundle_format in reader.reads) for bundle_format, _ in COLUMNS]


def try_reader(reader: Reader) -> list[str]:
    """Return the cells of a reader, from opening every bundle now."""
    return [_cell(_opens(reader, *column)) for column in COLUMNS]


def render(rows: Mapping[Reader, list[str]], versions: Mapping[str, str]) -> str:
    """Return the document."""
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
    """Return the version of each reader that the document names."""
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


_TEXT: Final = """# Which programs and devices read the bundles

A device gets its key and certificate as one PKCS#12 file that is encrypted with a password. There are two formats. Every
device reads the *compatible* one (3DES, authenticated with SHA-1); newer devices also read the *modern* one (AES-256 with
PBKDF2, authenticated with SHA-256). The encryption of the compatible format is weak against guessed passwords, so people do
not choose the password: it has 120 random bits.

## Programs of other people

Each program opens the file with its password, and finds the certificate, the name and the private key. It proves that it has
the key: it prints the decrypted key or the public key, or signs a request with it. Java's own key store writes the name in
lower case. Each program refuses an empty and a wrong password, and gives this as the reason.

{readers}

*Bouncy Castle as in Android 13* is Bouncy Castle without the algorithms that
[AOSP's change 4fae1c6c](https://android.googlesource.com/platform/external/bouncycastle/+/4fae1c6cb82e4b3e7d51e38ce0e3d7a4f22a0939)
added to Android's own, first released with Android 14: the real parser fails at an algorithm that is really missing. AOSP's
own Bouncy Castle, compiled once for a desktop (`android13-release` at 5a6c64cb, `android14-release` at ff41706a, with Java's
elliptic curves in place of Conscrypt's), opens and refuses the same files for the same reason. Neither shows anything about
the installer's dialogs, or about what a vendor changed.

## Devices

Devices cannot be tested here, so this table is what is known about them. A companion app reports the version of its system,
and the device gets the best format that this version is known to read. Without a version, it gets the compatible format;
people can choose another one when they set up the device.

{releases}

An Apple Watch gets the file of its iPhone. Android and Apple devices both say *wrong password* about a format that they do
not read. Both types of key are read everywhere; the app for iOS fails with P-521, which is not offered.

## A browser

Chromium with the file in its NSS store and without it, at the sandbox's edge, with a real Home Assistant as the origin:

| with | without |
|---|---|
| ![Home Assistant's login](images/browser-with-certificate.png) | ![Blocked](images/browser-without-certificate.png) |

Written by `scripts/docs bundles`; the tests open every file again, and compare everything but the versions.
"""
