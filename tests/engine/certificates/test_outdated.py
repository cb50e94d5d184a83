"""A certificate is revoked as outdated only once a newer one has replaced it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.certificates.outdated import (
    devices_with_overdue,
    revocation_dates,
)
from custom_components.cloudflare_mtls.engine.certificates.records import (
    GRACE,
    Places,
    Record,
    in_order_of_times,
)

NOW = datetime(2027, 7, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
LONG_AGO = NOW - 300 * DAY


def record(**moments: Any) -> Record:
    """Return the record of a certificate to which this happened."""
    return Record(fingerprint="", device_id="", **moments)


# Fetched, but the device has not used it yet.
FETCHED = record(created_on=LONG_AGO, taken_on=LONG_AGO)
# Tested so long ago that the older ones are no longer kept.
PROVEN_ON = NOW - GRACE - DAY
UNFETCHED = record(created_on=LONG_AGO)


def proven(proven_on: datetime) -> Record:
    """Return the record of a certificate with which the device reached Home Assistant."""
    return record(created_on=LONG_AGO, taken_on=LONG_AGO, proven_on=proven_on)


PROVEN = proven(PROVEN_ON)


def due(revoke_old_on: datetime) -> Record:
    """Return the record of a fetched certificate that has a date to replace the older ones."""
    return record(created_on=LONG_AGO, taken_on=LONG_AGO, revoke_old_on=revoke_old_on)


def restored(restored_on: datetime) -> Record:
    """Return the record of a fetched certificate that a person restored."""
    return record(created_on=LONG_AGO, taken_on=LONG_AGO, restored_on=restored_on)


def dates(
    *records: Record | None,
    waiting: str = "",
    ends: Mapping[str, datetime] = MappingProxyType({}),
    less: Collection[tuple[str, str]] = (),
) -> dict[str, datetime]:
    """Return when which certificates are revoked, by a right clock; 0 is the oldest.

    Less are pairs of certificates of which the first is let in at fewer hostnames.
    """
    ids = [str(number) for number in range(len(records))]
    known = {
        certificate_id: record
        for certificate_id, record in zip(ids, records, strict=True)
        if record
    }
    placed = in_order_of_times(known)
    return revocation_dates(
        ids,
        placed,
        lambda item: item in waiting,
        lambda newer, older: (newer, older) not in less,
        NOW,
        ends=ends,
    )


def outdated(
    *records: Record | None,
    waiting: str = "",
    less: Collection[tuple[str, str]] = (),
) -> list[str]:
    """Return which certificates are to be revoked now, newest first."""
    found = dates(*records, waiting=waiting, less=less)
    return [certificate_id for certificate_id, date in found.items() if date <= NOW]


def test_no_certificate_at_all() -> None:
    assert outdated() == []


@pytest.mark.parametrize(
    "kept", [None, FETCHED, PROVEN, UNFETCHED, due(NOW - DAY), restored(NOW)]
)
def test_the_only_certificate_stays(kept: Record | None) -> None:
    """With any record, it stays until another one has replaced it."""
    assert outdated(kept) == []


@pytest.mark.parametrize("older", [None, FETCHED, PROVEN, UNFETCHED])
def test_a_proven_certificate_replaces_every_older_one(older: Record | None) -> None:
    """The device uses the new one, so it does not need the others."""
    assert outdated(older, older, PROVEN) == ["1", "0"]


@pytest.mark.parametrize("older", [None, FETCHED, PROVEN])
def test_a_certificate_that_was_only_fetched_replaces_nothing(
    older: Record | None,
) -> None:
    """The device may not have installed it."""
    assert outdated(older, FETCHED) == []


def test_a_certificate_without_a_record_replaces_nothing() -> None:
    """Nothing shows that a device uses it."""
    assert outdated(FETCHED, None) == []


@pytest.mark.parametrize(
    ("revoke_old_on", "replaced"),
    [
        (NOW - DAY, ["0"]),
        (NOW, ["0"]),
        (NOW + SECOND, []),
    ],
)
def test_older_certificates_are_replaced_at_the_latest_when_it_is_due(
    revoke_old_on: datetime, replaced: list[str]
) -> None:
    """A person was told this date, so it counts with or without a test."""
    assert outdated(FETCHED, due(revoke_old_on)) == replaced


def test_nothing_is_replaced_before_the_chosen_date() -> None:
    """Until then nobody is asked to do without the older ones."""
    assert dates(FETCHED, due(NOW + SECOND)) == {}


@pytest.mark.parametrize("since", [timedelta(0), SECOND, GRACE - SECOND])
def test_older_certificates_are_kept_for_a_while_after_a_proof(
    since: timedelta,
) -> None:
    """Nobody saw which one the device showed: it may need the older one."""
    assert dates(FETCHED, proven(NOW - since)) == {"0": NOW - since + GRACE}


def test_older_certificates_are_replaced_a_week_after_a_proof() -> None:
    """That is what the page says, to the second."""
    assert timedelta(days=7) == GRACE
    assert outdated(FETCHED, proven(NOW - GRACE)) == ["0"]


@pytest.mark.parametrize("proven_on", [PROVEN_ON, NOW - DAY])
@pytest.mark.parametrize("revoke_old_on", [NOW - DAY, NOW + DAY])
def test_the_first_of_both_dates_counts(
    revoke_old_on: datetime, proven_on: datetime
) -> None:
    """The chosen date is the latest possible one, and no proof puts it off."""
    both = replace(proven(proven_on), revoke_old_on=revoke_old_on)
    is_over = revoke_old_on < NOW or proven_on == PROVEN_ON
    assert outdated(FETCHED, both) == (["0"] if is_over else [])


def test_a_further_proof_does_not_keep_what_was_replaced_before() -> None:
    """The week of each proof is for the certificates that were good until then."""
    assert dates(FETCHED, proven(NOW - 6 * DAY), proven(NOW - DAY)) == {
        "1": NOW - DAY + GRACE,
        "0": NOW - 6 * DAY + GRACE,
    }


@pytest.mark.parametrize(
    ("newer_ends_on", "replaced"),
    [
        (NOW, {}),
        (NOW - DAY + GRACE, {}),
        (NOW - DAY + GRACE + SECOND, {"0": NOW - DAY + GRACE}),
    ],
)
def test_a_newer_certificate_that_expires_first_replaces_nothing(
    newer_ends_on: datetime, replaced: dict[str, datetime]
) -> None:
    """By the date of the revocation, the device may have nothing but the older one."""
    ends = {"0": NOW + DAY, "1": newer_ends_on}
    assert dates(FETCHED, proven(NOW - DAY), ends=ends) == replaced


def test_newer_certificates_stay() -> None:
    """A certificate replaces only older ones."""
    assert outdated(PROVEN, FETCHED) == []
    assert outdated(FETCHED, PROVEN, FETCHED) == ["0"]


@pytest.mark.parametrize("newer", [None, FETCHED, PROVEN, UNFETCHED])
def test_a_certificate_that_nobody_fetched_is_replaced_by_any_newer_one(
    newer: Record | None,
) -> None:
    """Its key is gone, so no device can ever use it."""
    assert outdated(UNFETCHED, newer) == ["0"]


def test_a_certificate_that_nobody_fetched_is_replaced_at_once() -> None:
    """The week after the newer one's proof is for what the device may have installed."""
    assert dates(UNFETCHED, proven(NOW - DAY)) == {"0": NOW}


