"""Tests of a hostname that is moved away from a tunnel with a file, or an app: it may still be named there."""

from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.rules.marks import RECORD_COMMENT
from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import TunnelStatus
from sandbox.supervisor import Cloudflared, Supervisor
from sandbox.supervisor.dns_route import route_dns
from tests.common import (
    HOSTNAME,
    HOSTNAME_ID,
    choose,
    hostname_settings,
    issues,
    records_of,
    reported,
    settle,
    setup_integration,
    submit,
    zone_of,
)
from tests.dialogs import Client, confirm_repair, open_repair
from tests.restarts import restarted, same_account
from tests.sandbox.helpers import visitor
from tests.supervised import OPTIONS, install_app

TUNNEL_NAME = "home"
OTHER_TUNNEL = "c".rjust(36, "0")


async def move(
    hass: HomeAssistant, entry: MockConfigEntry, tunnel_id: str
) -> dict[str, Any]:
    """Move the hostname to another tunnel by its dialog; return the preview."""
    form: Any = await entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    chosen = {**choose(), "tunnel_id": tunnel_id, "service": SERVICE}
    preview = await submit(hass, form, chosen)
    result = await submit(hass, preview)
    assert result["reason"] == "reconfigure_successful", result
    await settle(hass)
    shown: dict[str, Any] = preview
    return shown


def add_cabin(sandbox: Sandbox) -> None:
    """Add a tunnel that Cloudflare manages."""
    other = sandbox.state.add_tunnel("Cabin", id=OTHER_TUNNEL)
    other.status = TunnelStatus.HEALTHY
    other.config = {"ingress": [{"service": "http_status:404"}]}


