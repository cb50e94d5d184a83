"""A phone or laptop that downloads its bundle and opens it with the openssl program."""

import asyncio
import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import ssl

from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .browser import ANDROID, Chromium
from .report import expect, expect_equal


@dataclass(frozen=True)
class Phone:
    """A phone or laptop that has installed its certificate."""

    bundles: tuple[bytes, ...]
    password: str
    test_url: str
    key: bytes
    certificate: bytes
    key_file: Path
    opens: tuple[str, ...] = ()
    """The hostnames that the page of the handover says it opens."""
    user_agent: str | None = ANDROID
    """What its browser calls itself; None for that of a laptop."""
    browser: Chromium | None = None
    """The browser that downloaded the bundle; None if it was downloaded without one."""

    @property
    def private_number(self) -> bytes:
        """Return the secret number of the private key."""
        match load_pem_private_key(self.key, None):
            case RSAPrivateKey() as key:
                number = key.private_numbers().d
            case EllipticCurvePrivateKey() as key:
                number = key.private_numbers().private_value
            case key:
                raise TypeError(key)
        return number.to_bytes((number.bit_length() + 7) // 8)

    async def fingerprint(self) -> str:
        """Return the certificate's SHA-256 fingerprint in hex, computed by openssl."""
        line = await openssl(
            *("x509", "-noout", "-fingerprint", "-sha256"), data=self.certificate
        )
        return line.decode().strip().partition("=")[2].replace(":", "").lower()

    async def not_after(self) -> datetime:
        """Return when the certificate expires."""
        line = await openssl("x509", "-noout", "-enddate", data=self.certificate)
        seconds = ssl.cert_time_to_seconds(line.decode().strip().partition("=")[2])
        return datetime.fromtimestamp(seconds, UTC)


async def request_bundle(link: str) -> tuple[int, str]:
    """Send the request of the handover page's button; the token is the link's fragment."""
    url, _, token = link.partition("#")
    async with ClientSession() as session, session.post(url, data=token) as response:
        return response.status, await response.text()


async def download(link: str, key_file: Path) -> Phone:
    """Download the bundle without a browser, and install it."""
    status, text = await request_bundle(link)
    expect_equal(status, 200, "the status of the handover")
    content = json.loads(text)
    bundles = [
        base64.b64decode(bundle["data"], validate=True) for bundle in content["bundles"]
    ]
    phone = await _install(bundles, content["password"], content["test_url"], key_file)
    return replace(phone, opens=tuple(content["hostnames"]))


async def download_in_browser(
    link: str, browser: Chromium, key_file: Path, user_agent: str | None
) -> Phone:
    """Download the bundle with the device's browser, as the page says, and install it."""
    async with browser.tab(user_agent=user_agent) as tab:
        await tab.open(link)
        await tab.tap("#get")
        bundles = [await tab.downloaded("*.p12")]
        await tab.run("document.querySelectorAll('details').forEach((d) => d.open = 1)")
        await tab.tap("#other")
        bundles.append(await tab.downloaded("*.p12"))
        password = await tab.run("password.textContent")
        test_url = await tab.run("document.querySelector('#test-link').href")
        opens = await tab.run(
            "[...document.querySelectorAll('#hostnames li')].map((li) => li.textContent)"
        )
        expect(password in await tab.text(), "the page does not show the password")
        expect(not tab.complaints, f"the browser complains: {tab.complaints}")
    await browser.install(bundles[0], password)
    phone = await _install(bundles, password, test_url, key_file)
    return replace(phone, browser=browser, opens=tuple(opens), user_agent=user_agent)


async def _install(
    bundles: list[bytes], password: str, test_url: str, key_file: Path
) -> Phone:
    """Open every bundle, and save the key and certificate of the first."""
    opened = []
    for bundle in bundles:
        key = await openssl(
            "pkcs12", "-nocerts", "-nodes", data=bundle, password=password
        )
        certificate = await openssl("pkcs12", "-nokeys", data=bundle, password=password)
        expect_equal(
            await openssl("pkey", "-pubout", data=key),
            await openssl("x509", "-pubkey", "-noout", data=certificate),
            "the public key of the private key",
        )
        opened.append((key, certificate))
    expect_equal(len(opened), 2, "the number of bundles")
    key, certificate = opened[0]
    key_file.touch(mode=0o600)
    key_file.write_bytes(key + certificate)
    return Phone(tuple(bundles), password, test_url, key, certificate, key_file)


async def openssl(*arguments: str, data: bytes, password: str | None = None) -> bytes:
    """Run openssl; pass a password in the environment, where other users cannot see it."""
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
