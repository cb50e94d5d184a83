"""A walk through the guide to config.yml: its lines and commands are those of the dialog."""

from pathlib import Path
import shutil
import subprocess
from typing import Any, cast

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util.yaml import parse_yaml
import pytest

from sandbox import Sandbox
from sandbox.state import DnsRecord, TunnelStatus
from tests.common import ENGLISH, choose, submit, zone_of
from tests.dialogs import to_zone

from .markdown import ROOT, blocks, commands

GUIDE = ROOT / "docs" / "guides" / "config-yml.md"
BEFORE, LINES, AFTER, METRICS = blocks(GUIDE, "yaml")
VALIDATE, RULE, _ = commands(GUIDE)


def read(text: str) -> dict[str, Any]:
    """Return a config file, as cloudflared reads it."""
    return cast("dict[str, Any]", parse_yaml(text))


async def test_walk(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """The file before serves the browser's hostname; the dialog shows the guide's lines and check."""
    tunnel = sandbox.state.add_tunnel("garage", config_src="local")
    tunnel.status = TunnelStatus.HEALTHY
    browser, _ = read(BEFORE)["ingress"]
    zone_of(sandbox).add_dns_record(
        DnsRecord(
            "CNAME",
            browser["hostname"],
            f"{tunnel.id}.cfargotunnel.com",
            proxied=True,
        )
    )
    (added,) = read(f"ingress:\n{LINES}")["ingress"]
    result = await to_zone(hass, sandbox)
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": tunnel.id}
    result = await submit(hass, result, chosen)
    (hostname,) = (key for key in result["data_schema"].schema if key == "hostname")
    assert hostname.default() == added["hostname"]

    result = await submit(hass, result, {**choose(), "service": added["service"]})
    result = await submit(hass, result)

    assert result["step_id"] == "by_hand"
    shown = result["description_placeholders"]
    assert read(f"ingress:\n{shown['lines']}")["ingress"] == [added]
    assert shown["check"] == RULE
    assert f"`{VALIDATE}`" in ENGLISH["config"]["step"]["by_hand"]["description"]
    result = await submit(hass, result, {"afterwards": "finish"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


def test_files() -> None:
    """The lines stand above the last rule, and nothing else changes."""
    before, after = read(BEFORE), read(AFTER)
    (added,) = read(f"ingress:\n{LINES}")["ingress"]
    *others, catch_all = before["ingress"]
    assert after == {**before, "ingress": [*others, added, catch_all]}
    options = ENGLISH["options"]["step"]["connectors"]["description"]
    assert f"`--metrics {read(METRICS)['metrics']}`" in options


@pytest.mark.skipif(not shutil.which("cloudflared"), reason="missing: cloudflared")
def test_commands(tmp_path: Path) -> None:
    """The real cloudflared accepts the file, and finds the new rule in it."""
    file = tmp_path / "config.yml"
    file.write_text(f"{AFTER}{METRICS}")
    said = [
        subprocess.run(
            command.replace("tunnel", f"tunnel --config {file}", 1).split(),
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for command in (VALIDATE, RULE)
    ]
    assert "OK" in said[0]
    assert "Matched rule #1" in said[1]
