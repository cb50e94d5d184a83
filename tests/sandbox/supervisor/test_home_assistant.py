"""The Supervisor with Home Assistant's own client, and with its integration of the Supervisor."""

from collections.abc import AsyncIterator
import logging

from aiohasupervisor import (
    SupervisorBadRequestError,
    SupervisorClient,
    SupervisorNotFoundError,
)
from aiohasupervisor.models import AddonsOptions, AddonState
from aiohttp import ClientSession
from homeassistant.components.hassio import (
    AddonManager,
    AddonState as ManagedState,
    get_supervisor_client,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.hassio import is_hassio
from homeassistant.setup import async_setup_component
from mashumaro.exceptions import MissingField
import pytest

from sandbox.supervisor import App, Cloudflared, Manifest, Supervisor

from .helpers import MOBILE, OPTIONS, WITH_MOBILE, Client, served

_LOGGER = logging.getLogger(__name__)
_OTHER = Manifest("SSH", "https://example.com/ssh")


@pytest.fixture
async def official(supervisor: Supervisor) -> AsyncIterator[SupervisorClient]:
    """Return Home Assistant's own client."""
    async with ClientSession() as session:
        url = f"http://{supervisor.host}"
        yield SupervisorClient(url, supervisor.token, session=session)


async def test_apps(
    official: SupervisorClient, app: Cloudflared, supervisor: Supervisor
) -> None:
    """The client's models accept the list and the documents."""
    await supervisor.install(App("core_ssh", _OTHER), start=False)
    listed = await official.addons.list()
    assert [(each.slug, each.state) for each in listed] == [
        (app.slug, AddonState.STARTED),
        ("core_ssh", AddonState.STOPPED),
    ]
    info = await official.addons.addon_info(app.slug)
    assert info.options == OPTIONS
    assert info.hostname == str(info.ip_address) == app.ip_address
    assert info.schema is not None
    assert {each["name"] for each in info.schema} >= {
        "additional_hosts",
        "tunnel_token",
    }
    assert (await official.store.addon_info(app.slug)).installed


async def test_options(
    official: SupervisorClient, app: Cloudflared, client: Client
) -> None:
    checked = await official.addons.addon_config_validate(app.slug, {**WITH_MOBILE})
    assert checked.valid
    options = AddonsOptions(config={**WITH_MOBILE})
    await official.addons.set_addon_options(app.slug, options)
    await official.addons.restart_addon(app.slug)
    assert MOBILE in await served(client, app)

    with pytest.raises(SupervisorBadRequestError, match="has invalid options"):
        await official.addons.set_addon_options(
            app.slug, AddonsOptions(config={"additional_hosts": [{"hostname": MOBILE}]})
        )
    assert (await official.addons.addon_info(app.slug)).options == WITH_MOBILE


async def test_stop(official: SupervisorClient, app: Cloudflared) -> None:
    await official.addons.stop_addon(app.slug)
    assert (await official.addons.addon_info(app.slug)).state is AddonState.STOPPED
    await official.addons.start_addon(app.slug)
    assert (await official.addons.addon_info(app.slug)).state is AddonState.STARTED


async def test_unknown_app(official: SupervisorClient) -> None:
    with pytest.raises(SupervisorNotFoundError, match="App a_b does not exist"):
        await official.addons.addon_info("a_b")
    with pytest.raises(SupervisorNotFoundError, match="in the store"):
        await official.store.addon_info("a_b")


async def test_app_that_is_not_installed(
    official: SupervisorClient, supervisor: Supervisor
) -> None:
    """The older client fails on the document of the store, the newer one says what it means."""
    supervisor.store["core_ssh"] = _OTHER
    assert not (await official.store.addon_info("core_ssh")).installed
    with pytest.raises((SupervisorNotFoundError, MissingField)):
        await official.addons.addon_info("core_ssh")
    with pytest.raises(SupervisorBadRequestError, match="App is not installed"):
        await official.addons.restart_addon("core_ssh")


async def test_app_whose_repository_was_removed(
    official: SupervisorClient, app: Cloudflared
) -> None:
    app.detached = True
    assert (await official.addons.addon_info(app.slug)).detached
    with pytest.raises(SupervisorNotFoundError):
        await official.store.addon_info(app.slug)


async def test_integration(
    hass: HomeAssistant,
    app: Cloudflared,
    supervisor: Supervisor,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Home Assistant's integration waits for its Supervisor, and calls for apps work meanwhile."""
    monkeypatch.setenv("SUPERVISOR", supervisor.host)
    monkeypatch.setenv("SUPERVISOR_TOKEN", supervisor.token)
    assert await async_setup_component(hass, "hassio", {})
    await hass.async_block_till_done()
    assert is_hassio(hass)
    [entry] = hass.config_entries.async_entries("hassio")
    assert entry.state is ConfigEntryState.SETUP_RETRY

    listed = await get_supervisor_client(hass).addons.list()
    assert [each.slug for each in listed] == [app.slug]
    manager = AddonManager(hass, _LOGGER, "Cloudflared", app.slug)
    info = await manager.async_get_addon_info()
    assert (info.state, info.options) == (ManagedState.RUNNING, OPTIONS)
    await manager.async_configure_addon({**WITH_MOBILE})
    await manager.async_restart_addon()
    assert MOBILE in await served(client, app)


async def test_whole_integration(
    hass: HomeAssistant,
    app: Cloudflared,
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Home Assistant's integration is set up with a Supervisor that is ready."""
    supervisor.ready = True
    monkeypatch.setenv("SUPERVISOR", supervisor.host)
    monkeypatch.setenv("SUPERVISOR_TOKEN", supervisor.token)
    assert await async_setup_component(hass, "hassio", {})
    await hass.async_block_till_done()
    [entry] = hass.config_entries.async_entries("hassio")
    failed = [
        (each.method, each.path, each.status)
        for each in supervisor.journal.requests
        if each.status != 200 and each.path != "/supervisor/update"
    ]
    assert failed == []
    assert entry.state is ConfigEntryState.LOADED
    assert hass.states.get("update.cloudflared_update") is not None
    assert await hass.config_entries.async_unload(entry.entry_id)
