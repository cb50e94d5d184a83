"""How a sync of an account's zones ended, and what may be done for which hostname."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    EngineError,
    Rejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.rules.adoption import MadeByHand
from custom_components.cloudflare_mtls.engine.rules.exposure import Exposure
from custom_components.cloudflare_mtls.engine.rules.skippable import Skippable
from custom_components.cloudflare_mtls.engine.rules.visitors import Visitor
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.plan import Plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.reconciler import (
    AccountSync,
    Extent,
    Reconciler,
    ZoneSync,
    ZoneView,
)
from custom_components.cloudflare_mtls.engine.sync.settings import HostnameSettings
from custom_components.cloudflare_mtls.engine.sync.steps import Action, AssociationStep
from tests.engine.builders import (
    ACCOUNT_ID,
    BUILD_UP,
    CATCH_ALL,
    HOST,
    NEIGHBOUR,
    OTHER,
    PINS,
    SKIP_REF,
    TEAR_DOWN,
    TUNNEL_ID,
    UNKNOWN_TUNNEL,
    ZONE_ID,
    block_rule,
    configuration,
    in_sync,
    names,
    observed,
    protected,
    published,
    record,
    rule,
    serves,
)

ELSEWHERE = "another-zone"
STEP = AssociationStep(action=Action.CREATE, target=HOST)
LEFT = Problem(code=ProblemCode.STILL_REACHABLE, target=HOST, detail="*.example.com")
MADE_BY_HAND = rule(
    "block", f'http.host eq "{HOST}" and not cf.tls_client_auth.cert_verified'
)


def settings(
    hostname: str = HOST,
    *,
    zone_id: str = ZONE_ID,
    keep_in_sync: bool = True,
    tunnel_id: str = TUNNEL_ID,
) -> HostnameSettings:
    """Return the settings of a hostname."""
    return HostnameSettings(
        zone_id=zone_id,
        protected=protected(hostname, tunnel_id=tunnel_id),
        keep_in_sync=keep_in_sync,
    )


def reconciler(
    *hostnames: HostnameSettings,
    removed: tuple[HostnameSettings, ...] = (),
    marked: frozenset[str] = frozenset(),
) -> Reconciler:
    """Return the reconciler of an account that nobody asks."""
    client = CloudflareClient("token", base_url="http://127.0.0.1:1")
    return Reconciler(
        client=client,
        account_id=ACCOUNT_ID,
        hostnames=hostnames,
        removed=removed,
        marked=marked,
    )


def view(observation: Observation) -> ZoneView:
    """Return a zone that takes any skip rule."""
    return ZoneView(observation=observation, skippable=frozenset(Skippable))


def zone_sync(left: Plan | None = None, error: EngineError | None = None) -> ZoneSync:
    """Return how a sync of a zone ended."""
    return ZoneSync(view=view(in_sync()), left=left or Plan(), error=error)


def test_account_is_in_sync_if_each_zone_was_seen_to_be() -> None:
    """What could not be looked at may be open."""
    fine, left = zone_sync(), zone_sync(Plan(steps=(STEP,)))
    error = Unavailable("gone")
    assert AccountSync(zones={"a": fine, "b": fine}, unseen={}).in_sync
    assert AccountSync(zones={}, unseen={}).in_sync
    assert not AccountSync(zones={"a": fine, "b": left}, unseen={}).in_sync
    assert not AccountSync(zones={"a": fine}, unseen={"b": error}).in_sync


def test_hostname_that_something_still_leads_to() -> None:
    """Where nobody looked, something may."""
    ended = AccountSync(zones={ZONE_ID: zone_sync()}, unseen={})
    assert ended.may_be_reached(settings())
    assert not ended.may_be_reached(settings("nowhere.example.com"))
    assert ended.may_be_reached(settings("nowhere.example.com", zone_id="elsewhere"))


def test_files_of_tunnels_that_a_hostname_had() -> None:
    """They are asked for at a removed hostname, whatever tunnel it had last."""
    former = "7e000000-0000-4000-8000-0000000000f0"
    engine = replace(reconciler(removed=(settings(),)), files={HOST: [former]})
    seen = replace(in_sync(), local_tunnels=frozenset({former}))
    plan = engine.plan_for(view(seen), Accepted(), Extent(hostnames={HOST}))
    assert [(item.code, item.detail) for item in plan.problems] == [
        (ProblemCode.STILL_IN_FILE, former)
    ]


def test_zones_say_what_is_left_of_each() -> None:
    """A zone that nobody saw has nothing to say."""
    left = Plan(steps=(STEP,))
    ended = AccountSync(
        zones={"a": zone_sync(), "b": zone_sync(left)}, unseen={"c": Unavailable("")}
    )
    assert ended.left == {"a": Plan(), "b": left}
    views = [zone.view for zone in ended.zones.values()]
    assert ended.observations == tuple(view.observation for view in views)


def test_whatever_stopped_a_zone_is_raised() -> None:
    """A person is told first of a zone that could not even be looked at."""
    refused, gone = Rejected(1, "no"), Unavailable("gone")
    zones = {"a": zone_sync(), "b": zone_sync(error=refused)}
    ended = AccountSync(zones=zones, unseen={"c": gone})
    assert ended.errors == (gone, refused)
    with pytest.raises(Unavailable):
        ended.raise_if_stopped()
    with pytest.raises(Rejected):
        AccountSync(zones=zones, unseen={}).raise_if_stopped()
    fine = AccountSync(zones={"a": zone_sync()}, unseen={})
    assert fine.errors == ()
    fine.raise_if_stopped()


def test_one_zone_that_was_seen_is_an_answer() -> None:
    """Only where nothing was seen, there is nothing to show but the error."""
    gone = {"b": Unavailable("gone")}
    AccountSync(zones={"a": zone_sync()}, unseen=gone).raise_if_unseen()
    AccountSync(zones={}, unseen={}).raise_if_unseen()
    with pytest.raises(Unavailable):
        AccountSync(zones={}, unseen=gone).raise_if_unseen()


def test_what_leaves_a_hostname_open_is_told_of_that_hostname_in_its_zone() -> None:
    """A problem of a hostname that is closed keeps nobody from turning it off."""
    exposure = Exposure(
        hostname=HOST, visitor=Visitor.UNPINNED_CERTIFICATE, through=None
    )
    open_plan = Plan(problems=(LEFT,), exposures=(exposure,))
    closed = Plan(problems=(LEFT,))
    zones = {ZONE_ID: zone_sync(open_plan), ELSEWHERE: zone_sync(closed)}
    ended = AccountSync(zones=zones, unseen={})
    assert ended.left_open(settings()) == (LEFT,)
    assert ended.left_open(settings(OTHER)) == ()
    assert ended.left_open(settings(zone_id=ELSEWHERE)) == ()
    assert ended.left_open(settings(zone_id="unseen")) == ()


@pytest.mark.parametrize(
    "code", [ProblemCode.STILL_REACHABLE, ProblemCode.STILL_IN_FILE]
)
def test_what_is_left_of_a_removed_hostname(code: ProblemCode) -> None:
    """Other problems, and those of other hostnames, are not what is left."""
    other = Problem(code=ProblemCode.WOULD_EXPOSE, target=HOST, detail="")
    left = Problem(code=code, target=HOST, detail="x")
    plan = Plan(problems=(other, Problem(code=code, target=OTHER, detail=""), left))
    assert plan.what_is_left(HOST) == left
    assert Plan(problems=(other,)).what_is_left(HOST) is None


def test_removed_hostname_is_down_although_a_file_may_name_it() -> None:
    """Home Assistant has done all that it can; only a person knows the file."""
    in_file = Problem(code=ProblemCode.STILL_IN_FILE, target=HOST, detail="")
    exposure = Exposure(hostname=OTHER, visitor=Visitor.NO_CERTIFICATE, through=None)
    assert Plan(problems=(in_file,)).is_down
    assert not Plan(problems=(in_file,)).in_sync
    for unfinished in (
        Plan(problems=(in_file, LEFT)),
        Plan(problems=(in_file,), steps=(STEP,)),
        Plan(problems=(in_file,), exposures=(exposure,)),
    ):
        assert not unfinished.is_down
    not_down = {
        "a": zone_sync(Plan(problems=(in_file,))),
        "b": zone_sync(Plan(steps=(STEP,))),
    }
    assert not AccountSync(zones=not_down, unseen={}).is_down
    down = {"a": zone_sync(Plan(problems=(in_file,)))}
    assert AccountSync(zones=down, unseen={}).is_down
    assert not AccountSync(zones=down, unseen={"b": Unavailable("gone")}).is_down


def test_plan_that_nobody_has_to_confirm_is_covered() -> None:
    """One that a person confirmed covers only its own zone; nothing to do is always covered."""
    plan = Plan(steps=(STEP,))
    assert Extent(hostnames={HOST}).covers(ZONE_ID, plan)
    confirmed = Extent(hostnames={HOST}, confirmed={ZONE_ID: plan})
    assert confirmed.covers(ZONE_ID, plan)
    assert not confirmed.covers(ELSEWHERE, plan)
    assert confirmed.covers(ELSEWHERE, Plan())


def test_changed_hostname_has_former_settings() -> None:
    """The other hostnames keep theirs, and so do those that are being taken down."""
    removed = (settings(NEIGHBOUR),)
    before = reconciler(
        settings(OTHER), settings(), removed=removed, marked=frozenset({HOST})
    )
    changed = settings(tunnel_id=UNKNOWN_TUNNEL)
    after = before.with_hostname(changed)
    assert set(after.hostnames) == {settings(OTHER), changed}
    assert after.former == (settings(),)
    assert replace(after, hostnames=before.hostnames, former=()) == before


def test_new_hostname_has_no_former_settings() -> None:
    """It joins the others."""
    after = reconciler(settings(OTHER)).with_hostname(settings())
    assert set(after.hostnames) == {settings(OTHER), settings()}
    assert after.former == ()


def test_hostname_that_was_removed_and_is_wanted_again() -> None:
    """It is no longer taken down, and its former tunnel is still known."""
    removed = settings(tunnel_id=UNKNOWN_TUNNEL)
    before = reconciler(settings(OTHER), removed=(removed, settings(NEIGHBOUR)))
    after = before.with_hostname(settings())
    assert set(after.hostnames) == {settings(OTHER), settings()}
    assert after.removed == (settings(NEIGHBOUR),)
    assert after.former == (removed,)


def test_zones_are_those_of_the_hostnames() -> None:
    """Each is looked at once, also for a hostname that is only to be taken down."""
    engine = reconciler(
        settings(zone_id="z"),
        settings(OTHER, zone_id="z"),
        settings("a.example.net", zone_id="n"),
        removed=(settings(NEIGHBOUR, zone_id="a"),),
    )
    assert engine.zones_of({HOST, OTHER, NEIGHBOUR}) == ["a", "z"]
    assert engine.zones_of({"a.example.net"}) == ["n"]
    assert engine.zones_of(()) == []


def test_unasked_nothing_leads_to_a_hostname_that_is_not_kept_in_sync() -> None:
    """A person may have taken it down; its rules are written like those of the others."""
    engine = reconciler(settings(), settings(OTHER, keep_in_sync=False))
    extent = engine.unasked({HOST, OTHER})
    assert extent == Extent(hostnames={HOST, OTHER}, rules_only={OTHER}, goes_on=True)

    plan = engine.plan_for(view(observed()), Accepted(), extent)

    assert names(plan.steps) == [
        "create block_rule",
        "create association",
        "create skip_rule",
        "create ingress",
        "create dns_record",
    ]
    assert all(OTHER in step.detail for step in plan.steps if "rule" in step.kind)
    targets = {step.target for step in plan.steps if "rule" not in step.kind}
    assert targets == {HOST}


def test_only_the_zone_that_was_seen_is_planned_for() -> None:
    """Hostnames of another one, protected or removed, do not get into its rules."""
    engine = reconciler(
        settings(),
        settings(OTHER, zone_id=ELSEWHERE),
        removed=(settings(NEIGHBOUR, zone_id=ELSEWHERE),),
    )
    extent = Extent(hostnames={HOST, OTHER, NEIGHBOUR})
    plan = engine.plan_for(view(observed()), Accepted(), extent)
    assert names(plan.steps) == BUILD_UP
    assert not any(
        name in step.detail for step in plan.steps for name in (OTHER, NEIGHBOUR)
    )
    assert engine.plan_for(view(in_sync()), Accepted(), extent).in_sync


def test_removed_hostname_is_taken_down_only_in_its_zone() -> None:
    """Its tunnel may serve hostnames of several zones; its record is deleted first."""
    elsewhere = "ha.example.net"
    engine = reconciler(settings(), removed=(settings(elsewhere, zone_id=ELSEWHERE),))
    seen = in_sync()
    served = configuration(serves(), serves(elsewhere), CATCH_ALL)
    seen = replace(seen, configurations={TUNNEL_ID: served})
    assert engine.plan_for(view(seen), Accepted(), Extent(hostnames={HOST})).in_sync


def test_hostname_is_removed_only_where_that_is_asked() -> None:
    """The others stay in the rules."""
    engine = reconciler(settings(), settings(OTHER))
    both = in_sync(HOST, OTHER)
    for extent in (
        Extent(hostnames={HOST, OTHER}),
        Extent(hostnames=(), remove=True),
    ):
        assert engine.plan_for(view(both), Accepted(), extent).in_sync
    extent = Extent(hostnames={HOST}, remove=True)
    plan = engine.plan_for(view(both), Accepted(), extent)
    assert names(plan.steps) == [
        "delete dns_record",
        "delete ingress",
        "update block_rule",
        "update skip_rule",
        "delete association",
    ]
    assert {step.target for step in plan.steps if "rule" not in step.kind} == {HOST}
    assert all(
        OTHER in step.detail and HOST not in step.detail
        for step in plan.steps
        if "rule" in step.kind
    )


def test_removed_hostname_is_taken_down_with_any_sync_of_its_zone() -> None:
    """Otherwise the shared rules could not leave it out."""
    engine = reconciler(settings(OTHER), removed=(settings(),))
    extent = Extent(hostnames={OTHER})
    plan = engine.plan_for(view(in_sync(HOST, OTHER)), Accepted(), extent)
    assert [item for item in names(plan.steps) if "rule" not in item] == [
        item for item in TEAR_DOWN if "rule" not in item
    ]


def test_record_with_our_mark_once_is_still_ours() -> None:
    """Another tool that takes the mark away does not make it somebody else's."""
    bare = replace(in_sync(), records=(record(ours=False),))
    extent = Extent(hostnames={HOST}, remove=True)
    for marked, deleted in ((frozenset({HOST}), True), (frozenset[str](), False)):
        engine = reconciler(settings(), marked=marked)
        plan = engine.plan_for(view(bare), Accepted(), extent)
        assert ("delete dns_record" in names(plan.steps)) is deleted


