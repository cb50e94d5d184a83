"""Certificates of an authority that the owner of the account brought: Cloudflare verifies them, and no list has them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.authority import edge_authority
from sandbox.seed import SERVICE
from tests.app_requests import send_battery, set_up_with_phone
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    act,
    companion,
    fingerprint_of,
    reported,
    settle,
    wait_for_refresh,
)
from tests.identities import told_headers
from tests.sandbox.helpers import Identity, serving, signed_by, visitor

MINUTE = timedelta(minutes=1)


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.fixture
def brought(sandbox: Sandbox) -> Identity:
    """Return a certificate of an authority that Cloudflare was told to accept."""
    authority = edge_authority()
    sandbox.authorities.brought[sandbox.account_id] = [authority]
    return signed_by(authority)


@pytest.mark.parametrize(("pins", "status"), [(False, 200), (True, 403)])
async def test_at_the_edge(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    brought: Identity,
    tmp_path: Path,
    *,
    pins: bool,
    status: int,
) -> None:
    """Only rules that list the certificates that were created here keep it out."""
    await set_up_with_phone(hass, sandbox, entry)
    hass.config_entries.async_update_entry(entry, options={"pin_certificates": pins})
    await settle(hass)
    await act(hass, entry, "sync")

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="home")

    async with serving(answer) as origin, visitor(sandbox, tmp_path, brought) as guest:
        sandbox.state.origins[SERVICE] = origin
        assert (await guest.get(HOSTNAME)).status == status
    assert "unknown_certificates" not in reported(hass), "it is in no list"


async def test_told_once_it_came_through(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    brought: Identity,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Where the edge tells who comes, a certificate that no list shows raises the alarm."""
    await set_up_with_phone(hass, sandbox, entry)
    freezer.tick(MINUTE)
    client = await hass_client_no_auth()
    headers = told_headers(sandbox, fingerprint_of(brought.certificate))
    await send_battery(client, headers)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"uncertified_request"}