@pytest.fixture
async def moved(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account whose hostname was moved, from a local tunnel to one of Cloudflare's."""
    sandbox.state.tunnels[sandbox.tunnel_id].config_src = "local"
    await loaded_entry.runtime_data.protection.async_refresh()
    add_cabin(sandbox)
    preview = await move(hass, loaded_entry, OTHER_TUNNEL)
    changes = preview["description_placeholders"]["changes"]
    assert f"config file or app of the tunnel `{TUNNEL_NAME}`" in changes
    return loaded_entry


@pytest.fixture
async def client(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> Client:
    """Return what opens repairs."""
    assert await async_setup_component(hass, "repairs", {})
    return await hass_client()


async def remove(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Remove the hostname from Home Assistant."""
    hass.config_entries.async_remove_subentry(entry, HOSTNAME_ID)
    await settle(hass)


async def confirm(hass: HomeAssistant, client: Client, key: str) -> None:
    """Say that the file does not name the hostname any more."""
    menu = await open_repair(client, issues(hass)[key])
    assert menu["menu_options"] == ["confirm", "ignore"]
    assert menu["description_placeholders"] == {
        "hostname": HOSTNAME,
        "tunnel": TUNNEL_NAME,
    }
    form = await confirm_repair(client, menu, next_step_id="confirm")
    assert (await confirm_repair(client, form))["type"] == "create_entry"
    await settle(hass)


def is_blocked(sandbox: Sandbox) -> bool:
    """Return whether a rule of ours names the hostname."""
    return any(HOSTNAME in rule.expression for rule in zone_of(sandbox).rules)


async def assert_closed(sandbox: Sandbox, tmp_path: Path) -> None:
    """Assert that a stranger is kept out after the next start of an app that names the hostname."""
    route_dns(zone_of(sandbox), sandbox.state.tunnels[sandbox.tunnel_id], HOSTNAME)
    async with visitor(sandbox, tmp_path) as stranger:
        answer = await stranger.get(HOSTNAME, "/auth/authorize")
        text = await answer.text()
    assert is_blocked(sandbox)
    assert "403: Forbidden" not in text, "the sandbox's Home Assistant answered"


async def test_moved_hostname_that_is_removed(
    hass: HomeAssistant, sandbox: Sandbox, moved: MockConfigEntry, tmp_path: Path
) -> None:
    """As one that is removed while it is on that tunnel: the block rule stays, and lets nobody in."""
    assert reported(hass) == {"moved_in_file"}
    await remove(hass, moved)
    assert records_of(sandbox) == []
    assert reported(hass) == {"removal_in_file"}
    await assert_closed(sandbox, tmp_path)


async def test_moved_hostname_that_is_removed_after_a_restart(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    moved: MockConfigEntry,
    tmp_path: Path,
) -> None:
    """The former tunnel is remembered."""
    async with restarted(hass) as again:
        account = same_account(moved)
        await setup_integration(again, account)
        assert reported(again) == {"moved_in_file"}
        await remove(again, account)
        assert reported(again) == {"removal_in_file"}
        await assert_closed(sandbox, tmp_path)


async def test_person_says_so_before_the_removal(
    hass: HomeAssistant, sandbox: Sandbox, moved: MockConfigEntry, client: Client
) -> None:
    """Then nothing keeps the rules."""
    await confirm(hass, client, "moved_in_file")
    assert reported(hass) == set()
    assert is_blocked(sandbox)
    await remove(hass, moved)
    assert reported(hass) == set()
    assert not is_blocked(sandbox)


async def test_person_says_so_after_the_removal(
    hass: HomeAssistant, sandbox: Sandbox, moved: MockConfigEntry, client: Client
) -> None:
    await remove(hass, moved)
    await confirm(hass, client, "removal_in_file")
    assert reported(hass) == set()
    assert not is_blocked(sandbox)


async def test_both_tunnels_are_local(
    hass: HomeAssistant, sandbox: Sandbox, moved: MockConfigEntry, client: Client
) -> None:
    """Each file is asked for on its own."""
    other = sandbox.state.tunnels[OTHER_TUNNEL]
    other.config_src = "local"
    await moved.runtime_data.protection.async_refresh()
    await remove(hass, moved)
    assert reported(hass) == {"removal_in_file"}
    removals = moved.runtime_data.protection.removals
    await removals.async_release(HOSTNAME, OTHER_TUNNEL)
    await moved.runtime_data.protection.async_refresh()
    assert is_blocked(sandbox)
    await confirm(hass, client, "removal_in_file")
    assert reported(hass) == set()
    assert not is_blocked(sandbox)


async def test_moved_back(
    hass: HomeAssistant, sandbox: Sandbox, moved: MockConfigEntry, client: Client
) -> None:
    """The file names it rightly then, so that a repair that is still open does nothing."""
    menu = await open_repair(client, issues(hass)["moved_in_file"])
    form = await confirm_repair(client, menu, next_step_id="confirm")
    form_of_move: Any = await moved.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    chosen = {**choose(), "tunnel_id": sandbox.tunnel_id, "service": SERVICE}
    preview = await submit(hass, form_of_move, chosen)
    assert "config file or app" not in preview["description_placeholders"]["changes"]
    lines = await submit(hass, preview)
    await submit(hass, lines, {"afterwards": "finish"})
    await settle(hass)
    assert reported(hass) == set()
    await confirm_repair(client, form)
    await settle(hass)
    await remove(hass, moved)
    assert reported(hass) == {"removal_in_file"}


async def test_former_tunnel_is_deleted(
    hass: HomeAssistant, sandbox: Sandbox, moved: MockConfigEntry, client: Client
) -> None:
    """Its lines, or its app, may serve another tunnel; nobody knows its name any more."""
    del sandbox.state.tunnels[sandbox.tunnel_id]
    await moved.runtime_data.tunnels.async_refresh()
    await remove(hass, moved)
    assert is_blocked(sandbox)
    menu = await open_repair(client, issues(hass)["removal_in_file"])
    assert menu["description_placeholders"]["tunnel"] == sandbox.tunnel_id


async def test_former_tunnel_is_managed_at_cloudflare_by_now(
    hass: HomeAssistant, sandbox: Sandbox, moved: MockConfigEntry
) -> None:
    """No file counts any more."""
    former = sandbox.state.tunnels[sandbox.tunnel_id]
    former.config_src = "cloudflare"
    former.config = {"ingress": [{"service": "http_status:404"}]}
    await remove(hass, moved)
    assert reported(hass) == set()
    assert not is_blocked(sandbox)


class TestApp:
    """The app runs the tunnel that the hostname is moved away from."""

    @pytest.fixture
    async def app(self, sandbox: Sandbox, supervisor: Supervisor) -> Cloudflared:
        """Install the app, which serves the hostname."""
        host = {"hostname": HOSTNAME, "service": SERVICE}
        hosts = [*OPTIONS["additional_hosts"], host]
        app = await install_app(sandbox, supervisor, additional_hosts=hosts)
        (record,) = records_of(sandbox)
        record.comment = RECORD_COMMENT
        return app

    @pytest.fixture
    def settings(self, app: Cloudflared) -> dict[str, Any]:
        """Have the app's tunnel serve the hostname."""
        assert app.tunnel
        return {**hostname_settings(), "tunnel_id": app.tunnel.id}

    async def test_entry_is_removed(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        app: Cloudflared,
        loaded_entry: MockConfigEntry,
        client: Client,
    ) -> None:
        """The repair offers it, and changes nothing at Cloudflare."""
        add_cabin(sandbox)
        await move(hass, loaded_entry, OTHER_TUNNEL)
        menu = await open_repair(client, issues(hass)["moved_in_file"])
        assert menu["menu_options"] == ["app", "confirm", "ignore"]
        form = await confirm_repair(client, menu, next_step_id="app")
        progress = await confirm_repair(client, form)
        assert progress["type"] == "progress"
        await settle(hass)
        assert (await confirm_repair(client, progress))["type"] == "create_entry"
        await settle(hass)
        assert app.user_options == OPTIONS
        assert reported(hass) == set()
        assert is_blocked(sandbox)
