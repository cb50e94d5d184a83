"""A record is stored as it is, knows its token by a digest alone, and the order of what happened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from custom_components.cloudflare_mtls.engine.certificates.records import (
    GRACE,
    Record,
    Replacement,
    in_order_of_times,
    next_place,
    token_digest,
)

NOW = datetime(2027, 7, 15, 12, tzinfo=UTC)
TOKEN = "A" * 43
HOUR = timedelta(hours=1)


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


def test_places_are_stored_apart() -> None:
    """Earlier versions read no record that has more fields."""
    record = record_with(created_on=NOW, proof=3, restoration=4)
    assert record.as_data().keys() == {"fingerprint", "device_id", "created_on"}
    assert record.places == {"proof": 3, "restoration": 4}


def test_what_happens_gets_the_next_place() -> None:
    """Only a proof and a restoration have one."""
    record = record_with(created_on=NOW, proof=1, restoration=2)
    fetched = record.noting(7, taken_on=NOW)
    assert fetched == replace(record, taken_on=NOW)
    proven = record.noting(7, proven_on=NOW)
    assert proven == replace(record, proven_on=NOW, proof=7)
    restored = record.noting(7, restored_on=NOW)
    assert restored == replace(record, restored_on=NOW, restoration=7)


def test_next_place() -> None:
    """It comes after all others of the account."""
    records = {
        "a": record_with(created_on=NOW, proof=2, restoration=5),
        "b": record_with(created_on=NOW, proof=4),
    }
    assert next_place({}) == 1
    assert next_place(records) == 6


def test_order_of_records_without_places() -> None:
    """The times tell it, from the first place on; what did not happen has none."""
    records = {
        "a": record_with(created_on=NOW, proven_on=NOW + HOUR),
        "b": record_with(created_on=NOW, proven_on=NOW, restored_on=NOW + 2 * HOUR),
        "c": record_with(created_on=NOW),
    }
    ordered = in_order_of_times(records)
    assert {key: item.places for key, item in ordered.items()} == {
        "a": {"proof": 2, "restoration": 0},
        "b": {"proof": 1, "restoration": 3},
        "c": {"proof": 0, "restoration": 0},
    }


def test_replacements() -> None:
    """By its date once that has come and the device has it, and by a proof."""
    due = record_with(created_on=NOW, taken_on=NOW, revoke_old_on=NOW + HOUR)
    assert due.replacements(NOW) == []
    by_date = Replacement(revokes_on=NOW + HOUR, since=NOW)
    assert due.replacements(NOW + HOUR) == [by_date]
    assert replace(due, taken_on=None).replacements(NOW + HOUR) == []
    proven = replace(due, proven_on=NOW, proof=3)
    by_proof = Replacement(revokes_on=NOW + GRACE, since=3)
    assert proven.replacements(NOW) == [by_proof]
    assert proven.replacements(NOW + HOUR) == [by_date, by_proof]
    restored = replace(proven, restored_on=NOW, restoration=4)
    assert restored.replacements(NOW + HOUR) == []


def test_what_a_date_spares() -> None:
    """What a person restored since the date was set."""
    replacement = Replacement(revokes_on=NOW + 2 * HOUR, since=NOW)
    record = record_with(created_on=NOW - 9 * HOUR)
    assert not replacement.spares(None)
    assert not replacement.spares(record)
    assert not replacement.spares(replace(record, restored_on=NOW - HOUR))
    assert replacement.spares(replace(record, restored_on=NOW))


def test_what_a_proof_spares() -> None:
    """What a person restored since; the clock may have been set between both."""
    replacement = Replacement(revokes_on=NOW + GRACE, since=3)
    restored = record_with(created_on=NOW, restored_on=NOW - HOUR)
    assert not replacement.spares(replace(restored, restoration=2))
    assert not replacement.spares(replace(restored, restoration=3))
    assert replacement.spares(replace(restored, restoration=4))
    assert not replacement.spares(record_with(created_on=NOW, restoration=4))
