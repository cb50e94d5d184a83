"""Reads that lag behind writes: they are neither drift nor a reason to write again."""

import time

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.cloudflare_mtls.engine.api.models import (
    CertificateStatus,
    ClientCertificate,
)
from custom_components.cloudflare_mtls.engine.api.recent_writes import RecentWrites

BEFORE = ("nas.example.com",)
AFTER = ("nas.example.com", "home-mobile.example.com")
GETS_IN = (CertificateStatus.ACTIVE, CertificateStatus.PENDING_REACTIVATION)
MORE = (*AFTER, "cabin-mobile.example.com")


@pytest.fixture
def recent(freezer: FrozenDateTimeFactory) -> RecentWrites:
    """Return a record of recent writes whose clock stands still."""
    return RecentWrites()


def certificate(
    certificate_id: str = "c",
    status: CertificateStatus | None = CertificateStatus.ACTIVE,
) -> ClientCertificate:
    """Return a certificate as Cloudflare lists it."""
    return ClientCertificate(id=certificate_id, pem="pem", status=status)


def test_outdated_list_is_not_believed(
    recent: RecentWrites, freezer: FrozenDateTimeFactory
) -> None:
    """Lists can be outdated for 75 seconds after a write."""
    assert recent.associations("z", BEFORE) == BEFORE
    recent.associated("z", BEFORE, AFTER)
    freezer.tick(74)
    assert recent.associations("z", BEFORE) == AFTER
    freezer.tick(2)
    assert recent.associations("z", BEFORE) == BEFORE


def test_list_that_was_seen_is_not_outdated_again(recent: RecentWrites) -> None:
    """Once the new list was read, the old one means that somebody removed a hostname."""
    recent.associated("z", BEFORE, AFTER)
    assert recent.associations("z", AFTER) == AFTER
    assert recent.associations("z", BEFORE) == BEFORE


def test_every_earlier_list_is_outdated(
    recent: RecentWrites, freezer: FrozenDateTimeFactory
) -> None:
    """Two writes in a row make two lists outdated."""
    recent.associated("z", BEFORE, AFTER)
    recent.associated("z", AFTER, MORE)
    for outdated in (BEFORE, tuple(reversed(AFTER)), AFTER):
        assert recent.associations("z", outdated) == MORE
    freezer.tick(76)
    recent.associated("z", MORE, AFTER)
    assert recent.associations("z", BEFORE) == BEFORE


def test_list_of_somebody_else_is_believed(recent: RecentWrites) -> None:
    """A list that we never wrote comes from somebody else, and is current."""
    recent.associated("z", BEFORE, AFTER)
    theirs = ("nas.example.com", "vpn.example.com")
    assert recent.associations("z", theirs) == theirs
    assert recent.associations("another zone", BEFORE) == BEFORE


def test_list_that_lacks_what_was_read_before(
    recent: RecentWrites, freezer: FrozenDateTimeFactory
) -> None:
    """A read may be 75 seconds older than another: what the other had is not gone for sure."""
    theirs = (*BEFORE, "vpn.example.com")
    recent.associations("z", theirs)
    freezer.tick(74)
    assert recent.missed_associations("z", BEFORE) == ("vpn.example.com",)
    assert recent.missed_associations("z", theirs) == ()
    assert recent.missed_associations("another zone", ()) == ()
    freezer.tick(2)
    assert recent.missed_associations("z", BEFORE) == ()


def test_what_was_removed_here_is_not_missed(recent: RecentWrites) -> None:
    """Reads that still have it are of before the write."""
    recent.associations("z", MORE)
    recent.associated("z", MORE, BEFORE)
    assert recent.associations("z", MORE) == BEFORE
    assert recent.missed_associations("z", ()) == BEFORE


