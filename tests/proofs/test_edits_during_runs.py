"""An owner edits during a run, and nothing of the edit is lost but in one gap.

Cloudflare's lists have no ETag, so the last write wins. The engine therefore reads a list
immediately before it writes it: only an edit between this read and the write is lost. Reads
that are made together with this read belong to the gap.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
import json
from typing import Any, Final

import pytest

from sandbox.faults import FaultKind
from sandbox.state import DnsRecord, Rule

from .call_faults import EditBefore
from .dashboard_edits import change_tunnel_configuration
from .endpoint import Endpoint
from .hostnames import FOREIGN_SERVICE, NAS, WILDCARD
from .resettable_sandbox import OWN_REFS, ResettableSandbox
from .scenario_runner import Call, ScenarioRunner
from .scenarios import SCENARIOS, Scenario
from .write_monitor import WriteMonitor
from .zone_contents import foreign_contents

_ASSOCIATIONS: Final = Endpoint(
    "PUT", "/zones/{zone}/certificate_authorities/hostname_associations"
)
_CONFIGURATION: Final = Endpoint(
    "PUT", "/accounts/{account}/cfd_tunnel/{tunnel}/configurations"
)

_RULES: Final = Endpoint(
    "GET", "/zones/{zone}/rulesets/phases/http_request_firewall_custom/entrypoint"
)

type Edit = Callable[[ResettableSandbox], object]


def _foreign_rule(sandbox: ResettableSandbox) -> Rule:
    return next(rule for rule in sandbox.zone.rules if rule.ref not in OWN_REFS)


def _nas_record(sandbox: ResettableSandbox) -> DnsRecord:
    return next(
        record for record in sandbox.zone.dns_records.values() if record.name == NAS
    )


def _nas_ingress_rule(sandbox: ResettableSandbox) -> dict[str, Any]:
    return next(rule for rule in sandbox.tunnel.ingress if rule.get("hostname") == NAS)


def _associations(sandbox: ResettableSandbox) -> list[str]:
    assert sandbox.zone.associations is not None
    return sandbox.zone.associations


def _add_rule_first(sandbox: ResettableSandbox) -> None:
    sandbox.zone.rules.insert(0, Rule("block", 'http.host eq "x"'))


def _move_rule(sandbox: ResettableSandbox) -> None:
    rule = _foreign_rule(sandbox)
    sandbox.zone.rules.remove(rule)
    sandbox.zone.rules.append(rule)


def _add_ingress(sandbox: ResettableSandbox) -> None:
    rule = {"hostname": "tv.example.com", "service": FOREIGN_SERVICE, "x": {"b": 1}}
    sandbox.tunnel.ingress.insert(0, rule)


def _add_wildcard(sandbox: ResettableSandbox) -> None:
    rule = {"hostname": WILDCARD, "service": FOREIGN_SERVICE}
    sandbox.tunnel.ingress.insert(0, rule)


# For each part: the one write that can undo an edit, if there is one, and the edits.
_EDITS: Final[dict[str, tuple[Endpoint | None, list[Edit]]]] = {
    "rules": (
        None,
        [
            _add_rule_first,
            _move_rule,
            lambda sandbox: sandbox.zone.rules.append(Rule("log", "ssl")),
            lambda sandbox: setattr(
                _foreign_rule(sandbox), "expression", 'http.host eq "y"'
            ),
            lambda sandbox: sandbox.zone.rules.remove(_foreign_rule(sandbox)),
        ],
    ),
    "records": (
        None,
        [
            lambda sandbox: sandbox.zone.add_dns_record(
                DnsRecord("A", "tv.example.com", "192.0.2.1")
            ),
            lambda sandbox: setattr(_nas_record(sandbox), "proxied", False),
            lambda sandbox: sandbox.zone.dns_records.pop(_nas_record(sandbox).id),
        ],
    ),
    "associations": (
        _ASSOCIATIONS,
        [lambda sandbox: _associations(sandbox).append("tv.example.com")],
    ),
    "configuration": (
        _CONFIGURATION,
        [
            _add_ingress,
            lambda sandbox: _nas_ingress_rule(sandbox).update(service="http://z:1"),
            lambda sandbox: sandbox.tunnel.ingress.remove(_nas_ingress_rule(sandbox)),
            lambda sandbox: change_tunnel_configuration(sandbox, 1),
        ],
    ),
}
_BUILD_UP, _TEAR_DOWN, _FIX = SCENARIOS[:3]
_SCENARIOS: Final = {item.name: item for item in (_BUILD_UP, _TEAR_DOWN, _FIX)}


@pytest.mark.parametrize("part", _EDITS)
@pytest.mark.parametrize(
    "name",
    [
        _BUILD_UP.name,
        *(
            pytest.param(item.name, marks=pytest.mark.nightly)
            for item in (_TEAR_DOWN, _FIX)
        ),
    ],
)
def test_edit_is_lost_only_between_read_and_write(
    runner: asyncio.Runner, name: str, part: str
) -> None:
    """An edit before each of our calls in turn; only the PUT of a list can undo it."""
    undone_by, edits = _EDITS[part]

    async def play() -> None:
        async with ScenarioRunner.running() as scenarios:
            calls = await _calls_until_last_write(scenarios, _SCENARIOS[name])
            for edit in edits:
                lost = await _calls_that_lose(scenarios, _SCENARIOS[name], calls, edit)
                assert _writes(calls, undone_by) <= lost <= _gaps(calls, undone_by)

    runner.run(play())


@pytest.mark.parametrize("name", [_BUILD_UP.name, _FIX.name])
def test_association_removed_during_a_run_is_written_again(
    runner: asyncio.Runner, name: str
) -> None:
    """A read that lacks a hostname may lag behind: one that was read a moment ago is kept.

    So every write of the list undoes a removal since the first read of the run.
    """

    async def play() -> None:
        async with ScenarioRunner.running() as scenarios:
            scenario = _SCENARIOS[name]
            calls = await _calls_until_last_write(scenarios, scenario)
            places = [
                place
                for place, call in enumerate(calls)
                if call.endpoint == _ASSOCIATIONS
            ]
            lost = await _calls_that_lose(
                scenarios,
                scenario,
                calls,
                lambda sandbox: _associations(sandbox).remove(NAS),
            )
            assert _writes(calls, _ASSOCIATIONS) <= lost
            assert lost <= set(calls[: max(places, default=-1) + 1])

    runner.run(play())


@pytest.mark.parametrize("name", [_BUILD_UP.name, _FIX.name])
def test_wildcard_added_during_a_run_stays_behind(
    runner: asyncio.Runner, name: str
) -> None:
    """The hostname's own ingress rule stays before the wildcard.

    A tear-down is left out: there, the wildcard takes over and keeps the block rule.
    """

    async def play() -> None:
        async with ScenarioRunner.running() as scenarios:
            scenario = _SCENARIOS[name]
            calls = await _calls_until_last_write(scenarios, scenario)
            lost = await _calls_that_lose(scenarios, scenario, calls, _add_wildcard)
            assert _writes(calls, _CONFIGURATION) <= lost
            assert lost <= _gaps(calls, _CONFIGURATION)

    runner.run(play())


async def _calls_until_last_write(
    scenarios: ScenarioRunner, scenario: Scenario
) -> list[Call]:
    calls = await scenarios.calls(scenario)
    while calls[-1].endpoint.method == "GET":
        calls.pop()
    return calls


def _writes(calls: list[Call], write: Endpoint | None) -> set[Call]:
    return {call for call in calls if call.endpoint == write}


def _gaps(
    calls: list[Call], write: Endpoint | None, read: Endpoint | None = None
) -> set[Call]:
    """Return each write, and the calls before it back to the read of what it writes.

    Reads that are made together have no order, so all of them belong to the gap.
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


