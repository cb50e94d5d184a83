"""What policies and groups say: whatever is changed there, it is told from what was seen before."""

from json import loads
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.contents import contents_of
from custom_components.cloudflare_mtls.engine.api.access_models import AccessGroup
from tests.engine.access.helpers import OWNER, PARTNER
from tests.engine.access.worlds import group, policy

MAIL: dict[str, Any] = {"email": {"email": OWNER}}
OTHER: dict[str, Any] = {"email": {"email": PARTNER}}
INNER: dict[str, Any] = {"group": {"id": "inner"}}
OUTER: dict[str, Any] = {"group": {"id": "outer"}}


def groups(**inner: Any) -> dict[str, AccessGroup]:
    """Return a group that names another one, which names the first."""
    outer = group(id="outer", include=[INNER])
    return {
        "outer": outer,
        "inner": group(id="inner", **({"include": [MAIL, OUTER]} | inner)),
    }


SEEN: dict[str, Any] = {"include": [MAIL, OUTER], "require": [MAIL]}


@pytest.mark.parametrize(
    "changed",
    [
        {"decision": "bypass"},
        {"include": [OTHER, OUTER]},
        {"include": [MAIL, OTHER, OUTER]},
        {"include": [MAIL]},
        {"require": []},
        {"exclude": [MAIL]},
        {"session_duration": "8760h"},
    ],
    ids=str,
)
def test_changed_policy(changed: dict[str, Any]) -> None:
    before = contents_of([policy(**SEEN)], groups())
    assert contents_of([policy(**SEEN | changed)], groups()) != before


@pytest.mark.parametrize(
    "changed", [{"include": [MAIL, OTHER, OUTER]}, {"require": [MAIL]}], ids=str
)
def test_changed_group(changed: dict[str, Any]) -> None:
    """Groups that a policy names, and those that these name, say who gets in as well."""
    before = contents_of([policy(**SEEN)], groups())
    assert contents_of([policy(**SEEN)], groups(**changed)) != before
    assert contents_of([policy(**SEEN)], {}) != before


def test_what_changes_nothing() -> None:
    """Neither the order in which Cloudflare lists people, nor a group that is not named."""
    before = contents_of([policy(include=[MAIL, OTHER], name="A")], groups())
    same = policy(include=[OTHER, MAIL], name="B", updated_at="2026-12-01T00:00:00Z")
    assert contents_of([same], groups(include=[OTHER])) == before


def test_one_more() -> None:
    one, two = policy(include=[MAIL]), policy(decision="deny", include=[OTHER])
    assert len({contents_of(each, {}) for each in ([], [one], [one, two])}) == 3


def test_text_says_nothing_of_how_it_is_kept() -> None:
    """An ignored repair is known by it, also to a later version."""
    said = contents_of([policy(include=[MAIL])], {})
    rules = {
        "exclude": [],
        "include": [f'{{"email":{{"email":"{OWNER}"}}}}'],
        "require": [],
    }
    assert loads(said) == [["allow"], [rules]]