def test_new_certificate_is_there_before_it_is_listed(
    recent: RecentWrites, freezer: FrozenDateTimeFactory
) -> None:
    """Once Cloudflare lists it, it is still returned only once."""
    new, old = certificate("new"), certificate("old")
    recent.created("z", new)
    assert recent.certificates("z", (old,)) == (old, new)
    assert recent.certificates("z", (old, new)) == (old, new)
    assert recent.certificates("y", (old,)) == (old,)
    freezer.tick(76)
    assert recent.certificates("z", (old,)) == (old,)


@pytest.mark.parametrize("status", [*CertificateStatus, None])
def test_revoked_certificate_is_not_active(
    recent: RecentWrites,
    freezer: FrozenDateTimeFactory,
    status: CertificateStatus | None,
) -> None:
    """Cloudflare may list it as active for a while."""
    recent.revoked("c", time.monotonic())
    listed = certificate(status=status)
    expected = CertificateStatus.PENDING_REVOCATION if status in GETS_IN else status
    assert recent.certificates("z", (listed,)) == (certificate(status=expected),)
    freezer.tick(76)
    assert recent.certificates("z", (listed,)) == (listed,)


@pytest.mark.parametrize("status", [*CertificateStatus, None])
def test_restored_certificate_is_not_revoked(
    recent: RecentWrites,
    freezer: FrozenDateTimeFactory,
    status: CertificateStatus | None,
) -> None:
    """Cloudflare may list it as revoked for a while."""
    recent.restored("c", time.monotonic())
    listed = certificate(status=status)
    expected = (
        status
        if status is None or status in GETS_IN
        else CertificateStatus.PENDING_REACTIVATION
    )
    assert recent.certificates("z", (listed,)) == (certificate(status=expected),)
    assert recent.certificates("z", (certificate("other", status),)) == (
        certificate("other", status),
    )
    freezer.tick(76)
    assert recent.certificates("z", (listed,)) == (listed,)


def test_last_of_two_writes_holds(recent: RecentWrites) -> None:
    """After a revocation and a restoration in turn, the last one counts."""
    active = certificate()
    revoked = certificate(status=CertificateStatus.REVOKED)
    recent.revoked("c", time.monotonic())
    recent.restored("c", time.monotonic())
    assert recent.certificates("z", (active,)) == (active,)
    assert recent.certificates("z", (revoked,)) == (
        certificate(status=CertificateStatus.PENDING_REACTIVATION),
    )
    recent.revoked("c", time.monotonic())
    assert recent.certificates("z", (active,)) == (
        certificate(status=CertificateStatus.PENDING_REVOCATION),
    )
    assert recent.certificates("z", (revoked,)) == (revoked,)


def test_late_answer_to_an_earlier_request(
    recent: RecentWrites, freezer: FrozenDateTimeFactory
) -> None:
    """Answers may come in another order than the requests."""
    revoked = certificate(status=CertificateStatus.REVOKED)
    earlier = time.monotonic()
    freezer.tick(1)
    recent.restored("c", time.monotonic())
    recent.revoked("c", earlier)
    assert recent.certificates("z", (certificate(),)) == (certificate(),)

    freezer.tick(1)
    earlier = time.monotonic()
    freezer.tick(1)
    recent.revoked("c", time.monotonic())
    recent.restored("c", earlier)
    assert recent.certificates("z", (revoked,)) == (revoked,)


def test_what_is_listed_counts_after_a_lost_answer(recent: RecentWrites) -> None:
    """Nobody knows whether it was carried out."""
    recent.revoked("c", time.monotonic())
    recent.uncertain("c")
    assert recent.certificates("z", (certificate(),)) == (certificate(),)
    revoked = certificate(status=CertificateStatus.REVOKED)
    recent.restored("c", time.monotonic())
    recent.uncertain("c")
    assert recent.certificates("z", (revoked,)) == (revoked,)


def test_new_certificate_that_is_revoked_before_it_is_listed(
    recent: RecentWrites,
) -> None:
    """A certificate whose first visit was blocked is never shown as valid."""
    recent.created("z", certificate())
    recent.revoked("c", time.monotonic())
    assert recent.certificates("z", ()) == (
        certificate(status=CertificateStatus.PENDING_REVOCATION),
    )
