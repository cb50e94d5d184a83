"""Writing while somebody else writes, and answers that contradict each other."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from aiohttp import web
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import Conflict, Unavailable
from custom_components.cloudflare_mtls.engine.api.ingress import TunnelConfiguration
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import Observation, Ruleset
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.sync.apply import Outcome, apply_plan
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from sandbox import Sandbox
from sandbox.state import DnsRecord, Rule, Zone
from tests.engine.builders import (
    ACCOUNT_ID,
    BLOCK_REF,
    BUILD_UP,
    HOST,
    OTHER,
    TEAR_DOWN,
    TUNNEL_ID,
    ZONE_ID,
    names,
    protected,
    wanting,
)
from tests.engine.servers import FaultyProxy

ONE = wanting(protected())
NONE = wanting(removed=[protected()])
EXEMPT = wanting(protected(HOST, "/api/webhook/"))
CHANGED = "somebody else changed the zone at the same time"
TAKEN_OVER = "somebody else changed the record at the same time"
CONTRADICTION = "the answers contradict each other"
ASSOCIATIONS = f"/zones/{ZONE_ID}/certificate_authorities/hostname_associations"
LETS_ALL_IN = {"ruleset": "current"}


class BusyZone(FaultyProxy):
    """A proxy before an API at which somebody else acts, once a request was answered."""

    def __init__(self, target: str) -> None:
        """Begin with nobody who acts."""
        super().__init__(target)
        self.acts: Callable[[str], object] = lambda _: None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Forward a request, then let somebody act who knows its method and path."""
        answer = await super().answer(request)
        self.acts(f"{request.method} {request.path}")
        return answer


@pytest.fixture
async def busy(sandbox: Sandbox) -> AsyncIterator[BusyZone]:
    """Run a proxy behind which somebody else acts."""
    async with BusyZone(sandbox.api_url) as running:
        yield running


@pytest.fixture
def shared(sandbox: Sandbox, busy: BusyZone) -> CloudflareClient:
    """Return the engine's client of a zone that others use."""
    return CloudflareClient(sandbox.token, base_url=busy.url)


async def look(client: CloudflareClient) -> Observation:
    """Read the zone."""
    return await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])


async def sync(client: CloudflareClient, desired: DesiredZone) -> Outcome:
    """Read, plan and write once."""
    observation = await look(client)
    return await apply_plan(client, observation, make_plan(observation, desired))


def the_zone(sandbox: Sandbox) -> Zone:
    """Return the sandbox's zone, to read and to edit."""
    return sandbox.state.zones[ZONE_ID]


def add_rule(sandbox: Sandbox, **more: Any) -> None:
    """Add somebody's rule ahead of all others."""
    the_zone(sandbox).rules.insert(0, Rule("log", 'http.host eq "x"', **more))


def let_all_in(sandbox: Sandbox) -> None:
    """Add somebody's rule that ends the evaluation for every visitor."""
    the_zone(sandbox).rules.insert(
        0, Rule("skip", "ssl", action_parameters=LETS_ALL_IN)
    )


