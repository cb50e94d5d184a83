"""Marks that skip tests whose programs are not installed."""

import pytest

from demo.browser import missing, missing_for_certificates


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test if programs are missing, and name them."""
    return _without(missing(*programs))


def needs_certificates_in_chromium() -> pytest.MarkDecorator:
    """Skip a test if Chromium cannot use client certificates, and say why."""
    return _without(missing_for_certificates())


def _without(things: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.skipif(bool(things), reason=f"missing: {', '.join(things)}")
