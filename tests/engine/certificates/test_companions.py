"""Which certificate a device uses, and what is known of its handover."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.models import CertificateStatus
from custom_components.cloudflare_mtls.engine.certificates.certificate import (
    Certificate,
)
from custom_components.cloudflare_mtls.engine.certificates.companions import (
    CompanionDevice,
    CompanionState,
    HandoverState,
    companion_states,
    next_expiry,
)
from custom_components.cloudflare_mtls.engine.certificates.facts import CertificateFacts
from custom_components.cloudflare_mtls.engine.certificates.keys import (
    ORGANIZATION,
    KeyType,
)
from custom_components.cloudflare_mtls.engine.certificates.lifecycle import Standing
from custom_components.cloudflare_mtls.engine.certificates.records import Places, Record
from custom_components.cloudflare_mtls.engine.certificates.systems import System
from tests.engine.builders import trust

NOW = datetime(2027, 7, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ACTIVE, REVOKED = CertificateStatus.ACTIVE, CertificateStatus.REVOKED
PHONE = CompanionDevice(id="phone", name="Phone", system=System.IOS, zone_id="zone")


def certificate(
    name: str,
    *,
    age: int = 0,
    days: int = 100,
    status: CertificateStatus | None = ACTIVE,
) -> Certificate:
    """Return a certificate that is this many days old and valid for this many more."""
    facts = CertificateFacts(
        name=name,
        organization=ORGANIZATION,
        organizational_unit=PHONE.id,
        serial_number=name,
        fingerprint_sha256=name,
        issued_on=NOW - age * DAY,
        expires_on=NOW + days * DAY,
        public_key=b"",
        key_type=KeyType.EC_P256,
    )
    return Certificate(id=name, zone_id="zone", status=status, facts=facts)


def fetched(age: int, *, proven: bool = False) -> Record:
    """Return the record of a certificate whose bundle the device fetched at once."""
    created_on = NOW - age * DAY
    return Record(
        fingerprint="",
        device_id=PHONE.id,
        created_on=created_on,
        taken_on=created_on,
        proven_on=created_on if proven else None,
    )


def unfetched(age: int) -> Record:
    """Return the record of a certificate whose bundle nobody fetched."""
    return Record(fingerprint="", device_id=PHONE.id, created_on=NOW - age * DAY)


def state(
    *certificates: Certificate,
    waiting: str = "",
    stop: Mapping[str, Any] = MappingProxyType({}),
    less: Collection[tuple[Certificate, Certificate]] = (),
    **records: Record,
) -> CompanionState:
    """Return the state of a phone that has these certificates, those with records oldest first.

    A person confirmed the others. Less are pairs of which the first is let in at fewer hostnames.
    """
    known = trust(
        **stop,
        records={
            name: replace(item, fingerprint=name, places=Places(creation=place))
            for place, (name, item) in enumerate(records.items(), 1)
        },
        confirmed={
            item.id: PHONE.id for item in certificates if item.id not in records
        },
        device_ids={PHONE.id},
    )
    return companion_states(
        [PHONE],
        certificates,
        known,
        lambda item: item == waiting,
        lambda newer, older: (newer, older) not in less,
        NOW,
    )[PHONE.id]


def test_device_without_a_certificate() -> None:
    """Nobody created one, or somebody deleted it outside of Home Assistant."""
    found = state()
    assert found.certificates == {}
    assert found.current is None
    assert found.standing is Standing.MISSING
    assert found.days_left is None
    assert found.handover is None
    assert found.outdated == ()


def test_current_is_the_newest_that_the_device_may_hold() -> None:
    """A bundle that nobody fetched is on no device."""
    old, new, lost = certificate("old"), certificate("new"), certificate("lost")
    found = state(lost, new, old, old=fetched(9), new=fetched(5), lost=unfetched(1))
    assert found.current is new
    assert list(found.certificates) == [old, new, lost]


def test_a_certificate_without_a_record_may_be_on_the_device() -> None:
    """This Home Assistant did not see whether it was fetched."""
    foreign, lost = certificate("foreign", age=9), certificate("lost")
    assert state(foreign, lost, lost=unfetched(1)).current is foreign


def test_current_is_not_revoked_while_another_is_there() -> None:
    """The newest one is revoked, so the device can only use an older one."""
    old, new = certificate("old"), certificate("new", status=REVOKED, days=200)
    found = state(old, new, old=fetched(9), new=fetched(5))
    assert found.current is old
    assert found.standing is Standing.ACTIVE
    assert found.days_left == 100


def test_current_falls_back_to_the_newest() -> None:
    """The newest one is shown, because it explains most."""
    revoked, lost = certificate("revoked", status=REVOKED), certificate("lost")
    found = state(revoked, lost, revoked=fetched(9), lost=unfetched(5))
    assert found.current is lost
    older = certificate("older", status=REVOKED)
    found = state(older, revoked, older=fetched(9), revoked=fetched(5))
    assert found.current is revoked
    assert found.standing is Standing.REVOKED


def test_expired_certificate_is_not_current_after_a_newer_one_was_revoked() -> None:
    """The device used the newer one, and somebody did not want it any more."""
    old, new = certificate("old", days=-3), certificate("new", status=REVOKED)
    found = state(old, new, old=fetched(9), new=fetched(5))
    assert found.current is new
    assert found.is_revoked


@pytest.mark.parametrize(
    ("status", "days", "restorable"),
    [(REVOKED, 100, True), (REVOKED, 0, True), (REVOKED, -1, False), (None, 9, False)],
)
def test_restorable_while_it_would_let_the_device_in(
    status: CertificateStatus | None, days: int, restorable: bool
) -> None:
    phone = certificate("phone", status=status, days=days)
    assert state(phone).restorable == (phone if restorable else None)


def test_certificate_that_is_not_revoked_needs_no_restoring() -> None:
    assert state(certificate("phone")).restorable is None


@pytest.mark.parametrize("age", [0, 3], ids=["ahead", "right"])
@pytest.mark.parametrize("issued", [1, 2], ids=["the same day", "a day before"])
def test_certificates_that_were_created_here_are_in_the_order_of_their_places(
    age: int, issued: int
) -> None:
    """The home's clock was ahead at the first one; Cloudflare's dates are as good as a minute."""
    first, second = certificate("first", age=1), certificate("second", age=issued)
    found = state(second, first, first=fetched(age), second=fetched(2))
    assert list(found.certificates) == [first, second]
    assert found.current is second


@pytest.mark.parametrize("clock", [-5, 0, 5], ids=["ahead", "right", "behind"])
def test_certificate_from_elsewhere_is_where_cloudflares_dates_put_it(
    clock: int,
) -> None:
    """The home's clock, which dated the records, is not asked."""
    ages = {"before": 9, "first": 8, "between": 7, "second": 6, "after": 5}
    created = {name: fetched(ages[name] + clock) for name in ("first", "second")}
    certificates = [certificate(name, age=age) for name, age in ages.items()]
    found = state(*reversed(certificates), waiting="", stop={}, less=(), **created)
    assert list(found.certificates) == certificates
    assert found.current is certificates[-1]