async def _calls_that_lose(
    scenarios: ScenarioRunner, scenario: Scenario, calls: list[Call], edit: Edit
) -> set[Call]:
    """Return the calls for which an edit just before them is undone."""
    return {call for call in calls if await _is_lost(scenarios, scenario, call, edit)}


async def _is_lost(
    scenarios: ScenarioRunner, scenario: Scenario, call: Call, edit: Edit
) -> bool:
    """Edit just before a call, recover, and return whether the edit is undone."""
    sandbox = scenarios.sandbox
    fault = EditBefore(FaultKind.DELAY, first=call.nth, endpoint=call.endpoint)
    monitor = await scenarios.set_up(scenario, fault)
    after_edit: dict[str, Any] = {}

    def edit_now() -> None:
        edit(sandbox)
        monitor.accept_state()
        after_edit.update(foreign_contents(sandbox, monitor.protected))

    fault.edit = edit_now
    home = scenarios.new_home(scenario)
    run = await scenario.job.run(home)
    assert fault.happened
    further = await scenarios.recover(scenario, home)
    assert further <= 1, run
    assert not scenarios.final_violations(scenario, monitor)
    in_the_end = foreign_contents(sandbox, monitor.protected)
    is_lost = json.dumps(after_edit) != json.dumps(in_the_end)
    assert not any(" opened " in violation for violation in monitor.violations)
    assert is_lost == bool(monitor.violations)
    return is_lost


@pytest.mark.parametrize("name", _SCENARIOS)
def test_list_is_read_immediately_before_its_write(
    runner: asyncio.Runner, name: str
) -> None:
    """No other list is written between the read of a list and its PUT."""

    async def play() -> list[Call]:
        async with ScenarioRunner.running() as scenarios:
            return await scenarios.calls(_SCENARIOS[name])

    calls = runner.run(play())
    for write in (_ASSOCIATIONS, _CONFIGURATION):
        assert _writes(calls, write)
        others = _gaps(calls, write) - _writes(calls, write)
        # A missing rule is created while the list is read.
        assert {call.endpoint.method for call in others} <= {"GET", "POST"}


def test_foreign_skip_rule_exposes_only_between_read_and_write(
    runner: asyncio.Runner,
) -> None:
    """A rule that skips ours, added before each of our calls in turn.

    Only if it comes after the last read of the rules, the tunnel is still configured.
    """
    scenario = _BUILD_UP
    skip = Rule("skip", "ssl", action_parameters={"ruleset": "current"})

    async def play() -> None:
        async with ScenarioRunner.running() as scenarios:
            exposing = set()
            calls = await scenarios.calls(scenario)
            for call in calls:
                fault = EditBefore(
                    FaultKind.DELAY, first=call.nth, endpoint=call.endpoint
                )
                monitor = await scenarios.set_up(scenario, fault)

                def edit(monitor: WriteMonitor = monitor) -> None:
                    scenarios.sandbox.zone.rules.insert(0, replace(skip))
                    monitor.accept_state()

                fault.edit = edit
                await scenario.job.run(scenarios.new_home(scenario))
                if monitor.violations:
                    exposing.add(call)
            # Once the tunnel is configured, the wildcard record leads there.
            assert _writes(calls, _CONFIGURATION) <= exposing
            assert exposing <= _gaps(calls, _CONFIGURATION, _RULES)

    runner.run(play())
