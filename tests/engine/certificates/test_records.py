"""A record is stored as it is, and knows its token by a digest alone."""

from datetime import UTC, datetime
import json
from typing import Any

from custom_components.cloudflare_mtls.engine.certificates.records import (
    Record,
    token_digest,
)

NOW = datetime(2027, 7, 15, 12, tzinfo=UTC)
TOKEN = "A" * 43


def record_with(**fields: Any) -> Record:
    """Return the record of a certificate with these fields."""
    return Record(fingerprint="f" * 64, device_id="01JDEVICE", **fields)


def test_what_is_stored_is_read_again() -> None:
    """Each field, also after a restart."""
    record = record_with(
        created_on=NOW,
        taken_on=NOW,
        test_digest=token_digest(TOKEN),
        proven_on=NOW,
        restored_on=NOW,
        revoke_old_on=NOW,
    )
    for item in (record, record_with(created_on=NOW)):
        assert Record.from_data(json.loads(json.dumps(item.as_data()))) == item


def test_record_without_a_token() -> None:
    """Nobody fetched the bundle: no token is right, an empty one included."""
    record = record_with(created_on=NOW)
    assert not record.is_tested_with("")
    assert not record.is_tested_with(token_digest(""))


def test_token_of_a_record() -> None:
    record = record_with(created_on=NOW, test_digest=token_digest(TOKEN))
    assert record.is_tested_with(token_digest(TOKEN))
    assert not record.is_tested_with(token_digest(TOKEN[:-1]))
    assert not record.is_tested_with(TOKEN)
    assert TOKEN not in str(record.as_data())
