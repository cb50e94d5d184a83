"""The whole log of a test, as verbose as it can be."""

import logging

import pytest


def log_everything(caplog: pytest.LogCaptureFixture) -> None:
    """Have every logger say all it can from now on: call it before anything is set up."""
    caplog.set_level(logging.DEBUG)
    for name in logging.root.manager.loggerDict:
        caplog.set_level(logging.DEBUG, name)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was logged, with what a record carries beside its text."""
    return caplog.text + "".join(f"{vars(record)}" for record in caplog.records)