def test_a_certificate_that_nobody_fetched_replaces_nothing() -> None:
    """The device still needs its present certificate, also after the chosen date."""
    assert outdated(FETCHED, UNFETCHED) == []
    for due_on in (NOW - DAY, NOW, NOW + DAY):
        lost = record(created_on=LONG_AGO, revoke_old_on=due_on)
        assert outdated(FETCHED, lost) == []
        assert outdated(FETCHED, lost, waiting="1") == []
        # A certificate that is itself outdated, and not the newest, replaces nothing.
        assert outdated(FETCHED, lost, FETCHED) == ["1"]


def test_a_certificate_that_waits_to_be_fetched_stays() -> None:
    """Its bundle can still be fetched."""
    assert outdated(UNFETCHED, FETCHED, waiting="0") == []
    assert outdated(UNFETCHED, FETCHED, waiting="1") == ["0"]
    assert outdated(UNFETCHED, PROVEN, waiting="0") == ["0"]


@pytest.mark.parametrize(
    ("restored_on", "replaced"),
    [
        (PROVEN_ON, []),
        # While it was kept, and when it was no longer.
        (PROVEN_ON + DAY, []),
        (NOW, []),
        (PROVEN_ON - SECOND, ["0"]),
    ],
)
def test_a_certificate_that_a_person_restored_since_stays(
    restored_on: datetime, replaced: list[str]
) -> None:
    """The person decided after the replacement."""
    assert outdated(restored(restored_on), PROVEN) == replaced


