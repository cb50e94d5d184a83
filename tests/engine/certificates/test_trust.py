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
    *,
    organization: str = ORGANIZATION,
    unit: str = PHONE,
    status: CertificateStatus | None = CertificateStatus.ACTIVE,
) -> Certificate:
    """Return a certificate with the id "id" and the fingerprint "print"."""
    facts = CertificateFacts(
        name="Phone",
        organization=organization,
        organizational_unit=unit,
        serial_number="1",
        fingerprint_sha256="print",
        issued_on=NOW,
        expires_on=NOW,
        public_key=b"key",
        key_type=KeyType.EC_P256,
    )
    return Certificate(id="id", zone_id="zone", status=status, facts=facts)


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