def test_restored_certificate_from_elsewhere_stays_where_it_was() -> None:
    """Its record was made when a person restored it, after all others."""
    names = ("elsewhere", "new")
    old, new = certificate("elsewhere", age=9), certificate("new", age=5)
    records = {name: replace(fetched(1), fingerprint=name) for name in reversed(names)}
    known = trust(
        records=records, confirmed={"elsewhere": PHONE.id}, device_ids={PHONE.id}
    )
    found = companion_states(
        [PHONE], [new, old], known, lambda _: False, lambda *_: True, NOW
    )
    assert list(found[PHONE.id].certificates) == [old, new]


def test_expired_certificate_is_still_current() -> None:
    """Cloudflare lists it as active, and the device has no other."""
    found = state(certificate("old", days=-3), old=fetched(99))
    assert found.standing is Standing.EXPIRED
    assert found.days_left == -3


@pytest.mark.parametrize(
    ("record", "waiting", "handover"),
    [
        (None, "", None),
        (unfetched(1), "new", HandoverState.WAITING),
        (unfetched(1), "old", HandoverState.MISSED),
        (fetched(1), "new", HandoverState.TAKEN),
        (fetched(1, proven=True), "", HandoverState.PROVEN),
    ],
)
def test_handover_is_that_of_the_newest_certificate(
    record: Record | None, waiting: str, handover: HandoverState | None
) -> None:
    """The certificate that was created last is the one that a person wants to set up."""
    records: dict[str, Any] = {"old": fetched(9, proven=True)}
    if record:
        records["new"] = record
    old, new = certificate("old", age=9), certificate("new", age=1)
    assert state(old, new, waiting=waiting, **records).handover is handover


def test_handover_of_a_revoked_certificate() -> None:
    """The handover is over, at whichever step it was."""
    gone = certificate("gone", status=REVOKED)
    assert state(gone, gone=fetched(1)).handover is None


def test_only_unrevoked_certificates_are_outdated() -> None:
    """A revoked certificate needs no second revocation, and replaces nothing."""
    gone = certificate("gone", status=REVOKED)
    old, new = certificate("old"), certificate("new")
    proven = fetched(8, proven=True)
    found = state(gone, old, new, gone=fetched(19), old=fetched(15), new=proven)
    assert (found.outdated, found.replaced) == ((old,), ())
    found = state(old, gone, old=fetched(15), gone=proven)
    assert (found.outdated, found.replaced) == ((), ())


def test_certificates_that_are_kept_after_a_proof() -> None:
    """They are replaced, and not outdated yet."""
    gone = certificate("gone", status=REVOKED)
    old, new = certificate("old"), certificate("new")
    proven = fetched(1, proven=True)
    found = state(gone, old, new, gone=fetched(9), old=fetched(5), new=proven)
    assert (found.outdated, found.replaced) == ((), (old,))


