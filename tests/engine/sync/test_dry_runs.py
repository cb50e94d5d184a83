"""Which products a skip rule may skip, found by dry runs."""

from collections.abc import Callable
from dataclasses import replace

from aiohttp import web
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.models import Rule, Ruleset
from custom_components.cloudflare_mtls.engine.rules.marks import SKIP_REF
from custom_components.cloudflare_mtls.engine.rules.skippable import (
    Skippable,
    skip_parameters,
)
from custom_components.cloudflare_mtls.engine.sync.dry_runs import SkipDryRuns
from tests.engine.servers import Asked, ScriptedApi, envelope, success


@pytest.fixture
def client(api: ScriptedApi) -> CloudflareClient:
    """Return a client of the scripted API."""
    return CloudflareClient("token", base_url=api.url)


@pytest.fixture
def dry_runs() -> SkipDryRuns:
    """Return the results of dry runs, without any so far."""
    return SkipDryRuns()


def skip_rule_with(*skipped: Skippable) -> Ruleset:
    """Return a ruleset with our skip rule in it."""
    rule = Rule(
        id="r",
        ref=SKIP_REF,
        action="skip",
        expression="ssl",
        description="",
        enabled=True,
        action_parameters=skip_parameters(skipped),
    )
    return Ruleset(id="rs", rules=(rule,))


def refusing(*refused: Skippable) -> Callable[[Asked], web.StreamResponse]:
    """Return answers that refuse a rule only if it skips one of these."""

    def answer(asked: Asked) -> web.StreamResponse:
        parameters = asked.body["action_parameters"]
        skipped = {*parameters.get("phases", ()), *parameters.get("products", ())}
        return envelope(400) if skipped.intersection(refused) else success(None)

    return answer


async def test_zone_that_accepts_everything(
    api: ScriptedApi, client: CloudflareClient, dry_runs: SkipDryRuns
) -> None:
    """One accepted dry run shows that everything may be skipped, and is not repeated."""
    api.answers = refusing()
    for _ in range(2):
        assert await dry_runs.find_skippable(
            client, "z", Ruleset(id="rs")
        ) == frozenset(Skippable)
    assert [item.query for item in api.asked] == [{"dry_run": "true"}]


async def test_refused_products_are_left_out(
    api: ScriptedApi, client: CloudflareClient, dry_runs: SkipDryRuns
) -> None:
    """Refused products are found one by one, once, and left out."""
    api.answers = refusing(Skippable.SUPER_BOT_FIGHT_MODE)
    expected = frozenset(Skippable) - {Skippable.SUPER_BOT_FIGHT_MODE}
    assert await dry_runs.find_skippable(client, "z", Ruleset(id="rs")) == expected
    asked = len(api.asked)
    assert asked == 1 + len(Skippable)
    assert all(item.query == {"dry_run": "true"} for item in api.asked)
    assert await dry_runs.find_skippable(client, "z", Ruleset(id="rs")) == expected
    assert len(api.asked) == asked


async def test_products_that_our_rule_skips(
    api: ScriptedApi, client: CloudflareClient, dry_runs: SkipDryRuns
) -> None:
    """A product that our rule skips needs no dry run."""
    everything = skip_rule_with(*Skippable)
    assert await dry_runs.find_skippable(client, "y", everything) == frozenset(
        Skippable
    )
    # The result is kept once the rule is gone.
    assert await dry_runs.find_skippable(client, "y", Ruleset(id="rs")) == frozenset(
        Skippable
    )
    assert api.asked == []

    known = frozenset(Skippable) - {
        Skippable.SUPER_BOT_FIGHT_MODE,
        Skippable.ZONE_LOCKDOWN,
    }
    api.answers = refusing(Skippable.SUPER_BOT_FIGHT_MODE)
    found = await dry_runs.find_skippable(client, "z", skip_rule_with(*known))
    assert found == known | {Skippable.ZONE_LOCKDOWN}
    assert [item.method for item in api.asked] == ["PATCH"] * 3
    # The expression is sent unchanged, in case Cloudflare ignores dry_run.
    assert {item.body["expression"] for item in api.asked} == {"ssl"}


async def test_skip_rules_of_others_say_nothing(
    api: ScriptedApi, client: CloudflareClient, dry_runs: SkipDryRuns
) -> None:
    """They may have been written before the plan of the zone changed, and none of them is tried."""
    (rule,) = skip_rule_with(*Skippable).rules
    theirs = Ruleset(id="rs", rules=(replace(rule, ref="theirs"),))
    api.answers = refusing(*Skippable)
    assert await dry_runs.find_skippable(client, "z", theirs) == frozenset()
    assert {item.method for item in api.asked} == {"POST"}


@pytest.mark.parametrize(
    ("ruleset", "found"),
    [
        (Ruleset(id="rs"), frozenset(Skippable)),
        (skip_rule_with(Skippable.ZONE_LOCKDOWN), {Skippable.ZONE_LOCKDOWN}),
    ],
)
async def test_read_only_token_sees_no_drift(
    api: ScriptedApi,
    client: CloudflareClient,
    dry_runs: SkipDryRuns,
    ruleset: Ruleset,
    found: set[Skippable],
) -> None:
    """A read-only token cannot dry-run, so the present rule counts until a later attempt."""
    api.answers = lambda _: envelope(403, code=10000)
    assert await dry_runs.find_skippable(client, "z", ruleset) == found
    api.answers = refusing()
    assert await dry_runs.find_skippable(client, "z", ruleset) == frozenset(Skippable)
