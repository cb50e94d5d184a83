"""Programs with TLS of their own get through the edge: openssl, curl and Chromium."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable, Mapping
from datetime import timedelta
import json
import os
from pathlib import Path
import re
import shutil
import ssl
import subprocess

import pytest

from custom_components.cloudflare_mtls.edge.credentials import (
    BundleFormat,
    make_bundle,
    make_password,
)
from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import Rule

from .helpers import HOME, NAS, Api, Identity, Origin, mint, signed_by

TLS_VERSIONS = ("1.2", "1.3")
DAY = timedelta(days=1)


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where programs are missing, and name them."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}")


async def run(
    *command: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> str:
    """Run a program while the edge goes on serving; return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env={**os.environ, **(environment or {})},
    )
    try:
        async with asyncio.timeout(60):
            printed, _ = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return printed.decode(errors="replace")


@pytest.fixture
def protected(sandbox: Sandbox, origin: Origin) -> str:
    """Let only devices with a good certificate reach a hostname."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.associations = [HOME]
    # Only what the rule says keeps anybody out.
    zone.rules[:] = [
        Rule(
            action="block",
            expression=f'http.host eq "{HOME}" and (not '
            "cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)",
        )
    ]
    return HOME


async def _minted(api: Api) -> Identity:
    return (await mint(api))[1]


async def _revoked(api: Api) -> Identity:
    certificate, identity = await mint(api)
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


WHO: Mapping[str, tuple[Callable[[Api], object], int]] = {
    "minted": (_minted, 200),
    "none": (_none, 403),
    "revoked": (_revoked, 403),
    "expired": (_expired, 403),
    "not yet valid": (_not_yet_valid, 403),
    "of an unknown authority": (_of_an_unknown_authority, 403),
}
"""What a client may show, and what it gets: in every case a complete handshake."""

everybody = pytest.mark.parametrize("who", WHO)
every_version = pytest.mark.parametrize("version", TLS_VERSIONS)


async def client_file(api: Api, who: str, folder: Path) -> tuple[Path | None, int]:
    """Write down a client's certificate and key; tell the status to expect."""
    make, status = WHO[who]
    identity = await make(api)  # type: ignore[misc]
    if identity is None:
        return None, status
    identity.load_into(ssl.create_default_context(), folder)
    return folder / "client.pem", status


@needs("openssl")
@every_version
@everybody
async def test_openssl(
    api: Api, protected: str, tmp_path: Path, version: str, who: str
) -> None:
    """The certificate of the zone verifies, one is asked for, and the rule decides."""
    file, status = await client_file(api, who, tmp_path)
    printed = await s_client(api.sandbox, protected, version, file)
    assert "Requested Signature Algorithms" in printed
    assert f"New, TLSv{version}" in printed
    assert "Verification: OK" in printed
    assert f"HTTP/1.1 {status} " in printed
    assert ("Attention Required! | Cloudflare" in printed) == (status == 403)


@needs("openssl")
@every_version
@pytest.mark.parametrize("host", [NAS, "example.com", "unknown.invalid"])
async def test_not_asked_elsewhere(
    api: Api, protected: str, tmp_path: Path, version: str, host: str
) -> None:
    """Other hostnames ask nobody for a certificate, and do not get one that is there."""
    file, _ = await client_file(api, "minted", tmp_path)
    printed = await s_client(api.sandbox, host, version, file)
    assert f"New, TLSv{version}" in printed
    assert "Requested Signature Algorithms" not in printed
    assert "HTTP/1.1 " in printed


