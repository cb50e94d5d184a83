"""A second real client: octorules plans and applies custom rules.

It reads the whole ruleset, compares it with a file, and replaces it with one PUT. It was
written for the real API, so if it sees no change, the sandbox answers like that API.
"""

import asyncio
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
import os
from pathlib import Path
import sys
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.seed import FOREIGN_RULE_ID
from sandbox.state import FIREWALL_PHASE, Rule

from .helpers import Api

CONFIG = """
providers:
  cloudflare:
    token: env/CLOUDFLARE_API_TOKEN
  rules:
    directory: ./rules
zones:
  example.com:
    sources:
      - rules
"""
OURS = """
  - ref: ours
    description: Only devices with a certificate
    action: block
    expression: http.host eq "home.example.com" and not cf.tls_client_auth.cert_verified
  - ref: let-in
    description: Let devices in
    action: skip
    action_parameters:
      ruleset: current
      phases: [http_ratelimit]
      products: [bic, securityLevel]
    expression: cf.tls_client_auth.cert_verified
"""
NO_CHANGES = "No changes detected."


# One process for all commands, because the import takes most of a command's time.
PROGRAM = """
import sys
from octorules.cli import main
for line in sys.stdin:
    try:
        main(line.split())
    except SystemExit as end:
        print(f"exit {end.code}", flush=True)
"""


@dataclass(frozen=True)
class Octorules:
    """The command line of octorules, in its own folder."""

    folder: Path
    process: Process

    @property
    def rules(self) -> Path:
        """Return the file with the desired rules of the zone."""
        return self.folder / "rules" / "example.com.yaml"

    async def __call__(self, *command: str, everything: bool = False) -> str:
        """Run a command, by default only on the custom rules, and return its output."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        phase = () if everything else ("--phase", "cloudflare.waf_custom_rules")
        arguments = *phase, "--scope", "zones", *command
        self.process.stdin.write(f"{' '.join(arguments)}\n".encode())
        printed = ""
        while not (line := (await self.process.stdout.readline()).decode()).startswith(
            "exit"
        ):
            assert line, f"octorules ended: {printed}"
            printed += line
        assert line == "exit 0\n", printed
        return printed


@pytest.fixture
async def octorules(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Octorules]:
    """Set up octorules for the sandbox's zone."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    ours = {
        "CLOUDFLARE_API_TOKEN": sandbox.token,
        "CLOUDFLARE_BASE_URL": sandbox.api_url,
    }
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CLOUDFLARE_")
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM),
        cwd=tmp_path,
        env=others | ours,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
    )
    yield Octorules(tmp_path, process)
    await process.communicate()


async def rules(api: Api) -> list[dict[str, Any]]:
    """Return the zone's rules, read from the API."""
    path = f"/zones/{{zone}}/rulesets/phases/{FIREWALL_PHASE}/entrypoint"
    found: list[dict[str, Any]] = (await api.get(path)).result["rules"]
    return found


async def test_plan_apply_plan(
    sandbox: Sandbox, api: Api, octorules: Octorules
) -> None:
    """Dump the rules and apply two changes; after each, octorules sees no changes."""
    await octorules("dump")
    assert FOREIGN_RULE_ID not in octorules.rules.read_text()
    assert NO_CHANGES in await octorules("plan")
    [foreign] = await rules(api)

    # Add our rules; the existing one keeps its id and version.
    dumped, _, _ = octorules.rules.read_text().partition("\n\n")
    octorules.rules.write_text(f"{dumped}{OURS}")
    plan = await octorules("plan")
    assert "2 change(s)" in plan
    assert "+ add: ours" in plan
    assert "+ add: let-in" in plan
    assert "block-other-countries" not in plan
    assert await rules(api) == [foreign]
    sandbox.journal.clear()
    await octorules("sync", "--doit")
    assert [entry.method for entry in sandbox.journal.writes] == ["PUT"]
    after = await rules(api)
    assert [rule["ref"] for rule in after] == [
        "block-other-countries",
        "ours",
        "let-in",
    ]
    assert after[0] == foreign
    assert NO_CHANGES in await octorules("plan")

    # A user edits a rule and adds another in the dashboard: both are drift.
    found = sandbox.state.zones[sandbox.zone_id].rules
    found[0].enabled = False
    found.insert(
        0, Rule(action="block", expression="ssl", description="Panic", ref="panic")
    )
    plan = await octorules("plan")
    assert "~ modify: block-other-countries" in plan
    assert "- remove: panic" in plan
    assert "ours" not in plan
    await octorules("sync", "--doit")
    refs = [(rule["ref"], rule["enabled"]) for rule in await rules(api)]
    assert refs == [("block-other-countries", True), ("ours", True), ("let-in", True)]
    assert NO_CHANGES in await octorules("plan")


async def test_first_rules_of_a_zone(
    sandbox: Sandbox, api: Api, octorules: Octorules
) -> None:
    """If there is no ruleset yet, the PUT creates one."""
    sandbox.state.zones[sandbox.zone_id].rulesets.clear()
    octorules.rules.write_text(f"cloudflare:\n  waf_custom_rules:{OURS}")
    await octorules("sync", "--doit")
    assert [rule["ref"] for rule in await rules(api)] == ["ours", "let-in"]
    assert NO_CHANGES in await octorules("plan")


async def test_settings(sandbox: Sandbox, octorules: Octorules) -> None:
    """Octorules also changes zone settings and Bot Fight Mode, as far as they are emulated."""
    await octorules("dump", everything=True)
    assert NO_CHANGES in await octorules("plan", everything=True)
    text = octorules.rules.read_text()
    for old, new in (
        ("security_level: medium", "security_level: under_attack"),
        ("fight_mode: false", "fight_mode: true"),
    ):
        assert old in text
        text = text.replace(old, new)
    octorules.rules.write_text(text)
    await octorules("sync", "--doit", everything=True)
    zone = sandbox.state.zones[sandbox.zone_id]
    assert zone.settings["security_level"].value == "under_attack"
    assert zone.bot_management["fight_mode"] is True
    assert NO_CHANGES in await octorules("plan", everything=True)


async def test_rule_without_description(octorules: Octorules) -> None:
    """The API does not add an empty description to a rule without one.

    If it did, octorules and Cloudflare's own Terraform provider (its pull request 5798) would
    see a change every time.
    """
    octorules.rules.write_text(
        "cloudflare:\n  waf_custom_rules:\n"
        "  - {ref: ours, action: block, expression: ssl}\n"
    )
    await octorules("sync", "--doit")
    assert NO_CHANGES in await octorules("plan")


async def test_outer_parentheses(sandbox: Sandbox, octorules: Octorules) -> None:
    """If the API strips them (DIFFERENCES 26), octorules sees a change every time."""
    octorules.rules.write_text(
        "cloudflare:\n  waf_custom_rules:\n"
        "  - {ref: ours, action: block, expression: (ssl), description: Ours}\n"
    )
    await octorules("sync", "--doit")
    plan = await octorules("plan")
    assert "1 change(s)" in plan
    assert "− expression: 'ssl'" in plan
    assert "+ expression: '(ssl)'" in plan
    # octorules expects them to be kept, and its users have not reported a problem.
    sandbox.state.switches.strips_parentheses = False
    await octorules("sync", "--doit")
    assert NO_CHANGES in await octorules("plan")
