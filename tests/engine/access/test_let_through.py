"""At which login hostnames visits met no login, so that it is told."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.cloudflare_mtls.engine.access.let_through import LetThrough
from custom_components.cloudflare_mtls.engine.access.login_visit import (
    AskedBy,
    whether_asked,
)
from custom_components.cloudflare_mtls.engine.moment import Moment
from custom_components.cloudflare_mtls.engine.probe import Verdict, Visit
from tests.engine.access.helpers import HOME

NOBODY, UNCLEAR = AskedBy.NOBODY, AskedBy.UNCLEAR
SHORT, LONG = timedelta(seconds=119), timedelta(minutes=2)
BEGIN = datetime(2027, 7, 15, 12, tzinfo=UTC)
LOGINS = (AskedBy.OURS, AskedBy.OTHER_APPLICATION, AskedBy.SOMEBODY)


class Home:
    """A home that visits a login hostname."""

    def __init__(self, *before: str) -> None:
        """Begin with what was found before."""
        self.known, self.found = LetThrough(), frozenset(before)
        self.passed = timedelta()

    def visit(self, asked_by: AskedBy | None, *, after: timedelta = LONG) -> bool:
        """Return whether it is told after a visit; None stands for one that is not needed."""
        self.passed += after
        seconds = self.passed.total_seconds()
        now = Moment(seconds=seconds, on=BEGIN + self.passed)
        met = {HOME: asked_by} if asked_by else {}
        self.found = self.known.look(self.found, met, now)
        return HOME in self.found

    def waits(self) -> bool:
        """Return whether another visit is wanted soon."""
        return self.known.wants_another_look


def test_told_at_the_second_look() -> None:
    """The edge may not have followed before."""
    home = Home()
    assert not home.visit(NOBODY)
    assert home.waits()
    assert not home.visit(NOBODY, after=SHORT)
    assert home.visit(NOBODY, after=LONG - SHORT)
    assert not home.waits()
    assert home.visit(NOBODY)


@pytest.mark.parametrize("asked_by", LOGINS)
def test_login_page_in_between(asked_by: AskedBy) -> None:
    """What was seen once and is over is told to nobody, and what was told is over."""
    home = Home()
    assert not home.visit(NOBODY)
    assert not home.visit(asked_by)
    assert not home.waits()
    assert not home.visit(NOBODY)
    assert home.visit(NOBODY)
    assert not home.visit(asked_by)


def test_visit_that_shows_nothing() -> None:
    """It neither tells nor closes anything."""
    home = Home()
    assert not home.visit(UNCLEAR)
    assert not home.visit(UNCLEAR)
    assert not home.waits()
    assert not home.visit(NOBODY)
    assert not home.visit(UNCLEAR)
    assert home.waits()
    assert home.visit(NOBODY)
    assert home.visit(UNCLEAR)


def test_found_before_a_start() -> None:
    """It is told until a visit shows a login, or what was read says why."""
    assert Home(HOME).visit(UNCLEAR)
    assert Home(HOME).visit(NOBODY)
    assert not Home(HOME).visit(AskedBy.OURS)
    assert not Home(HOME).visit(None)


@pytest.mark.parametrize(
    ("visit", "asked_by"),
    [
        (Visit(verdict=Verdict.LET_IN, status=200), NOBODY),
        (Visit(verdict=Verdict.NO_ORIGIN, status=530), NOBODY),
        (Visit(verdict=Verdict.UNREACHABLE), UNCLEAR),
        (
            Visit(
                verdict=Verdict.UNCLEAR,
                status=302,
                location="https://team.example/cdn-cgi/access/login/x",
            ),
            AskedBy.SOMEBODY,
        ),
        (
            Visit(
                verdict=Verdict.LET_IN,
                status=302,
                location="https://team.example/cdn-cgi/access/login/x",
            ),
            NOBODY,
        ),
    ],
)
def test_whose_login_it_is_may_not_be_known(visit: Visit, asked_by: AskedBy) -> None:
    assert whether_asked(visit) is asked_by
