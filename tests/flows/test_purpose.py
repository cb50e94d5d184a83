"""Tests of what a hostname is for: guessed from its service, and asked where that is not sure."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state.rules import TRANSFORM_PHASE
from tests.common import HOSTNAME_ID, choose, sentences, settle, submit, zone_of
from tests.dialogs import add_hostname, zone_and_tunnel
from tests.faults import Faults

OF = "config_subentries.protected_hostname"
VAULT = {"hostname": "vault.example.com", "service": "http://192.168.1.30:8080"}


async def to_hostname(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> Any:
    """Go to the form for a new hostname."""
    form = await add_hostname(hass, entry)
    return await submit(hass, form, zone_and_tunnel(sandbox))


def options_of(form: Any, field: str) -> list[str]:
    """Return what a field offers."""
    options = form["data_schema"].schema[field].config["options"]
    return [item["value"] if isinstance(item, dict) else item for item in options]


@pytest.mark.parametrize("purpose", ["other", "home_assistant"])
async def test_service_that_does_not_look_like_this_home_assistant(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, purpose: str
) -> None:
    """It is asked what is there; examples of exempt paths are offered, and none is chosen."""
    form = await to_hostname(hass, sandbox, loaded_entry)
    form = await submit(hass, form, {**VAULT, **choose(exempt_paths=["/hook/"])})
    assert form["step_id"] == "purpose"
    assert form["description_placeholders"]["service"] == VAULT["service"]
    assert options_of(form, "purpose") == ["home_assistant", "other"]
    assert "/identity/connect/token" in options_of(form, "exempt_paths")
    (suggested,) = (
        key.description["suggested_value"]
        for key in form["data_schema"].schema
        if key == "exempt_paths"
    )
    assert suggested == ["/hook/"]

    wrong = {"purpose": purpose, "exempt_paths": ["/"]}
    form = await submit(hass, form, wrong)
    assert "can't be exempt" in sentences(form, OF)["base"]
    chosen = {"purpose": purpose, "exempt_paths": ["/api/"]}
    preview = await submit(hass, form, chosen)

    changes = preview["description_placeholders"]["changes"]
    assert ("In Home Assistant, this is the whole API" in changes) == (
        purpose == "home_assistant"
    )
    result = await submit(hass, preview)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    data = result["data"]
    assert (data["purpose"], data["exempt_paths"]) == (purpose, ["/api/"])
    assert data["found"] == "created"


async def test_obstacle_that_shows_late(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """What is in the way of the changes is said in the form that asks last."""
    form = await to_hostname(hass, sandbox, loaded_entry)
    form = await submit(hass, form, {**VAULT, **choose()})
    faults.unavailable("GET", "/rulesets")
    form = await submit(hass, form, {"purpose": "other"})
    assert (form["step_id"], form["errors"]) == ("purpose", {"base": "unavailable"})


async def test_this_home_assistant(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is asked."""
    form = await to_hostname(hass, sandbox, loaded_entry)
    typed = {"hostname": "tablet.example.com", "service": SERVICE, **choose()}
    preview = await submit(hass, form, typed)
    assert preview["step_id"] == "preview"


async def test_change_of_the_purpose(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It takes effect in place: the edge tells other services nothing of certificates, and all else stays."""
    form = await loaded_entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    sandbox.journal.clear()
    typed = {
        "tunnel_id": sandbox.tunnel_id,
        "service": SERVICE,
        "purpose": "other",
        **choose(),
    }
    result = await submit(hass, await submit(hass, form, typed))
    await settle(hass)
    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.subentries[HOSTNAME_ID].data["purpose"] == "other"
    [write] = sandbox.journal.writes
    assert (write.method, zone_of(sandbox).rules_of(TRANSFORM_PHASE)) == ("DELETE", [])
