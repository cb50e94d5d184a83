"""Tests of how often somebody else undoes what was fixed, and for how long it was exposed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.cloudflare_mtls.engine.moment import Moment
from custom_components.cloudflare_mtls.engine.rules.exposure import Exposure
from custom_components.cloudflare_mtls.engine.rules.visitors import Visitor
from custom_components.cloudflare_mtls.engine.sync.plan import Plan
from custom_components.cloudflare_mtls.engine.sync.repeated_drift import (
    Condition,
    RepeatedChange,
    RepeatedDrift,
)
from custom_components.cloudflare_mtls.engine.sync.steps import Action, AssociationStep
from tests.engine.builders import HOST, OTHER

BEGIN = datetime(2027, 7, 15, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

IN_SYNC = Plan()


def drift(hostname: str = HOST) -> Plan:
    """Return the plan for a hostname that is closed, and not as it must be."""
    return Plan(steps=(AssociationStep(action=Action.CREATE, target=hostname),))


def exposure(hostname: str = HOST) -> Plan:
    """Return the plan for a hostname that somebody can reach without a certificate."""
    visitor = Visitor.NO_CERTIFICATE
    exposures = (Exposure(hostname=hostname, visitor=visitor, through=None),)
    return Plan(steps=drift(hostname).steps, exposures=exposures)


def conditions(plans: Mapping[str, Plan]) -> Mapping[str, Condition]:
    """Return how hostnames are found, by the plan of the zone of each."""
    return {
        hostname: Condition(
            drifted=plan.drifted(hostname), exposed=plan.exposes(hostname)
        )
        for hostname, plan in plans.items()
    }


class Home:
    """A home that looks, and that fixes what it finds."""

    def __init__(self) -> None:
        """Begin with a look that finds all in sync."""
        self.now = BEGIN
        # What the clock shows beyond the time that has passed.
        self.ahead = timedelta()
        self.known = RepeatedDrift()
        self.look(IN_SYNC)

    @property
    def moment(self) -> Moment:
        """Return this moment."""
        seconds = (self.now - BEGIN).total_seconds()
        return Moment(seconds=seconds, on=self.now + self.ahead)

    def look(
        self,
        plan: Plan,
        of_other: Plan | None = None,
        *,
        after: timedelta = timedelta(),
    ) -> None:
        """Look at the zone of two hostnames, or at the zone of each."""
        self.now += after
        plans = {HOST: plan, OTHER: of_other or plan}
        self.known.look(conditions(plans), self.moment)

    def fix(self, hostname: str = HOST, *, after: timedelta = timedelta()) -> None:
        """Fix what was found."""
        self.now += after
        self.known.fixed(hostname, self.moment)

    def undo(self, plan: Plan, *, after: timedelta = HOUR) -> None:
        """Find one change, and fix it at once."""
        self.look(plan, after=after)
        self.fix()
        self.look(IN_SYNC)

    def undo_two_more(self) -> None:
        """See all in sync, then fix two changes: the third one of the day is told."""
        self.look(IN_SYNC)
        for _ in range(2):
            self.undo(drift())

    def told(self) -> RepeatedChange | None:
        """Return what is told of the hostname; nothing is told of the other one."""
        told = self.known.repeated(self.moment)
        assert told.keys() <= {HOST}
        return told.get(HOST)

    def told_exposure(self) -> timedelta | None:
        """Return for how long it is told that the hostname was exposed."""
        told = self.told()
        assert told
        return told.exposed_for


def test_third_time_within_a_day_is_told() -> None:
    """It is told since when, and how often; nobody got in meanwhile."""
    home = Home()
    for times in range(1, 5):
        home.undo(drift())
        change = RepeatedChange(since=BEGIN + HOUR, times=times, exposed_for=None)
        assert home.told() == (change if times > 2 else None)


def test_what_was_fixed_a_day_ago_no_longer_counts() -> None:
    """The times that are told are those of one day."""
    home = Home()
    for _ in range(4):
        home.undo(drift())
    home.now = BEGIN + HOUR + timedelta(days=1)
    assert home.told() == RepeatedChange(
        since=BEGIN + 2 * HOUR, times=3, exposed_for=None
    )
    home.now += HOUR
    assert home.told() is None
    home.undo(drift(), after=MINUTE)
    assert home.told() == RepeatedChange(
        since=BEGIN + 3 * HOUR, times=3, exposed_for=None
    )


def test_each_hostname_counts_for_itself() -> None:
    """The drift of another one is not told of this one."""
    home = Home()
    for _ in range(3):
        home.look(drift(), drift(OTHER), after=HOUR)
        home.fix()
        home.look(IN_SYNC)
    home.look(exposure(OTHER), after=HOUR)
    home.fix(OTHER)
    assert home.told() == RepeatedChange(since=BEGIN + HOUR, times=3, exposed_for=None)


def test_hostname_that_was_never_in_sync_was_not_undone() -> None:
    """What is fixed after a start was never right before."""
    known, now = RepeatedDrift(), Home().moment
    for plan in (exposure(), drift(), exposure()):
        known.look(conditions({HOST: plan}), now)
        known.fixed(HOST, now)
    assert known.repeated(now) == {}


def test_attempts_until_all_is_in_sync_count_once() -> None:
    """A fix that needs several attempts was undone one time."""
    home = Home()
    home.look(drift(), after=HOUR)
    for _ in range(5):
        home.fix(after=MINUTE)
        home.look(drift(), IN_SYNC)
    home.look(IN_SYNC)
    for times in (2, 3):
        assert home.told() is None
        home.undo(drift())
        assert (home.told() is not None) is (times == 3)
    told = home.told()
    assert told
    assert told.since == BEGIN + HOUR + MINUTE


def test_longest_exposure_is_told() -> None:
    """It may have begun right after the last look that found the hostname closed."""
    home = Home()
    for minutes in (2, 5, 3):
        home.look(IN_SYNC, after=HOUR)
        home.undo(exposure(), after=minutes * MINUTE)
    home.undo(drift())
    assert home.told_exposure() == 5 * MINUTE


def test_closed_hostname_that_drifts_is_known_to_be_closed() -> None:
    """Only what was found since the last such look may have been exposed."""
    home = Home()
    home.look(drift(), after=HOUR)
    home.look(exposure(), after=MINUTE)
    home.fix()
    home.undo_two_more()
    assert home.told_exposure() == MINUTE


def test_exposure_ends_only_when_it_is_fixed() -> None:
    """Attempts that fail leave the hostname open for longer."""
    home = Home()
    home.look(exposure(), after=MINUTE)
    home.look(exposure(), after=HOUR)
    home.fix(after=HOUR)
    home.undo_two_more()
    assert home.told_exposure() == MINUTE + 2 * HOUR


@pytest.mark.parametrize("left", [exposure(), drift()], ids=["open", "closed"])
def test_exposure_that_an_attempt_left_goes_on(left: Plan) -> None:
    """A first attempt may fix a part, and close the hostname or not."""
    home = Home()
    home.look(exposure(), after=MINUTE)
    home.fix()
    home.look(left)
    home.fix(after=HOUR)
    home.undo_two_more()
    expected = MINUTE + HOUR if left.exposures else MINUTE
    assert home.told_exposure() == expected


def test_hostname_that_opens_before_all_is_fixed_was_exposed() -> None:
    """The first attempt found it closed."""
    home = Home()
    home.look(drift(), after=HOUR)
    home.fix()
    home.look(exposure(), after=MINUTE)
    home.fix()
    home.undo_two_more()
    assert home.told_exposure() == MINUTE


def test_shorter_exposure_of_a_later_attempt_hides_no_longer_one() -> None:
    """A hostname may be opened again before all of it is fixed."""
    home = Home()
    home.look(exposure(), after=HOUR)
    home.fix()
    home.look(drift())
    home.look(exposure(), after=MINUTE)
    home.fix()
    home.undo_two_more()
    assert home.told_exposure() == HOUR


def test_exposure_that_somebody_else_ended_is_not_that_of_a_later_change() -> None:
    """Nobody fixed it here; the next ones are told with their own time."""
    home = Home()
    home.look(exposure(), after=HOUR)
    home.look(IN_SYNC, after=HOUR)
    for _ in range(3):
        home.undo(drift())
    assert home.told_exposure() is None

    home.look(exposure(), after=MINUTE)
    home.look(IN_SYNC)
    home.undo(exposure())
    told = home.told()
    assert told
    assert (told.times, told.exposed_for) == (4, HOUR)


@pytest.mark.parametrize("by", [timedelta(days=-9), timedelta(days=9)])
def test_clock_that_is_set_meanwhile(by: timedelta) -> None:
    """It neither forgets what was undone, nor keeps it, nor makes an exposure longer."""
    home = Home()
    home.look(exposure(), after=MINUTE)
    home.ahead = by
    home.fix(after=MINUTE)
    home.undo_two_more()
    assert home.told_exposure() == 2 * MINUTE
    home.ahead = timedelta()
    home.now += timedelta(days=1)
    assert home.told() is None
