"""Chromium, with a certificate store, a policy and profiles of its own."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
import json
import os
from pathlib import Path
import shutil
import subprocess
from typing import Self

import pytest

from custom_components.cloudflare_mtls.edge.credentials import (
    BundleFormat,
    make_bundle,
    make_password,
)
from sandbox import Sandbox

from .helpers import Api, mint

# Chromium reads policies from there only; a mount of our own puts ours in their place,
# for this one process.
POLICIES = Path("/etc/chromium")
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
IN_OWN_MOUNTS = 'mount --bind "$0" "$1" && shift && exec "$@"'


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where programs are missing, and name them."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}")


needs_a_browser = needs("chromium", "certutil", "pk12util")


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


class Browser:
    """Trusts the edge, and shows whatever certificate is in its store."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        """Live in a folder."""
        self._sandbox = sandbox
        self._home = home
        self._store = f"sql:{home / '.pki' / 'nssdb'}"
        self._starts = 0

    @classmethod
    async def new(cls, sandbox: Sandbox, home: Path) -> Self:
        """Return one without a certificate, or skip where it cannot have its policy."""
        if not _may_mount():
            pytest.skip(f"missing: a mount over {POLICIES}, for the browser's policy")
        browser = cls(sandbox, home)
        await browser._make_store()
        return browser

    async def get_certificate(self, api: Api, bundle_format: BundleFormat) -> None:
        """Have a certificate minted, and take its bundle into the store."""
        minted, identity = await mint(api)
        password = make_password()
        bundle = make_bundle(
            identity.key,
            minted["certificate"],
            bundle_format,
            label="HA Phone 2026-11",
            password=password,
        )
        file = self._home / bundle.filename
        file.write_bytes(bundle.data)
        imported = await run(
            *("pk12util", "-d", self._store, "-i", str(file), "-W", password, "-K", "")
        )
        assert "PKCS12 IMPORT SUCCESSFUL" in imported

    async def page(self, host: str) -> str:
        """Show a page and return what is in it."""
        return await self._visit(host, "--dump-dom")

    async def take_picture(self, host: str, file: Path) -> None:
        """Show a page, wait until its scripts have done their work, and take a picture."""
        await self._visit(
            host,
            f"--screenshot={file}",
            *("--window-size=900,640", "--hide-scrollbars"),
            "--virtual-time-budget=20000",
        )

    async def _make_store(self) -> None:
        (self._home / ".pki" / "nssdb").mkdir(parents=True)
        store = ("-d", self._store)
        await run("certutil", *store, "-N", "--empty-password")
        trust = ("-t", "C,,", "-n", "edge", "-i", self._sandbox.edge_ca_file)
        await run("certutil", *store, "-A", *trust)
        assert "edge" in await run("certutil", *store, "-L")

    async def _visit(self, host: str, *options: str) -> str:
        policies = self._home / "policies"
        managed = policies / "policies" / "managed"
        managed.mkdir(parents=True, exist_ok=True)
        choice = json.dumps({"pattern": f"https://{host}", "filter": {}})
        policy = {"AutoSelectCertificateForUrls": [choice]}
        (managed / "certificate.json").write_text(json.dumps(policy))
        self._starts += 1
        return await run(
            *(*OWN_MOUNTS, "sh", "-c", IN_OWN_MOUNTS, str(policies), str(POLICIES)),
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu"),
            *("--disable-quic", "--no-first-run", "--disable-background-networking"),
            *("--disable-component-update", "--disable-sync", "--no-proxy-server"),
            f"--user-data-dir={self._home / f'profile-{self._starts}'}",
            f"--host-resolver-rules=MAP * 127.0.0.1:{self._sandbox.edge_port}",
            *(*options, f"https://{host}/"),
            environment={
                "HOME": str(self._home),
                "XDG_CONFIG_HOME": str(self._home / "config"),
            },
        )


def _may_mount() -> bool:
    if shutil.which("unshare") is None or not POLICIES.is_dir():
        return False
    command = (*OWN_MOUNTS, "mount", "--bind", str(POLICIES), str(POLICIES))
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
