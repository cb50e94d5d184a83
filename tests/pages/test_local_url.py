"""Tests of the address in a handover's link: on the local network, and encrypted where that is possible."""

from homeassistant.components.http import ApiConfig
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.common import act


@pytest.mark.parametrize(
    ("internal_url", "tls", "address"),
    [
        ("http://192.168.1.10:8123", False, "http://192.168.1.10:8123"),
        ("http://ha.local:8123", False, "http://ha.local:8123"),
        ("https://ha.example.com", False, "https://ha.example.com"),
        (None, False, "http://192.168.1.5:8123"),
        # Home Assistant answers over https alone at its own port.
        ("http://192.168.1.10:8123", True, "https://192.168.1.10:8123"),
        ("http://ha.local:8123", True, "https://ha.local:8123"),
        ("https://192.168.1.10:8123", True, "https://192.168.1.10:8123"),
        # At another port a proxy answers, over what was set.
        ("http://ha.local", True, "http://ha.local"),
        (None, True, ""),
        # A host that no other device knows.
        ("http://homeassistant:8123", False, "http://192.168.1.5:8123"),
        ("http://127.0.0.1:8123", False, "http://192.168.1.5:8123"),
        ("https://localhost:8123", True, ""),
    ],
)
async def test_address(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    internal_url: str | None,
    tls: bool,
    address: str,
) -> None:
    """Nothing is offered at an address from outside."""
    await hass.config.async_update(
        internal_url=internal_url, external_url="https://home.example.com"
    )
    hass.config.api = ApiConfig(
        local_ip="192.168.1.5", host="0.0.0.0", port=8123, use_ssl=tls
    )

    created = await act(
        hass, loaded_entry, "mint_certificate", name="Pixel 8", system="ios"
    )

    assert created["handover_url"].partition("/api/")[0] == address


async def test_address_for_android(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Many of its browsers find no name that ends with .local."""
    await hass.config.async_update(internal_url="http://ha.local:8123")
    hass.config.api = ApiConfig("192.168.1.5", "0.0.0.0", 8123, use_ssl=False)

    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert created["handover_url"].startswith("http://192.168.1.5:8123/api/")
