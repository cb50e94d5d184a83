"""Rows of the log of logins, folded into logins."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from custom_components.cloudflare_mtls.engine.access.logins import fold_logins
from custom_components.cloudflare_mtls.engine.api.access_models import LoginRow
from tests.engine.access.helpers import HOME, OWNER, PARTNER

START = datetime(2026, 11, 29, 10, tzinfo=UTC)


def row(
    seconds: float,
    email: str = OWNER,
    *,
    allowed: bool = True,
    address: str = "198.51.100.7",
    application_id: str = "app",
    hostname: str = HOME,
) -> LoginRow:
    """Return a row of the log."""
    return LoginRow(
        application_id=application_id,
        hostname=hostname,
        email=email,
        allowed=allowed,
        at=START + timedelta(seconds=seconds),
        address=address,
        country="DE",
        method="onetimepin",
        ray_id=f"{seconds}-{email}-{allowed}-{address}-{application_id}-{hostname}",
    )


def test_rows_of_one_login() -> None:
    """A page loads many things; the login is told once, from its first row on."""
    rows = [row(70), row(0), row(2), row(30)]
    [login] = fold_logins(rows)
    assert login.at == START
    assert login.ray_ids == {each.ray_id for each in rows}


def test_logins_apart() -> None:
    """Another minute, person, address, application, hostname or result is another login."""
    rows = [
        row(0),
        row(61),
        row(0, PARTNER),
        row(0, allowed=False),
        row(0, address="203.0.113.1"),
        row(0, application_id="nas"),
        row(0, hostname="nas.example.com"),
    ]
    assert len(fold_logins(rows)) == len(rows)


@given(st.lists(st.tuples(st.integers(0, 600), st.sampled_from([OWNER, PARTNER]))))
def test_every_row_belongs_to_one_login(seen: list[tuple[int, str]]) -> None:
    """Nothing is lost or told twice, and the logins are in order."""
    rows = [row(seconds, email) for seconds, email in dict.fromkeys(seen)]
    logins = fold_logins(rows)
    rays = [ray for login in logins for ray in login.ray_ids]
    assert sorted(rays) == sorted(each.ray_id for each in rows)
    assert [each.at for each in logins] == sorted(each.at for each in logins)
