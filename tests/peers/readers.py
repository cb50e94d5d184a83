"""Programs of other people that open bundles."""

from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import tempfile
from typing import ClassVar, Final, override

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
    load_pem_public_key,
)

from custom_components.cloudflare_mtls.engine.certificates.bundles import BundleFormat

_OPEN_BUNDLE: Final = Path(__file__).with_name("OpenBundle.java")
_BOUNCY_CASTLE: Final = Path("/usr/share/java/bcprov.jar")
# Java prepares itself for long runs, which takes longer than all that these programs do.
_SHORT_RUN: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class Refused(Exception):
    """A reader refused a bundle; the message is the reader's."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The contents of a bundle; the public key belongs to the private key in it."""

    label: str
    certificate: bytes
    public_key: bytes


class Reader(ABC):
    """A program that opens bundles."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    """The programs and files that it consists of."""
    wrong_password: ClassVar[str]
    """What it says about a wrong password."""
    reads: ClassVar[tuple[BundleFormat, ...]] = tuple(BundleFormat)
    keeps_case: ClassVar[bool] = True

    @classmethod
    def missing(cls) -> list[str]:
        """Return the programs and files that are not installed."""
        return [
            item
            for item in cls.needs
            if not (shutil.which(item) or Path(item).is_file())
        ]

    @abstractmethod
    def version(self) -> str:
        """Return the version of the program, or of the library that opens the bundle."""

    @abstractmethod
    def open(self, bundle: Path, password: str) -> Opened:
        """Open a bundle; raise Refused if the program refuses it."""


class OpenSsl(Reader):
    """The command of OpenSSL 3, without its legacy provider."""

    name = "OpenSSL"
    needs = ("openssl",)
    wrong_password = "Mac verify error: invalid password"

    @override
    def version(self) -> str:
        return _first_number(_run("openssl", "version"))

    @override
    def open(self, bundle: Path, password: str) -> Opened:
        printed = _run(
            *("openssl", "pkcs12", "-in", str(bundle), "-nodes"),
            *("-passin", f"pass:{password}"),
        )
        key = load_pem_private_key(printed.encode(), None)
        return Opened(
            label=_only_label(re.findall(r"friendlyName: (.*)", printed)),
            certificate=_only_certificate(printed),
            public_key=_der(key.public_key()),
        )

    @staticmethod
    def algorithms(bundle: Path, password: str) -> str:
        """Return what it prints about the encryption."""
        return _run(
            *("openssl", "pkcs12", "-in", str(bundle), "-info", "-noout"),
            *("-passin", f"pass:{password}"),
        )


class Nss(Reader):
    """The store of Firefox, and of Chromium on Linux; its key signs a request."""

    name = "NSS (pk12util)"
    needs = ("pk12util", "certutil", "modutil")
    wrong_password = "SEC_ERROR_BAD_PASSWORD"

    @override
    def version(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            store = self._empty_store(folder)
            printed = _run("modutil", "-dbdir", store, "-list", "-force")
        return _first_number(printed.partition("library-version=")[2])

    @override
    def open(self, bundle: Path, password: str) -> Opened:
        with tempfile.TemporaryDirectory() as folder:
            store = self._empty_store(folder)
            _run(
                *("pk12util", "-d", store, "-i", str(bundle)),
                *("-W", password, "-K", ""),
            )
            # One line: the number, the kind of key, its identifier and its name.
            keys = re.findall(
                r"^<.*> +\w+ +[0-9a-f]+ +(.*)",
                _run("certutil", "-d", store, "-K"),
                re.MULTILINE,
            )
            label = _only(keys).strip()
            request = _run(
                *("certutil", "-d", store, "-R", "-k", label, "-s", "CN=x", "-a"),
                # Any file, in place of random input from the keyboard.
                *("-z", str(_OPEN_BUNDLE)),
            )
            certificate = _run("certutil", "-d", store, "-L", "-n", label, "-a")
        return Opened(
            label=label,
            certificate=_only_certificate(certificate),
            public_key=_signer(request),
        )

    @staticmethod
    def _empty_store(folder: str) -> str:
        store = f"sql:{folder}"
        _run("certutil", "-d", store, "-N", "--empty-password")
        return store


class GnuTls(Reader):
    """The command of GnuTLS, which prints the encrypted key and decrypts it in a second call."""

    name = "GnuTLS (certtool)"
    needs = ("certtool",)
    wrong_password = "Message Authentication Code verification failed"

    @override
    def version(self) -> str:
        return _first_number(_run("certtool", "--version"))

    @override
    def open(self, bundle: Path, password: str) -> Opened:
        secret = ("--password", password)
        printed = _run(
            "certtool", "--p12-info", "--inder", "--infile", str(bundle), *secret
        )
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(printed)
            file.flush()
            key = _run(
                "certtool", "--pubkey-info", "--load-privkey", file.name, *secret
            )
        pem = key[key.index("-----BEGIN") :].encode()
        return Opened(
            label=_only_label(re.findall(r"Friendly name: (.*)", printed)),
            certificate=_only_certificate(printed),
            public_key=_der(load_pem_public_key(pem)),
        )


class Keytool(Reader):
    """Java's own key store, which writes names in lower case; its key signs a request."""

    name = "Java (keytool)"
    needs = ("keytool",)
    wrong_password = "keystore password was incorrect"
    keeps_case = False

    @override
    def version(self) -> str:
        return _first_number(_run("keytool", "-J-version"))

    @override
    def open(self, bundle: Path, password: str) -> Opened:
        store = (
            "-keystore",
            str(bundle),
            "-storetype",
            "PKCS12",
            "-storepass",
            password,
        )
        keytool = ("keytool", *(f"-J{option}" for option in _SHORT_RUN))
        listed = _run(*keytool, "-list", "-rfc", *store)
        label = _only(re.findall(r"Alias name: (.*)", listed))
        return Opened(
            label=label,
            certificate=_only_certificate(listed),
            public_key=_signer(_run(*keytool, "-certreq", "-alias", label, *store)),
        )


