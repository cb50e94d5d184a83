"""Our rules are known where another tool took their marks away, and no other rule is."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Rule, Ruleset
from custom_components.cloudflare_mtls.engine.rules.marks import (
    BLOCK_REF,
    SKIP_REF,
    block_description,
    block_ref,
    skip_description,
    skip_ref,
)
from custom_components.cloudflare_mtls.engine.rules.recognition import with_marks
from tests.engine.builders import HOST, OTHER, block_rule, rule, skip_rule

NAS = rule("block", 'http.host eq "nas.example.com"', "nas")


def wiped(item: Rule, ref: str) -> Rule:
    """Return a rule as a tool leaves it that replaces the whole list."""
    return replace(item, ref=ref)


def marked(*rules: Rule) -> list[tuple[str, bool]]:
    """Return the ref of each rule, and whether it was given back."""
    found = with_marks(Ruleset(id="rs", rules=rules)).rules
    assert [replace(item, ref="", lost_mark=False) for item in found] == [
        replace(item, ref="", lost_mark=False) for item in rules
    ]
    return [(item.ref, item.lost_mark) for item in found]


def test_both_are_known_by_what_they_do() -> None:
    """The others stay as they are, in their order."""
    assert marked(
        NAS, wiped(skip_rule(HOST, OTHER), "x"), wiped(block_rule(HOST), "y")
    ) == [("nas", False), (SKIP_REF, True), (BLOCK_REF, True)]


def test_rule_with_our_ref_is_the_one() -> None:
    """A copy of it without the ref is somebody else's."""
    assert marked(wiped(block_rule(), "copy"), block_rule()) == [
        ("copy", False),
        (BLOCK_REF, False),
    ]


def test_only_the_first_of_two_gets_the_ref() -> None:
    """There is one of each."""
    assert marked(wiped(skip_rule(), "x"), wiped(skip_rule(), "y")) == [
        (SKIP_REF, True),
        ("y", False),
    ]


@pytest.mark.parametrize(
    "like_ours",
    [
        pytest.param(replace(block_rule(), action="log"), id="another action"),
        pytest.param(replace(block_rule(), action="skip"), id="the other action"),
        pytest.param(replace(skip_rule(), action="block"), id="the other expression"),
        pytest.param(
            replace(block_rule(), has_other_conditions=True), id="more conditions"
        ),
        pytest.param(rule("block", "false"), id="no hostname"),
        pytest.param(rule("skip", ""), id="no expression"),
        pytest.param(rule("block", "not ("), id="no expression that can be parsed"),
        pytest.param(
            replace(block_rule(), expression=f"{block_rule().expression} and ssl"),
            id="one more operand",
        ),
        pytest.param(
            rule("block", f'http.host in {{"{HOST}"}}'), id="written in another way"
        ),
    ],
)
def test_rule_that_only_resembles_ours(like_ours: Rule) -> None:
    """Somebody wrote it, so it stays theirs."""
    assert marked(wiped(like_ours, "theirs")) == [("theirs", False)]


def of_second(item: Rule) -> Rule:
    """Return a rule of the second pair, as a plan writes it, without its ref."""
    return replace(
        item,
        ref="wiped",
        description=(block_description if item.action == "block" else skip_description)(
            2
        ),
    )


def test_rules_of_each_pair_are_known_by_their_descriptions() -> None:
    """Whatever their order is now."""
    assert marked(
        of_second(block_rule(OTHER)),
        wiped(skip_rule(HOST), "x"),
        NAS,
        of_second(skip_rule(OTHER)),
        wiped(block_rule(HOST), "y"),
    ) == [
        (block_ref(2), True),
        (SKIP_REF, True),
        ("nas", False),
        (skip_ref(2), True),
        (BLOCK_REF, True),
    ]


def test_one_rule_of_the_second_pair_lost_its_ref() -> None:
    assert marked(skip_rule(), block_rule(), of_second(block_rule(OTHER))) == [
        (SKIP_REF, False),
        (BLOCK_REF, False),
        (block_ref(2), True),
    ]


def test_copy_of_our_rule_is_no_second_pair() -> None:
    """Somebody copied ours and changed the hostname: without our description it is theirs."""
    copy = replace(block_rule(OTHER), ref="copy", description="NAS")
    assert marked(block_rule(), copy) == [(BLOCK_REF, False), ("copy", False)]
    there = replace(block_rule(OTHER), ref=block_ref(2))
    assert marked(there, of_second(block_rule())) == [
        (block_ref(2), False),
        ("wiped", False),
    ]


def test_rule_of_another_kind_is_none_of_the_second_pair() -> None:
    like_ours = replace(of_second(block_rule(OTHER)), action="log")
    assert marked(like_ours) == [("wiped", False)]
