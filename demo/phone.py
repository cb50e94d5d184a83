"""A phone that fetches its bundle and opens it, with OpenSSL's own program."""

import asyncio
import base64
from dataclasses import dataclass
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import ssl

from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .report import expect, expect_equal


@dataclass(frozen=True)
class Phone:
    """A phone that has installed its certificate."""

    bundle: bytes
    password: str
    key: bytes
    certificate: bytes
    key_file: Path

    @property
    def private_number(self) -> bytes:
        """Return what of the key nobody may know."""
        match load_pem_private_key(self.key, None):
            case RSAPrivateKey() as key:
                number = key.private_numbers().d
            case EllipticCurvePrivateKey() as key:
                number = key.private_numbers().private_value
            case key:
                raise TypeError(key)
        return number.to_bytes((number.bit_length() + 7) // 8)

    async def not_after(self) -> datetime:
        """Return when the certificate ends."""
        line = await openssl("x509", "-noout", "-enddate", data=self.certificate)
        seconds = ssl.cert_time_to_seconds(line.decode().strip().partition("=")[2])
        return datetime.fromtimestamp(seconds, UTC)


async def take(link: str) -> tuple[int, str]:
    """Do what the button on the handover page does: the token is the link's fragment."""
    url, _, token = link.partition("#")
    async with ClientSession() as session, session.post(url, data=token) as response:
        return response.status, await response.text()


async def fetch(link: str, key_file: Path) -> Phone:
    """Take the bundle and install it."""
    status, text = await take(link)
    expect_equal(status, 200, "the status of the handover")
    handed_over = json.loads(text)
    bundle = base64.b64decode(handed_over["bundles"][0]["data"], validate=True)
    password = handed_over["password"]
    key = await openssl("pkcs12", "-nocerts", "-nodes", data=bundle, password=password)
    certificate = await openssl("pkcs12", "-nokeys", data=bundle, password=password)
    expect_equal(
        await openssl("pkey", "-pubout", data=key),
        await openssl("x509", "-pubkey", "-noout", data=certificate),
        "the public key of the private key",
    )
    key_file.touch(mode=0o600)
    key_file.write_bytes(key + certificate)
    return Phone(bundle, password, key, certificate, key_file)


async def openssl(*arguments: str, data: bytes, password: str | None = None) -> bytes:
    """Run OpenSSL's program; a password comes by its environment, where nobody else looks."""
    environment = dict(os.environ)
    if password is not None:
        arguments += ("-passin", "env:BUNDLE_PASSWORD")
        environment["BUNDLE_PASSWORD"] = password
    process = await asyncio.create_subprocess_exec(
        "openssl",
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(data)
    expect(process.returncode == 0, f"openssl {arguments[0]}: {errors.decode()}")
    return output