def once_after(beginning: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Return what acts after the first request that begins like this."""
    done: list[str] = []

    def acts(request: str) -> None:
        if request.startswith(beginning) and not done:
            done.append(request)
            act()

    return acts


def take_over(sandbox: Sandbox, **changes: Any) -> DnsRecord:
    """Change the hostname's record as somebody else would, and return it."""
    records = the_zone(sandbox).dns_records
    record = next(item for item in records.values() if item.name == HOST)
    taken = records[record.id] = replace(record, **changes)
    return taken


def reads_of_associations(sandbox: Sandbox) -> int:
    """Return how often the list of associations was read."""
    return sum(
        item.method == "GET" and item.path == ASSOCIATIONS
        for item in sandbox.journal.requests
    )


@pytest.mark.parametrize("moment", ["POST /zones", "PUT /accounts"])
async def test_nothing_is_published_past_a_rule_that_lets_everybody_in(
    sandbox: Sandbox,
    busy: BusyZone,
    shared: CloudflareClient,
    moment: str,
) -> None:
    """Rules are read again immediately before a record leads to the hostname."""
    busy.acts = once_after(moment, lambda: let_all_in(sandbox))
    outcome = await sync(shared, ONE)
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == "another custom rule lets everybody in"
    assert names(outcome.applied) == BUILD_UP[:4]
    assert exposed(await look(shared), HOST) is None
    busy.acts = lambda _: None
    assert (await sync(shared, ONE)).error is None
    assert make_plan(await look(shared), ONE).in_sync


async def test_tear_down_goes_on_past_a_rule_that_lets_everybody_in(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Who is exposed already is not left so for the sake of care."""
    await sync(client, ONE)
    let_all_in(sandbox)
    outcome = await sync(client, NONE)
    assert outcome.error is None
    assert exposed(await look(client), HOST) is None


async def test_hostname_that_is_open_already_is_led_to_its_service(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The step opens nothing; the next plan closes it."""
    await sync(client, ONE)
    sandbox.state.tunnels[TUNNEL_ID].ingress[-2].update(service="http://elsewhere:1")
    observation = await look(client)
    plan = make_plan(observation, ONE)
    let_all_in(sandbox)
    outcome = await apply_plan(client, observation, plan)
    assert outcome.error is None
    assert names(outcome.applied) == ["update ingress"]


async def test_record_is_not_proxied_while_another_rule_lets_everybody_in(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A record that exists leads nowhere as long as it is not proxied."""
    await sync(client, ONE)
    for record in sandbox.state.zones[ZONE_ID].dns_records.values():
        if record.name == HOST:
            record.proxied = False
    observation = await look(client)
    plan = make_plan(observation, ONE)
    assert names(plan.steps) == ["update dns_record"]
    let_all_in(sandbox)
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert exposed(await look(client), HOST) is None


async def test_harmless_change_does_not_stop_a_build_up(
    sandbox: Sandbox, busy: BusyZone, shared: CloudflareClient
) -> None:
    """It was seen twice, so it is no answer that lagged behind."""
    busy.acts = once_after("PUT /zones", lambda: add_rule(sandbox, ref="somebody"))
    outcome = await sync(shared, ONE)
    assert outcome.error is None
    assert names(outcome.applied) == BUILD_UP
    assert outcome.observation.ruleset.by_ref("somebody")
    assert make_plan(await look(shared), ONE).in_sync


async def test_zone_that_never_looks_the_same_is_not_published(
    sandbox: Sandbox, busy: BusyZone, shared: CloudflareClient
) -> None:
    """Nobody knows which of its answers is right."""

    def acts(request: str) -> None:
        if request.startswith("GET") and request.endswith("/entrypoint"):
            add_rule(sandbox)

    busy.acts = once_after("PUT /zones", lambda: setattr(busy, "acts", acts))
    observation = await look(shared)
    outcome = await apply_plan(shared, observation, make_plan(observation, ONE))
    assert isinstance(outcome.error, Unavailable)
    assert str(outcome.error) == CONTRADICTION
    assert names(outcome.applied) == BUILD_UP[:4]


CHANGES: dict[str, Callable[[Sandbox], object]] = {
    "rule": add_rule,
    "record": lambda s: the_zone(s).add_dns_record(
        DnsRecord("A", OTHER, "192.0.2.1", proxied=True)
    ),
    "ingress": lambda s: s.state.tunnels[TUNNEL_ID].ingress.insert(
        0, {"hostname": OTHER, "service": "http://n:1"}
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_rule_is_changed_only_in_a_zone_that_is_as_planned(
    sandbox: Sandbox, client: CloudflareClient, change: Callable[[Sandbox], object]
) -> None:
    """It may be what closes a hostname that somebody just added."""
    await sync(client, ONE)
    observation = await look(client)
    plan = make_plan(observation, EXEMPT)
    before = [rule.expression for rule in the_zone(sandbox).rules]
    change(sandbox)
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == CHANGED
    assert outcome.applied == ()
    assert [rule.expression for rule in the_zone(sandbox).rules][-3:] == before
    outcome = await sync(client, EXEMPT)
    assert outcome.error is None
    assert names(outcome.applied) == ["update block_rule"]


async def test_rule_is_not_deleted_after_a_change_that_was_accepted_before(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The plan was made for another zone, although this one no longer changes."""
    await sync(client, ONE)
    observation = await look(client)
    plan = make_plan(observation, NONE)
    assert names(plan.steps) == TEAR_DOWN
    add_rule(sandbox)
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == CHANGED
    assert names(outcome.applied) == TEAR_DOWN[:2]
    assert (await sync(client, NONE)).error is None


async def test_rule_of_somebody_that_an_answer_shows_is_a_change(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """After a rule was created beside it, no other rule is changed by this plan."""
    await sync(client, ONE)
    rules = the_zone(sandbox).rules
    rules[:] = [rule for rule in rules if rule.ref != BLOCK_REF]
    rules[0].expression = "ssl"
    observation = await look(client)
    plan = make_plan(observation, EXEMPT)
    assert names(plan.steps)[:2] == ["create block_rule", "update skip_rule"]
    add_rule(sandbox)
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == CHANGED
    assert outcome.applied == plan.steps[:1]
    assert (await sync(client, EXEMPT)).error is None
    assert make_plan(await look(client), EXEMPT).in_sync


async def test_associations_are_read_once_and_only_where_they_are_written(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """No request is spent for nothing."""
    for desired, reads in ((ONE, 1), (EXEMPT, 0), (NONE, 1)):
        observation = await look(client)
        plan = make_plan(observation, desired)
        sandbox.journal.clear()
        assert (await apply_plan(client, observation, plan)).error is None
        assert reads_of_associations(sandbox) == reads


async def test_associations_are_read_only_after_what_was_written_before(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Only a new rule is written meanwhile: no look at the zone comes before it."""
    both = wanting(protected(), protected(OTHER))
    await sync(client, ONE)
    observation = await look(client)
    plan = make_plan(observation, both)
    assert names(plan.steps)[:2] == ["update block_rule", "create association"]
    sandbox.journal.clear()
    assert (await apply_plan(client, observation, plan)).error is None
    requests = [(item.method, item.path) for item in sandbox.journal.requests]
    first_write = requests.index(next(item for item in requests if item[0] != "GET"))
    assert first_write < requests.index(("GET", ASSOCIATIONS))


async def test_associations_are_read_before_each_write_of_them(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A list that was read before the last write would lack what that one added."""
    both = wanting(protected(), protected(OTHER))
    await sync(client, both)
    the_zone(sandbox).associations = []
    client = CloudflareClient(sandbox.token, base_url=sandbox.api_url)
    observation = await look(client)
    plan = make_plan(observation, both)
    assert names(plan.steps) == ["create association"] * 2
    sandbox.journal.clear()
    assert (await apply_plan(client, observation, plan)).error is None
    requests = [item.method for item in sandbox.journal.requests]
    assert requests == ["GET", "PUT"] * 2
    assert the_zone(sandbox).associations == [HOST, OTHER]


async def test_associations_that_could_not_be_read_ahead_are_read_again(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule was written meanwhile, so the sync goes on."""
    observation = await look(client)
    get, failed = client.hostname_associations.get, list[str]()

    async def fail_once(zone_id: str) -> tuple[str, ...]:
        if not failed:
            failed.append(zone_id)
            raise Unavailable("gone")
        return await get(zone_id)

    monkeypatch.setattr(client.hostname_associations, "get", fail_once)
    outcome = await apply_plan(client, observation, make_plan(observation, ONE))
    assert outcome.error is None
    assert failed
    assert the_zone(sandbox).associations == ["nas.example.com", HOST]


async def test_list_of_associations_that_flickers_is_not_written(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's hostname could be missing in any of the answers."""
    observation = await look(client)
    answers = iter((["a.example.com"], ["b.example.com"]) * 9)

    async def flicker(zone_id: str) -> tuple[str, ...]:
        assert zone_id == ZONE_ID
        return tuple(next(answers))

    monkeypatch.setattr(client.hostname_associations, "get", flicker)
    outcome = await apply_plan(client, observation, make_plan(observation, ONE))
    assert isinstance(outcome.error, Unavailable)
    assert str(outcome.error) == CONTRADICTION
    assert names(outcome.applied) == BUILD_UP[:1]
    assert the_zone(sandbox).associations == ["nas.example.com"]


async def _nothing(*_: object, **__: object) -> tuple[str, ...]:
    return ()


async def _no_rules(*_: object, **__: object) -> Ruleset:
    return Ruleset(id="rs")


async def _no_ingress(*_: object, **__: object) -> TunnelConfiguration:
    return TunnelConfiguration.from_raw(TUNNEL_ID, Fields({"ingress": []}))


@pytest.mark.parametrize(
    ("resource", "method", "answer", "done"),
    [
        ("rulesets", "create_rule", _no_rules, 0),
        ("hostname_associations", "put", _nothing, 1),
        ("tunnels", "put_configuration", _no_ingress, 3),
    ],
)
async def test_answer_without_what_was_written_stops_a_build_up(
    client: CloudflareClient,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    method: str,
    answer: object,
    done: int,
) -> None:
    """Nothing is built on a step that may not have taken effect."""
    monkeypatch.setattr(getattr(client, resource), method, answer)
    outcome = await sync(client, ONE)
    assert isinstance(outcome.error, Unavailable)
    assert str(outcome.error) == CONTRADICTION
    assert names(outcome.applied) == BUILD_UP[:done]


@pytest.mark.parametrize(
    ("resource", "method", "done"),
    [
        ("rulesets", "delete_rule", 2),
        ("hostname_associations", "put", 3),
        ("tunnels", "put_configuration", 1),
    ],
)
async def test_answer_with_what_was_deleted_stops_a_tear_down(
    client: CloudflareClient,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    method: str,
    done: int,
) -> None:
    """The rules stay while something may still lead home."""
    await sync(client, ONE)
    seen = await look(client)
    answers = {
        "rulesets": seen.ruleset,
        "hostname_associations": seen.associations,
        "tunnels": seen.configurations[TUNNEL_ID],
    }

    async def as_before(*_: object, **__: object) -> object:
        return answers[resource]

    monkeypatch.setattr(getattr(client, resource), method, as_before)
    outcome = await sync(client, NONE)
    assert isinstance(outcome.error, Unavailable)
    assert str(outcome.error) == CONTRADICTION
    assert names(outcome.applied) == TEAR_DOWN[:done]


async def test_rule_that_cloudflare_keeps_as_it_was_stops_a_sync(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that accepts other certificates than it should is not taken for the right one."""
    await sync(client, ONE)
    seen = await look(client)

    async def as_before(*_: object, **__: object) -> Ruleset:
        return seen.ruleset

    monkeypatch.setattr(client.rulesets, "edit_rule", as_before)
    outcome = await sync(client, EXEMPT)
    assert isinstance(outcome.error, Unavailable)
    assert str(outcome.error) == CONTRADICTION
    assert outcome.applied == ()


@pytest.mark.parametrize("comment", [None, "mine"])
async def test_record_of_somebody_else_is_never_deleted(
    sandbox: Sandbox, client: CloudflareClient, comment: str | None
) -> None:
    """A plan may have been made while the record was still ours."""
    await sync(client, ONE)
    plan = make_plan(await look(client), NONE)
    records = the_zone(sandbox).dns_records.values()
    next(item for item in records if item.name == HOST).comment = comment
    outcome = await apply_plan(client, await look(client), plan)
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == "a DNS record is in the way"
    assert outcome.applied == ()
    assert HOST in {item.name for item in the_zone(sandbox).dns_records.values()}


@pytest.mark.parametrize(
    "change", [{"comment": "mine"}, {"content": "shop.example.net"}]
)
async def test_record_that_somebody_takes_over_is_not_deleted(
    sandbox: Sandbox, client: CloudflareClient, change: dict[str, str]
) -> None:
    """They may do so after the zone was read."""
    await sync(client, ONE)
    observation = await look(client)
    record = take_over(sandbox, **change)
    outcome = await apply_plan(client, observation, make_plan(observation, NONE))
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == TAKEN_OVER
    assert outcome.applied == ()
    assert record in the_zone(sandbox).dns_records.values()


async def test_record_that_somebody_takes_over_is_not_marked(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """With our mark it would be deleted one day."""
    await sync(client, ONE)
    take_over(sandbox, comment=None)
    observation = await look(client)
    plan = make_plan(observation, wanting(protected(), marked=frozenset({HOST})))
    assert names(plan.steps) == ["mark dns_record"]
    record = take_over(sandbox, content="shop.example.net")
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == TAKEN_OVER
    assert record in the_zone(sandbox).dns_records.values()


async def test_record_that_somebody_deleted_cannot_be_marked(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The next plan makes another one."""
    await sync(client, ONE)
    take_over(sandbox, comment=None)
    observation = await look(client)
    plan = make_plan(observation, wanting(protected(), marked=frozenset({HOST})))
    the_zone(sandbox).dns_records.popitem()
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == TAKEN_OVER


async def test_record_that_somebody_deleted_need_not_be_deleted(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The tear-down goes on."""
    await sync(client, ONE)
    observation = await look(client)
    plan = make_plan(observation, NONE)
    the_zone(sandbox).dns_records.popitem()
    outcome = await apply_plan(client, observation, plan)
    assert outcome.error is None
    assert outcome.applied == plan.steps


async def test_tunnel_that_is_gone_is_a_conflict(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The rules are written by then, but nothing leads to the hostname."""
    observation = await look(client)
    plan = make_plan(observation, ONE)
    del sandbox.state.tunnels[TUNNEL_ID]
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert str(outcome.error) == "the tunnel is gone or managed locally"
    assert names(outcome.applied) == BUILD_UP[:3]
