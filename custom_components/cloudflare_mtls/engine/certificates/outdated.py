"""Which of a device's certificates a newer one has replaced, so that they are revoked (pure)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from .records import Record, may_be_installed


def outdated_certificates(
    certificate_ids: Sequence[str],
    records: Mapping[str, Record],
    is_waiting: Callable[[str], bool],
    now: datetime,
) -> list[str]:
    """Return the ids of the certificates that a newer one has replaced, newest first.

    Given are the ids of a device's unrevoked certificates, oldest first, and whether the
    bundle of one is still waiting to be fetched. A certificate replaces all older ones once
    the device reached Home Assistant with it, or once its record says so. A certificate that
    nobody fetched, and nobody can fetch any more, is replaced by any newer one: its key is
    gone. A certificate that a person restored since it was replaced is not outdated.
    """
    replaced_on: datetime | None = None
    outdated = []
    for certificate_id in reversed(certificate_ids):
        record = records.get(certificate_id)
        if _is_restored(record, replaced_on):
            continue
        is_newest = certificate_id == certificate_ids[-1]
        is_lost = not may_be_installed(record) and not is_waiting(certificate_id)
        if replaced_on or (is_lost and not is_newest):
            outdated.append(certificate_id)
        elif record:
            replaced_on = record.replaced_older_on(now)
    return outdated


def _is_restored(record: Record | None, replaced_on: datetime | None) -> bool:
    """Return whether a person restored the certificate since a newer one replaced it."""
    if record is None or record.restored_on is None:
        return False
    return replaced_on is None or record.restored_on >= replaced_on
