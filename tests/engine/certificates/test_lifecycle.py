"""How long a certificate is valid, and its standing at each moment."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.cloudflare_mtls.engine.api.models import CertificateStatus
from custom_components.cloudflare_mtls.engine.certificates.lifecycle import (
    EXPIRING_DAYS,
    URGENT_DAYS,
    Standing,
    days_left,
    standing,
)

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

# A moment in summer: no test may depend on the offset of the day on which it runs.
EXPIRY = datetime(2027, 7, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "days"),
    [
        (timedelta(0), 0),
        (SECOND, 0),
        (DAY - SECOND, 0),
        (DAY, 1),
        (2 * DAY - SECOND, 1),
        (30 * DAY, 30),
        (30 * DAY - SECOND, 29),
        (15 * 365 * DAY, 15 * 365),
        (-SECOND, -1),
        (-DAY, -1),
        (-DAY - SECOND, -2),
    ],
)
def test_days_left_are_whole_days(before: timedelta, days: int) -> None:
    """Only complete days count, and the number is negative as soon as the certificate has expired."""
    assert days_left(EXPIRY, EXPIRY - before) == days


@pytest.mark.parametrize(
    ("zone", "now", "end", "days"),
    [
        # Clocks go forward: these days have 23 hours.
        pytest.param(
            NEW_YORK,
            datetime(2027, 3, 13, 12),
            datetime(2027, 3, 14, 12),
            0,
            id="New York, forward, the same time of the next day",
        ),
        pytest.param(
            NEW_YORK,
            datetime(2027, 3, 13, 12),
            datetime(2027, 3, 14, 13),
            1,
            id="New York, forward, 24 hours",
        ),
        pytest.param(
            NEW_YORK,
            datetime(2027, 3, 14, 1, 59, 59),
            datetime(2027, 3, 14, 3),
            0,
            id="New York, forward, a second",
        ),
        pytest.param(
            BERLIN,
            datetime(2027, 3, 27, 12),
            datetime(2027, 3, 28, 12),
            0,
            id="Berlin, forward, the same time of the next day",
        ),
        pytest.param(
            BERLIN,
            datetime(2027, 3, 1),
            datetime(2027, 3, 31, 1),
            30,
            id="Berlin, forward, 30 days",
        ),
        pytest.param(
            BERLIN,
            datetime(2027, 3, 1),
            datetime(2027, 3, 31),
            29,
            id="Berlin, forward, an hour less than 30 days",
        ),
        # Clocks go back: these days have 25 hours.
        pytest.param(
            NEW_YORK,
            datetime(2026, 11, 1, 0),
            datetime(2026, 11, 1, 23),
            1,
            id="New York, back, 24 hours in one day",
        ),
        pytest.param(
            NEW_YORK,
            datetime(2026, 11, 1, 1, 30),
            datetime(2026, 11, 1, 1, 30, fold=1),
            0,
            id="New York, back, the same time twice",
        ),
        pytest.param(
            NEW_YORK,
            datetime(2026, 11, 1, 1, 30, fold=1),
            datetime(2026, 11, 1, 1, 30),
            -1,
            id="New York, back, expired an hour ago at the same time",
        ),
        pytest.param(
            BERLIN,
            datetime(2026, 10, 24, 12),
            datetime(2026, 10, 25, 11),
            1,
            id="Berlin, back, 24 hours",
        ),
        pytest.param(
            BERLIN,
            datetime(2026, 10, 24, 12),
            datetime(2026, 10, 25, 10, 59, 59),
            0,
            id="Berlin, back, a second less",
        ),
        # Months and years differ in length.
        pytest.param(
            UTC,
            datetime(2027, 2, 28),
            datetime(2027, 3, 1),
            1,
            id="the end of February",
        ),
        pytest.param(
            UTC,
            datetime(2028, 2, 28),
            datetime(2028, 3, 1),
            2,
            id="the end of February in a leap year",
        ),
        pytest.param(
            UTC,
            datetime(2028, 2, 29),
            datetime(2029, 2, 28),
            365,
            id="a year from a leap day",
        ),
        pytest.param(
            UTC,
            datetime(2028, 1, 31),
            datetime(2028, 2, 29),
            29,
            id="a month that is shorter",
        ),
        pytest.param(
            UTC,
            datetime(2026, 12, 31, 23, 59, 59),
            datetime(2027, 1, 1),
            0,
            id="the turn of the year",
        ),
    ],
)
def test_days_left_around_the_switch_of_clocks_and_at_the_end_of_months(
    zone: ZoneInfo, now: datetime, end: datetime, days: int
) -> None:
    """A day is 24 hours, in whichever time zones the two moments are given."""
    now, end = now.replace(tzinfo=zone), end.replace(tzinfo=zone)
    assert days_left(end, now) == days
    assert days_left(end.astimezone(UTC), now) == days
    assert days_left(end, now.astimezone(UTC)) == days
    assert days_left(end.astimezone(NEW_YORK), now.astimezone(BERLIN)) == days


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (365 * DAY, Standing.ACTIVE),
        (EXPIRING_DAYS * DAY, Standing.ACTIVE),
        (EXPIRING_DAYS * DAY - SECOND, Standing.EXPIRING),
        (URGENT_DAYS * DAY, Standing.EXPIRING),
        (DAY, Standing.EXPIRING),
        (SECOND, Standing.EXPIRING),
        # A certificate is valid through the second that it names.
        (timedelta(0), Standing.EXPIRING),
        (-SECOND, Standing.EXPIRED),
        (-365 * DAY, Standing.EXPIRED),
    ],
)
@pytest.mark.parametrize(
    "status", [CertificateStatus.ACTIVE, CertificateStatus.PENDING_REACTIVATION]
)
def test_standing_of_what_is_not_revoked(
    status: CertificateStatus, before: timedelta, expected: Standing
) -> None:
    """The warning starts a month before the expiry; one second after it the certificate is expired."""
    assert standing(status, EXPIRY, EXPIRY - before) is expected


@pytest.mark.parametrize("before", [365 * DAY, DAY, timedelta(0), -SECOND])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (CertificateStatus.PENDING_REVOCATION, Standing.REVOKING),
        (CertificateStatus.REVOKED, Standing.REVOKED),
        (None, None),
    ],
)
def test_standing_of_what_is_revoked_or_not_known(
    status: CertificateStatus | None, before: timedelta, expected: Standing | None
) -> None:
    """A revoked certificate stays revoked after its expiry, and an unknown status is not guessed."""
    assert standing(status, EXPIRY, EXPIRY - before) is expected


def test_which_standings_get_in() -> None:
    """Only a certificate that is neither revoked nor expired gets its device in."""
    assert {item for item in Standing if item.gets_in} == {
        Standing.ACTIVE,
        Standing.EXPIRING,
    }


def test_every_status_has_a_standing() -> None:
    for status in CertificateStatus:
        assert standing(status, EXPIRY, EXPIRY - DAY) is not None


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN, UTC])
def test_standing_is_the_same_everywhere(zone: ZoneInfo) -> None:
    """The standing depends on the moment, not on the time zone."""
    now = (EXPIRY - EXPIRING_DAYS * DAY).astimezone(zone)
    assert standing(CertificateStatus.ACTIVE, EXPIRY, now) is Standing.ACTIVE
    later = (EXPIRY - EXPIRING_DAYS * DAY + SECOND).astimezone(zone)
    assert standing(CertificateStatus.ACTIVE, EXPIRY, later) is Standing.EXPIRING
