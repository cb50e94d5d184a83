"""Tests of the options of an account: what is refused, and how to continue from there."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.certificates.test_pinning import fill, revoke_all
from tests.common import ENGLISH, settle
from tests.dialogs import open_options
from tests.faults import Faults

PINNED = {"pin_certificates": True, "remote_handover": True}


@pytest.fixture
async def form(hass: HomeAssistant, loaded_entry: MockConfigEntry) -> Any:
    """Open the options of the account."""
    result = await open_options(hass, loaded_entry)
    assert result["step_id"] == "access"
    assert result["errors"] == {}
    return result


async def choose(hass: HomeAssistant, form: Any, **changes: bool) -> Any:
    """Submit the options."""
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {**PINNED, **changes}
    )
    await settle(hass)
    return result


async def test_cloudflare_answers_again(
    hass: HomeAssistant, faults: Faults, loaded_entry: MockConfigEntry, form: Any
) -> None:
    """The dialog continues once Cloudflare answers."""
    faults.unavailable("GET", "")
    refused = await choose(hass, form)
    assert refused["errors"] == {"base": "unavailable"}
    assert loaded_entry.options == {}
    suggested = {
        str(key): key.description["suggested_value"]
        for key in refused["data_schema"].schema
    }
    assert suggested == PINNED

    faults.clear()
    result = await choose(hass, refused)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded_entry.options == PINNED


async def test_fewer_certificates_can_be_pinned(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, form: Any
) -> None:
    """The dialog continues once few enough certificates are left."""
    await fill(hass, loaded_entry, sandbox, range(60))
    refused = await choose(hass, form)
    assert refused["errors"] == {"base": "problem_too_many_pinned"}
    key = ENGLISH["options"]["error"]["problem_too_many_pinned"]
    told = key.format_map(refused["description_placeholders"])
    assert told.startswith(
        "The custom rules of example.com can't list all certificates"
    )

    revoke_all(sandbox)
    result = await choose(hass, refused)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded_entry.options == PINNED


async def test_without_pinning_nothing_is_asked(
    hass: HomeAssistant, faults: Faults, loaded_entry: MockConfigEntry, form: Any
) -> None:
    """Options that change no rule are kept without asking Cloudflare."""
    faults.unavailable("*", "")

    result = await choose(hass, form, pin_certificates=False)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded_entry.options == {**PINNED, "pin_certificates": False}


@pytest.mark.parametrize(
    ("step_id", "typed"),
    [
        ("access", {"pin_certificates": False, "remote_handover": True}),
        ("connectors", {"metrics_addresses": []}),
    ],
)
async def test_options_that_were_changed_in_another_tab(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    step_id: str,
    typed: dict[str, Any],
) -> None:
    """The form shows what was chosen there, instead of undoing it unseen."""
    options = hass.config_entries.options
    form = await open_options(hass, loaded_entry, step_id)
    await choose(hass, await open_options(hass, loaded_entry))

    again = await options.async_configure(form["flow_id"], typed)
    assert again["errors"] == {"base": "options_changed"}
    assert loaded_entry.options == PINNED

    assert (await options.async_configure(form["flow_id"], typed))["type"] is (
        FlowResultType.CREATE_ENTRY
    )
    await settle(hass)
    assert loaded_entry.options == {**PINNED, **typed}
