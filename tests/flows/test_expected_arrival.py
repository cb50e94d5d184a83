"""Tests of waiting until a hostname of a local tunnel leads home: what ends it, and what does not."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from yarl import URL

from custom_components.cloudflare_mtls.engine.arrival import Arrival
from custom_components.cloudflare_mtls.flows import expected_arrival
from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import Tunnel
from tests.common import (
    HOSTNAME,
    HOSTNAME_ID,
    choose,
    settle,
    setup_integration,
    state_of,
    submit,
    with_device,
)
from tests.dialogs import THROUGH_CLOUDFLARE
from tests.metrics_servers import running_connector, watch

pytestmark = with_device

REACHES = "binary_sensor.home_mobile_example_com_reaches_home_assistant"
AT_HOME = {"Host": HOSTNAME}
FOR_ANOTHER = {**THROUGH_CLOUDFLARE, "Host": "other.example.com"}


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected_arrival, "_POLL_SECONDS", 0.05)


@pytest.fixture
async def account(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return the account, set up; time goes on, since the dialog waits."""
    await setup_integration(hass, entry)
    return entry


@pytest.fixture
def tunnel(sandbox: Sandbox) -> Tunnel:
    """Return a tunnel with a config file."""
    tunnel = sandbox.state.add_tunnel("garage", "local")
    tunnel.connect()
    return tunnel


@pytest.fixture
async def lines(hass: HomeAssistant, account: MockConfigEntry, tunnel: Tunnel) -> Any:
    """Move the hostname to the tunnel, up to the lines for its file."""
    result = await account.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    changed = {**choose(), "tunnel_id": tunnel.id, "service": SERVICE}
    result = await submit(hass, await submit(hass, result, changed))
    assert result["step_id"] == "by_hand"
    (key,) = result["data_schema"].schema
    assert key.default() == "wait"
    return result


async def wait(hass: HomeAssistant, lines: Any) -> Any:
    """Begin to wait; return the progress with the address that a person opens."""
    result = await hass.config_entries.subentries.async_configure(
        lines["flow_id"], {"afterwards": "wait"}
    )
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    return result


async def result_of(hass: HomeAssistant, progress: Any) -> Any:
    """Return what follows the waiting."""
    await settle(hass)
    return await hass.config_entries.subentries.async_configure(progress["flow_id"])


async def test_request_through_the_tunnel(
    hass: HomeAssistant, lines: Any, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """A device with a certificate opens the address: the dialog ends, and an entity shows it."""
    progress = await wait(hass, lines)
    url = URL(progress["description_placeholders"]["url"])
    assert url.host == HOSTNAME

    client = await hass_client_no_auth()
    answer = await client.get(url.path, headers=THROUGH_CLOUDFLARE)

    assert await answer.text() == (
        f"It works: {HOSTNAME} leads to this Home Assistant. You can close this page."
    )
    result = await result_of(hass, progress)
    assert result["reason"] == "reconfigure_successful"
    await settle(hass)
    assert state_of(hass, REACHES) == "on"


@pytest.mark.parametrize("headers", [AT_HOME, FOR_ANOTHER], ids=["home", "other"])
async def test_request_that_proves_nothing(
    hass: HomeAssistant,
    lines: Any,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
) -> None:
    """It came past Cloudflare, or for another hostname; the lines are shown again."""
    monkeypatch.setattr(expected_arrival, "PATIENCE_SECONDS", 0.5)
    progress = await wait(hass, lines)
    url = URL(progress["description_placeholders"]["url"])
    client = await hass_client_no_auth()
    assert (await client.get(url.path, headers=headers)).status == 200

    result = await result_of(hass, progress)

    assert result["step_id"] == "by_hand"
    assert result["errors"] == {"base": "nothing_arrived"}
    result = await submit(hass, result, {"afterwards": "finish"})
    assert result["reason"] == "reconfigure_successful"


async def test_lines_are_shown_again(hass: HomeAssistant, lines: Any) -> None:
    """Opened a second time, the dialog shows them as they were."""
    again = await hass.config_entries.subentries.async_configure(lines["flow_id"])
    assert again["step_id"] == "by_hand"
    assert again["description_placeholders"] == lines["description_placeholders"]


async def test_account_is_unloaded_while_waiting(
    hass: HomeAssistant,
    lines: Any,
    account: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """No connector can be asked any more; a request through the tunnel still counts."""
    progress = await wait(hass, lines)
    assert await hass.config_entries.async_unload(account.entry_id)
    await asyncio.sleep(0.1)
    client = await hass_client_no_auth()
    path = URL(progress["description_placeholders"]["url"]).path
    await client.get(path, headers=THROUGH_CLOUDFLARE)
    result = await result_of(hass, progress)
    assert result["reason"] == "reconfigure_successful"


async def test_two_requests_are_no_proof_together(
    hass: HomeAssistant,
    lines: Any,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One came through the tunnel, the other was for the hostname."""
    monkeypatch.setattr(expected_arrival, "PATIENCE_SECONDS", 0.5)
    progress = await wait(hass, lines)
    path = URL(progress["description_placeholders"]["url"]).path
    client = await hass_client_no_auth()
    await client.get(path, headers=FOR_ANOTHER)
    await client.get(path, headers=AT_HOME)
    assert (await result_of(hass, progress))["step_id"] == "by_hand"


async def test_test_page_of_a_device(
    hass: HomeAssistant, lines: Any, account: MockConfigEntry
) -> None:
    """A device that tests its certificate came through the hostname as well."""
    progress = await wait(hass, lines)
    await asyncio.sleep(0.1)
    account.runtime_data.visits.async_record_arrival(HOSTNAME, Arrival.HOME)
    result = await result_of(hass, progress)
    assert result["reason"] == "reconfigure_successful"


async def test_connector_that_has_the_rule(
    hass: HomeAssistant, lines: Any, account: MockConfigEntry, tunnel: Tunnel
) -> None:
    """Where its metrics server is known, nobody has to open an address."""
    tunnel.forget()
    async with running_connector(tunnel) as connector:
        await watch(hass, account, connector)
        progress = await wait(hass, lines)
        await connector.restart({"hostname": HOSTNAME, "service": SERVICE})
        await account.runtime_data.reports.async_refresh()
        result = await result_of(hass, progress)
        assert result["reason"] == "reconfigure_successful"


async def test_rules_are_changed_while_waiting(
    hass: HomeAssistant,
    sandbox: Sandbox,
    lines: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lines are not shown again before the rules are back."""
    monkeypatch.setattr(expected_arrival, "PATIENCE_SECONDS", 0.2)
    progress = await wait(hass, lines)
    zone = sandbox.state.zones[sandbox.zone_id]
    entrypoint = zone.entrypoint()
    assert entrypoint
    entrypoint.rules.clear()
    result = await result_of(hass, progress)
    assert result["step_id"] == "resume"
    assert "lines" not in (result["description_placeholders"] or {})
