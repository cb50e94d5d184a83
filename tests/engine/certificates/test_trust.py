"""Which certificates are trusted: what they say of themselves makes no difference."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.models import CertificateStatus
from custom_components.cloudflare_mtls.engine.certificates.certificate import (
    Certificate,
    ListedCertificate,
    readable,
)
from custom_components.cloudflare_mtls.engine.certificates.facts import CertificateFacts
from custom_components.cloudflare_mtls.engine.certificates.keys import (
    ORGANIZATION,
    KeyType,
    key_id_of,
)
from custom_components.cloudflare_mtls.engine.certificates.records import Record
from tests.engine.builders import trust

NOW = datetime(2027, 7, 15, 12, tzinfo=UTC)
PHONE, TABLET = "phone", "tablet"


def certificate(
    item_id: str = "id",
    fingerprint: str = "print",
    *,
    organization: str = ORGANIZATION,
    unit: str = PHONE,
    status: CertificateStatus | None = CertificateStatus.ACTIVE,
) -> Certificate:
    """Return a certificate that says it is of a device."""
    facts = CertificateFacts(
        name="Phone",
        organization=organization,
        organizational_unit=unit,
        serial_number="1",
        fingerprint_sha256=fingerprint,
        issued_on=NOW,
        expires_on=NOW,
        public_key=b"key",
        key_type=KeyType.EC_P256,
    )
    return Certificate(id=item_id, zone_id="zone", status=status, facts=facts)


def unreadable(item_id: str = "id") -> ListedCertificate:
    """Return a certificate of which only the id is known."""
    return ListedCertificate(
        id=item_id, zone_id="zone", status=CertificateStatus.ACTIVE
    )


def created(*items: tuple[str, str]) -> dict[str, Record]:
    """Return the records of certificates that were created here: their ids, and their devices."""
    return {
        item_id: Record(
            fingerprint=f"{item_id}-print", device_id=device_id, created_on=NOW
        )
        for item_id, device_id in items
    }


def recorded(fingerprint: str = "print", device_id: str = PHONE) -> dict[str, Record]:
    """Return the record of a certificate with the id "id"."""
    return {"id": Record(fingerprint=fingerprint, device_id=device_id, created_on=NOW)}


@pytest.mark.parametrize(
    ("known", "device_id", "trusted"),
    [
        pytest.param({}, None, False, id="only what it says"),
        pytest.param({"records": recorded()}, PHONE, True, id="created here"),
        pytest.param({"records": recorded("other")}, None, False, id="another one"),
        pytest.param(
            {"records": recorded(), "device_ids": {TABLET}},
            PHONE,
            False,
            id="created here for a device that is gone",
        ),
        pytest.param({"confirmed": {"print": None}}, None, True, id="confirmed"),
        pytest.param({"confirmed": {"print": PHONE}}, PHONE, True, id="adopted"),
        pytest.param(
            {"confirmed": {"print": TABLET}}, TABLET, False, id="adopted, device gone"
        ),
        pytest.param({"confirmed": {"id": PHONE}}, None, False, id="by its id"),
        pytest.param(
            {"records": recorded(device_id=TABLET), "confirmed": {"print": None}},
            None,
            True,
            id="confirmed since its device is gone",
        ),
        pytest.param(
            {"records": recorded(device_id=TABLET), "confirmed": {"print": PHONE}},
            PHONE,
            True,
            id="adopted since its device is gone",
        ),
        pytest.param({"unwanted": {"other"}}, None, False, id="another unwanted"),
    ],
)
def test_trust(known: dict[str, Any], device_id: str | None, trusted: bool) -> None:
    """It rests on records, and on what a person confirmed."""
    found = trust(**{"device_ids": {PHONE}} | known)
    assert found.device_id_of(certificate()) == device_id
    assert found.trusts(certificate()) is trusted
    unknown = () if trusted else (certificate(),)
    assert found.unknown_among([certificate()]) == unknown


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (CertificateStatus.ACTIVE, True),
        (CertificateStatus.PENDING_REACTIVATION, True),
        (None, True),
        (CertificateStatus.PENDING_REVOCATION, False),
        (CertificateStatus.REVOKED, False),
    ],
)
def test_only_what_may_let_somebody_in_is_unknown(
    status: CertificateStatus | None, told: bool
) -> None:
    """A status that we do not know may mean that; a certificate may be unreadable as well."""
    unreadable = ListedCertificate(id="other", zone_id="zone", status=status)
    both = (certificate(status=status), unreadable)
    assert trust().unknown_among(both) == (both if told else ())
    assert readable(both) == both[:1]


@pytest.mark.parametrize("unwanted", ["id", key_id_of(b"key")])
@pytest.mark.parametrize(
    "known",
    [{}, {"records": recorded()}, {"confirmed": {"print": None}}],
    ids=["unknown", "created here", "confirmed"],
)
def test_unwanted_certificates_are_known_but_not_trusted(
    known: dict[str, Any], unwanted: str
) -> None:
    """They are being revoked, or created: until they have a record, nobody pins them."""
    found = trust(device_ids={PHONE}, unwanted={unwanted}, **known)
    assert found.is_unwanted(certificate())
    assert not found.trusts(certificate())
    assert found.unknown_among([certificate()]) == ()


def test_certificates_of_removed_devices_are_known() -> None:
    """They are about to be revoked; those that only say so are unknown."""
    removed = trust(records=recorded(), removed_ids={PHONE})
    assert removed.unknown_among([certificate()]) == ()
    assert not removed.trusts(certificate())
    claiming = trust(removed_ids={PHONE})
    assert claiming.unknown_among([certificate()]) == (certificate(),)


@pytest.mark.parametrize("revoked", ["id", "print"])
@pytest.mark.parametrize(
    "known",
    [{}, {"records": recorded()}, {"confirmed": {"print": None}}],
    ids=["unknown", "created here", "confirmed"],
)
def test_revoked_certificate_that_is_active_again_is_told(
    known: dict[str, Any], revoked: str
) -> None:
    """Somebody restored it at Cloudflare; it gets in only once a person restores it here."""
    found = trust(device_ids={PHONE}, revoked={revoked}, **known)
    assert found.is_revoked(certificate())
    assert found.is_stopped(certificate())
    assert not found.is_unwanted(certificate())
    assert not found.trusts(certificate())
    assert found.unknown_among([certificate()]) == (certificate(),)


@pytest.mark.parametrize("revoked", [key_id_of(b"key"), "other"])
def test_renewed_certificate_of_the_same_key_is_not_revoked(revoked: str) -> None:
    """Only ids that no other certificate has say that it was revoked."""
    found = trust(records=recorded(), device_ids={PHONE}, revoked={revoked})
    assert not found.is_revoked(certificate())
    assert not found.is_stopped(certificate())
    assert found.trusts(certificate())


@pytest.mark.parametrize(
    ("known", "revoking", "device_id"),
    [
        pytest.param({}, certificate(), None, id="only what it says"),
        pytest.param({"records": recorded()}, certificate(), PHONE, id="created"),
        pytest.param({"records": recorded()}, unreadable(), PHONE, id="unreadable"),
        pytest.param(
            {"records": recorded("other")}, certificate(), PHONE, id="by its id alone"
        ),
        pytest.param({"records": recorded()}, unreadable("x"), None, id="another"),
        pytest.param(
            {"records": recorded(), "confirmed": {"print": TABLET}},
            certificate(),
            TABLET,
            id="confirmed for another device",
        ),
        pytest.param(
            {"records": recorded(), "confirmed": {"print": None}},
            certificate(),
            None,
            id="confirmed for no device",
        ),
        pytest.param(
            {"confirmed": {"print": PHONE}},
            ListedCertificate.unlisted("print"),
            PHONE,
            id="confirmed, and in no zone",
        ),
    ],
)
def test_certificate_is_revoked_with_its_device(
    known: dict[str, Any], revoking: ListedCertificate, device_id: str | None
) -> None:
    """Even one that cannot be read goes with the device that it was created for."""
    found = trust(removed_ids={PHONE}, **known)
    assert found.revoked_with(revoking) == device_id
    assert found.is_of_removed_device(revoking) is (device_id == PHONE)
    is_known = device_id == PHONE or (
        "print" in found.confirmed and found.trusts(certificate())
    )
    assert (found.unknown_among([revoking]) == ()) is is_known


def test_certificates_of_a_device_are_those_that_may_let_it_in() -> None:
    """That one was revoked here does not tell whether somebody has restored it since.

    One that a person confirmed for another device is not among them, although it was created for
    this one.
    """
    found = trust(
        records=created(("a", PHONE), ("b", TABLET), ("c", PHONE), ("d", PHONE)),
        confirmed={"d-print": TABLET, "x": PHONE, "y": PHONE, "z": None},
        revoked={"a", "c", "y"},
        ended={"c", "y"},
    )
    assert found.ids_of_device(PHONE) == {"a"}
    assert found.confirmed_for(PHONE) == {"x"}
    assert found.known_ids(PHONE) == {"a", "x"}
    assert found.known_ids(TABLET) == {"b", "d-print"}
    assert found.known_ids("watch") == set()


def test_created_certificates_that_may_be_valid_are_found_wherever_they_are() -> None:
    """One that Cloudflare lists no more may still let somebody in, unless it was seen revoked."""
    found = trust(
        records=created(*((item_id, PHONE) for item_id in "abcdef")),
        revoked={"a", "c", "f"},
        ended={"a", "f"},
    )
    unknown = ListedCertificate(id="e", zone_id="zone", status=None)
    among = [
        unknown,
        certificate("a"),
        certificate("foreign", "a-print"),
        certificate("b", status=CertificateStatus.REVOKED),
    ]
    assert found.created_among(among) == [
        unknown,
        certificate("a"),
        ListedCertificate.unlisted("c"),
        ListedCertificate.unlisted("d"),
    ]


@pytest.mark.parametrize(
    ("known", "fingerprints"),
    [
        pytest.param({}, set(), id="none"),
        pytest.param({"records": recorded()}, {"print"}, id="created here"),
        pytest.param(
            {"records": recorded(device_id=TABLET)},
            set(),
            id="of a device that is gone",
        ),
        pytest.param(
            {"records": recorded(), "revoked": {"id"}}, set(), id="revoked by its id"
        ),
        pytest.param(
            {"records": recorded(), "revoked": {"print"}}, set(), id="revoked"
        ),
        pytest.param(
            {"records": recorded(), "unwanted": {"id"}}, set(), id="unwanted by its id"
        ),
        pytest.param(
            {"confirmed": {"print": PHONE}, "unwanted": {"print"}}, set(), id="unwanted"
        ),
        pytest.param(
            {"records": recorded(), "ended": {"id"}}, set(), id="ended by its id"
        ),
        pytest.param(
            {"confirmed": {"print": PHONE}, "ended": {"print"}}, set(), id="ended"
        ),
        pytest.param(
            {
                "records": recorded(),
                "unwanted": {"x"},
                "revoked": {"y"},
                "ended": {"z"},
            },
            {"print"},
            id="others revoked, unwanted and ended",
        ),
        pytest.param({"confirmed": {"print": None}}, {"print"}, id="confirmed"),
        pytest.param({"confirmed": {"print": PHONE}}, {"print"}, id="adopted"),
        pytest.param(
            {"confirmed": {"print": TABLET}}, set(), id="adopted, device gone"
        ),
        pytest.param(
            {"records": recorded(device_id=TABLET), "confirmed": {"print": None}},
            {"print"},
            id="confirmed since its device is gone",
        ),
        pytest.param(
            {"records": recorded(), "confirmed": {"print": TABLET}},
            set(),
            id="confirmed for a device that is gone",
        ),
    ],
)
def test_what_is_trusted_and_not_listed_may_still_be_used(
    known: dict[str, Any], fingerprints: set[str]
) -> None:
    """A zone that cannot be read locks no trusted device out, and lets no other one in."""
    found = trust(device_ids={PHONE}, **known)
    others = [certificate("other", "other-print"), unreadable()]
    assert found.device_ids_beyond([]).keys() == fingerprints
    assert found.device_ids_beyond(others).keys() == fingerprints
    assert found.device_ids_beyond([certificate()]) == {}


@pytest.mark.parametrize(
    ("claiming", "device_ids", "claimed"),
    [
        (certificate(), {PHONE}, PHONE),
        (certificate(), {TABLET}, None),
        (certificate(organization="Somebody"), {PHONE}, None),
        (certificate(unit=""), {PHONE}, None),
        (certificate(organization="Somebody"), {"id"}, "id"),
        (certificate(), {PHONE, "id"}, "id"),
        (ListedCertificate(id="id", zone_id="zone", status=None), {"id"}, "id"),
        (ListedCertificate(id="x", zone_id="zone", status=None), {PHONE}, None),
    ],
)
def test_claims(
    claiming: ListedCertificate, device_ids: set[str], claimed: str | None
) -> None:
    """A device that was adopted has the id of its certificate, which nobody can choose."""
    assert trust(device_ids=device_ids).claimed_device_id(claiming) == claimed


def test_created_here() -> None:
    """A record that was made when a confirmed certificate was restored says nothing of its creation."""
    item = certificate()
    assert trust(records=recorded()).created_here(item)
    assert not trust(records=recorded("other")).created_here(item)
    assert not trust(confirmed={"print": PHONE}).created_here(item)
    both = trust(records=recorded(), confirmed={"print": PHONE})
    assert not both.created_here(item)


@pytest.mark.parametrize("ended", [{"id"}, {"print"}, {"id", "print"}])
def test_ended(ended: set[str]) -> None:
    """One of its ids is enough; as if nothing had ended, it has not."""
    item, known = certificate(), trust(ended=ended, revoked={"id"})
    assert known.has_ended(item)
    assert not trust(ended={"other"}).has_ended(item)
    assert not known.without_ends.has_ended(item)
    assert known.without_ends.revoked == known.revoked


def test_ids_of_certificates_in_force() -> None:
    """Cloudflare's ids, also of confirmed certificates, unless they have ended."""
    known = trust(
        records=created(("a", PHONE), ("b", PHONE)),
        confirmed={"c-print": None, "d-print": PHONE, "e-print": None},
        confirmed_ids={"c-print": "c", "d-print": "d", "a-print": "A"},
        ended={"b", "c"},
    )
    assert known.ids_in_force == {"A", "d"}


def test_record_is_stored_as_text() -> None:
    """What did not happen is not stored."""
    record = Record(fingerprint="print", device_id=PHONE, created_on=NOW, taken_on=NOW)
    data = record.as_data()
    assert data == {
        "fingerprint": "print",
        "device_id": PHONE,
        "created_on": NOW.isoformat(),
        "taken_on": NOW.isoformat(),
    }
    assert Record.from_data(data) == record


def test_device_that_holds_a_certificate() -> None:
    """One that was confirmed for it, or whose bundle it fetched; its own visits use others."""
    taken = Record(fingerprint="print", device_id=PHONE, created_on=NOW, taken_on=NOW)
    waiting = Record(fingerprint="waiting", device_id=PHONE, created_on=NOW)
    known = trust(
        records={"waiting": waiting, "taken": taken},
        confirmed={"adopted": TABLET, "nobody's": None},
    )
    assert known.holder_of("print") == PHONE
    assert known.holder_of("adopted") == TABLET
    assert known.holder_of("nobody's") is None
    assert known.holder_of("waiting") is None
    assert known.holder_of("another") is None
