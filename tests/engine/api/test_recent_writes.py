"""Reads that lag behind writes: neither drift nor a reason to write again."""

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
    """Return a memory whose clock stands still."""
    return RecentWrites()


def certificate(
    certificate_id: str = "c",
    status: CertificateStatus | None = CertificateStatus.ACTIVE,
) -> ClientCertificate:
    """Return a certificate as it is listed."""
    return ClientCertificate(id=certificate_id, pem="pem", status=status)


def test_outdated_list_is_not_believed(
    recent: RecentWrites, freezer: FrozenDateTimeFactory
) -> None:
    """Outdated list is not believed, for as long as lists can be outdated."""
    assert recent.associations("z", BEFORE) == BEFORE
    recent.associated("z", BEFORE, AFTER)
    freezer.tick(74)
    assert recent.associations("z", BEFORE) == AFTER
    freezer.tick(2)
    assert recent.associations("z", BEFORE) == BEFORE


def test_list_that_was_seen_is_not_outdated_again(recent: RecentWrites) -> None:
    """Who takes a hostname away once the new list is there is noticed at once."""
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


def test_what_somebody_else_wrote_is_believed(recent: RecentWrites) -> None:
    """A list that was never ours is somebody else's, and current."""
    recent.associated("z", BEFORE, AFTER)
    theirs = ("nas.example.com", "vpn.example.com")
    assert recent.associations("z", theirs) == theirs
    assert recent.associations("another zone", BEFORE) == BEFORE


def test_new_certificate_is_there_before_it_is_listed(
    recent: RecentWrites, freezer: FrozenDateTimeFactory
) -> None:
    """New certificate is there before it is listed, and never twice."""
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
    """Revoked certificate is not active, though it may be listed so for a while."""
    recent.revoked("c")
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
    """Restored certificate is not revoked, though it may be listed so for a while."""
    recent.restored("c")
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
    """Revoked and restored in turn, a certificate is what it was made last."""
    active = certificate()
    revoked = certificate(status=CertificateStatus.REVOKED)
    recent.revoked("c")
    recent.restored("c")
    assert recent.certificates("z", (active,)) == (active,)
    assert recent.certificates("z", (revoked,)) == (
        certificate(status=CertificateStatus.PENDING_REACTIVATION),
    )
    recent.revoked("c")
    assert recent.certificates("z", (active,)) == (
        certificate(status=CertificateStatus.PENDING_REVOCATION),
    )
    assert recent.certificates("z", (revoked,)) == (revoked,)


def test_new_certificate_that_is_revoked_before_it_is_listed(
    recent: RecentWrites,
) -> None:
    """A certificate that was blocked when it was tried is not good for a minute."""
    recent.created("z", certificate())
    recent.revoked("c")
    assert recent.certificates("z", ()) == (
        certificate(status=CertificateStatus.PENDING_REVOCATION),
    )