def test_nobody_opens_what_was_created_here() -> None:
    """An order to open it takes it down as any other: what others led there stays blocked."""
    engine = reconciler(settings())
    bare = view(replace(in_sync(), records=(record(ours=False),)))
    taken_down, opened = (
        engine.plan_for(
            bare, Accepted(), Extent(hostnames={HOST}, remove=True, opens=opens)
        )
        for opens in (False, True)
    )
    assert opened == taken_down
    assert "delete block_rule" not in names(opened.steps)


def test_former_tunnel_is_planned_for() -> None:
    """It serves the hostname no longer once another tunnel does."""
    former = settings(tunnel_id=UNKNOWN_TUNNEL)
    engine = reconciler(former).with_hostname(settings())
    seen = in_sync()
    there = configuration(serves(), CATCH_ALL)
    configurations = {
        **seen.configurations,
        UNKNOWN_TUNNEL: replace(there, tunnel_id=UNKNOWN_TUNNEL),
    }
    seen = replace(seen, configurations=configurations)
    plan = engine.plan_for(view(seen), Accepted(), Extent(hostnames={HOST}))
    assert names(plan.steps) == ["delete ingress"]


def test_rules_accept_what_is_pinned_and_skip_what_may_be_skipped() -> None:
    """Both were found out for this zone."""
    engine = reconciler(settings())
    extent = Extent(hostnames={HOST})
    accepted = Accepted(everywhere=frozenset(PINS[:1]))
    plan = engine.plan_for(view(observed()), accepted, extent)
    rules = [step for step in plan.steps if "rule" in step.kind]
    assert all(PINS[0] in step.detail for step in rules)
    little = ZoneView(observation=in_sync(), skippable=frozenset())
    assert names(engine.plan_for(little, Accepted(), extent).steps) == [
        "update skip_rule"
    ]


def test_only_what_a_person_agreed_to_is_taken_over() -> None:
    """Nobody is asked in the background, and nothing is looked for there."""
    seen = published(MADE_BY_HAND, block_rule())
    engine = reconciler(settings())
    found = MadeByHand(id=MADE_BY_HAND.id)
    for takes_over, adoptable, takes in (
        (None, set(), False),
        (frozenset[MadeByHand](), {found}, False),
        (frozenset({found}), {found}, True),
    ):
        extent = Extent(hostnames={HOST}, takes_over=takes_over)
        plan = engine.plan_for(view(seen), Accepted(), extent)
        assert plan.adoptable == adoptable
        assert plan.takes_over is takes
    assert SKIP_REF in {step.target for step in plan.steps}
