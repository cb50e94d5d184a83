"""Tests of the config flow: from the token to the protected hostname, and a new token."""

import asyncio
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import SERVICE

from .common import (
    BLOCK_REF,
    HOSTNAME,
    SKIP_REF,
    choose,
    is_loaded,
    sentences,
    settle,
    setup_integration,
    submit,
    zone_of,
)
from .dialogs import (
    assert_protected,
    finish,
    finish_from_preview,
    start,
    to_hostname,
    to_preview,
    zone_and_tunnel,
)
from .faults import Faults
from .flows.test_api_token import TUNNEL_TOKEN


async def test_from_the_token_to_the_protected_hostname(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A person pastes a token, previews the changes, and submits them."""
    result = await start(hass)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "user"
    assert result["errors"] == {}
    assert "permissionGroupKeys" in result["description_placeholders"]["token_url"]

    result = await submit(hass, result, {"api_token": sandbox.token})
    assert result["step_id"] == "zone"

    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["step_id"] == "hostname"
    assert result["description_placeholders"]["zone"] == "example.com"
    proposed = result["data_schema"]({"advanced": {}})
    assert proposed == {
        "hostname": HOSTNAME,
        "service": SERVICE,
        "advanced": {
            "layout": "skip_and_block",
            "exempt_paths": [],
            "keep_in_sync": True,
        },
    }

    result = await submit(hass, result, proposed)
    assert result["step_id"] == "preview"
    assert result["description_placeholders"]["hostname"] == HOSTNAME
    assert result["description_placeholders"]["changes"].splitlines() == [
        (
            "1. Add a custom rule that blocks requests to `home-mobile.example.com` "
            "without a valid certificate."
        ),
        "2. Ask visitors of `home-mobile.example.com` for a client certificate.",
        (
            "3. Add a custom rule that lets devices with a valid certificate skip the domain's "
            "other rules."
        ),
        (
            "4. Route `home-mobile.example.com` through the tunnel to "
            "`http://homeassistant:8123`."
        ),
        "5. Add a DNS record that points `home-mobile.example.com` to the tunnel.",
        (
            "6. Add a transform rule that tells Home Assistant which certificate a device "
            "uses."
        ),
    ]
    assert sandbox.journal.writes == []

    entry = await finish_from_preview(hass, sandbox, result)
    assert entry.title == "Home lab"
    assert entry.unique_id == sandbox.account_id
    assert entry.data == {
        "api_token": sandbox.token,
        "account_id": sandbox.account_id,
    }
    (subentry,) = entry.subentries.values()
    assert subentry.subentry_type == "protected_hostname"
    assert subentry.title == subentry.unique_id == HOSTNAME
    assert subentry.data == {
        "hostname": HOSTNAME,
        "zone_id": sandbox.zone_id,
        "tunnel_id": sandbox.tunnel_id,
        "service": SERVICE,
        "purpose": "home_assistant",
        "layout": "skip_and_block",
        "exempt_paths": [],
        "published": True,
        "found": "created",
        "keep_in_sync": True,
        "devices": None,
    }
    assert len(sandbox.journal.writes) == 6


async def test_progress_is_shown_while_the_changes_are_made(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """The dialog shows that the changes are being made."""
    preview = await to_preview(hass, sandbox)
    hold = asyncio.Event()
    faults.add("POST", "/rules$", hold=hold)

    result = await hass.config_entries.flow.async_configure(preview["flow_id"], {})
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "create"
    assert result["description_placeholders"] == {"hostname": HOSTNAME}

    # The front end may ask again at any time.
    again = await hass.config_entries.flow.async_configure(preview["flow_id"])
    assert again["type"] is FlowResultType.SHOW_PROGRESS

    hold.set()
    await settle(hass)
    result = await hass.config_entries.flow.async_configure(preview["flow_id"])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    assert_protected(sandbox)


async def test_everything_that_can_be_chosen_is_kept(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The advanced settings are kept as they were chosen."""
    result = await submit(
        hass,
        await to_hostname(hass, sandbox),
        {
            "hostname": " Phones.Example.COM. ",
            "service": " https://192.168.1.10:8123 ",
            "advanced": {
                "layout": "block_only",
                "exempt_paths": ["/api/webhook/"],
                "keep_in_sync": False,
            },
        },
    )
    result = await submit(hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = result["result"].subentries.values()
    assert subentry.title == "phones.example.com"
    assert subentry.data == {
        "hostname": "phones.example.com",
        "zone_id": sandbox.zone_id,
        "tunnel_id": sandbox.tunnel_id,
        "service": "https://192.168.1.10:8123",
        "purpose": "home_assistant",
        "layout": "block_only",
        "exempt_paths": ["/api/webhook/"],
        "published": True,
        "found": "created",
        "keep_in_sync": False,
        "devices": None,
    }
    assert_protected(sandbox, "phones.example.com")
    rules = {rule.ref: rule for rule in zone_of(sandbox).rules}
    assert SKIP_REF not in rules
    assert "/api/webhook/" in rules[BLOCK_REF].expression


async def test_choosing_one_of_several_accounts(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """With a token for several accounts, the dialog asks which one to use."""
    parents = sandbox.state.add_account("Parents")
    zone = sandbox.state.add_zone("parents.example", parents)
    tunnel = sandbox.state.add_tunnel("attic", account=parents)
    tunnel.config = {"ingress": [{"service": "http_status:404"}]}

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})
    assert result["step_id"] == "account"

    result = await submit(hass, result, {"account_id": parents.id})
    assert result["step_id"] == "zone"
    assert result["data_schema"]({}) == {"zone_id": zone.id, "tunnel_id": tunnel.id}

    result = await submit(hass, result, {"zone_id": zone.id, "tunnel_id": tunnel.id})
    result = await submit(hass, result, {"next": "go_on"})
    result = await submit(hass, result, choose())
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Parents"
    assert result["result"].unique_id == parents.id


async def test_all_of_it_is_there_already(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Setting an account up a second time writes nothing."""
    entry = await finish(hass, sandbox, sandbox.token, await start(hass))
    await hass.config_entries.async_remove(entry.entry_id)
    sandbox.journal.clear()

    result = await to_hostname(hass, sandbox)
    result = await submit(hass, result, {**choose(), "hostname": HOSTNAME})
    assert result["description_placeholders"]["changes"] == (
        "Nothing has to change at Cloudflare."
    )
    placeholders = result["description_placeholders"]
    assert (placeholders["before"], placeholders["then"]) == (
        "",
        "Select Submit to save the hostname in Home Assistant.",
    )
    await finish_from_preview(hass, sandbox, result)

    assert sandbox.journal.writes == []


async def test_account_that_is_set_up_already(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A second entry for an account is refused, and the first one is not changed."""
    entry.add_to_hass(hass)
    before = dict(entry.data)

    result = await submit(
        hass, await start(hass), {"api_token": sandbox.state.add_token()}
    )

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert entry.data == before
    assert sandbox.journal.writes == []


async def test_new_token_after_the_old_one_was_refused(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Reauthentication refuses a bad token and accepts a good one."""
    old = sandbox.state.tokens.pop(sandbox.token)
    await setup_integration(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress()
    result: Any = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert result["step_id"] == "reauth_confirm"
    assert result["description_placeholders"]["account"] == "Home lab"

    result = await submit(hass, result, {"api_token": sandbox.token})
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "token_rejected"}
    assert sentences(result)["base"]

    new = "cfut_" + "n" * 40
    sandbox.state.tokens[new] = old
    result = await submit(hass, result, {"api_token": new})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert entry.data["api_token"] == new
    assert is_loaded(entry)


async def test_new_token_while_the_account_is_loaded(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The account works with the new token alone."""
    new = sandbox.state.add_token()
    result = await loaded_entry.start_reauth_flow(hass)

    result = await submit(hass, result, {"api_token": new})

    assert result["reason"] == "reauth_successful"
    assert is_loaded(loaded_entry)
    del sandbox.state.tokens[sandbox.token]
    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    assert is_loaded(loaded_entry)


async def test_another_token_before_the_old_one_expires(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Reconfiguring says what is wrong with a token, and accepts a good one."""
    result: Any = await loaded_entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure"
    assert result["description_placeholders"]["account"] == "Home lab"

    result = await submit(hass, result, {"api_token": TUNNEL_TOKEN})
    assert result["errors"] == {"base": "token_of_tunnel"}

    new = sandbox.state.add_token("account")
    result = await submit(hass, result, {"api_token": new})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.data["api_token"] == new
    assert is_loaded(loaded_entry)


@pytest.mark.parametrize("step", ["reauth", "reconfigure"])
async def test_token_of_another_account(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, step: str
) -> None:
    """A token of another account is refused."""
    other = sandbox.state.add_account("Parents")
    zone = sandbox.state.add_zone("parents.example", other)
    token = sandbox.state.add_token(zones=[zone.id])
    start_flow = {
        "reauth": loaded_entry.start_reauth_flow,
        "reconfigure": loaded_entry.start_reconfigure_flow,
    }[step]

    result = await submit(hass, await start_flow(hass), {"api_token": token})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_account"
    assert loaded_entry.data["api_token"] == sandbox.token
