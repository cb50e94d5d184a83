"""Tests of what is told of a zone that cannot be read any more."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    NotFound,
    Permission,
    PermissionMissing,
    Rejected,
)
from custom_components.cloudflare_mtls.engine.api.models import Account, Zone
from custom_components.cloudflare_mtls.engine.sync.lost_zones import (
    Loss,
    LostZone,
    find_lost_zone,
)
from tests.engine.builders import ACCOUNT_ID, HOST, OTHER, ZONE_ID, ZONE_NAME, zone

NOT_FOUND = NotFound(1001, "Invalid zone identifier")
NOT_PERMITTED = PermissionMissing(Permission.ZONE_READ)
BOTH = [NOT_FOUND, NOT_PERMITTED]
ELSEWHERE = Account(id="somebody", name="Somebody else")
UNRELATED = replace(zone(), id="unrelated", name="example.net")
AGAIN = replace(zone(), id="again")
BELOW = replace(zone(), id="below", name=f"home.{ZONE_NAME}")


def found(
    error: PermissionMissing | Rejected,
    *zones: Zone,
    known_name: str | None = ZONE_NAME,
    hostnames: Collection[str] = (HOST, OTHER),
) -> LostZone | None:
    """Return what happened to the zone, if the token sees these."""
    return find_lost_zone(
        ZONE_ID,
        error,
        known_name=known_name,
        hostnames=hostnames,
        zones=iter(zones),
        account_id=ACCOUNT_ID,
    )


def lost(
    loss: Loss,
    *,
    name: str = ZONE_NAME,
    replacement: Zone | None = None,
    reason: str = "",
) -> LostZone:
    """Return the zone, lost in this way."""
    return LostZone(
        zone_id=ZONE_ID, name=name, loss=loss, replacement=replacement, reason=reason
    )


@pytest.mark.parametrize("others", [(), (UNRELATED,)], ids=["no other", "another"])
def test_zone_that_cloudflare_does_not_know_is_gone(others: tuple[Zone, ...]) -> None:
    """Nothing is left to change in it; a person reads Cloudflare's words."""
    gone = found(NOT_FOUND, *others)
    assert gone == lost(Loss.GONE, reason="Invalid zone identifier")


def test_zone_of_which_the_token_may_not_know_is_out_of_reach() -> None:
    """It may still be there, so nobody is told that it is gone."""
    assert found(NOT_PERMITTED, UNRELATED) == lost(Loss.OUT_OF_REACH)


def test_permission_for_zones_is_no_loss() -> None:
    """A token that sees the zone, or no zone at all, lacks a permission."""
    assert found(NOT_PERMITTED, zone()) is None
    assert found(NOT_PERMITTED) is None


def test_zone_that_is_there_and_cannot_be_read_is_refused() -> None:
    """It is called what it is called now, and a person reads why."""
    there = replace(zone(), name="example.org")
    error = Conflict(1, "being moved")
    refused = lost(Loss.REFUSED, name="example.org", reason="being moved")
    assert found(error, there) == refused
    assert found(error, there, AGAIN, UNRELATED) == refused


@pytest.mark.parametrize("error", BOTH)
def test_zone_of_another_account_is_told(error: PermissionMissing | Rejected) -> None:
    """The token still sees it; no other zone takes its place."""
    moved = replace(zone(), account=ELSEWHERE)
    told = found(error, AGAIN, moved)
    reason = "Invalid zone identifier" if error is NOT_FOUND else ""
    assert told == lost(Loss.OTHER_ACCOUNT, reason=reason)


@pytest.mark.parametrize("error", BOTH)
def test_domain_that_was_added_again_replaces_the_zone(
    error: PermissionMissing | Rejected,
) -> None:
    """The hostnames belong to the new zone, whatever Cloudflare says of the old one."""
    told = found(error, UNRELATED, AGAIN)
    assert told is not None
    assert (told.loss, told.replacement) == (Loss.REPLACED, AGAIN)


@pytest.mark.parametrize("error", BOTH)
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(AGAIN, account=ELSEWHERE), id="of another account"),
        pytest.param(replace(BELOW, name=HOST), id="of one hostname only"),
        pytest.param(UNRELATED, id="of another domain"),
    ],
)
def test_zone_that_cannot_have_the_hostnames_replaces_none(
    error: PermissionMissing | Rejected, other: Zone
) -> None:
    """Hostnames only move to a zone of this account that has them all."""
    told = found(error, other)
    assert told is not None
    expected = Loss.GONE if error is NOT_FOUND else Loss.OUT_OF_REACH
    assert (told.loss, told.replacement) == (expected, None)


@pytest.mark.parametrize("zones", [(AGAIN, BELOW), (BELOW, AGAIN)])
def test_most_specific_zone_is_the_replacement(zones: tuple[Zone, ...]) -> None:
    """Cloudflare serves a hostname by the zone that is closest to it."""
    told = found(NOT_FOUND, *zones, hostnames={f"ha.{BELOW.name}"})
    assert told is not None
    assert told.replacement == BELOW


def test_parent_replaces_only_a_zone_that_is_known_to_be_gone() -> None:
    """While the token may not see the zone, its parent does not have its hostnames."""
    hostnames = {f"ha.{BELOW.name}", f"ha.cabin.{BELOW.name}"}
    for known_name in (BELOW.name, None):
        gone = found(NOT_FOUND, AGAIN, known_name=known_name, hostnames=hostnames)
        unseen = found(NOT_PERMITTED, AGAIN, known_name=known_name, hostnames=hostnames)
        assert gone == lost(
            Loss.REPLACED,
            name=BELOW.name,
            replacement=AGAIN,
            reason="Invalid zone identifier",
        )
        assert unseen == lost(Loss.OUT_OF_REACH, name=BELOW.name)


def test_domain_is_guessed_from_the_hostnames_after_a_restart() -> None:
    """The shortest hostname tells it, so that a zone of this name replaces the lost one."""
    hostnames = {f"a.b.{BELOW.name}", f"long-name.{BELOW.name}", f"ha.{BELOW.name}"}
    told = found(NOT_PERMITTED, AGAIN, BELOW, known_name=None, hostnames=hostnames)
    assert told == lost(Loss.REPLACED, name=BELOW.name, replacement=BELOW)


def test_name_that_was_read_before_is_not_guessed() -> None:
    """A deep hostname would tell another domain, of which no zone may be there."""
    told = found(NOT_PERMITTED, AGAIN, hostnames={f"ha.{BELOW.name}"})
    assert told == lost(Loss.REPLACED, replacement=AGAIN)


@pytest.mark.parametrize("error", BOTH)
def test_zone_without_hostnames_is_replaced_by_none(
    error: PermissionMissing | Rejected,
) -> None:
    """It is called by its name where that is known, and else by its id."""
    for known_name in (ZONE_NAME, None):
        told = found(error, AGAIN, UNRELATED, known_name=known_name, hostnames=())
        assert told is not None
        assert not told.replacement
        assert told.loss in (Loss.GONE, Loss.OUT_OF_REACH)
        assert told.name == (known_name or ZONE_ID)


def test_only_a_zone_that_no_longer_exists_is_lost_for_good() -> None:
    """Its certificates and settings are forgotten only then."""
    assert {loss for loss in Loss if loss.is_final} == {Loss.GONE, Loss.REPLACED}
