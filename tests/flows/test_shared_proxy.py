"""Tests of a tunnel in which one reverse proxy serves Home Assistant and other applications."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from sandbox import Sandbox
from tests.common import choose, submit
from tests.dialogs import finish_from_preview, to_hostname

PROXY = "http://localhost:30280"


def behind_the_proxy(name: str, **more: Any) -> dict[str, Any]:
    """Return the ingress rule of an application behind the proxy."""
    hostname = f"{name}.example.com"
    return {
        "hostname": hostname,
        "service": PROXY,
        "originRequest": {"httpHostHeader": hostname, "noTLSVerify": False, **more},
    }


def serve(sandbox: Sandbox, *ingress: dict[str, Any]) -> None:
    """Have the tunnel serve these, and nothing else."""
    config = sandbox.state.tunnels[sandbox.tunnel_id].config
    assert config
    config["ingress"] = [*ingress, {"service": "http_status:404"}]


def proposed(result: Any) -> tuple[str, str]:
    """Return the hostname and the service that the form proposes."""
    values = result["data_schema"]({"advanced": {}})
    return values["hostname"], values["service"]


async def as_home_assistant(hass: HomeAssistant, result: Any) -> Any:
    """Say that Home Assistant is behind the service, which only the proxy knows."""
    assert result["step_id"] == "purpose"
    return await submit(hass, result, {"purpose": "home_assistant"})


async def test_hostname_of_home_assistant_among_ten_others(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The new rule asks the proxy for Home Assistant, and the preview shows by which settings."""
    names = ("grafana", "prometheus", "home")
    serve(sandbox, *(behind_the_proxy(name) for name in names))
    result = await to_hostname(hass, sandbox)
    assert proposed(result) == ("home-mobile.example.com", PROXY)

    result = await as_home_assistant(hass, await submit(hass, result, choose()))

    assert (
        "to `http://localhost:30280`. The new rule takes over these settings from another rule"
        ' for the same service: `httpHostHeader: "home.example.com"`, `noTLSVerify: false`.'
    ) in result["description_placeholders"]["changes"]
    assert sandbox.journal.writes == []
    await finish_from_preview(hass, sandbox, result)
    written = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    assert behind_the_proxy("home") in written
    assert {
        **behind_the_proxy("home"),
        "hostname": "home-mobile.example.com",
    } in written


async def test_settings_that_changed_after_the_preview(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """They are shown again, and nothing is written before a person confirms them."""
    serve(sandbox, behind_the_proxy("home"))
    result = await submit(hass, await to_hostname(hass, sandbox), choose())
    result = await as_home_assistant(hass, result)
    serve(sandbox, behind_the_proxy("home", noTLSVerify=True))

    result = await submit(hass, result)

    assert result["step_id"] == "preview"
    assert result["errors"] == {"base": "changed_meanwhile"}
    assert "`noTLSVerify: true`" in result["description_placeholders"]["changes"]
    assert sandbox.journal.writes == []
    await finish_from_preview(hass, sandbox, result)


async def test_nothing_to_take_over(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """The preview does not speak of settings where there are none."""
    result = await submit(hass, await to_hostname(hass, sandbox), choose())
    assert "settings" not in result["description_placeholders"]["changes"]


@pytest.mark.parametrize(
    ("names", "hostname"),
    [
        (("grafana", "ha"), "ha-mobile.example.com"),
        (("grafana", "hass", "nas"), "hass-mobile.example.com"),
        (("photos", "homeassistant"), "homeassistant-mobile.example.com"),
        (("photos", "home-assistant"), "home-assistant-mobile.example.com"),
        # Nothing tells which is Home Assistant's.
        (("photos", "casa"), "photos-mobile.example.com"),
    ],
)
async def test_usual_names(
    hass: HomeAssistant, sandbox: Sandbox, names: tuple[str, ...], hostname: str
) -> None:
    """Where all rules have the same service, the name tells."""
    serve(sandbox, *(behind_the_proxy(name) for name in names))
    assert proposed(await to_hostname(hass, sandbox)) == (hostname, PROXY)


@pytest.mark.parametrize("setting", ["external_url", "internal_url"])
async def test_address_that_home_assistant_is_set_to(
    hass: HomeAssistant, sandbox: Sandbox, setting: str
) -> None:
    """It says more than any name and any port."""
    await hass.config.async_update(**{setting: "https://Casa.example.com"})
    own = {"hostname": "old.example.com", "service": "http://192.168.1.20:8123"}
    serve(sandbox, own, *(behind_the_proxy(name) for name in ("home", "casa")))
    assert proposed(await to_hostname(hass, sandbox)) == (
        "casa-mobile.example.com",
        PROXY,
    )
