"""A record is stored as it is, knows its token by a digest alone, and the order of what happened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from custom_components.cloudflare_mtls.engine.certificates.records import (
    GRACE,
    Places,
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


def test_what_only_a_later_version_stores_is_left_out() -> None:
    record = record_with(created_on=NOW)
    assert Record.from_data({**record.as_data(), "added_later": "x"}) == record


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
    record = record_with(
        created_on=NOW, places=Places(creation=2, proof=3, restoration=4)
    )
    assert record.as_data().keys() == {"fingerprint", "device_id", "created_on"}


def test_what_happens_gets_the_next_place() -> None:
    """A download has none: nothing comes before or after it."""
    record = record_with(created_on=NOW, places=Places(proof=1, restoration=2))
    fetched = record.noting(7, taken_on=NOW)
    assert fetched == replace(record, taken_on=NOW)
    proven = record.noting(7, proven_on=NOW)
    assert proven == record_with(
        created_on=NOW, proven_on=NOW, places=Places(proof=7, restoration=2)
    )
    restored = record.noting(7, restored_on=NOW)
    assert restored == record_with(
        created_on=NOW, restored_on=NOW, places=Places(proof=1, restoration=7)
    )


def test_next_place() -> None:
    """It comes after all others of the account."""
    records = {
        "a": record_with(created_on=NOW, places=Places(proof=2, restoration=5)),
        "b": record_with(created_on=NOW, places=Places(proof=4)),
    }
    assert next_place({}) == 1
    assert next_place({"a": record_with(created_on=NOW)}) == 1
    assert next_place(records) == 6


def test_order_of_records_without_places() -> None:
    """The times tell it, from the first place on; what did not happen has none."""
    records = {
        "a": record_with(created_on=NOW, proven_on=NOW + HOUR),
        "b": record_with(created_on=NOW, proven_on=NOW, restored_on=NOW + 2 * HOUR),
        "c": record_with(created_on=NOW + HOUR),
    }
    ordered = in_order_of_times(records)
    assert {key: item.places for key, item in ordered.items()} == {
        "a": Places(creation=1, proof=5, restoration=0),
        "b": Places(creation=2, proof=3, restoration=6),
        "c": Places(creation=4, proof=0, restoration=0),
    }


def test_creations_at_the_same_time_are_in_the_order_of_the_records() -> None:
    """Their ids say nothing of it; a creation comes before all else of that time."""
    records = {
        "b": record_with(created_on=NOW, restored_on=NOW, places=Places(restoration=1)),
        "a": record_with(created_on=NOW, proven_on=NOW, places=Places(proof=2)),
    }
    ordered = in_order_of_times(records)
    assert {key: item.places for key, item in ordered.items()} == {
        "b": Places(creation=1, proof=0, restoration=3),
        "a": Places(creation=2, proof=4, restoration=0),
    }


def test_places_that_are_known_stay_in_their_order() -> None:
    """Creations are in the order of the records; the times tell only how both orders meet."""
    records = {
        "a": record_with(
            created_on=NOW + 2 * HOUR, proven_on=NOW + 3 * HOUR, places=Places(proof=1)
        ),
        "b": record_with(
            created_on=NOW, restored_on=NOW + HOUR, places=Places(restoration=2)
        ),
        "c": record_with(created_on=NOW + 4 * HOUR),
    }
    ordered = in_order_of_times(records)
    assert {key: item.places for key, item in ordered.items()} == {
        "a": Places(creation=1, proof=3, restoration=0),
        "b": Places(creation=2, proof=0, restoration=4),
        "c": Places(creation=5, proof=0, restoration=0),
    }


def test_replacements() -> None:
    """By its date once that has come and the device has it, and by a proof."""
    due = record_with(
        created_on=NOW,
        taken_on=NOW,
        revoke_old_on=NOW + HOUR,
        places=Places(creation=2),
    )
    assert due.replacements(NOW) == []
    by_date = Replacement(revokes_on=NOW + HOUR, since=2)
    assert due.replacements(NOW + HOUR) == [by_date]
    assert replace(due, taken_on=None).replacements(NOW + HOUR) == []
    proven = replace(due, proven_on=NOW, places=Places(creation=2, proof=3))
    by_proof = Replacement(revokes_on=NOW + GRACE, since=3)
    assert proven.replacements(NOW) == [by_proof]
    assert proven.replacements(NOW + HOUR) == [by_date, by_proof]
    restored = replace(
        proven, restored_on=NOW, places=Places(creation=2, proof=3, restoration=4)
    )
    assert restored.replacements(NOW + HOUR) == []


def test_proof_that_seems_older_than_its_certificate() -> None:
    """The clock of the home was behind: the older certificates are kept as long as after any proof."""
    proven = record_with(
        created_on=NOW, proven_on=NOW - 99 * HOUR, places=Places(proof=1)
    )
    assert [item.revokes_on for item in proven.replacements(NOW)] == [NOW + GRACE]


def test_what_a_replacement_spares() -> None:
    """What a person restored since; the clock may have been set between both."""
    replacement = Replacement(revokes_on=NOW + GRACE, since=3)
    restored = record_with(created_on=NOW, restored_on=NOW - HOUR)
    assert not replacement.spares(None)
    assert not replacement.spares(record_with(created_on=NOW))
    assert not replacement.spares(replace(restored, places=Places(restoration=2)))
    assert not replacement.spares(replace(restored, places=Places(restoration=3)))
    assert replacement.spares(replace(restored, places=Places(restoration=4)))


def test_when_older_certificates_are_revoked() -> None:
    """By the date that a person chose, once the device has this one, or after a proof: the first of both."""
    due = NOW + HOUR
    chosen = record_with(created_on=NOW, revoke_old_on=due)
    assert record_with(created_on=NOW, taken_on=NOW).revokes_old_on is None
    assert chosen.revokes_old_on is None
    taken = replace(chosen, taken_on=NOW)
    assert taken.revokes_old_on == due
    proven = record_with(created_on=NOW, taken_on=NOW, proven_on=NOW)
    assert proven.revokes_old_on == NOW + GRACE
    assert replace(taken, proven_on=NOW).revokes_old_on == due
    late = NOW + 2 * GRACE
    assert replace(proven, revoke_old_on=late).revokes_old_on == NOW + GRACE
