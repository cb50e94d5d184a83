"""Tests of what is imported: the SDK's resources cost seconds and a hundred megabytes."""

from pathlib import Path
import subprocess
import sys

PROGRAM = """
import sys
import homeassistant

import cloudflare
alone = {name for name in sys.modules if name.startswith("cloudflare.")}

import asyncio
from homeassistant.core import HomeAssistant
from importlib import import_module
from pathlib import Path

package = Path("custom_components/cloudflare_mtls")
for path in sorted(package.glob("**/*.py")):
    import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import EngineError


async def main():
    client = CloudflareClient("cfut_" + "a" * 40, base_url="http://127.0.0.1:1")
    try:
        await client.zones.list()
    except EngineError as err:
        print("answered", type(err).__name__)


asyncio.run(main())
loaded = {name for name in sys.modules if name.startswith("cloudflare.")}
for name in sorted(loaded - alone):
    print("more", name)
for name in sorted(loaded):
    print("has", name)
"""

RESOURCES = (
    "client_certificates",
    "certificate_authorities",
    "dns",
    "rulesets",
    "zero_trust",
    "zones",
)


def test_no_resource_of_the_sdk_is_loaded() -> None:
    """The integration, a client and a request load no more of the SDK than the bare package does."""
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    lines = [line.partition(" ")[::2] for line in answer.stdout.splitlines()]
    assert ("answered", "Unavailable") in lines
    loaded = [name for kind, name in lines if kind == "has"]
    assert "cloudflare._client" in loaded
    assert [
        name
        for name in loaded
        for resource in RESOURCES
        if name.startswith(
            (f"cloudflare.resources.{resource}", f"cloudflare.types.{resource}")
        )
    ] == []
    assert [name for kind, name in lines if kind == "more"] == []
    assert len(loaded) < 60
