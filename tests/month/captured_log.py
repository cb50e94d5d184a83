"""What is written to the log meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
import logging
from typing import Self, override
from unittest.mock import patch


class Log(logging.Handler):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._records: list[logging.LogRecord] = []

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Self]:
        """Listen instead of pytest, which keeps all until its test is over: a month is long."""
        log = cls()
        with patch.object(logging.getLogger(), "handlers", [log]):
            yield log

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)

    def take(self) -> list[logging.LogRecord]:
        """Return what was written since the last time."""
        records, self._records = self._records, []
        return records