class BouncyCastle(Reader):
    """The library that Android's own reader is made from."""

    name = "Bouncy Castle"
    needs = ("java", "javac", str(_BOUNCY_CASTLE))
    wrong_password = "wrong password"
    without: ClassVar[tuple[str, ...]] = ()
    """Algorithms to remove from it before it opens the bundle."""

    @override
    def version(self) -> str:
        return _first_number(_BOUNCY_CASTLE.resolve().name)

    @override
    def open(self, bundle: Path, password: str) -> Opened:
        classes = f"{_BOUNCY_CASTLE}:{_compiled().name}"
        java = ("java", *_SHORT_RUN, "-cp", classes, _OPEN_BUNDLE.stem)
        printed = _run(*java, str(bundle), password, *self.without)
        found: Mapping[str, str] = json.loads(_only(printed.splitlines()))
        key = load_der_private_key(b64decode(found["key"]), None)
        return Opened(
            label=found["alias"],
            certificate=b64decode(found["certificate"]),
            public_key=_der(key.public_key()),
        )


class Android13(BouncyCastle):
    """Bouncy Castle without the algorithms that Android 14 added: it represents Android 6 to 13.

    The real parser fails at algorithms that are really missing: those that AOSP's change
    4fae1c6c, "Add support for PBES2 encrypted KeyStores", added. It does not represent the rest
    of these releases: their version of Bouncy Castle, Conscrypt, the installer's dialogs, and
    what a vendor changed.
    """

    name = "Bouncy Castle as in Android 13"
    reads = (BundleFormat.COMPATIBLE,)
    missing_algorithm: ClassVar = "no such algorithm: 2.16.840.1.101.3.4.2.1 "
    without = (
        "Mac.2.16.840.1.101.3.4.2.1",
        *(f"Cipher.2.16.840.1.101.3.4.1.{aes_cbc}" for aes_cbc in (2, 22, 42)),
        "SecretKeyFactory.PBKDF2",
        "SecretKeyFactory.1.2.840.113549.1.5.12",
    )


READERS: Final[tuple[Reader, ...]] = (
    OpenSsl(),
    Nss(),
    GnuTls(),
    Keytool(),
    BouncyCastle(),
    Android13(),
)


@cache
def _compiled() -> tempfile.TemporaryDirectory[str]:
    """Compile the program for Bouncy Castle, and return the folder of its classes."""
    folder = tempfile.TemporaryDirectory()
    _run("javac", "-cp", str(_BOUNCY_CASTLE), "-d", folder.name, str(_OPEN_BUNDLE))
    return folder


def _run(*command: str) -> str:
    """Return what a program prints; raise Refused if it fails."""
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    printed, errors = done.stdout.decode(errors="replace"), done.stderr.decode()
    if done.returncode:
        raise Refused(errors + printed)
    # Some programs print results to stderr.
    return printed + errors


def _only[ItemT](items: list[ItemT]) -> ItemT:
    (item,) = items
    return item


def _only_label(labels: list[str]) -> str:
    """Return the name that the certificate and the key have in common."""
    label, same = labels
    assert label == same
    return label


def _only_certificate(printed: str) -> bytes:
    certificates = x509.load_pem_x509_certificates(printed.encode())
    return _only(certificates).public_bytes(Encoding.DER)


def _signer(printed: str) -> bytes:
    """Return the public key of a certificate signing request; the signature has to be valid."""
    pem = printed[printed.index("-----BEGIN") :].encode()
    request = x509.load_pem_x509_csr(pem)
    assert request.is_signature_valid
    return _der(request.public_key())


def _der(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _first_number(text: str) -> str:
    number = re.search(r"\d+(?:\.\d+)+", text)
    assert number is not None
    return number[0]
