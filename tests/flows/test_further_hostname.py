"""Tests of the dialog that protects a further hostname."""

from collections.abc import Callable

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    HOSTNAME_ID,
    choose,
    records_of,
    reported,
    sentences,
    settle,
    state_of,
    submit,
    zone_of,
)
from tests.dialogs import add_hostname, assert_protected, zone_and_tunnel
from tests.faults import Faults


async def test_further_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A second hostname shares the rules of the first, which stays protected."""
    sandbox.journal.clear()
    result = await add_hostname(hass, loaded_entry)
    assert result["step_id"] == "zone"
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["step_id"] == "hostname"

    # A hostname cannot be protected twice.
    result = await submit(hass, result, {**choose(), "hostname": HOSTNAME})
    assert result["errors"] == {"hostname": "hostname_protected"}
    words = sentences(result, "config_subentries.protected_hostname")["hostname"]
    assert words.startswith("home-mobile.example.com is already protected")

    result = await submit(hass, result, {**choose(), "hostname": "tablet.example.com"})
    assert result["step_id"] == "preview"
    changes = result["description_placeholders"]["changes"]
    assert changes.splitlines()[0] == (
        "1. Change the custom rule that blocks requests without a valid certificate, "
        "so that it covers `tablet.example.com`."
    )
    assert sandbox.journal.writes == []

    result = await submit(hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "tablet.example.com"
    assert_protected(sandbox)
    assert_protected(sandbox, "tablet.example.com")
    rules = {rule.ref: rule for rule in zone_of(sandbox).rules}
    assert HOSTNAME in rules[BLOCK_REF].expression
    assert "tablet.example.com" in rules[BLOCK_REF].expression
    assert [item.title for item in loaded_entry.subentries.values()] == [
        HOSTNAME,
        "tablet.example.com",
    ]
    assert state_of(hass, "binary_sensor.tablet_example_com_drift") == "off"
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"


async def test_further_hostname_while_the_account_is_not_loaded(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """While the account is not loaded, the dialog ends with the reason."""
    entry.add_to_hass(hass)

    result = await add_hostname(hass, entry)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


@pytest.mark.parametrize("path", ["^/zones$", "/cfd_tunnel$"])
@pytest.mark.parametrize(
    ("spoil", "reason", "placeholders"),
    [
        (
            lambda faults, path: faults.limit(42, "GET", path),
            "rate_limited",
            {"seconds": "42"},
        ),
        (lambda faults, path: faults.unavailable("GET", path), "unavailable", {}),
        (
            lambda faults, path: faults.refuse("GET", path, 400, 1, "No"),
            "rejected",
            {"message": "No"},
        ),
    ],
    ids=["rate limited", "broken server", "refused"],
)
async def test_further_hostname_while_cloudflare_fails(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    path: str,
    spoil: Callable[[Faults, str], object],
    reason: str,
    placeholders: dict[str, str],
) -> None:
    """The dialog ends with the reason."""
    spoil(faults, path)

    result = await add_hostname(hass, loaded_entry)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == reason
    assert result["description_placeholders"] == placeholders


async def test_further_hostname_without_a_zone(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Without a readable zone the dialog ends with the reason."""
    sandbox.state.tokens[sandbox.token].permissions = ALL_PERMISSIONS - {"zone:read"}

    result = await add_hostname(hass, loaded_entry)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_zone"


async def test_further_hostname_closed_half_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """A failed change leads to the list of what is left; closing there leaves it to Home Assistant."""
    result = await add_hostname(hass, loaded_entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(hass, result, {**choose(), "hostname": "tablet.example.com"})
    faults.unavailable("POST", "/dns_records", times=1)

    result = await submit(hass, result)
    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "unavailable"}
    assert records_of(sandbox, "tablet.example.com") == []

    hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)
    titles = [item.title for item in loaded_entry.subentries.values()]
    assert titles == [HOSTNAME, "tablet.example.com"]
    assert_protected(sandbox)
    assert_protected(sandbox, "tablet.example.com")


@pytest.mark.parametrize("config_src", ["cloudflare", "local"])
async def test_hostname_that_was_just_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    config_src: str,
) -> None:
    """Home Assistant remembers removals for minutes, but takes nothing down that a person wants."""
    sandbox.state.tunnels[sandbox.tunnel_id].config_src = config_src
    await loaded_entry.runtime_data.protection.async_refresh()
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    assert records_of(sandbox) == []

    result = await add_hostname(hass, loaded_entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(hass, result, {**choose(), "hostname": HOSTNAME})
    assert result["step_id"] == "preview"
    assert "Delete" not in result["description_placeholders"]["changes"]
    sandbox.journal.clear()
    result = await submit(hass, result)
    if config_src == "local":
        assert result["step_id"] == "by_hand"
        result = await submit(hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "DELETE" not in [write.method for write in sandbox.journal.writes]
    await settle(hass)
    assert len(records_of(sandbox)) == 1
    assert reported(hass) == set()
