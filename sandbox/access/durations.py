"""Durations as Go writes them, such as 24h or 1h30m."""

from datetime import timedelta
import re

_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
# A longer one could not be added to a date.
_LONGEST = timedelta(days=36_500)


def duration(text: str) -> timedelta | None:
    """Return a duration; None for text that is none."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > _LONGEST.total_seconds():
        return None
    return timedelta(seconds=seconds)
