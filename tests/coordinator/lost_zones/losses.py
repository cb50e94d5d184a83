"""How a domain is lost at Cloudflare, and what is seen of it afterwards."""

from collections.abc import Callable

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from sandbox import Sandbox
from sandbox.state import Zone
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    SECOND_LOOK,
    SKIP_REF,
    reported,
    wait_for_refresh,
)
from tests.faults import Faults

CABIN = "cabin-mobile.example.org"
CABIN_DRIFT = "binary_sensor.cabin_mobile_example_org_drift"
CABIN_ENFORCED = "binary_sensor.cabin_mobile_example_org_enforced"
HOME_DRIFT = "binary_sensor.home_mobile_example_com_drift"
PHONE = "sensor.pixel_8_certificate_status"
TABLET = "sensor.tablet_certificate_status"
# Nothing blocks a visit in a domain that was just added again, and none arrives where it is gone.
SEEN_BY_VISITS = {"not_enforced_unread", "no_edge_certificate"}
TABLET_ID = "01JTABLET00000000000000002"


type Lose = Callable[[Sandbox, Faults, Zone], None]


def purge(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone, so that Cloudflare does not know its id any more."""
    del sandbox.state.zones[zone.id]


def purge_with_status_400(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone; some endpoints answer so."""
    purge(sandbox, faults, zone)
    faults.refuse("*", zone.id, 400, 1001, "Invalid zone identifier")


def narrow_the_token(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Limit the token to the other zone."""
    sandbox.state.tokens[sandbox.token].zones = frozenset({sandbox.zone_id})


def move_away(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Move the zone to another account, which the token does not reach."""
    zone.account_id = sandbox.state.add_account().id
    narrow_the_token(sandbox, faults, zone)


def move_within_reach(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Move the zone to another account of the same person."""
    zone.account_id = sandbox.state.add_account().id
    faults.refuse("*", f"{zone.id}/", 403, 9109, "Unauthorized to access resource")


def refuse_to_answer(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Refuse whatever is asked about a zone that is there."""
    faults.refuse("*", f"{zone.id}/", 400, 1234, "This zone is locked")


def purge_and_answer_403(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone; some endpoints answer as if it were somebody else's."""
    purge(sandbox, faults, zone)
    faults.refuse("*", zone.id, 403, 9109, "Unauthorized to access requested resource")


def replace(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone, and add it again under another id."""
    purge(sandbox, faults, zone)
    sandbox.state.add_zone(zone.name)


def replace_and_answer_403(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone and add it again; the old one answers as if it were somebody else's."""
    purge_and_answer_403(sandbox, faults, zone)
    sandbox.state.add_zone(zone.name)


LOSSES = {
    "zone_gone": [purge, purge_with_status_400],
    "zone_out_of_reach": [narrow_the_token, move_away, purge_and_answer_403],
    "zone_other_account": [move_within_reach],
    "zone_refused": [refuse_to_answer],
    "zone_replaced": [replace, replace_and_answer_403],
}
each_loss = pytest.mark.parametrize(
    ("lose", "key"),
    [
        pytest.param(lose, key, id=lose.__name__)
        for key, losses in LOSSES.items()
        for lose in losses
    ],
)


def remove_our_rules(zone: Zone) -> None:
    """Delete both rules, as somebody may in the dashboard: the hostname is open."""
    zone.rules[:] = [
        rule for rule in zone.rules if rule.ref not in (BLOCK_REF, SKIP_REF)
    ]


def has_our_rules(zone: Zone) -> bool:
    """Return whether both rules are there."""
    return {BLOCK_REF, SKIP_REF} <= {rule.ref for rule in zone.rules}


async def lose_and_look_twice(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Have Home Assistant look, and look again because it could not read all."""
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) <= SEEN_BY_VISITS
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
