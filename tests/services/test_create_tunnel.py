"""Tests of the action that creates a tunnel."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import act, settle, state_of
from tests.faults import Faults
from tests.flows.new_tunnels import CATCH_ALL, named


async def test_action(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The action creates a tunnel, which shows at once, and never reads its token."""
    response = await act(hass, loaded_entry, "create_tunnel", name=" Attic ")

    tunnel = named(sandbox, "Attic")
    assert response == {"tunnel_id": tunnel.id, "name": "Attic", "status": "inactive"}
    assert tunnel.ingress == [CATCH_ALL]
    assert tunnel.config_src == "cloudflare"
    assert not any(entry.path.endswith("/token") for entry in sandbox.journal.requests)
    await settle(hass)
    assert state_of(hass, "sensor.attic_tunnel_status") == "inactive"


@pytest.mark.parametrize(
    "fields", [{}, {"name": ""}, {"name": " "}, {"name": 101 * "x"}]
)
async def test_action_with_a_bad_name(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    fields: dict[str, str],
) -> None:
    """A bad name is refused before Cloudflare is asked."""
    sandbox.journal.clear()

    with pytest.raises(probatio.Invalid):
        await act(hass, loaded_entry, "create_tunnel", **fields)

    assert sandbox.journal.requests == []


async def test_action_with_a_name_that_is_taken(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Another tunnel with the name is not changed."""
    with pytest.raises(
        ServiceValidationError, match="already has a tunnel called home"
    ):
        await act(hass, loaded_entry, "create_tunnel", name="home")

    assert len(sandbox.state.tunnels) == 1


async def test_action_whose_answer_is_lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """A tunnel that was created all the same is returned; otherwise the action says what failed."""
    faults.unavailable("POST", "/cfd_tunnel$", times=1)
    with pytest.raises(HomeAssistantError, match="did not give a usable answer"):
        await act(hass, loaded_entry, "create_tunnel", name="attic")

    faults.unavailable("POST", "/cfd_tunnel$", times=1, after_write=True)
    response = await act(hass, loaded_entry, "create_tunnel", name="attic")

    assert response["tunnel_id"] == named(sandbox, "attic").id


async def test_action_without_the_permission(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The error names the missing permission."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"tunnel:edit"} | {"tunnel:read"}

    with pytest.raises(HomeAssistantError, match="Cloudflare Tunnel / Edit"):
        await act(hass, loaded_entry, "create_tunnel", name="attic")

    assert len(sandbox.state.tunnels) == 1
