"""Counts how much work a call is, so that tests can bound it without a clock."""

from collections.abc import Callable
import sys
from types import FrameType
from typing import Any


def lines_of(call: Callable[[], Any]) -> int:
    """Return how many lines of Python a call executes, those of libraries included."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
