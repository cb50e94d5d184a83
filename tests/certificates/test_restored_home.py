"""After a new set-up or a restore, Home Assistant reports the certificates that it no longer knows, and trusts none."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.helpers import told
from tests.certificates.test_pinning import choose_pinning, pinned
from tests.certificates.test_unknown_certificates import (
    PINNED,
    UNKNOWN,
    listed,
    select,
    to_step,
)
from tests.common import (
    BLOCK_REF,
    DEVICE_ID,
    EDGE_EVERY,
    SKIP_REF,
    add_certificate,
    add_known_certificate,
    fingerprint_of,
    reported,
    wait_for_refresh,
    with_device,
)
from tests.dialogs import Client

OLD_PHONE = "7bf7f70c-old-phone"
DASHBOARD = "7bf7f70c-dashboard"


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs."""
    assert await async_setup_component(hass, REPAIRS, {})
    return await hass_client()


@with_device
@pytest.mark.parametrize("pins", [False, True])
@pytest.mark.parametrize(
    "subject",
    [
        pytest.param({"name": "Old phone", "device_id": "01JGONE0000000000000000001"}, id="of a device that is gone"),
        pytest.param({"name": "Pixel 8", "device_id": DEVICE_ID}, id="says that it is for our device"),
        pytest.param({"name": "Pixel 8", "device_id": "01JGONE0000000000000000001"}, id="has our device's name"),
        pytest.param({"name": "Old phone", "device_id": ""}, id="says no device"),
    ],
)  # fmt: skip
async def test_certificate_from_before_the_restore(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
    pins: bool,
    subject: dict[str, Any],
) -> None:
    """It is listed beside those from elsewhere, told of once, and never pinned unasked."""
    own = await add_known_certificate(hass, loaded_entry, sandbox)
    await choose_pinning(hass, loaded_entry, pins)
    key = PINNED if pins else UNKNOWN
    trusted = {fingerprint_of(own)} if pins else None

    old = await add_certificate(sandbox, certificate_id=OLD_PHONE, **subject)
    await add_certificate(
        sandbox,
        name="made in the dashboard",
        organization="Cloudflare, Inc.",
        device_id="",
        certificate_id=DASHBOARD,
    )
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {key}
    assert told(events) == ["unknown_certificate"] * 2
    assert pinned(sandbox, BLOCK_REF) == pinned(sandbox, SKIP_REF) == trusted
    flow = await to_step(hass, client, "confirm", key)
    assert listed(flow).keys() == {OLD_PHONE, DASHBOARD}

    await select(hass, client, flow, OLD_PHONE, DASHBOARD)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == set()
    assert told(events) == []
    assert not pins or fingerprint_of(old) in (pinned(sandbox, BLOCK_REF) or ())
