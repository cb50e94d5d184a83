"""Tests of the steps that choose zone, tunnel and hostname: what is refused, and why."""

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import TunnelStatus
from tests.common import sentences, submit, zone_of
from tests.dialogs import (
    finish,
    finish_from_hostname,
    start,
    to_hostname,
    to_zone,
    zone_and_tunnel,
)


@pytest.mark.parametrize(
    ("ingress", "hostname", "service"),
    [
        pytest.param([], "ha-mobile.example.com", "", id="a tunnel without hostnames"),
        pytest.param(
            [{"hostname": "example.com", "service": SERVICE}],
            "mobile.example.com",
            SERVICE,
            id="Home Assistant at the zone itself",
        ),
        pytest.param(
            [
                {"hostname": "a.example.com", "service": "http://a"},
                {"hostname": "b.example.com", "service": "http://homeassistant:80"},
            ],
            "b-mobile.example.com",
            "http://homeassistant:80",
            id="Home Assistant is not the first",
        ),
    ],
)
async def test_proposed_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ingress: list[dict[str, str]],
    hostname: str,
    service: str,
) -> None:
    """The proposed hostname resembles the one that browsers use."""
    config = sandbox.state.tunnels[sandbox.tunnel_id].config
    assert config
    config["ingress"] = [*ingress, {"service": "http_status:404"}]

    result = await to_hostname(hass, sandbox)

    proposed = result["data_schema"]({"advanced": {}})
    own = f"http://10.10.10.10:{hass.http.server_port}"
    assert proposed["hostname"] == hostname
    assert proposed["service"] == (service or own)


@pytest.mark.parametrize(
    ("status", "paused"), [("active", True), ("pending", False), ("moved", False)]
)
async def test_zone_that_is_not_active(
    hass: HomeAssistant, sandbox: Sandbox, status: str, paused: bool
) -> None:
    """A zone that Cloudflare does not serve is refused."""
    zone = zone_of(sandbox)
    zone.status, zone.paused = status, paused
    result = await to_zone(hass, sandbox)

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    assert result["step_id"] == "zone"
    assert result["errors"] == {"zone_id": "zone_not_active"}
    assert (
        "The domain example.com is paused or not active"
        in (sentences(result)["zone_id"])
    )
    assert sandbox.journal.writes == []

    hass.config_entries.flow.async_abort(result["flow_id"])
    zone.status, zone.paused = "active", False
    await finish(hass, sandbox, sandbox.token, await start(hass))


async def test_another_zone_instead_of_one_that_is_not_active(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The dialog continues with another zone."""
    paused = sandbox.state.add_zone("paused.example")
    paused.paused = True
    result = await to_zone(hass, sandbox)
    result = await submit(
        hass, result, {"zone_id": paused.id, "tunnel_id": sandbox.tunnel_id}
    )
    assert result["errors"] == {"zone_id": "zone_not_active"}

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    await finish_from_hostname(hass, sandbox, result)


async def test_zone_that_becomes_active_while_the_dialog_is_open(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The dialog continues once the zone is active."""
    zone_of(sandbox).paused = True
    result = await to_zone(hass, sandbox)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["errors"] == {"zone_id": "zone_not_active"}

    zone_of(sandbox).paused = False
    result = await submit(hass, result, zone_and_tunnel(sandbox))

    await finish_from_hostname(hass, sandbox, result)


async def test_tunnel_that_was_deleted_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The dialog says so, and continues with another tunnel."""
    old = sandbox.state.add_tunnel("old")
    old.status = TunnelStatus.HEALTHY
    result = await to_zone(hass, sandbox)
    old.deleted_at = dt_util.utcnow()

    result = await submit(
        hass, result, {"zone_id": sandbox.zone_id, "tunnel_id": old.id}
    )

    assert result["step_id"] == "zone"
    assert result["errors"] == {"tunnel_id": "tunnel_deleted"}
    assert sentences(result)["tunnel_id"] == (
        "The tunnel old was deleted at Cloudflare. Nothing was changed. "
        "Choose another tunnel."
    )
    assert sandbox.journal.writes == []

    result = await submit(hass, result, zone_and_tunnel(sandbox))
    await finish_from_hostname(hass, sandbox, result)