@pytest.mark.parametrize(
    ("revoke_old_on", "restored_on"),
    [(NOW - 3 * DAY, NOW - 2 * DAY), (NOW - 3 * DAY, NOW - 3 * DAY)],
)
def test_a_proof_after_a_restoration_keeps_the_restored_one_for_a_while(
    revoke_old_on: datetime, restored_on: datetime
) -> None:
    """The chosen date came before, and does not count any more."""
    both = replace(proven(NOW - DAY), revoke_old_on=revoke_old_on)
    assert dates(restored(restored_on), both) == {"0": NOW - DAY + GRACE}


def test_a_certificate_that_nobody_fetched_stays_once_restored() -> None:
    """A person wants to keep it, although no device has it."""
    wanted = record(created_on=LONG_AGO, restored_on=LONG_AGO)
    assert outdated(wanted, FETCHED) == []


def test_a_restored_certificate_replaces_nothing() -> None:
    """The device used it before the revocation, and may use another one now."""
    assert dates(FETCHED, replace(PROVEN, restored_on=NOW - DAY)) == {}
    assert dates(FETCHED, replace(PROVEN, restored_on=PROVEN_ON)) == {}
    assert dates(FETCHED, replace(due(NOW - DAY), restored_on=NOW)) == {}


def test_a_certificate_that_is_tested_after_it_was_restored_replaces_older_ones() -> (
    None
):
    """The page said so."""
    both = replace(PROVEN, restored_on=PROVEN_ON - SECOND)
    assert outdated(FETCHED, both) == ["0"]


def test_a_restored_certificate_keeps_no_other() -> None:
    """A certificate that an older one has replaced stays outdated."""
    assert outdated(FETCHED, PROVEN, restored(NOW)) == ["0"]


def test_the_newest_replacement_counts() -> None:
    """A certificate that was restored between two replacements is outdated by the second."""
    older = proven(PROVEN_ON - 9 * DAY)
    assert outdated(restored(PROVEN_ON - 5 * DAY), older, PROVEN) == ["1", "0"]
    assert outdated(restored(PROVEN_ON + DAY), older, PROVEN) == ["1"]


@pytest.mark.parametrize(
    ("place", "restoration", "kept"), [(2, 3, True), (3, 2, False)]
)
@pytest.mark.parametrize("skew", [-DAY, DAY], ids=["behind", "ahead"])
@pytest.mark.parametrize("kind", ["proof", "creation"])
def test_the_order_counts_and_not_the_clock(
    place: int, restoration: int, kept: bool, skew: timedelta, kind: str
) -> None:
    """The clock was wrong at the restoration, by more than what lies between it and the replacement."""
    replaced_on = PROVEN_ON if kind == "proof" else LONG_AGO
    newer = PROVEN if kind == "proof" else due(NOW - DAY)
    records = {
        "0": replace(
            restored(replaced_on + skew), places=Places(restoration=restoration)
        ),
        "1": replace(newer, places=Places(**{kind: place})),
    }
    found = revocation_dates(
        ["0", "1"], records, lambda _: False, lambda *_: True, NOW, ends={}
    )
    assert (found == {}) is kept


@pytest.mark.parametrize("newer", [PROVEN, due(NOW - DAY)], ids=["proof", "date"])
def test_one_that_is_let_in_at_fewer_hostnames_replaces_none(newer: Record) -> None:
    """The device may have to use the older one."""
    assert outdated(FETCHED, newer) == ["0"]
    assert dates(FETCHED, newer, less=[("1", "0")]) == {}
    assert dates(FETCHED, newer, less=[("0", "1")]).keys() == {"0"}


