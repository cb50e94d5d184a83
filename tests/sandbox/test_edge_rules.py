"""Tests of rules at the edge: their order, and what they see of a request's host and path."""

import asyncio
from collections.abc import Callable
from pathlib import Path
import ssl

import pytest

from sandbox import Sandbox
from sandbox.state import FIREWALL_PHASE, Rule, Ruleset

from .helpers import HOME, protect, status, visitor


@pytest.mark.parametrize("keeps_port", [True, False])
@pytest.mark.parametrize(
    ("sent", "seen_with_port", "seen_without_port"),
    [
        (HOME, 403, 403),
        (f"{HOME}:8443", 502, 403),
        # cloudflared leads these past the hostname's ingress rule.
        (f"{HOME}.", 404, 404),
        ("HOME.example.com", 404, 404),
    ],
)
async def test_host_with_port_or_dot(
    tmp_path: Path,
    sent: str,
    seen_with_port: int,
    seen_without_port: int,
    keeps_port: bool,
) -> None:
    """A rule that compares the host can miss requests that still reach the tunnel."""
    async with Sandbox(host_keeps_port=keeps_port) as sandbox:
        protect(sandbox, f'http.host eq "{HOME}"')
        expected = seen_with_port if keeps_port else seen_without_port
        assert await status(sandbox, tmp_path, host=sent) == expected


@pytest.mark.parametrize("sent", [f"{HOME}:8443", f"{HOME}.", "HOME.example.com"])
async def test_starts_with_matches_every_form(
    sandbox: Sandbox, tmp_path: Path, sent: str
) -> None:
    """The integration's expression matches every form of the hostname."""
    protect(sandbox)
    assert await status(sandbox, tmp_path, host=sent) == 403


def _disable(rules: list[Rule]) -> None:
    rules[0].enabled = False


def _skip_first(rules: list[Rule]) -> None:
    rules.insert(0, Rule("skip", "ssl", action_parameters={"ruleset": "current"}))


def _skip_phase_first(rules: list[Rule]) -> None:
    rules.insert(0, Rule("skip", "ssl", action_parameters={"phase": "current"}))


def _skip_last(rules: list[Rule]) -> None:
    rules.append(Rule("skip", "ssl", action_parameters={"ruleset": "current"}))


def _skip_products(rules: list[Rule]) -> None:
    rules.insert(0, Rule("skip", "ssl", action_parameters={"products": ["bic"]}))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_disable, 502),
        (_skip_first, 502),
        (_skip_phase_first, 502),
        (_skip_last, 403),
        (_skip_products, 403),
    ],
)
async def test_order_of_rules(
    sandbox: Sandbox,
    tmp_path: Path,
    change: Callable[[list[Rule]], None],
    expected: int,
) -> None:
    """Rules run in order until one skips the rest of the ruleset."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.rulesets.clear()
    rules = zone.add_ruleset(Ruleset(FIREWALL_PHASE, [Rule("block", "ssl")])).rules
    change(rules)
    assert await status(sandbox, tmp_path) == expected


async def test_challenges_stop(sandbox: Sandbox, tmp_path: Path) -> None:
    """A challenge stops a visitor, because it cannot be solved here."""
    protect(sandbox, "ssl").action = "managed_challenge"
    async with visitor(sandbox, tmp_path) as guest:
        response = await guest.get(HOME)
    assert response.status == 403
    assert response.headers["cf-mitigated"] == "challenge"


async def test_paths_are_normalised_for_rules(sandbox: Sandbox, tmp_path: Path) -> None:
    """Another form of a path does not bypass a rule."""
    protect(sandbox, 'not starts_with(http.request.uri.path, "/api/webhook/")')
    request = (
        f"GET /api/webhook/../%63onfig HTTP/1.1\r\nHost: {HOME}\r\n"
        "Connection: close\r\n\r\n"
    )
    answer = await _raw(sandbox, request.encode())
    assert answer.startswith(b"HTTP/1.1 403")


async def _raw(sandbox: Sandbox, request: bytes) -> bytes:
    context = ssl.create_default_context(cafile=sandbox.edge_ca_file)
    reader, writer = await asyncio.open_connection(
        sandbox.edge_host, sandbox.edge_port, ssl=context, server_hostname=HOME
    )
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer
