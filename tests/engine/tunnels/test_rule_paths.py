"""Tests of which paths an ingress rule is for: what is said of its expression is right, or nothing is said."""

import re

from hypothesis import given, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.tunnels.rule_paths import (
    includes_start_page,
)


@pytest.mark.parametrize(
    "path",
    [None, "/", "^/", "/$", "^/$", ".*", "^.*$", "/.*", "^/.*", "^/.*$", "^/?", "^"],
)
def test_start_page(path: str | None) -> None:
    assert includes_start_page(path) is True


@pytest.mark.parametrize(
    "path",
    [
        "^/api",
        "/api/.*",
        "^/?api(/.*)?$",
        r"^\/api/",
        r"\.(jpg|png|css|js)$",
        "^/-/health",
        "auth+",
    ],
)
def test_other_pages(path: str) -> None:
    assert includes_start_page(path) is False


@pytest.mark.parametrize(
    "path",
    [
        "^/(api|auth)",
        "^/api|^/$",
        "^/a?",
        "a*",
        "^/a{0,1}",
        "^/[a-z]",
        "/api[(]|/",
        r"/api\(|/",
        r"api\Q(\E|/",
        "api)|/",
        "(?i)/api",
        "^$",
        "//",
        r"\w",
        "(",
    ],
)
def test_pages_that_nobody_knows(path: str) -> None:
    assert includes_start_page(path) is None


@given(
    st.lists(
        st.sampled_from(
            [*"^$/.ab*+?|(){}-%", r"\.", r"\/", r"\(", "{0,1}", "{2}", "[^a]", "[(]"]
        ),
        max_size=7,
    ).map("".join)
)
def test_nothing_wrong_is_said(path: str) -> None:
    """Python reads these as Go does."""
    said = includes_start_page(path)
    try:
        found = re.search(path, "/") is not None
    except re.error:
        return
    assert said in (None, found)
