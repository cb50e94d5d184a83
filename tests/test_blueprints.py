"""Tests of the blueprints: each is run as a person sets it up."""

from datetime import timedelta
import json
from pathlib import Path
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from sandbox import Sandbox
from tests.certificates.test_mobile_app import register
from tests.dialogs import certificates

from .certificates.helpers import unreadable
from .common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    TUNNELS_EVERY,
    add_certificate,
    add_known_certificate,
    companion,
    device_id_of,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    written_out,
)
from .edge_conditions import Forgetting
from .faults import Faults
from .logins import log_in, login, only_another_login
from .test_login_entities import LOG_EVERY

BLUEPRINTS = Path(__file__).parents[1] / "blueprints"
EXPIRY = "certificate_expiry"
REPAIRS = "/config/repairs"
SOURCE = "https://github.com/cloudflare-mtls/ha-cloudflare-mtls/blob/main/"


@pytest.fixture
def devices() -> list[Any]:
    """Return one device, whose certificate expires soon."""
    return [companion()]


@pytest.fixture
def phone_id(hass: HomeAssistant, device_registry: dr.DeviceRegistry) -> str:
    """Return a phone with the companion app."""
    return register(hass, device_registry, "Android", "35")


@pytest.fixture
def notifications(hass: HomeAssistant) -> list[ServiceCall]:
    """Return the notifications that the phone gets."""
    return async_mock_service(hass, "notify", "mobile_app_anna_s_phone")


async def automate(
    hass: HomeAssistant, folder: Path, phone_id: str, name: str = EXPIRY, **inputs: Any
) -> None:
    """Create an automation from a blueprint, as the front end does."""
    shutil.copytree(BLUEPRINTS, folder / "blueprints")
    hass.config.config_dir = str(folder)
    blueprint = {
        "path": f"cloudflare_mtls/{name}.yaml",
        "input": {"notify_device": phone_id, **inputs},
    }
    config = {AUTOMATION: {"alias": "Test", "use_blueprint": blueprint}}
    assert await async_setup_component(hass, AUTOMATION, config)
    await settle(hass)
    assert state_of(hass, "automation.test") == "on"


def told(notifications: list[ServiceCall]) -> list[str]:
    """Return the titles of the notifications since the last call."""
    titles = [item.data["title"] for item in notifications]
    notifications.clear()
    return titles


