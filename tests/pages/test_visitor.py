"""Tests of where a visitor is, for connections that have no address."""

from unittest.mock import Mock

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS
from homeassistant.setup import async_setup_component

from custom_components.cloudflare_mtls.pages.visitor import (
    came_through_tunnel,
    is_at_home,
)


async def test_connection_without_an_address(hass: HomeAssistant) -> None:
    """A Unix socket names nobody: the visitor is neither at home nor behind a tunnel."""
    assert await async_setup_component(hass, "http", {})
    application = web.Application()
    application[KEY_HASS] = hass
    socket = Mock(get_extra_info=lambda name, default=None: default)

    def request(headers: dict[str, str]) -> web.Request:
        return make_mocked_request(
            "GET", "/", headers, app=application, transport=socket
        )

    assert not is_at_home(request({}))
    assert not came_through_tunnel(request({"Cf-Ray": "9a1b2c3d4e5f6789-FRA"}))