@pytest.mark.parametrize("age", [1, 8])
def test_certificate_is_not_replaced_by_one_that_is_let_in_at_fewer_hostnames(
    age: int,
) -> None:
    """Nobody is offered to revoke it either: the device would be locked out there."""
    old, new = certificate("old"), certificate("new")
    proven = fetched(age, proven=True)
    found = state(old, new, less=[(new, old)], old=fetched(15), new=proven)
    assert (found.outdated, found.replaced) == ((), ())


STOPS: list[dict[str, Collection[str]]] = [{"unwanted": {"new"}}, {"revoked": {"new"}}]
stopped = pytest.mark.parametrize("stop", STOPS, ids=["unwanted", "revoked"])


@stopped
@pytest.mark.parametrize("age", [1, 8])
def test_stopped_certificate_replaces_none(
    stop: dict[str, Collection[str]], age: int
) -> None:
    """A person does not want the newer one, whatever Cloudflare lets in."""
    old, new = certificate("old"), certificate("new", days=200)
    found = state(old, new, old=fetched(15), new=fetched(age, proven=True), stop=stop)
    assert (found.outdated, found.replaced) == ((), ())
    assert found.current is old
    assert found.standing is Standing.ACTIVE
    assert found.days_left == 100
    assert found.handover is HandoverState.TAKEN
    assert found.restorable is None


@stopped
def test_stopped_certificate_is_replaced_like_any_other(
    stop: dict[str, Collection[str]],
) -> None:
    """A person does not want it anyway, so a newer one may replace it."""
    old, new, newer = certificate("old"), certificate("new"), certificate("newer")
    proven = fetched(1, proven=True)
    found = state(
        old, new, newer, old=fetched(9), new=unfetched(5), newer=proven, stop=stop
    )
    assert (found.outdated, found.replaced) == ((), (new, old))
    assert found.current is newer


@stopped
def test_stopped_certificate_does_not_make_a_key_lost(
    stop: dict[str, Collection[str]],
) -> None:
    """The one that nobody fetched is still the newest that is wanted."""
    old, new = certificate("old"), certificate("new")
    found = state(old, new, old=unfetched(15), new=fetched(1), stop=stop)
    assert found.outdated == ()
    assert found.handover is HandoverState.MISSED


@pytest.mark.parametrize("days", [100, -1])
def test_device_whose_only_certificate_has_to_be_revoked(days: int) -> None:
    """Whether Cloudflare still lets it in, or it has expired, it is good no more."""
    new = certificate("new", days=days)
    found = state(new, new=fetched(1), stop={"unwanted": {"new"}})
    assert found.standing is Standing.REVOKING
    assert found.restorable == (new if days > 0 else None)
    assert found.handover is None


def test_device_whose_only_certificate_was_reactivated_elsewhere() -> None:
    """Somebody may get in with it, so nothing that is said of the device would be true."""
    found = state(certificate("new"), new=fetched(1), stop={"revoked": {"new"}})
    assert (found.current, found.standing, found.days_left) == (None, None, None)
    assert found.restorable is None


@stopped
def test_expired_certificate_beside_a_newer_one_that_is_stopped(
    stop: dict[str, Collection[str]],
) -> None:
    """One that has to be revoked counts like a revoked one, one that nobody knows does not count."""
    old, new = certificate("old", days=-3), certificate("new")
    found = state(old, new, old=fetched(9), new=fetched(5), stop=stop)
    expected = Standing.REVOKING if "unwanted" in stop else Standing.EXPIRED
    assert found.standing is expected


def test_newest_one_has_expired_beside_one_that_has_to_be_revoked() -> None:
    """What the device uses is the newest one, which needs a renewal."""
    new, newer = certificate("new"), certificate("newer", days=-3)
    found = state(
        new, newer, new=fetched(9), newer=fetched(5), stop={"unwanted": {"new"}}
    )
    assert found.current is newer
    assert found.standing is Standing.EXPIRED


@pytest.mark.parametrize(
    ("status", "is_active"),
    [
        (CertificateStatus.ACTIVE, True),
        (CertificateStatus.PENDING_REACTIVATION, True),
        (CertificateStatus.PENDING_REVOCATION, False),
        (CertificateStatus.REVOKED, False),
        (None, False),
    ],
)
def test_active_statuses(status: CertificateStatus | None, is_active: bool) -> None:
    """An unknown status does not count as active."""
    item = certificate("item", status=status)
    assert item.is_active is is_active
    assert item.gets_in(NOW) is is_active


def test_next_expiry_counts_only_what_gets_in() -> None:
    """The expiry of an expired or revoked certificate needs no warning."""
    late, soon = certificate("late", days=90), certificate("soon", days=20)
    others = [certificate("past", days=-1), certificate("x", days=5, status=REVOKED)]
    assert next_expiry([late, soon, *others], NOW) == NOW + 20 * DAY
    assert next_expiry(others, NOW) is None
