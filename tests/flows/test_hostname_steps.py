"""Tests of the steps that choose zone, tunnel and hostname: what is refused, and why."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from sandbox import Sandbox
from sandbox.seed import SERVICE
from tests.common import choose, sentences, submit, zone_of
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
        "The zone example.com is paused or not active" in (sentences(result)["zone_id"])
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


async def test_tunnel_that_is_managed_locally(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A tunnel that is managed by a local config file is refused."""
    local = sandbox.state.add_tunnel("old", config_src="local")
    result = await to_zone(hass, sandbox)

    result = await submit(
        hass, result, {"zone_id": sandbox.zone_id, "tunnel_id": local.id}
    )

    assert result["step_id"] == "zone"
    assert result["errors"] == {"tunnel_id": "tunnel_managed_locally"}
    assert sentences(result)["tunnel_id"].startswith(
        "The tunnel old takes its settings"
    )
    assert sandbox.journal.writes == []

    result = await submit(hass, result, zone_and_tunnel(sandbox))
    await finish_from_hostname(hass, sandbox, result)


@pytest.mark.parametrize(
    ("changes", "field", "error", "words"),
    [
        *(
            pytest.param(
                {"hostname": hostname},
                "hostname",
                "hostname_malformed",
                "This is not a hostname",
                id=f"hostname {hostname!r}",
            )
            for hostname in (
                "",
                "mobile",
                "https://ha.example.com",
                "ha.example.com:8123",
                "ha.example.com/path",
                "*.example.com",
                "ha_mobile.example.com",
                "-ha.example.com",
                "xn--zzzzzz.example.com",
                f"{'a' * 64}.example.com",
            )
        ),
        *(
            pytest.param(
                {"hostname": hostname},
                "hostname",
                "hostname_outside_zone",
                "does not belong to the zone example.com",
                id=f"hostname {hostname!r}",
            )
            for hostname in (
                "ha.example.net",
                "ha.notexample.com",
                "example.com.evil.net",
            )
        ),
        pytest.param(
            {"hostname": "nas.example.com"},
            "hostname",
            "hostname_in_use",
            "nas.example.com already leads to http://192.168.1.20:5000",
            id="another service in the ingress",
        ),
        pytest.param(
            {"hostname": "vpn.example.com"},
            "hostname",
            "hostname_in_use",
            "vpn.example.com already leads to 198.51.100.7",
            id="a foreign DNS record",
        ),
        *(
            pytest.param(
                {"service": service},
                "service",
                "service_malformed",
                "This is not the address of a service",
                id=f"service {service!r}",
            )
            for service in (
                "",
                "homeassistant.local:8123",
                "ssh://homeassistant.local",
                "http_status:200",
                "http://homeassistant.local:8123/lovelace",
                "http://home assistant:8123",
                "http://[1]:8123",
                "http://[:::]",
                "http://:8123",
                "http://homeassistant:8123/",
                "http://homeassistant:99999",
            )
        ),
        *(
            pytest.param(
                {"advanced": {"exempt_paths": ["/api/webhook/", path]}},
                "base",
                "exempt_path_malformed",
                f"{path.strip()} can't be exempt",
                id=f"path {path!r}",
            )
            for path in (
                "/",
                "//",
                "api/webhook/",
                "api/webhook",
                "/api/*/",
                "/api/../",
                "/api/..",
                "/api/google_assistant/../states",
                "/api/google_assistant%2f..",
                '/api/" or 1/',
                "/ä/",
            )
        ),
    ],
)
async def test_input_that_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    changes: dict[str, Any],
    field: str,
    error: str,
    words: str,
) -> None:
    """The message stands beside its field, and the dialog continues once it is corrected."""
    result = await to_hostname(hass, sandbox)

    result = await submit(hass, result, {**choose(), **changes})

    assert result["step_id"] == "hostname"
    assert result["errors"] == {field: error}
    assert words in sentences(result)[field]
    assert sandbox.journal.writes == []

    await finish_from_hostname(hass, sandbox, result)
