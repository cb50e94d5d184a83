"""Tests of the dialogs that ask who may use a hostname."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from sandbox import Sandbox
from tests.certificates.test_pinning import choose_pinning
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    HOSTNAME_ID,
    SKIP_REF,
    add_certificate,
    choose,
    confirm_certificate,
    sentences,
    settle,
    submit,
)
from tests.dialogs import CHOSEN, add, add_hostname, handovers_of, zone_and_tunnel
from tests.limited import (
    LIMITED,
    LIMITED_ID,
    PHONE,
    TABLET,
    devices_of,
    listed,
    set_up_home,
)

OF_HOSTNAME = "config_subentries.protected_hostname"


def suggested(result: Any, field: str) -> Any:
    """Return what a form suggests for a field."""
    (key,) = [item for item in result["data_schema"].schema if item == field]
    return (key.description or {}).get("suggested_value")


async def reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str, devices: list[str]
) -> Any:
    """Change only who may use a hostname, up to the preview."""
    result = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    data = entry.subentries[subentry_id].data
    chosen = {key: data[key] for key in ("tunnel_id", "service")}
    return await submit(hass, result, {**chosen, **choose(), "devices": devices})


def changes(result: Any) -> str:
    """Return what a preview says."""
    text: str = result["description_placeholders"]["changes"]
    return text


async def test_hostname_is_limited_in_place(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The preview names who loses access; nothing of other hostnames is set up again."""
    entry, phone, _ = await set_up_home(hass, sandbox, TABLET)
    form = await entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    assert suggested(form, "devices") == ["all"]
    events = async_capture_events(hass, "state_changed")

    result = await reconfigure(hass, entry, HOSTNAME_ID, [PHONE])
    assert result["step_id"] == "preview"
    said = changes(result)
    assert "only these companion devices.\n\n- `Phone`" in said
    assert "**These devices lose access:**\n\n- `Tablet`" in said
    assert "gain" not in said
    assert "No other certificate works there then." in said
    assert listed(sandbox, BLOCK_REF, HOSTNAME) is None

    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    await settle(hass)
    assert devices_of(entry, HOSTNAME_ID) == [PHONE]
    for ref in (BLOCK_REF, SKIP_REF):
        assert listed(sandbox, ref, HOSTNAME) == {phone}
    # With more certificates, it gets rules of its own.
    alone = block_expression({HOSTNAME: Admission(pinned=frozenset({phone}))})
    assert f"`example.com`: about {(4096 - len(alone)) // 67}." in said
    unavailable = {
        event.data["entity_id"]
        for event in events
        if event.data["new_state"] and event.data["new_state"].state == "unavailable"
    }
    assert unavailable == set()


async def test_hostname_is_widened(hass: HomeAssistant, sandbox: Sandbox) -> None:
    entry, phone, tablet = await set_up_home(hass, sandbox, TABLET)
    form = await entry.start_subentry_reconfigure_flow(hass, LIMITED_ID)
    assert suggested(form, "devices") == [TABLET]
    result = await reconfigure(hass, entry, LIMITED_ID, [PHONE, TABLET])
    said = changes(result)
    assert "**These devices gain access:**\n\n- `Phone`" in said
    assert "lose" not in said
    assert "No other certificate" not in said
    await submit(hass, result)
    assert listed(sandbox, BLOCK_REF) == listed(sandbox, SKIP_REF) == {phone, tablet}

    result = await reconfigure(hass, entry, LIMITED_ID, ["all"])
    said = changes(result)
    assert "**Who may use it:** all companion devices." in said
    assert "access:**" not in said
    assert "more certificates" not in said
    await submit(hass, result)
    assert listed(sandbox, BLOCK_REF) is None
    assert devices_of(entry) is None


