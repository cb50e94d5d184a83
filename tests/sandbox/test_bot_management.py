"""Bot Fight Mode, and Super Bot Fight Mode."""

from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.state import Plan, Rule

from .helpers import HOME, Api, visitor

BOTS = "/zones/{zone}/bot_management"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
APP = "Home Assistant/2026.10.1 (io.robbie.HomeAssistant; build:2026.1; iOS 19.1.0)"


async def visit(sandbox: Sandbox, directory: Path, user_agent: str) -> int:
    """Visit with a user agent; without an origin, 502 means that the visit got through."""
    async with visitor(sandbox, directory) as guest:
        headers = {"User-Agent": user_agent}
        return (await guest.get(HOME, headers=headers)).status


def skip(sandbox: Sandbox, **parameters: Any) -> None:
    """Add a skip rule that matches every request."""
    rules = sandbox.state.zones[sandbox.zone_id].rules
    rules.insert(0, Rule("skip", "ssl", action_parameters=parameters))


async def test_free(api: Api) -> None:
    """A zone on Free has only Bot Fight Mode, and refuses other keys and wrong types."""
    bots = (await api.get(BOTS)).result
    assert (bots["fight_mode"], bots["using_latest_model"]) == (False, True)
    assert not [key for key in bots if key.startswith("sbfm")]
    changed = (await api.request("PUT", BOTS, {"fight_mode": True})).result
    assert changed == bots | {"fight_mode": True}
    assert (await api.get(BOTS)).result == changed
    for wrong in (
        {"sbfm_definitely_automated": "block"},
        {"fight_mode": "on"},
        {"using_latest_model": False},
    ):
        assert (await api.request("PUT", BOTS, wrong)).status == 400


async def test_paid(sandbox: Sandbox, api: Api) -> None:
    """A paid plan has Super Bot Fight Mode in place of Bot Fight Mode."""
    sandbox.state.zones[sandbox.zone_id].plan = Plan.PRO
    bots = (await api.get(BOTS)).result
    assert ("fight_mode" in bots, bots["sbfm_definitely_automated"]) == (False, "allow")
    assert (await api.request("PUT", BOTS, {"fight_mode": True})).status == 400


@pytest.mark.parametrize(("user_agent", "expected"), [(BROWSER, 502), (APP, 403)])
async def test_fight_mode(
    sandbox: Sandbox, api: Api, tmp_path: Path, user_agent: str, expected: int
) -> None:
    """Bot Fight Mode challenges everything but browsers, and no rule can skip it."""
    assert await visit(sandbox, tmp_path, user_agent) == 502
    await api.request("PUT", BOTS, {"fight_mode": True})
    assert await visit(sandbox, tmp_path, user_agent) == expected
    skip(
        sandbox,
        ruleset="current",
        phases=["http_request_sbfm"],
        products=["bic", "securityLevel"],
    )
    assert await visit(sandbox, tmp_path, user_agent) == expected
    if expected == 403:
        assert sandbox.state.blocked[0].source == "botFight"
        assert sandbox.state.blocked[0].action == "managed_challenge"


async def test_super_fight_mode_can_be_skipped(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """On a paid plan, a rule can skip Super Bot Fight Mode by its phase."""
    sandbox.state.zones[sandbox.zone_id].plan = Plan.PRO
    await api.request("PUT", BOTS, {"sbfm_definitely_automated": "block"})
    assert await visit(sandbox, tmp_path, BROWSER) == 502
    assert await visit(sandbox, tmp_path, APP) == 403
    skip(sandbox, phases=["http_request_sbfm"])
    assert await visit(sandbox, tmp_path, APP) == 502
