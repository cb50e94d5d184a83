"""The log of logins as it is read bit by bit: what is news, and what happened where."""

from datetime import timedelta
from typing import Any

from hypothesis import given, strategies as st

from custom_components.cloudflare_mtls.engine.access.login_history import (
    WINDOW,
    LoginLog,
)
from custom_components.cloudflare_mtls.engine.access.login_places import LoginPlaces
from custom_components.cloudflare_mtls.engine.access.logins import fold_logins
from custom_components.cloudflare_mtls.engine.api.access_models import (
    LoginRow,
    LoginRows,
)
from tests.engine.access.helpers import HOME, PARTNER
from tests.engine.access.test_logins import START, row


def rows(*seen: LoginRow, cut: bool = False, allowed: bool = True) -> LoginRows:
    """Return rows as they were read: some may be missing, or at least nobody who was let in."""
    return LoginRows(rows=seen, is_whole=not cut, has_all_allowed=allowed)


PLACES = LoginPlaces(in_front={HOME: "app"}, applications=None)


def test_only_the_end_of_the_log_is_read_again() -> None:
    """At first a day, then what may have come late; after a long time off, a day again."""
    assert LoginLog().unread_since(START) == START - WINDOW
    many = [row(-60 - each) for each in range(100)]
    log = LoginLog().with_rows(rows(*many), START)
    assert log.unread_since(START) == START - timedelta(minutes=30)
    later = START + timedelta(days=3)
    assert log.unread_since(later) == later - WINDOW


def test_what_is_read_again_where_the_clock_of_the_home_is_ahead() -> None:
    """From the newest rows on that fit on a page, whatever time it is at home; all, if these are few."""
    ahead = START + timedelta(hours=5)
    many = [row(-each) for each in range(100)]
    log = LoginLog().with_rows(rows(*many), ahead)
    assert log.unread_since(ahead) == START - timedelta(seconds=49)
    log = LoginLog().with_rows(rows(row(0)), ahead)
    assert log.unread_since(ahead) == ahead - WINDOW


def test_late_row_of_a_told_login_is_no_news() -> None:
    log = LoginLog().with_rows(rows(row(0)), START + timedelta(minutes=1))
    told = log.ray_ids
    log = log.with_rows(rows(row(0), row(20)), START + timedelta(minutes=11))
    assert log.untold(told) == ()
    [login] = log.logins
    assert len(login.ray_ids) == 2


def test_log_that_was_cut_is_known_for_a_day() -> None:
    """Whatever is read after that."""
    log = LoginLog().with_rows(rows(cut=True), START)
    assert (log.cut_at, log.allowed_cut_at) == (START, None)
    log = log.with_rows(rows(), START + WINDOW)
    assert log.cut_at == START
    later = START + WINDOW + timedelta(minutes=1)
    assert log.with_rows(rows(), later).cut_at is None
    assert log.with_rows(rows(cut=True), later).cut_at == later


def test_missing_people_who_were_let_in_are_known_for_a_day() -> None:
    """Also where at least they were read later."""
    log = LoginLog().with_rows(rows(cut=True, allowed=False), START)
    assert log.allowed_cut_at == START
    log = log.with_rows(rows(cut=True), START + WINDOW)
    assert log.allowed_cut_at == START
    later = START + WINDOW + timedelta(minutes=1)
    assert log.with_rows(rows(cut=True), later).allowed_cut_at is None


def test_log_that_was_not_read_for_longer_than_it_is_kept() -> None:
    """Somebody may have logged in meanwhile, and nobody can read that any more."""
    log = LoginLog().with_rows(rows(), START)
    later = START + WINDOW + timedelta(hours=1)
    log = log.with_rows(rows(), later)
    assert (log.cut_at, log.allowed_cut_at) == (later, later)
    log = log.with_rows(rows(), later + timedelta(minutes=10))
    assert log.cut_at == later


def test_too_many_rows_are_not_kept() -> None:
    """Neither the last login nor a stranger's is lost by that, and nothing becomes news again."""
    allowed = row(-3000)
    log = LoginLog()
    for number in range(3):
        refused = [
            row(-2000 + number * 1000 + each, PARTNER, allowed=False)
            for each in range(1500)
        ]
        told = log.ray_ids
        log = log.with_rows(rows(allowed, *refused), START)
        assert len(log.rows) <= 2001
        assert allowed in log.rows
        assert refused[-1] in log.rows
    again = log.with_rows(rows(allowed, row(-2000, PARTNER, allowed=False)), START)
    assert again.rows == log.rows
    assert again.untold(told | log.ray_ids) == ()


def test_rows_without_an_id_are_known_by_their_time() -> None:
    """One of them says nothing about another one."""
    first, second = (_nameless(seconds) for seconds in (0, 600))
    log = LoginLog().with_rows(rows(first), START)
    told = log.ray_ids
    log = log.with_rows(rows(first, second), START + timedelta(minutes=11))
    assert [login.at for login in log.untold(told)] == [second.at]


def test_histories() -> None:
    """The last login may be older than the log, and a refused one is none."""
    refused = row(100, PARTNER, allowed=False)
    log = LoginLog().with_rows(
        rows(row(0), refused, row(5, application_id="nas")), START
    )
    history = log.histories(PLACES, {})[HOME]
    assert history.last
    assert history.last.at == START
    assert [login.email for login in history.refused] == [PARTNER]

    next_day = START + WINDOW + timedelta(hours=1)
    log = log.with_rows(rows(), next_day)
    history = log.histories(PLACES, {HOME: history.last})[HOME]
    assert (history.last.at if history.last else None, history.recent) == (START, ())


def _nameless(seconds: float) -> Any:
    made = row(seconds)
    object.__setattr__(made, "ray_id", "")
    return made


@given(st.lists(st.integers(0, 3600), max_size=20), st.integers(1, 5))
def test_every_login_is_news_once(seconds: list[int], reads: int) -> None:
    """However the rows come in, in whatever pieces."""
    made = [row(each) for each in sorted(set(seconds))]
    log, told, news = LoginLog(), frozenset[str](), 0
    for number in range(1, reads + 1):
        until = START + timedelta(hours=number / reads)
        log = log.with_rows(rows(*(each for each in made if each.at <= until)), until)
        news += len(log.untold(told))
        told = log.ray_ids
    assert news == len(fold_logins(made))
