"""Cloudflare answers for a while that a list is empty which was full a quarter of an hour ago."""

from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import SERVICE
from tests.common import EDGE_EVERY, HOSTNAME, records_of, wait_for_refresh, zone_of
from tests.coordinator.test_removals import remove
from tests.faults import Faults
from tests.sandbox.helpers import visitor


def answer(result: Any) -> dict[str, Any]:
    """Return an envelope of success."""
    return {"success": True, "errors": [], "messages": [], "result": result}


def foreign(sandbox: Sandbox) -> Any:
    """Return what others have in the lists that are written as a whole."""
    zone, tunnel = zone_of(sandbox), sandbox.state.tunnels[sandbox.tunnel_id]
    return deepcopy(
        (
            [name for name in zone.associations or () if name != HOSTNAME],
            [rule for rule in tunnel.ingress if rule.get("hostname") != HOSTNAME],
        )
    )


async def test_empty_for_more_than_an_hour(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Their owner took them away: then it is believed, and ours is written again."""
    zone_of(sandbox).associations = []
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert zone_of(sandbox).associations == []

    freezer.tick(timedelta(hours=1))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert zone_of(sandbox).associations == [HOSTNAME]


async def test_last_records_that_somebody_deleted(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Each is asked for once, and is gone: ours is created again at once."""
    zone_of(sandbox).dns_records.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert [record.name for record in records_of(sandbox)] == [HOSTNAME]


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("/hostname_associations", {"hostnames": []}),
        ("/hostname_associations", {}),
        ("/configurations", {"config": None, "version": 12, "source": "cloudflare"}),
        ("/configurations", {"config": {"ingress": None}, "version": 12}),
    ],
    ids=["no associations", "associations left out", "no configuration", "no rules"],
)
async def test_foreign_things_stay(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
    result: Any,
) -> None:
    """What others have there is not written away because of it; it is tried again later."""
    before = foreign(sandbox)
    assert all(before)
    faults.add("GET", path, status=200, body=answer(result))
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert foreign(sandbox) == before


async def test_removed_while_the_records_come_back_empty(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """The tunnel's last rule leads home too: the block rule stays while the hostname's record is still there."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    own = {"hostname": HOSTNAME, "service": SERVICE}
    tunnel.config = {"ingress": [own, {"service": SERVICE}]}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.add("GET", "/dns_records", status=200, body=answer([]))
    await remove(hass, loaded_entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.clear()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    async with visitor(sandbox, tmp_path) as stranger:
        reply = await stranger.get(HOSTNAME, "/auth/authorize")
        text = await reply.text()
    assert ("403: Forbidden" in text, records_of(sandbox)) == (False, [])
