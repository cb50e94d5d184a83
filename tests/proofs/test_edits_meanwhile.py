"""Somebody edits while a run goes on: nothing of theirs is lost.

Cloudflare's lists know no ETag, so the last writer wins. What one can do is to read a list
immediately before one writes it: only what others write in that one gap is lost. What is
read together with it is in the gap too.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
import json
from typing import Any, Final

import pytest

from sandbox.faults import FaultKind
from sandbox.state import DnsRecord, Rule

from .cloud import OWN_REFS, Cloud
from .dashboard import FOREIGN_SERVICE, NAS, WILDCARD, configure
from .scenarios import SCENARIOS, Scenario
from .stage import Call, Stage
from .trouble import Endpoint, Meanwhile
from .witness import Witness, foreign

_ASSOCIATIONS: Final = Endpoint(
    "PUT", "/zones/{zone}/certificate_authorities/hostname_associations"
)
_CONFIGURATION: Final = Endpoint(
    "PUT", "/accounts/{account}/cfd_tunnel/{tunnel}/configurations"
)

_RULES: Final = Endpoint(
    "GET", "/zones/{zone}/rulesets/phases/http_request_firewall_custom/entrypoint"
)

type Edit = Callable[[Cloud], object]


def _the_rule(cloud: Cloud) -> Rule:
    return next(rule for rule in cloud.zone.rules if rule.ref not in OWN_REFS)


def _the_record(cloud: Cloud) -> DnsRecord:
    return next(
        record for record in cloud.zone.dns_records.values() if record.name == NAS
    )


def _the_ingress(cloud: Cloud) -> dict[str, Any]:
    return next(rule for rule in cloud.tunnel.ingress if rule.get("hostname") == NAS)


def _associations(cloud: Cloud) -> list[str]:
    assert cloud.zone.associations is not None
    return cloud.zone.associations


def _add_rule_first(cloud: Cloud) -> None:
    cloud.zone.rules.insert(0, Rule("block", 'http.host eq "x"'))


def _move_rule(cloud: Cloud) -> None:
    rule = _the_rule(cloud)
    cloud.zone.rules.remove(rule)
    cloud.zone.rules.append(rule)


def _add_ingress(cloud: Cloud) -> None:
    rule = {"hostname": "tv.example.com", "service": FOREIGN_SERVICE, "x": {"b": 1}}
    cloud.tunnel.ingress.insert(0, rule)


def _add_wildcard(cloud: Cloud) -> None:
    rule = {"hostname": WILDCARD, "service": FOREIGN_SERVICE}
    cloud.tunnel.ingress.insert(0, rule)


# By what is edited, and the one write that can undo it, where there is one.
_EDITS: Final[dict[str, tuple[Endpoint | None, list[Edit]]]] = {
    "rules": (
        None,
        [
            _add_rule_first,
            _move_rule,
            lambda cloud: cloud.zone.rules.append(Rule("log", "ssl")),
            lambda cloud: setattr(_the_rule(cloud), "expression", 'http.host eq "y"'),
            lambda cloud: cloud.zone.rules.remove(_the_rule(cloud)),
        ],
    ),
    "records": (
        None,
        [
            lambda cloud: cloud.zone.add_dns_record(
                DnsRecord("A", "tv.example.com", "192.0.2.1")
            ),
            lambda cloud: setattr(_the_record(cloud), "proxied", False),
            lambda cloud: cloud.zone.dns_records.pop(_the_record(cloud).id),
        ],
    ),
    "associations": (
        _ASSOCIATIONS,
        [
            lambda cloud: _associations(cloud).append("tv.example.com"),
            lambda cloud: _associations(cloud).remove(NAS),
        ],
    ),
    "configuration": (
        _CONFIGURATION,
        [
            _add_ingress,
            lambda cloud: _the_ingress(cloud).update(service="http://z:1"),
            lambda cloud: cloud.tunnel.ingress.remove(_the_ingress(cloud)),
            lambda cloud: configure(cloud, 1),
        ],
    ),
}
_BUILD_UP, _TEAR_DOWN, _MEND = SCENARIOS[:3]
_EDITED: Final = {item.name: item for item in (_BUILD_UP, _TEAR_DOWN, _MEND)}


@pytest.mark.parametrize("part", _EDITS)
@pytest.mark.parametrize(
    "name",
    [
        _BUILD_UP.name,
        *(
            pytest.param(item.name, marks=pytest.mark.nightly)
            for item in (_TEAR_DOWN, _MEND)
        ),
    ],
)
def test_only_the_gap_between_read_and_write_loses_an_edit(
    runner: asyncio.Runner, name: str, part: str
) -> None:
    """Somebody edits just before each of our calls; only the PUT of a list can undo it."""
    undone_by, edits = _EDITS[part]

    async def play() -> None:
        async with Stage.running() as stage:
            calls = await _calls_until_done(stage, _EDITED[name])
            for edit in edits:
                lost = await _losses(stage, _EDITED[name], calls, edit)
                assert _writes(calls, undone_by) <= lost <= _gaps(calls, undone_by)

    runner.run(play())


@pytest.mark.parametrize("name", [_BUILD_UP.name, _MEND.name])
def test_wildcard_that_comes_meanwhile_stays_behind(
    runner: asyncio.Runner, name: str
) -> None:
    """Where a wildcard would take over, a hostname's own rule still comes first.

    At a tear-down it would keep the block rule in its place.
    """

    async def play() -> None:
        async with Stage.running() as stage:
            calls = await _calls_until_done(stage, _EDITED[name])
            lost = await _losses(stage, _EDITED[name], calls, _add_wildcard)
            assert _writes(calls, _CONFIGURATION) <= lost
            assert lost <= _gaps(calls, _CONFIGURATION)

    runner.run(play())


async def _calls_until_done(stage: Stage, scenario: Scenario) -> list[Call]:
    """Return the calls of a run as far as it writes."""
    calls = await stage.calls(scenario)
    while calls[-1].endpoint.method == "GET":
        calls.pop()
    return calls


def _writes(calls: list[Call], write: Endpoint | None) -> set[Call]:
    return {call for call in calls if call.endpoint == write}


def _gaps(
    calls: list[Call], write: Endpoint | None, read: Endpoint | None = None
) -> set[Call]:
    """Return each write, and the calls from the look on that read what it writes.

    What is looked at together is read in any order.
    """
    gaps: set[Call] = set()
    for place, call in enumerate(calls):
        if write is None or call.endpoint != write:
            continue
        wanted, gap = read or Endpoint("GET", write.path), [call]
        for before in reversed(calls[:place]):
            if before.endpoint.method != "GET" and wanted in {c.endpoint for c in gap}:
                break
            gap.append(before)
        gaps.update(gap)
    return gaps


async def _losses(
    stage: Stage, scenario: Scenario, calls: list[Call], edit: Edit
) -> set[Call]:
    """Return the calls before which an edit is undone."""
    return {call for call in calls if await _loses(stage, scenario, call, edit)}


async def _loses(stage: Stage, scenario: Scenario, call: Call, edit: Edit) -> bool:
    """Have somebody edit before a call, recover, and tell whether the edit is undone."""
    cloud = stage.cloud
    meanwhile = Meanwhile(FaultKind.DELAY, first=call.nth, endpoint=call.endpoint)
    witness = await stage.begin(scenario, meanwhile)
    theirs: dict[str, Any] = {}

    def act() -> None:
        edit(cloud)
        witness.begin()
        theirs.update(foreign(cloud, witness.protected))

    meanwhile.act = act
    home = stage.home(scenario)
    run = await scenario.order.carry_out(home)
    assert meanwhile.struck
    further = await stage.recover(scenario, home)
    assert further <= 1, run
    assert not stage.unfinished(scenario, witness)
    undone = json.dumps(theirs) != json.dumps(foreign(cloud, witness.protected))
    assert not any(" opened " in violation for violation in witness.violations)
    assert undone == bool(witness.violations)
    return undone


@pytest.mark.parametrize("name", _EDITED)
def test_lists_are_read_immediately_before_they_are_written(
    runner: asyncio.Runner, name: str
) -> None:
    """Nothing is written between the read of a list and its PUT."""

    async def play() -> list[Call]:
        async with Stage.running() as stage:
            return await stage.calls(_EDITED[name])

    calls = runner.run(play())
    for write in (_ASSOCIATIONS, _CONFIGURATION):
        assert _writes(calls, write)
        others = _gaps(calls, write) - _writes(calls, write)
        # A rule that did not exist is made while the list is read.
        assert {call.endpoint.method for call in others} <= {"GET", "POST"}


def test_only_the_gap_before_the_write_leads_behind_open_rules(
    runner: asyncio.Runner,
) -> None:
    """Somebody lets everybody past the rules, just before each of our calls."""
    scenario = _BUILD_UP
    skip = Rule("skip", "ssl", action_parameters={"ruleset": "current"})

    async def play() -> None:
        async with Stage.running() as stage:
            opened = set()
            calls = await stage.calls(scenario)
            for call in calls:
                meanwhile = Meanwhile(
                    FaultKind.DELAY, first=call.nth, endpoint=call.endpoint
                )
                witness = await stage.begin(scenario, meanwhile)

                def edit(witness: Witness = witness) -> None:
                    stage.cloud.zone.rules.insert(0, replace(skip))
                    witness.begin()

                meanwhile.act = edit
                await scenario.order.carry_out(stage.home(scenario))
                if witness.violations:
                    opened.add(call)
            # A wildcard record leads there from then on.
            assert _writes(calls, _CONFIGURATION) <= opened
            assert opened <= _gaps(calls, _CONFIGURATION, _RULES)

    runner.run(play())
