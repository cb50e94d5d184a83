"""Which of a device's certificates a newer one has replaced, and when they are revoked (pure)."""

from collections.abc import Callable, Mapping, Sequence, Set as AbstractSet
from datetime import datetime

from .records import Record, Replacement, may_be_installed


def revocation_dates(
    certificate_ids: Sequence[str],
    records: Mapping[str, Record],
    is_waiting: Callable[[str], bool],
    stands_in: Callable[[str, str], bool],
    now: datetime,
    *,
    ends: Mapping[str, datetime],
) -> dict[str, datetime]:
    """Return when each certificate that a newer one has replaced is revoked, newest first.

    Given are the ids of a device's unrevoked certificates, oldest first, whether the bundle of
    one is still waiting to be fetched, and whether the first of two is let in wherever the second
    one is. A certificate replaces, as its record says, all older ones that it stands in for. A
    certificate that nobody fetched, and nobody can fetch any more, is replaced by any newer one:
    its key is gone. A certificate that a person restored since it was replaced is kept, and so is
    one that would be revoked only after the newer one has expired: the device may still use it.
    Ends are when the certificates expire, where that matters.
    """
    dates: dict[str, datetime] = {}
    replacements: list[tuple[str, Replacement]] = []
    for certificate_id in reversed(certificate_ids):
        record = records.get(certificate_id)
        due = [
            item.revokes_on
            for newer, item in replacements
            if not item.spares(record) and stands_in(newer, certificate_id)
        ]
        is_lost = not may_be_installed(record) and not is_waiting(certificate_id)
        is_restored = record is not None and record.restored_on is not None
        if is_lost and not is_restored and certificate_id != certificate_ids[-1]:
            dates[certificate_id] = now
            continue
        if due:
            dates[certificate_id] = min(due)
        end = ends.get(certificate_id)
        replacements += [
            (certificate_id, item)
            for item in (record.replacements(now) if record else ())
            if end is None or item.revokes_on < end
        ]
    return dates


def devices_with_overdue(
    records: Mapping[str, Record],
    confirmed: Mapping[str, str | None],
    confirmed_ids: Mapping[str, str],
    ended: AbstractSet[str],
    now: datetime,
) -> frozenset[str]:
    """Return the devices that may still use a certificate which had to be revoked by now.

    This rests on what is known here alone, without a list of Cloudflare: whether the rules let the
    newer certificate in is not known. Confirmed are the devices of what a person confirmed, by
    fingerprint, and its ids; it may be older than all that was created here. Ended are the ids and
    fingerprints of certificates that let nobody in any more.
    """
    lasting = {
        key: item
        for key, item in records.items()
        if key not in ended and item.fingerprint not in ended
    }
    older = [
        *((item.device_id, item) for item in lasting.values()),
        *(
            (device_id, records.get(confirmed_ids.get(fingerprint, "")))
            for fingerprint, device_id in confirmed.items()
            if fingerprint not in ended
        ),
    ]
    return frozenset(
        newer.device_id
        for newer in lasting.values()
        for item in newer.replacements(now)
        if item.revokes_on <= now
        for device_id, record in older
        if device_id == newer.device_id
        and may_be_installed(record)
        and not item.spares(record)
        and (record is None or record.places.creation < newer.places.creation)
    )
