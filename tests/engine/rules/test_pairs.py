"""Pairs of rules: their refs, and what is read of them."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Ruleset
from custom_components.cloudflare_mtls.engine.rules.marks import (
    block_ref,
    is_block_ref,
    is_skip_ref,
    pair_described,
    pair_of,
    skip_ref,
)
from custom_components.cloudflare_mtls.engine.rules.pairs import (
    Pair,
    pair_naming,
    read_pairs,
)
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    NEIGHBOUR,
    OTHER,
    SKIP_REF,
    admits,
    block_rule,
    rule,
    skip_rule,
)


def test_first_pair_has_the_refs_that_it_always_had() -> None:
    """Further ones get a number."""
    assert (block_ref(1), skip_ref(1)) == (BLOCK_REF, SKIP_REF)
    assert block_ref(2) == "cloudflare_mtls_block_2"
    assert skip_ref(12) == "cloudflare_mtls_skip_12"


@pytest.mark.parametrize("number", [1, 2, 9, 10, 45, 500])
def test_pair_is_known_by_its_refs(number: int) -> None:
    block, skip = block_ref(number), skip_ref(number)
    assert pair_of(block) == pair_of(skip) == number
    assert (is_block_ref(block), is_skip_ref(block)) == (True, False)
    assert (is_block_ref(skip), is_skip_ref(skip)) == (False, True)


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "foreign",
        "cloudflare_mtls",
        f"{BLOCK_REF}_",
        f"{BLOCK_REF}_0",
        f"{BLOCK_REF}_1",
        f"{SKIP_REF}_02",
        f"{SKIP_REF}_2x",
        f"{SKIP_REF}_-2",
        f"{BLOCK_REF}_٢",
        f"{BLOCK_REF}_2\n",
        f"{BLOCK_REF}_1000",
        f"my_{BLOCK_REF}",
        BLOCK_REF.upper(),
    ],
)
def test_ref_of_somebody_else(ref: str) -> None:
    assert pair_of(ref) is None
    assert not is_block_ref(ref)
    assert not is_skip_ref(ref)


@pytest.mark.parametrize(
    ("description", "number"),
    [
        ("Home Assistant: block devices without a certificate (2)", 2),
        ("Home Assistant: let devices with a certificate in (31)", 31),
        ("Home Assistant: block devices without a certificate", 1),
        ("Home Assistant: block devices without a certificate (1)", 1),
        ("Copy of Home Assistant: let devices with a certificate in (2)", 1),
        ("NAS (2)", 1),
        ("", 1),
    ],
)
def test_number_in_a_description(description: str, number: int) -> None:
    assert pair_described(description) == number


SECOND_BLOCK = replace(block_rule(OTHER), ref=block_ref(2))
SECOND_SKIP = replace(skip_rule(OTHER, NEIGHBOUR), ref=skip_ref(2))


def test_pairs_are_read_with_all_that_they_name() -> None:
    """The place of a rule does not matter, and a rule may be missing."""
    rules = (rule("log", "ssl"), SECOND_SKIP, block_rule(), SECOND_BLOCK)
    assert read_pairs(Ruleset(id="rs", rules=rules)) == (
        Pair(number=1, blocked={HOST: admits()}),
        Pair(
            number=2,
            blocked={OTHER: admits()},
            skipping={OTHER: admits(), NEIGHBOUR: admits()},
        ),
    )
    assert read_pairs(Ruleset(id="rs", rules=(rule("log", "ssl"),))) == ()


def test_hostname_is_in_the_pair_whose_block_rule_names_it() -> None:
    """Without a block rule, the skip rule tells."""
    first = Pair(number=1, blocked={HOST: admits()}, skipping={OTHER: admits()})
    second = Pair(number=2, blocked={OTHER: admits()}, skipping={NEIGHBOUR: admits()})
    pairs = (first, second)
    assert pair_naming(pairs, HOST) is first
    assert pair_naming(pairs, OTHER) is second
    assert pair_naming(pairs, NEIGHBOUR) is second
    assert pair_naming(pairs, "nas.example.com") is None


def test_hostname_that_two_pairs_name_is_where_it_is_named_as_it_must_be() -> None:
    """A change was stopped on its way; else the first pair counts."""
    wanted = admits(pinned=["a" * 64])
    first = Pair(number=1, blocked={HOST: admits()})
    second = Pair(number=2, blocked={HOST: wanted})
    assert pair_naming((first, second), HOST, wanted) is second
    assert pair_naming((first, second), HOST, admits("/x/")) is first
    assert pair_naming((first, second), HOST) is first


def test_hostname_that_is_added_again_has_its_new_admission() -> None:
    before, now = {HOST: admits()}, {HOST: admits(pinned=["a" * 64])}
    pair = Pair(number=1, blocked=before, skipping=before)
    assert pair.adding(now, {HOST}) == Pair(number=1, blocked=now, skipping=now)


def test_hostname_that_leaves_a_pair_is_in_neither_of_its_rules() -> None:
    both = dict.fromkeys([HOST, OTHER], admits())
    left = Pair(number=2, blocked=both, skipping=both).without({OTHER})
    one = {HOST: admits()}
    assert left == Pair(number=2, blocked=one, skipping=one)


def test_pair_without_a_good_certificate_has_no_skip_rule() -> None:
    nobody = {HOST: admits(pinned=())}
    assert Pair(number=1, blocked=nobody, skipping=nobody).rule_count == 1
    assert Pair(number=1, blocked=nobody).rule_count == 1
    someone = {HOST: admits()}
    assert Pair(number=1, blocked=someone, skipping=someone).rule_count == 2