async def s_client(sandbox: Sandbox, host: str, version: str, file: Path | None) -> str:
    """Ask the edge for a page with openssl."""
    # Without a name for itself it would meet the Browser Integrity Check first.
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
    """TLS 1.1 gets no handshake at all."""
    printed = await run(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{api.sandbox.edge_port}"),
        *("-servername", protected, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
    )
    assert "alert protocol version" in printed


@needs("curl")
@every_version
@everybody
async def test_curl(
    api: Api, protected: str, tmp_path: Path, version: str, who: str
) -> None:
    """The same for curl, which verifies the hostname too, with two requests in a row."""
    file, status = await client_file(api, who, tmp_path)
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
    # The second request goes over the first one's connection.
    told = re.findall(r"<(\d+) (\d)>", printed)
    assert told == [(str(status), "1"), (str(status), "0")]
    assert ('"path": "/first"' in printed) == (status == 200)
    assert ("Attention Required! | Cloudflare" in printed) == (status == 403)


# Chromium

# Chromium reads policies from there only; a mount of our own puts ours in their place,
# for this one process.
POLICIES = Path("/etc/chromium")
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
IN_OWN_MOUNTS = 'mount --bind "$0" "$1" && shift && exec "$@"'


def _may_mount() -> bool:
    if shutil.which("unshare") is None or not POLICIES.is_dir():
        return False
    command = (*OWN_MOUNTS, "mount", "--bind", str(POLICIES), str(POLICIES))
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@needs("chromium", "certutil", "pk12util")
@pytest.mark.parametrize("bundle_format", BundleFormat)
async def test_chromium(
    api: Api, protected: str, tmp_path: Path, bundle_format: BundleFormat
) -> None:
    """With the bundle in its store it shows the origin's page, without it the 403 page."""
    if not _may_mount():
        pytest.skip(f"missing: a mount over {POLICIES}, for the browser's policy")
    database = await _empty_store(api.sandbox, tmp_path)
    page = await _page(api.sandbox, protected, tmp_path, "without")
    assert "Attention Required! | Cloudflare" in page
    assert "Sorry, you have been blocked" in page

    minted, identity = await mint(api)
    password = make_password()
    bundle = make_bundle(
        identity.key,
        minted["certificate"],
        bundle_format,
        label="HA Phone 2026-11",
        password=password,
    )
    file = tmp_path / bundle.filename
    file.write_bytes(bundle.data)
    imported = await run(
        *("pk12util", "-d", database, "-i", str(file), "-W", password, "-K", "")
    )
    assert "PKCS12 IMPORT SUCCESSFUL" in imported
    page = await _page(api.sandbox, protected, tmp_path, "with")
    assert '"method": "GET"' in page
    assert f'"Host": "{protected}"' in page


async def _empty_store(sandbox: Sandbox, home: Path) -> str:
    """Make a certificate store that trusts the edge and holds nothing else."""
    folder = home / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    database = f"sql:{folder}"
    await run("certutil", "-d", database, "-N", "--empty-password")
    trust = ("-t", "C,,", "-n", "edge", "-i", sandbox.edge_ca_file)
    await run("certutil", "-d", database, "-A", *trust)
    assert "edge" in await run("certutil", "-d", database, "-L")
    return database


async def _page(sandbox: Sandbox, host: str, home: Path, profile: str) -> str:
    """Show a page in a new browser and return what is in it."""
    policies = home / "policies"
    managed = policies / "policies" / "managed"
    managed.mkdir(parents=True, exist_ok=True)
    choice = json.dumps({"pattern": f"https://{host}", "filter": {}})
    policy = {"AutoSelectCertificateForUrls": [choice]}
    (managed / "certificate.json").write_text(json.dumps(policy))
    return await run(
        *(*OWN_MOUNTS, "sh", "-c", IN_OWN_MOUNTS, str(policies), str(POLICIES)),
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
        *("--no-first-run", "--disable-background-networking"),
        *("--disable-component-update", "--disable-sync", "--no-proxy-server"),
        f"--user-data-dir={home / profile}",
        f"--host-resolver-rules=MAP * 127.0.0.1:{sandbox.edge_port}",
        *("--dump-dom", f"https://{host}/"),
        environment={"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")},
    )
