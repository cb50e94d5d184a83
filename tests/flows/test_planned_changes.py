"""Tests of the plan behind the preview: what a zone has no room for, or cannot do."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant

from sandbox import Sandbox
from tests.common import SKIP_REF, choose, sentences, settle, state_of, submit, zone_of
from tests.dialogs import add_rules, finish, finish_from_hostname, start, to_hostname


async def test_zone_whose_rules_are_all_taken(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Without a free rule, the rules that exist are named, and none is changed."""
    add_rules(sandbox, 4)
    result = await to_hostname(hass, sandbox)

    result = await submit(hass, result, choose())

    assert result["step_id"] == "hostname"
    assert result["errors"] == {"base": "problem_no_free_rule"}
    assert (
        "These are there: Block other countries, Foreign rule 0, Foreign rule 1, "
        "Foreign rule 2, Foreign rule 3."
    ) in sentences(result)["base"]
    assert "in example.com" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    zone_of(sandbox).rules.pop()
    zone_of(sandbox).rules.pop()
    await finish_from_hostname(hass, sandbox, result)


async def test_zone_with_one_free_rule(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """One free rule is enough for the layout with one rule."""
    add_rules(sandbox, 3)
    result = await to_hostname(hass, sandbox)
    result = await submit(hass, result, choose())
    assert result["errors"] == {"base": "problem_no_free_rule"}
    assert sandbox.journal.writes == []

    await finish_from_hostname(hass, sandbox, result, layout="block_only")

    assert len(zone_of(sandbox).rules) == 5


async def test_rule_that_would_be_too_long(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Cloudflare's limit is named before anything is written."""
    result = await to_hostname(hass, sandbox)

    paths = [f"/{'a' * 90}{index}/" for index in range(40)]
    result = await submit(hass, result, choose(exempt_paths=paths))

    assert result["errors"] == {"base": "problem_expression_too_long"}
    assert "Cloudflare allows 4,096" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    await finish_from_hostname(hass, sandbox, result)


async def test_reads_that_lag_behind(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """A list that Cloudflare still shows as it was is not written a second time."""
    sandbox.state.delays.associations = 70

    await finish(hass, sandbox, sandbox.token, await start(hass))
    await settle(hass)

    lists = [write for write in sandbox.journal.writes if "associations" in write.path]
    assert len(lists) == 1
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"


async def test_zone_that_may_not_skip_everything(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """What the zone cannot skip is found without a write, and is left out from then on."""
    sandbox.state.switches.refused_skips = ["http_request_sbfm", "waf"]

    entry = await finish(hass, sandbox, sandbox.token, await start(hass))

    (skip,) = [rule for rule in zone_of(sandbox).rules if rule.ref == SKIP_REF]
    assert skip.action_parameters == {
        "ruleset": "current",
        "phases": ["http_ratelimit", "http_request_firewall_managed"],
        "products": [
            "bic",
            "hot",
            "rateLimit",
            "securityLevel",
            "uaBlock",
            "zoneLockdown",
        ],
    }
    # After a reload, everything is still in sync.
    sandbox.journal.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert sandbox.journal.writes == []
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"
