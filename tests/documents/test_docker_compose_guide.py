"""A walk through the guide to Docker Compose: its files and commands are those of the dialog."""

from ipaddress import ip_address, ip_network
from typing import Any, cast

from homeassistant.components.http import ApiConfig
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml

from sandbox import Sandbox
from tests.common import submit
from tests.flows.new_tunnels import finish_with, named, to_connector

from .markdown import ROOT, blocks, commands

GUIDE = ROOT / "docs" / "guides" / "docker-compose.md"
HOME, CONNECTOR, IN_CONTAINERS = (
    cast("dict[str, Any]", parse_yaml(text)) for text in blocks(GUIDE, "yaml")
)
SERVICE, TRUSTED, ON_THE_MACHINE = (text.strip() for text in blocks(GUIDE, "text"))
ADDRESS = "192.168.1.10"


async def run_at(hass: HomeAssistant, address: str) -> None:
    """Have Home Assistant run at an address."""
    assert await async_setup_component(hass, "http", {})
    hass.http.server_port = 8123
    hass.config.api = ApiConfig(address, address, 8123, use_ssl=False)


def with_token(shown: str, token: str) -> dict[str, Any]:
    """Return the file that the dialog shows, with the guide's word in place of the token."""
    assert token in shown
    return cast("dict[str, Any]", parse_yaml(shown.replace(token, "THE_TOKEN")))


async def test_walk(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """From the new tunnel to the protected hostname."""
    await run_at(hass, ADDRESS)
    result = await to_connector(hass, sandbox)
    shown = result["description_placeholders"]
    assert with_token(str(shown["compose"]), shown["token"]) == CONNECTOR

    named(sandbox).connect()
    result = await submit(hass, result, {"wait": True})
    (service,) = (key for key in result["data_schema"].schema if key == "service")
    assert service.default() == SERVICE
    await finish_with(hass, sandbox, result)


async def test_commands(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """Those without Docker Compose are those of the dialog."""
    await run_at(hass, ADDRESS)
    shown = (await to_connector(hass, sandbox))["description_placeholders"]
    assert commands(GUIDE) == [
        "docker compose up --detach",
        "docker compose up --detach",
        *(
            str(shown[way]).replace(shown["token"], "THE_TOKEN")
            for way in ("docker", "debian")
        ),
    ]


async def test_network_of_containers(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """The dialog notices it, and says what to enter."""
    await run_at(hass, "172.28.0.5")
    shown = (await to_connector(hass, sandbox))["description_placeholders"]
    assert with_token(str(shown["compose"]), shown["token"]) == IN_CONTAINERS
    assert ON_THE_MACHINE.startswith(f"{_service_in(str(shown['network']))}:")


def test_trusted_proxies_are_those_of_the_network() -> None:
    """What the guide has people enter is the subnet of its file."""
    (pool,) = HOME["networks"]["default"]["ipam"]["config"]
    assert pool["subnet"] == TRUSTED
    network = ip_network(TRUSTED)
    gateway = next(network.hosts())
    assert f"`{gateway}`" in GUIDE.read_text("utf-8")
    assert ip_address(ADDRESS) not in network


def _service_in(note: str) -> str:
    """Return the address in a note, which is its only code."""
    return note.split("`")[1]