def test_only_those_that_are_let_in_at_more_hostnames_are_kept() -> None:
    """Each is compared with each newer one."""
    found = dates(FETCHED, FETCHED, PROVEN, less=[("2", "0")])
    assert found.keys() == {"1"}
    found = dates(FETCHED, PROVEN, PROVEN, less=[("2", "0")])
    assert found.keys() == {"0", "1"}


def test_key_that_is_gone_need_not_be_let_in_anywhere() -> None:
    """Nobody uses the older one."""
    assert outdated(UNFETCHED, FETCHED, less=[("1", "0")]) == ["0"]


@pytest.mark.parametrize(
    ("records", "ended", "is_overdue"),
    [
        pytest.param([FETCHED, due(NOW)], "", True, id="by its date"),
        pytest.param([FETCHED, PROVEN], "", True, id="by a test"),
        pytest.param([FETCHED, due(NOW + SECOND)], "", False, id="later"),
        pytest.param([FETCHED, proven(NOW)], "", False, id="tested lately"),
        pytest.param([FETCHED, FETCHED], "", False, id="nothing replaces it"),
        pytest.param([FETCHED, due(NOW)], "0", False, id="revoked by now"),
        pytest.param([FETCHED, due(NOW)], "1", False, id="the newer one is revoked"),
        pytest.param([UNFETCHED, due(NOW)], "", False, id="nobody has its key"),
        pytest.param([restored(NOW), due(NOW - DAY)], "", False, id="restored since"),
        pytest.param([due(NOW), FETCHED], "", False, id="the newer one replaces none"),
        pytest.param([due(NOW)], "", False, id="only one"),
    ],
)
def test_overdue(records: list[Record], ended: str, *, is_overdue: bool) -> None:
    """What had to be revoked by now is known without a list."""
    placed = in_order_of_times({str(key): item for key, item in enumerate(records)})
    found = devices_with_overdue(placed, {}, {}, set(ended), NOW)
    assert bool(found) is is_overdue


@pytest.mark.parametrize("ended", ["older", "newer"])
def test_certificate_that_is_known_to_be_revoked_by_its_fingerprint(ended: str) -> None:
    """It is not overdue, and replaces no other one."""
    placed = in_order_of_times(
        {
            "0": replace(FETCHED, fingerprint="older"),
            "1": replace(due(NOW), fingerprint="newer"),
        }
    )
    assert devices_with_overdue(placed, {}, {}, set(), NOW)
    assert not devices_with_overdue(placed, {}, {}, {ended}, NOW)


def test_only_the_devices_that_may_use_an_overdue_certificate() -> None:
    """Another one has no newer certificate, or no older one."""
    records = {
        "0": replace(FETCHED, device_id="phone"),
        "1": replace(FETCHED, device_id="tablet"),
        "2": replace(due(NOW), device_id="phone"),
        "3": replace(due(NOW), device_id="watch"),
    }
    found = devices_with_overdue(in_order_of_times(records), {}, {}, set(), NOW)
    assert found == {"phone"}


@pytest.mark.parametrize(
    ("device_id", "ended", "is_overdue"),
    [
        ("", set(), True),
        ("", {"print"}, False),
        ("other", set(), False),
        (None, set(), False),
    ],
)
def test_overdue_certificate_that_a_person_confirmed(
    device_id: str | None, ended: set[str], *, is_overdue: bool
) -> None:
    """It was there before all that was created here, as far as is known."""
    placed = in_order_of_times({"1": due(NOW)})
    found = devices_with_overdue(
        placed, {"print": device_id}, {"print": "0"}, ended, NOW
    )
    assert bool(found) is is_overdue


def test_overdue_certificate_that_was_confirmed_and_restored_since() -> None:
    placed = in_order_of_times({"1": due(NOW - DAY), "0": restored(NOW)})
    found = devices_with_overdue(placed, {"print": ""}, {"print": "0"}, set(), NOW)
    assert not found
