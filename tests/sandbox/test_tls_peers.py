"""Visit the edge with programs that have their own TLS: openssl, curl and Chromium."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
import re
import ssl

import pytest

from custom_components.cloudflare_mtls.engine.certificates.bundles import BundleFormat
from demo.browser import run
from sandbox import Sandbox
from sandbox.clock import now
from tests.programs import needs, needs_certificates_in_chromium

from .browser import install_certificate, new_chromium
from .helpers import NAS, Api, Identity, create_certificate, signed_by

TLS_VERSIONS = ("1.2", "1.3")
DAY = timedelta(days=1)


async def _valid(api: Api) -> Identity:
    return (await create_certificate(api))[1]


async def _revoked(api: Api) -> Identity:
    certificate, identity = await create_certificate(api)
    path = f"/zones/{{zone}}/client_certificates/{certificate['id']}"
    assert (await api.request("DELETE", path)).status == 200
    return identity


async def _expired(api: Api) -> Identity:
    authority = await api.sandbox.authorities.get(api.sandbox.account_id)
    return signed_by(authority, now() - 2 * DAY, now() - DAY)


async def _not_yet_valid(api: Api) -> Identity:
    authority = await api.sandbox.authorities.get(api.sandbox.account_id)
    return signed_by(authority, now() + DAY, now() + 2 * DAY)


async def _of_an_unknown_authority(api: Api) -> Identity:
    return signed_by(await api.sandbox.authorities.get("somebody else's account"))


async def _none(_: Api) -> None:
    return None


CERTIFICATES: Mapping[str, tuple[Callable[[Api], object], int]] = {
    "valid": (_valid, 200),
    "none": (_none, 403),
    "revoked": (_revoked, 403),
    "expired": (_expired, 403),
    "not yet valid": (_not_yet_valid, 403),
    "of an unknown authority": (_of_an_unknown_authority, 403),
}
"""The certificates that a client can have, and the status it gets after the handshake."""

every_certificate = pytest.mark.parametrize("certificate_kind", CERTIFICATES)
every_version = pytest.mark.parametrize("version", TLS_VERSIONS)


async def client_file(
    api: Api, certificate_kind: str, folder: Path
) -> tuple[Path | None, int]:
    """Write a client's certificate and key to a file; return it with the expected status."""
    make, status = CERTIFICATES[certificate_kind]
    identity = await make(api)  # type: ignore[misc]
    if identity is None:
        return None, status
    identity.load_into(ssl.create_default_context(), folder)
    return folder / "client.pem", status


@needs("openssl")
@every_version
@every_certificate
async def test_openssl(
    api: Api, protected: str, tmp_path: Path, version: str, certificate_kind: str
) -> None:
    """The edge's certificate verifies, the edge asks for one, and the rule decides."""
    file, status = await client_file(api, certificate_kind, tmp_path)
    printed = await s_client(api.sandbox, protected, version, file)
    assert "Requested Signature Algorithms" in printed
    assert f"New, TLSv{version}" in printed
    assert "Verification: OK" in printed
    assert f"HTTP/1.1 {status} " in printed
    assert ("Attention Required! | Cloudflare" in printed) == (status == 403)


@needs("openssl")
@every_version
@pytest.mark.parametrize("host", [NAS, "example.com"])
async def test_not_asked_elsewhere(
    api: Api, protected: str, tmp_path: Path, version: str, host: str
) -> None:
    """On other hostnames the edge does not ask for a certificate, so none is sent."""
    file, _ = await client_file(api, "valid", tmp_path)
    printed = await s_client(api.sandbox, host, version, file)
    assert f"New, TLSv{version}" in printed
    assert "Requested Signature Algorithms" not in printed
    assert "HTTP/1.1 " in printed


async def s_client(sandbox: Sandbox, host: str, version: str, file: Path | None) -> str:
    """Get a page from the edge with openssl, and return the output."""
    # Without a user agent, the Browser Integrity Check would block the request.
    headers = f"Host: {host}\r\nUser-Agent: openssl\r\nConnection: close"
    return await run(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{sandbox.edge_port}"),
        *("-servername", host, "-CAfile", sandbox.edge_ca_file, "-ign_eof"),
        f"-tls{version.replace('.', '_').removesuffix('_0')}",
        *(("-cert", str(file)) if file else ()),
        stdin=f"GET / HTTP/1.1\r\n{headers}\r\n\r\n".encode(),
    )


@needs("openssl")
async def test_old_versions_are_refused(api: Api, protected: str) -> None:
    """The edge refuses the handshake of a TLS 1.1 client."""
    printed = await run(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{api.sandbox.edge_port}"),
        *("-servername", protected, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
    )
    assert "alert protocol version" in printed


@needs("curl")
@every_version
@every_certificate
async def test_curl(
    api: Api, protected: str, tmp_path: Path, version: str, certificate_kind: str
) -> None:
    """curl, which also verifies the hostname, gets the same for two requests in a row."""
    file, status = await client_file(api, certificate_kind, tmp_path)
    address = f"127.0.0.1:{api.sandbox.edge_port}"
    printed = await run(
        *("curl", "--silent", "--show-error", "--noproxy", "*"),
        *(
            "--cacert",
            api.sandbox.edge_ca_file,
            "--connect-to",
            f"{protected}:443:{address}",
        ),
        *(f"--tlsv{version}", "--tls-max", version),
        *(("--cert", str(file)) if file else ()),
        *("--write-out", "<%{http_code} %{num_connects}>\n"),
        *(f"https://{protected}/{path}" for path in ("first", "second")),
    )
    # The second request uses the connection of the first one.
    statuses = re.findall(r"<(\d+) (\d)>", printed)
    assert statuses == [(str(status), "1"), (str(status), "0")]
    assert ('"path": "/first"' in printed) == (status == 200)
    assert ("Attention Required! | Cloudflare" in printed) == (status == 403)


@needs_certificates_in_chromium()
@pytest.mark.parametrize("bundle_format", BundleFormat)
async def test_chromium(
    api: Api, protected: str, tmp_path: Path, bundle_format: BundleFormat
) -> None:
    """With the bundle imported, Chromium shows the origin's page, without it the block page."""
    chromium = await new_chromium(api.sandbox, tmp_path)
    async with chromium.tab(identify_at=protected) as tab:
        await tab.open(f"https://{protected}/", "document.body")
        page = await tab.text()
    assert "Sorry, you have been blocked" in page

    await install_certificate(chromium, api, bundle_format)
    async with chromium.tab(identify_at=protected) as tab:
        await tab.open(f"https://{protected}/", "document.body")
        page = await tab.text()
    assert '"method": "GET"' in page
    assert f'"Host": "{protected}"' in page