async def test_certificate_that_expires(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """The phone is notified a month before the expiry, and again after it."""
    await automate(hass, tmp_path, phone_id)
    certificate = await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(notifications) == []

    freezer.move_to(certificate.not_valid_after_utc - timedelta(days=29))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "while the device is at home" in notifications[0].data["message"]
    assert notifications[0].data["data"] == {
        "tag": f"cloudflare_mtls_{CERTIFICATE_ID}",
        "clickAction": REPAIRS,
        "url": REPAIRS,
        "actions": [{"action": "URI", "title": "Renew now", "uri": REPAIRS}],
    }
    # There it is, with the dialog that renews.
    assert "certificate_expiring" in reported(hass)
    # In the home's time zone it is the day before.
    end = certificate.not_valid_after_utc.date() - timedelta(days=1)
    assert told(notifications) == [
        f"The certificate of Pixel 8 expires on {written_out(end)}"
    ]
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(notifications) == []

    freezer.move_to(certificate.not_valid_after_utc)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "can't connect from outside" in notifications[0].data["message"]
    assert told(notifications) == ["The certificate of Pixel 8 has expired"]


async def test_certificate_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """It has neither a name nor a date, but Cloudflare's id."""
    await automate(hass, tmp_path, phone_id)

    await add_certificate(sandbox)
    unreadable(sandbox, CERTIFICATE_ID)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert told(notifications) == [f"Unknown certificate: {CERTIFICATE_ID}"]


@pytest.mark.parametrize(
    ("inputs", "titles"),
    [
        ({}, ["Unknown certificate: Somebody's"]),
        ({"tell_of_unknown": False}, []),
    ],
)
async def test_certificate_from_elsewhere(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
    inputs: dict[str, Any],
    titles: list[str],
) -> None:
    """A certificate made without Home Assistant is reported, unless a person turned that off."""
    await automate(hass, tmp_path, phone_id, **inputs)

    await add_certificate(sandbox, name="Somebody's", organization="", device_id="?")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert told(notifications) == titles


async def test_tunnel_is_lost_and_comes_back(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """A restart of cloudflared is not told; a loss is, and its end takes its place."""
    tunnels = [device_id_of(hass, loaded_entry, sandbox.tunnel_id)]
    await automate(hass, tmp_path, phone_id, "tunnel_lost", tunnels=tunnels)
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]

    tunnel.disconnect()
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    tunnel.connect()
    for _ in range(7):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert told(notifications) == []

    tunnel.disconnect()
    for _ in range(7):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    tags = {item.data["data"]["tag"] for item in notifications}
    assert told(notifications) == ["The tunnel home is not connected"]

    tunnel.connect()
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert {item.data["data"]["tag"] for item in notifications} == tags
    assert told(notifications) == ["The tunnel home is connected again"]


async def test_visitors_get_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    forgets: Forgetting,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """The edge forgets our rules, although its API shows them."""
    hostnames = [device_id_of(hass, loaded_entry, HOSTNAME_ID)]
    await automate(hass, tmp_path, phone_id, "unknown_visitors", hostnames=hostnames)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(notifications) == []

    forgets.now = True
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert notifications[0].data["data"]["actions"][0]["uri"] == REPAIRS
    assert told(notifications) == [f"{HOSTNAME} lets visitors in without a certificate"]


async def test_unknown_certificate_visits(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """It is told by its name, or by its id if it can't be read."""
    hostnames = [device_id_of(hass, loaded_entry, HOSTNAME_ID)]
    await automate(hass, tmp_path, phone_id, "unknown_visitors", hostnames=hostnames)

    await add_certificate(sandbox, name="Somebody's", organization="", device_id="?")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    unreadable(sandbox, CERTIFICATE_ID)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert told(notifications)[0] == "Unknown certificate: Somebody's"


class TestRefusedLogins:
    """The blueprint about unknown visitors, in an account with a login hostname."""

    @pytest.fixture
    def devices(self) -> list[Any]:
        """Return a login hostname."""
        return [login()]

    @pytest.fixture(autouse=True)
    def _no_other_application(self, sandbox: Sandbox) -> None:
        only_another_login(sandbox)

    @pytest.mark.parametrize(
        ("wanted", "titles"),
        [(True, ["Somebody was refused at home.example.com"]), (False, [])],
    )
    async def test_refused(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        phone_id: str,
        notifications: list[ServiceCall],
        freezer: FrozenDateTimeFactory,
        tmp_path: Path,
        *,
        wanted: bool,
        titles: list[str],
    ) -> None:
        hostnames = [device_id_of(hass, loaded_entry, HOSTNAME_ID)]
        inputs = {"hostnames": hostnames, "tell_of_refused": wanted}
        await automate(hass, tmp_path, phone_id, "unknown_visitors", **inputs)

        log_in(sandbox, allowed=False)
        await wait_for_refresh(hass, freezer, LOG_EVERY)

        assert told(notifications) == titles


@pytest.mark.parametrize(
    "when",
    [
        {"trigger": "tag", "tag_id": "lost"},
        {"trigger": "state", "entity_id": "scene.phone_is_lost"},
    ],
    ids=["tag", "scene"],
)
async def test_device_is_locked_out(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
    when: dict[str, str],
) -> None:
    """By an NFC tag, or by a scene."""
    await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    hass.states.async_set("scene.phone_is_lost", "unknown")
    inputs = {"when": [when], "button": "button.pixel_8_revoke"}
    await automate(hass, tmp_path, phone_id, "revoke_device", **inputs)
    assert told(notifications) == []

    hass.bus.async_fire("tag_scanned", {"tag_id": "lost", "device_id": "reader"})
    hass.states.async_set("scene.phone_is_lost", dt_util.utcnow().isoformat())
    await settle(hass)

    assert state_of(hass, "sensor.pixel_8_certificate_status") in (
        "revoking",
        "revoked",
    )
    assert told(notifications) == ["Pixel 8 is locked out"]


async def test_button_that_fails_is_not_called_done(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """Nobody is told that a phone is locked out which still gets in."""
    await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    inputs = {
        "when": [{"trigger": "tag", "tag_id": "lost"}],
        "button": "button.pixel_8_revoke",
    }
    await automate(hass, tmp_path, phone_id, "revoke_device", **inputs)
    faults.unavailable("DELETE", "/client_certificates")

    hass.bus.async_fire("tag_scanned", {"tag_id": "lost", "device_id": "reader"})
    await settle(hass)

    assert "Cloudflare did not revoke" in notifications[0].data["message"]
    assert told(notifications) == ["Pixel 8 is not locked out yet"]


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"disabled_by": er.RegistryEntryDisabler.USER}, "Pixel 8"),
        ({"new_entity_id": "button.renamed"}, "button.pixel_8_revoke"),
    ],
    ids=["disabled", "renamed"],
)
async def test_button_that_is_not_there(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    entity_registry: er.EntityRegistry,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
    change: dict[str, Any],
    title: str,
) -> None:
    """The device is not called locked out, and it is said that the button has to be chosen again."""
    await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    inputs = {
        "when": [{"trigger": "tag", "tag_id": "lost"}],
        "button": "button.pixel_8_revoke",
    }
    await automate(hass, tmp_path, phone_id, "revoke_device", **inputs)
    entity_registry.async_update_entity("button.pixel_8_revoke", **change)
    await settle(hass)

    hass.bus.async_fire("tag_scanned", {"tag_id": "lost", "device_id": "reader"})
    await settle(hass)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert "Nothing was revoked" in notifications[0].data["message"]
    assert told(notifications) == [f"{title} is not locked out yet"]


async def test_device_is_locked_out_once_the_account_is_set_up(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """Until then the phone gets in, and that is what is said."""
    await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    inputs = {
        "when": [{"trigger": "tag", "tag_id": "lost"}],
        "button": "button.pixel_8_revoke",
    }
    await automate(hass, tmp_path, phone_id, "revoke_device", **inputs)
    faults.unavailable("*", "")
    await hass.config_entries.async_reload(loaded_entry.entry_id)

    hass.bus.async_fire("tag_scanned", {"tag_id": "lost", "device_id": "reader"})
    await settle(hass)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert told(notifications) == ["Pixel 8 is not locked out yet"]

    faults.clear()
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert certificates(sandbox)[CERTIFICATE_ID] != "active"


@pytest.mark.parametrize(
    "file", sorted(BLUEPRINTS.rglob("*.yaml")), ids=lambda f: f.stem
)
def test_blueprint_says_where_it_is_from(file: Path) -> None:
    """Home Assistant imports it from there again, and only where our triggers exist."""
    read: Any = parse_yaml(file.read_text().replace("!input", ""))
    described = read["blueprint"]
    assert described["source_url"] == SOURCE + str(file.relative_to(BLUEPRINTS.parent))
    oldest = json.loads((BLUEPRINTS.parent / "hacs.json").read_text())["homeassistant"]
    assert described["homeassistant"]["min_version"] == oldest