async def test_nothing_is_said_where_all_devices_may_as_before(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    result = await reconfigure(hass, entry, HOSTNAME_ID, ["all"])
    assert "Who may use it" not in changes(result)


async def test_limited_hostname_that_stays_as_it_is(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The preview still says who may use it, and that nobody gains or loses access."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    sandbox.journal.clear()
    result = await reconfigure(hass, entry, LIMITED_ID, [TABLET])
    said = changes(result)
    assert "only these companion devices.\n\n- `Tablet`" in said
    assert "access:**" not in said
    await submit(hass, result)
    assert sandbox.journal.writes == []


@pytest.mark.parametrize(
    ("devices", "error", "words"),
    [
        ([], "devices_missing", "Nobody could use this hostname."),
        (["all", PHONE], "devices_not_clear", "You chose all companion devices"),
    ],
)
async def test_choice_that_is_none(
    hass: HomeAssistant, sandbox: Sandbox, devices: list[str], error: str, words: str
) -> None:
    """Nobody, or all and some, is not a choice."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    result = await reconfigure(hass, entry, LIMITED_ID, devices)
    assert result["errors"] == {"devices": error}
    assert sentences(result, OF_HOSTNAME)["devices"].startswith(words)
    assert devices_of(entry) == [TABLET]


async def test_new_hostname_for_some_devices(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    entry, phone, _ = await set_up_home(hass, sandbox, TABLET)
    result = await add_hostname(hass, entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(
        hass,
        result,
        {**choose(), "hostname": "proxmox.example.com", "devices": [PHONE]},
    )
    assert result["step_id"] == "preview"
    said = changes(result)
    assert "only these companion devices.\n\n- `Phone`" in said
    assert "No other certificate works there then." in said
    # Nobody could use it before.
    assert "access:**" not in said
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["devices"] == [PHONE]
    await settle(hass)
    for ref in (BLOCK_REF, SKIP_REF):
        assert listed(sandbox, ref, "proxmox.example.com") == {phone}


async def test_without_a_device_there_is_no_choice(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    form = await loaded_entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    assert form["data_schema"] is not None
    assert "devices" not in form["data_schema"].schema


async def test_hostname_whose_devices_are_gone_can_be_for_all(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    for key, item in list(entry.subentries.items()):
        if item.subentry_type == "companion_device":
            hass.config_entries.async_remove_subentry(entry, key)
    await settle(hass)
    assert devices_of(entry) == []
    result = await reconfigure(hass, entry, LIMITED_ID, ["all"])
    assert result["step_id"] == "preview"
    await submit(hass, result)
    assert devices_of(entry) is None


async def test_more_devices_than_the_rules_can_list(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The dialog says so before anything is written."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    for number in range(60):
        more = await add_certificate(sandbox, certificate_id=f"more-{number}")
        await confirm_certificate(hass, entry, more, PHONE)
    sandbox.journal.clear()
    result = await reconfigure(hass, entry, HOSTNAME_ID, [PHONE])
    assert result["errors"] == {"base": "problem_too_many_limited"}
    said = sentences(result, OF_HOSTNAME)["base"]
    assert said.startswith(f"The custom rule for {HOSTNAME} can't list so many")
    assert sandbox.journal.writes == []
    assert devices_of(entry, HOSTNAME_ID) is None


async def test_new_device_opens_the_hostnames_that_are_chosen(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Its page names them, the one that it uses first."""
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    form = await add(hass, entry)
    assert form["step_id"] == "new"
    result = await submit(
        hass, form, {**CHOSEN, "hostname": HOSTNAME, "hostnames": [LIMITED]}
    )
    assert result["step_id"] == "handover"
    await settle(hass)
    new = (listed(sandbox, BLOCK_REF) or set()) - {tablet}
    assert len(new) == 1
    assert listed(sandbox, SKIP_REF) == {tablet, *new}
    assert len(devices_of(entry)) == 2
    assert handovers_of(hass)


async def test_new_device_opens_no_limited_hostname_by_default(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    result = await submit(
        hass, await add(hass, entry), {**CHOSEN, "hostname": HOSTNAME}
    )
    assert result["step_id"] == "handover"
    assert listed(sandbox, BLOCK_REF) == {tablet}


async def test_hostname_that_the_new_device_may_not_open(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A device would be given an address that blocks it."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    sandbox.journal.clear()
    form = await add(hass, entry)
    result = await submit(hass, form, {**CHOSEN, "hostname": LIMITED})
    assert result["errors"] == {"hostnames": "hostname_not_for_device"}
    assert sandbox.journal.writes == []

    hass.config_entries.async_remove_subentry(entry, HOSTNAME_ID)
    await settle(hass)
    result = await submit(hass, await add(hass, entry), CHOSEN)
    assert result["errors"] == {"hostnames": "hostname_not_for_device"}


async def test_pinning_beside_a_limited_hostname(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The hostname for all devices lists both, and the limited one what it listed before."""
    entry, phone, tablet = await set_up_home(hass, sandbox, TABLET)
    await choose_pinning(hass, entry)
    assert listed(sandbox, BLOCK_REF, HOSTNAME) == {phone, tablet}
    assert listed(sandbox, BLOCK_REF) == {tablet}
