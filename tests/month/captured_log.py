"""The log, captured without pytest."""

from collections.abc import Iterator
from contextlib import contextmanager
import logging
from typing import Self, override
from unittest.mock import patch


class CapturedLog(logging.Handler):
    """A handler that keeps records until they are taken."""

    def __init__(self) -> None:
        """Start without records."""
        super().__init__()
        self._records: list[logging.LogRecord] = []

    @classmethod
    @contextmanager
    def capturing(cls) -> Iterator[Self]:
        """Capture the log in place of pytest, which would keep the records of a whole month."""
        log = cls()
        with patch.object(logging.getLogger(), "handlers", [log]):
            yield log

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)

    def take(self) -> list[logging.LogRecord]:
        """Return the records since the last time."""
        records, self._records = self._records, []
        return records
