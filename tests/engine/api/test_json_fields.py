"""The readers of JSON fields: missing keys, null, and values of another type."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields


@pytest.mark.parametrize("data", [None, [], "text", 1, True])
def test_only_objects_have_fields(data: object) -> None:
    """A list, a text, a number and null raise Unavailable."""
    with pytest.raises(Unavailable):
        Fields(data)


@pytest.mark.parametrize("data", [{}, {"a": None}, {"a": ""}, {"a": 1}, {"a": ["x"]}])
def test_required_text(data: dict[str, Any]) -> None:
    """It is returned unchanged; a missing, empty or other value raises Unavailable."""
    assert Fields({"a": "x"}).text("a") == "x"
    with pytest.raises(Unavailable, match="a"):
        Fields(data).text("a")


def test_optional_text() -> None:
    """Null and a missing key are None; another type raises Unavailable."""
    assert Fields({"a": "x"}).optional_text("a") == "x"
    assert Fields({"a": None}).optional_text("a") is None
    assert Fields({}).optional_text("a") is None
    with pytest.raises(Unavailable):
        Fields({"a": 1}).optional_text("a")


@pytest.mark.parametrize("default", [True, False])
def test_flag(default: bool) -> None:
    """Only null and a missing key give the default; 0 and "true" are not booleans."""
    assert Fields({"a": True}).flag("a", default=default)
    assert not Fields({"a": False}).flag("a", default=default)
    assert Fields({"a": None}).flag("a", default=default) is default
    assert Fields({}).flag("a", default=default) is default
    wrongs: list[object] = [0, 1, "true", []]
    for wrong in wrongs:
        with pytest.raises(Unavailable):
            Fields({"a": wrong}).flag("a", default=default)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-03T12:00:00Z", datetime(2026, 11, 3, 12, tzinfo=UTC)),
        ("2026-11-03T12:00:00.123456Z", datetime(2026, 11, 3, 12, 0, 0, 123456, UTC)),
        ("2026-11-03T12:00:00.123456789Z", datetime(2026, 11, 3, 12, 0, 0, 123456, UTC)),
        ("2026-11-03T12:00:00.1Z", datetime(2026, 11, 3, 12, 0, 0, 100000, UTC)),
        ("2026-11-03T14:00:00+02:00", datetime(2026, 11, 3, 12, tzinfo=UTC)),
        ("2026-11-03T12:00:00", datetime(2026, 11, 3, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_time(text: str | None, time: datetime | None) -> None:
    """Seconds, micro- and nanoseconds are read; Go's zero time is None."""
    read = Fields({"a": text}).time("a")
    assert read == time
    assert read is None or read.tzinfo is not None


@pytest.mark.parametrize(
    "wrong",
    ["yesterday", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-12:00", 1700000000],
)
def test_malformed_time(wrong: object) -> None:
    """Text that is not a time, and a number, raise Unavailable."""
    with pytest.raises(Unavailable):
        Fields({"a": wrong}).time("a")


def test_objects() -> None:
    """Null and a missing key are an empty list."""
    fields = Fields({"one": {"a": "x"}, "many": [{"a": "x"}, {"a": "y"}], "none": None})
    assert (one := fields.object("one")) is not None
    assert one.text("a") == "x"
    assert fields.object("none") is None
    assert fields.object("missing") is None
    assert [item.text("a") for item in fields.objects("many")] == ["x", "y"]
    assert fields.objects("none") == ()
    assert fields.objects("missing") == ()


@pytest.mark.parametrize("data", [{}, {"a": None}])
def test_required_list_must_be_there(data: dict[str, Any]) -> None:
    """Null and a missing key raise Unavailable, an empty list does not."""
    assert Fields({"a": []}).objects("a", required=True) == ()
    with pytest.raises(Unavailable):
        Fields(data).objects("a", required=True)


@pytest.mark.parametrize("wrong", [{}, "x", 1, [1], ["x"], [None], [[]]])
def test_malformed_list_of_objects(wrong: object) -> None:
    """An object, a text or a list with anything else in it raises Unavailable."""
    with pytest.raises(Unavailable):
        Fields({"a": wrong}).objects("a")


def test_texts() -> None:
    """Null and a missing key are an empty list; other items raise Unavailable."""
    assert Fields({"a": ["x", "y"]}).texts("a") == ("x", "y")
    assert Fields({"a": None}).texts("a") == ()
    assert Fields({}).texts("a") == ()
    for wrong in ("x", [1], [None], {"x": 1}):
        with pytest.raises(Unavailable):
            Fields({"a": wrong}).texts("a")


def test_raw_keeps_unknown_keys() -> None:
    """Unknown keys are kept."""
    data = {"b": 1, "a": {"c": None}}
    assert Fields(data).raw() is data


def test_error_does_not_show_values() -> None:
    """A value may be a secret, so the error names only the key."""
    with pytest.raises(Unavailable) as caught:
        Fields({"token": ["secret"]}).text("token")
    assert "secret" not in str(caught.value)
