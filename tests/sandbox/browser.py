"""Chromium at the sandbox's edge."""

from pathlib import Path

from custom_components.cloudflare_mtls.engine.certificates.bundles import (
    BundleFormat,
    make_bundle,
    make_password,
)
from demo.browser import Chromium
from sandbox import Sandbox

from .helpers import Api, create_certificate


async def new_chromium(sandbox: Sandbox, home: Path) -> Chromium:
    """Return a Chromium that trusts the edge and has no client certificate."""
    chromium = Chromium(home, f"MAP * 127.0.0.1:{sandbox.edge_port}")
    await chromium.trust(sandbox.edge_ca_file)
    return chromium


async def install_certificate(
    chromium: Chromium, api: Api, bundle_format: BundleFormat
) -> None:
    """Create a certificate, and import its bundle into Chromium."""
    created, identity = await create_certificate(api)
    password = make_password()
    bundle = make_bundle(
        identity.key,
        created["certificate"],
        bundle_format,
        label="HA Phone 2026-11",
        password=password,
    )
    await chromium.install(bundle.data, password)
