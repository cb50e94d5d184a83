"""Tests of the dialog that changes how a hostname is protected."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import TunnelStatus
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    SKIP_REF,
    choose,
    records_of,
    reported,
    sentences,
    settle,
    state_of,
    submit,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import assert_protected
from tests.faults import Faults

SUBENTRY_ID = "01JHOSTNAME000000000000001"
OTHER_TUNNEL = "7e000000-0000-4000-8000-00000000000b"
DRIFT = "binary_sensor.home_mobile_example_com_drift"
FLOW = "config_subentries.protected_hostname"


async def change(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the dialog that changes the hostname."""
    return await entry.start_subentry_reconfigure_flow(hass, SUBENTRY_ID)


def with_defaults(result: Any, **changes: Any) -> dict[str, Any]:
    """Return what the form suggests, except for these changes."""
    suggested = {
        str(key): (key.description or {}).get("suggested_value")
        for key in result["data_schema"].schema
    }
    suggested.pop("advanced")
    return {**suggested, **choose(), **changes}


async def test_other_settings(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Paths, layout and service change, after a preview of what will be written."""
    sandbox.journal.clear()
    result = await change(hass, loaded_entry)
    assert result["step_id"] == "reconfigure"
    assert result["description_placeholders"]["hostname"] == HOSTNAME

    result = await submit(
        hass,
        result,
        with_defaults(
            result,
            service="https://homeassistant:8123",
            advanced={"layout": "block_only", "exempt_paths": ["/api/webhook/"]},
        ),
    )
    assert result["step_id"] == "preview"
    assert sandbox.journal.writes == []
    changes, _, open_paths = result["description_placeholders"]["changes"].partition(
        "\n\n"
    )
    assert len(changes.splitlines()) == 3
    assert "Everything below `/api/webhook/`" in open_paths

    result = await submit(hass, result)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await settle(hass)
    data = loaded_entry.subentries[SUBENTRY_ID].data
    assert data["service"] == "https://homeassistant:8123"
    assert data["layout"] == "block_only"
    assert data["exempt_paths"] == ["/api/webhook/"]
    assert data["published"] is True
    assert_protected(sandbox)
    refs = {rule.ref: rule for rule in zone_of(sandbox).rules}
    assert SKIP_REF not in refs
    assert "/api/webhook/" in refs[BLOCK_REF].expression
    assert state_of(hass, DRIFT) == "off"


async def test_no_tunnel_is_left(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Without any tunnel the dialog ends with the reason, and nothing is changed."""
    sandbox.journal.clear()
    tunnels = dict(sandbox.state.tunnels)
    sandbox.state.tunnels.clear()

    result = await change(hass, loaded_entry)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_tunnel"
    assert sandbox.journal.writes == []

    sandbox.state.tunnels.update(tunnels)
    result = await change(hass, loaded_entry)
    assert result["step_id"] == "reconfigure"


async def test_nothing_changed(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Submitting the suggested values writes nothing."""
    sandbox.journal.clear()
    result = await change(hass, loaded_entry)
    result = await submit(hass, result, with_defaults(result))
    assert result["description_placeholders"]["changes"].startswith("Nothing")
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    assert sandbox.journal.writes == []


async def test_another_tunnel(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The hostname moves over, and the old tunnel no longer serves it."""
    other = sandbox.state.add_tunnel("Cabin", id=OTHER_TUNNEL)
    other.status = TunnelStatus.HEALTHY
    other.config = {"ingress": [{"service": "http_status:404"}]}

    result = await change(hass, loaded_entry)
    result = await submit(hass, result, with_defaults(result, tunnel_id=OTHER_TUNNEL))
    assert result["step_id"] == "preview"
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    await settle(hass)

    (record,) = records_of(sandbox)
    assert record.content == f"{OTHER_TUNNEL}.cfargotunnel.com"
    assert [rule.get("hostname") for rule in other.ingress] == [HOSTNAME, None]
    old = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    assert HOSTNAME not in [rule.get("hostname") for rule in old]
    assert state_of(hass, DRIFT) == "off"


@pytest.mark.parametrize("how", ["deleted", "unknown"])
async def test_tunnel_that_was_deleted(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    how: str,
) -> None:
    """The repair says that the tunnel is gone, and choosing another tunnel ends it."""
    if how == "deleted":
        sandbox.state.tunnels[sandbox.tunnel_id].deleted_at = now()
    else:
        del sandbox.state.tunnels[sandbox.tunnel_id]
    other = sandbox.state.add_tunnel("Cabin", id=OTHER_TUNNEL)
    other.config = {"ingress": [{"service": "http_status:404"}]}
    sandbox.journal.clear()

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {"problem_tunnel_gone"}
    assert state_of(hass, DRIFT) == "on"
    assert sandbox.journal.writes == []

    result = await change(hass, loaded_entry)
    result = await submit(hass, result, with_defaults(result, tunnel_id=OTHER_TUNNEL))
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    await settle(hass)
    assert [rule.get("hostname") for rule in other.ingress] == [HOSTNAME, None]
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


async def test_tunnel_that_was_deleted_keeps_nobody_from_leaving(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The hostname can still be removed, and nothing of it is left."""
    del sandbox.state.tunnels[sandbox.tunnel_id]
    hass.config_entries.async_remove_subentry(loaded_entry, SUBENTRY_ID)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert records_of(sandbox) == []
    assert HOSTNAME not in (zone_of(sandbox).associations or [])
    assert not {BLOCK_REF, SKIP_REF} & {rule.ref for rule in zone_of(sandbox).rules}
    assert reported(hass) == set()


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"service": "tcp://x"}, "service", "service_malformed"),
        (
            {"advanced": {"exempt_paths": ["/"]}},
            "base",
            "exempt_path_malformed",
        ),
    ],
)
async def test_input_that_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    changes: dict[str, Any],
    field: str,
    error: str,
) -> None:
    """The form says what is wrong, and continues once it is corrected."""
    sandbox.journal.clear()
    result = await change(hass, loaded_entry)
    result = await submit(hass, result, with_defaults(result, **changes))
    assert result["step_id"] == "reconfigure"
    assert result["errors"] == {field: error}
    assert sentences(result, FLOW)
    assert sandbox.journal.writes == []

    settings = loaded_entry.subentries[SUBENTRY_ID].data
    result = await submit(
        hass, result, with_defaults(result, service=settings["service"])
    )
    assert result["step_id"] == "preview"


async def test_zone_that_is_paused(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The form says that the zone is paused, and continues once it is not."""
    zone_of(sandbox).paused = True
    sandbox.journal.clear()
    result = await change(hass, loaded_entry)
    result = await submit(hass, result, with_defaults(result))
    assert result["step_id"] == "reconfigure"
    # The form has no field for the zone: a message beside it would not be seen.
    assert result["errors"] == {"base": "zone_not_active"}
    assert "example.com is paused" in sentences(result, FLOW)["base"]
    assert sandbox.journal.writes == []

    zone_of(sandbox).paused = False
    result = await submit(hass, result, with_defaults(result))
    assert result["step_id"] == "preview"


async def test_change_that_fails_keeps_the_old_settings(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The form says what stopped the changes; new settings are kept only once all are made."""
    fault = faults.unavailable("PUT", "/configurations")
    result = await change(hass, loaded_entry)
    service = "https://homeassistant:8123"
    result = await submit(hass, result, with_defaults(result, service=service))
    result = await submit(hass, result)
    assert fault.hits
    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "unavailable"}
    assert loaded_entry.subentries[SUBENTRY_ID].data["service"] != service

    faults.clear()
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.subentries[SUBENTRY_ID].data["service"] == service


async def test_account_that_is_not_connected(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """While the account is not loaded, the dialog ends with the reason."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await change(hass, loaded_entry)
    assert result["reason"] == "entry_not_loaded"


async def test_zone_that_is_gone(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Without access to the zone the dialog ends with the reason."""
    other = sandbox.state.accounts[sandbox.account_id]
    sandbox.state.add_zone("example.net", other)
    sandbox.state.zones.pop(sandbox.zone_id)
    result = await change(hass, loaded_entry)
    assert result["reason"] == "no_zone"
