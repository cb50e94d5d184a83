"""The imitation of cloudflared and the real one: which certificates of an origin they accept."""

from pathlib import Path
import ssl
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
import pytest

from sandbox.authority import edge_authority, new_server_key
from tests.sandbox.helpers import HOME, Identity

from .both import Connected
from .raw import raw_origin


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """Return the TLS of an origin with a certificate for its name, and the CA's file."""
    authority, key = edge_authority(), new_server_key()
    certificate = authority.sign_server(["home.lan", HOME], key.public_key())
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    Identity(certificate, key).load_into(context, tmp_path)
    return context, ca


@pytest.mark.parametrize(
    ("settings", "defaults", "status"),
    [
        ({}, {}, 502),
        ({"noTLSVerify": True}, {}, 200),
        ({}, {"noTLSVerify": True}, 200),
        ({"noTLSVerify": False}, {"noTLSVerify": True}, 502),
        ({"noTLSVerify": None}, {"noTLSVerify": True}, 200),
        ({"NOTLSVERIFY": True}, {}, 200),
        ({"caPool": "ca"}, {}, 200),
        ({"caPool": "ca", "originServerName": "home.lan"}, {}, 200),
        ({"caPool": "ca", "originServerName": "other.lan"}, {}, 502),
        ({"originServerName": "home.lan"}, {}, 502),
        # The name of the visitor's Host, with nothing behind it.
        ({"caPool": "ca", "matchSNItoHost": True}, {}, 200),
        ({"noTLSVerify": True, "matchSNItoHost": True}, {}, 200),
    ],
)
async def test_certificate_of_the_origin(
    both: Connected,
    certified: tuple[ssl.SSLContext, Path],
    settings: dict[str, Any],
    defaults: dict[str, Any],
    status: int,
) -> None:
    context, ca = certified
    if "caPool" in settings:
        settings = {**settings, "caPool": str(ca)}
    async with raw_origin(context) as origin:
        service = origin.url.replace("http:", "https:")
        await both.serve(
            {"hostname": HOME, "service": service, "originRequest": settings},
            originRequest=defaults,
        )
        assert (await both.visit("GET /")).status == status
        await both.serve({"hostname": HOME, "service": origin.url})
        # HTTP where TLS is expected: Python's server says nothing at all.
        assert (await both.visit("GET /")).status == 502


async def test_server_name_follows_the_host(
    both: Connected, certified: tuple[ssl.SSLContext, Path]
) -> None:
    """With all that the visitor's Host has, a port too, for which there is no certificate."""
    context, ca = certified
    async with raw_origin(context) as origin:
        settings = {"caPool": str(ca), "matchSNItoHost": True}
        service = origin.url.replace("http:", "https:")
        await both.serve(
            {"hostname": HOME, "service": service, "originRequest": settings}
        )
        assert await both.status(HOME) == 200
        assert await both.status(f"{HOME}:8443") == 502
