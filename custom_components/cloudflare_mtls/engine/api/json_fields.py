"""Typed reading of JSON that may have any shape."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

import orjson

from .errors import Unavailable

# Two bytes of JSON can become an object of 80. A page of 1,000 certificates has 30,000 values.
_MAX_VALUES: Final = 300_000


def malformed(key: str) -> Unavailable:
    """Return the error for an answer in which a required field is missing or wrong."""
    return Unavailable(f"malformed answer: {key}")


def decoded(content: bytes) -> Mapping[str, Any]:
    """Return an object in JSON; raise Unavailable where it is none, or has too many values.

    Unlike the json module, this takes no NaN, no infinity, no half of a surrogate pair and no
    nesting that exhausts the stack; none of them could be written, stored or shown again.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise malformed("too many values")
    try:
        data = orjson.loads(content)
    except ValueError as err:
        raise Unavailable("malformed answer") from err
    if not isinstance(data, Mapping):
        raise Unavailable("malformed answer")
    return data


def encoded(value: object) -> str:
    """Return a value as JSON that depends on nothing but what it says: the keys are sorted."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


class Fields:
    """The fields of one JSON object; a missing one, or one of another type, raises Unavailable."""

    def __init__(self, data: object) -> None:
        """Take any JSON value; only an object has fields."""
        if not isinstance(data, Mapping):
            raise malformed("not an object")
        self._data: Mapping[str, Any] = data

    def text(self, key: str) -> str:
        """Return a string that is required and not empty."""
        if value := self.optional_text(key):
            return value
        raise malformed(key)

    def optional_text(self, key: str) -> str | None:
        """Return a string, or None where it is null or left out."""
        value = self._data.get(key)
        if value is None or isinstance(value, str):
            return value
        raise malformed(key)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean, or the default where it is null or left out."""
        value = self._data.get(key)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        raise malformed(key)

    def number(self, key: str) -> int | None:
        """Return a whole number, or None where it is null or left out."""
        value = self._data.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise malformed(key)

    def time(self, key: str) -> datetime | None:
        """Return an aware time, or None where it is null, left out or Go's zero time.

        Cloudflare writes seconds, micro- or nanoseconds, always in UTC.
        """
        if not (value := self.optional_text(key)):
            return None
        try:
            parsed = datetime.fromisoformat(value)
            if parsed.year == 1:
                return None
            # Some times of the year 9999 have no equal in another time zone.
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(
                UTC
            )
        except (ValueError, OverflowError) as err:
            raise malformed(key) from err

    def object(self, key: str) -> Self | None:
        """Return an object, or None where it is null or left out."""
        value = self._data.get(key)
        return None if value is None else type(self)(value)

    def objects(self, key: str, *, required: bool = False) -> tuple[Self, ...]:
        """Return a list of objects; null or left out means none, unless it is required."""
        if required and self._data.get(key) is None:
            raise malformed(key)
        return tuple(type(self)(item) for item in self.values(key))

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """Return a list of strings; null means none, and so does left out, unless it is required."""
        if required and key not in self._data:
            raise malformed(key)
        values = self.values(key)
        if all(isinstance(value, str) for value in values):
            return values
        raise malformed(key)

    def values(self, key: str) -> tuple[Any, ...]:
        """Return a list of anything; null or left out means none."""
        value = self._data.get(key)
        if value is None:
            return ()
        if isinstance(value, list):
            return tuple(value)
        raise malformed(key)

    def raw(self) -> Mapping[str, Any]:
        """Return the object as it came, unknown keys included."""
        return self._data
