"""Tests of opening a hostname again that was there before: asked in so many words, and its last step."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import Rule
from tests.certificates.helpers import look_often
from tests.certificates.test_confirming_what_is_gone import browser
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    SKIP_REF,
    choose,
    issues,
    reported,
    sentences,
    settle,
    setup_integration,
    submit,
    zone_of,
)
from tests.dialogs import Client, assert_protected, confirm_repair, open_repair
from tests.faults import Faults
from tests.restarts import restarted, same_account, started_again

from .existing import CLOUD, adopt, of_owner, serve

OF = "config_subentries.protected_hostname"


def is_closed(sandbox: Sandbox) -> bool:
    """Return whether the block rule names the hostname."""
    return any(
        rule.ref == BLOCK_REF and CLOUD in rule.expression
        for rule in zone_of(sandbox).rules
    )


async def to_stop(hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str) -> Any:
    """Choose in the dialog to stop protecting the hostname."""
    menu = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    assert (menu["step_id"], menu["menu_options"]) == ("adopted", ["change", "stop"])
    return await submit(hass, menu, {"next_step_id": "stop"})


@pytest.mark.parametrize("was_asked", [False, True])
async def test_stop_protecting(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    *,
    was_asked: bool,
) -> None:
    """All is as it was before, and the other hostname stays protected."""
    serve(sandbox)
    if was_asked:
        zone_of(sandbox).associations = [*(zone_of(sandbox).associations or ()), CLOUD]
    associations = zone_of(sandbox).associations
    before = of_owner(sandbox)
    rules = [(rule.ref, rule.expression) for rule in zone_of(sandbox).rules]
    subentry_id = await adopt(hass, loaded_entry)
    sandbox.journal.clear()

    form = await to_stop(hass, loaded_entry, subentry_id)

    assert form["step_id"] == "stop"
    shown = form["description_placeholders"]["changes"].splitlines()
    assert len(shown) == (2 if was_asked else 3)
    assert "blocks requests without a valid certificate" in shown[-1]
    assert sandbox.journal.writes == []
    result = await submit(hass, form)
    await settle(hass)
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "protection_stopped",
    )
    assert [item.title for item in loaded_entry.subentries.values()] == [HOSTNAME]
    assert of_owner(sandbox) == before
    assert [(rule.ref, rule.expression) for rule in zone_of(sandbox).rules] == rules
    assert zone_of(sandbox).associations == associations
    assert_protected(sandbox)
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    assert not is_closed(sandbox)
    assert reported(hass) == set()


async def test_nothing_is_remembered(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is left to take down."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    await submit(hass, await to_stop(hass, loaded_entry, subentry_id))
    await settle(hass)
    await look_often(hass, freezer)
    assert not is_closed(sandbox)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        await setup_integration(again, account)
        assert not is_closed(sandbox)
    stored = hass_storage[f"cloudflare_mtls.{loaded_entry.entry_id}"]["data"]
    assert stored["hostnames"].keys() == {HOSTNAME}


async def test_protected_once_more(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
) -> None:
    """It stays protected, also at the next start: what was let go is the subentry of before."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    await submit(hass, await to_stop(hass, loaded_entry, subentry_id))
    await settle(hass)
    await adopt(hass, loaded_entry)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        await setup_integration(again, account)
        assert CLOUD in [item.title for item in account.subentries.values()]
        assert is_closed(sandbox)


async def test_stop_before_home_assistant_stored_that_it_is_open(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
) -> None:
    """It stores its accounts a second later: the hostname would be closed again."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    account = same_account(loaded_entry)
    await submit(hass, await to_stop(hass, loaded_entry, subentry_id))
    await settle(hass)
    async with started_again(hass) as again:
        await setup_integration(again, account)
        assert [item.title for item in account.subentries.values()] == [HOSTNAME]
        assert not is_closed(sandbox)
        assert reported(again) == set()


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/rulesets"), ("PUT", "/hostname_associations")],
)
async def test_stopped_by_an_error(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    method: str,
    path: str,
) -> None:
    """The hostname stays, closed; what is left is shown, and can be tried again."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    form = await to_stop(hass, loaded_entry, subentry_id)
    faults.refuse(method, path, 400, 1, "No")

    form = await submit(hass, form)

    assert form["step_id"] == "stop"
    assert "Cloudflare refused the request" in sentences(form, OF)["base"]
    assert is_closed(sandbox)
    assert subentry_id in loaded_entry.subentries


def lose_the_answer_that_opens(sandbox: Sandbox, faults: Faults) -> None:
    """Have the answer to the last step get lost: the block rule no longer names the hostname."""
    (rule,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    faults.unavailable("PATCH", f"/rules/{rule.id}", after_write=True)


async def test_last_answer_is_lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The hostname is seen to be open, as the person confirmed, and is not closed again."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    form = await to_stop(hass, loaded_entry, subentry_id)
    lose_the_answer_that_opens(sandbox, faults)

    result = await submit(hass, form)

    assert result["reason"] == "protection_stopped"
    assert subentry_id not in loaded_entry.subentries
    await look_often(hass, freezer)
    assert not is_closed(sandbox)
    assert reported(hass) == set()


async def test_tunnel_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """Nobody knows what is left: the hostname stays, and the dialog does not say that it went."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    form = await to_stop(hass, loaded_entry, subentry_id)
    faults.unavailable("GET", "/configurations")

    for _ in range(2):
        form = await submit(hass, form)
        assert form["step_id"] == "stop"
        assert sentences(form, OF)["base"]

    assert subentry_id in loaded_entry.subentries
    faults.clear()
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    assert is_closed(sandbox)


async def test_cloudflare_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The dialog ends with the reason, before anything is shown or written."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    faults.unavailable("GET", "/rulesets")
    result = await to_stop(hass, loaded_entry, subentry_id)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "unavailable")
    assert is_closed(sandbox)


async def test_changed_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A confirmation covers what was shown: what is there now is shown first."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    form = await to_stop(hass, loaded_entry, subentry_id)
    associations = zone_of(sandbox).associations
    assert associations
    associations.remove(CLOUD)

    form = await submit(hass, form)

    assert form["errors"] == {"base": "changed_meanwhile"}
    assert is_closed(sandbox)
    # Home Assistant keeps the hostname in sync until it is open: it fixes that first.
    await settle(hass)
    form = await submit(hass, form)
    assert form["errors"] == {"base": "changed_meanwhile"}
    result = await submit(hass, form)
    assert result["reason"] == "protection_stopped"
    assert not is_closed(sandbox)


async def test_removed_in_another_tab(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The dialog ends, and the hostname stays closed."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    form = await to_stop(hass, loaded_entry, subentry_id)
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)

    result = await submit(hass, form)

    assert result["reason"] == "settings_changed"
    assert is_closed(sandbox)
    assert reported(hass) == {"removal_served"}


async def test_account_that_is_not_loaded(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is opened."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    form = await to_stop(hass, loaded_entry, subentry_id)
    await hass.config_entries.async_unload(loaded_entry.entry_id)

    result = await submit(hass, form)

    assert result["reason"] == "entry_not_loaded"
    assert is_closed(sandbox)


async def test_change_how_it_is_protected(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Neither tunnel nor service is asked; the service is what its owner made of it."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.ingress[0]["service"] = "http://elsewhere:80"
    before = of_owner(sandbox)
    menu = await loaded_entry.start_subentry_reconfigure_flow(hass, subentry_id)
    form = await submit(hass, menu, {"next_step_id": "change"})
    assert {str(key) for key in form["data_schema"].schema} == {"purpose", "advanced"}

    wrong = {"purpose": "other", **choose(exempt_paths=["/"])}
    form = await submit(hass, form, wrong)
    assert "can't be exempt" in sentences(form, OF)["base"]
    typed = {"purpose": "other", **choose(exempt_paths=["/s/"])}
    result = await submit(hass, await submit(hass, form, typed))
    await settle(hass)

    assert result["reason"] == "reconfigure_successful"
    data = loaded_entry.subentries[subentry_id].data
    assert (data["service"], data["exempt_paths"]) == ("http://elsewhere:80", ["/s/"])
    assert of_owner(sandbox) == before
    assert reported(hass) == set()


async def test_change_that_comes_too_late(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Somebody removed the hostname in another tab meanwhile."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    menu = await loaded_entry.start_subentry_reconfigure_flow(hass, subentry_id)
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    result = await submit(hass, menu, {"next_step_id": "change"})
    assert result["reason"] == "settings_changed"


async def test_change_without_its_tunnel(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The form says that nothing can be changed."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    other = sandbox.state.add_tunnel("Garage")
    data = {**loaded_entry.subentries[subentry_id].data, "tunnel_id": other.id}
    hass.config_entries.async_update_subentry(
        loaded_entry, loaded_entry.subentries[subentry_id], data=data
    )
    await settle(hass)
    del sandbox.state.tunnels[other.id]
    menu = await loaded_entry.start_subentry_reconfigure_flow(hass, subentry_id)
    form = await submit(hass, menu, {"next_step_id": "change"})
    form = await submit(hass, form, {"purpose": "other", **choose()})
    assert form["errors"] == {"base": "tunnel_of_owner_gone"}
    assert sentences(form, OF)["base"]


async def test_open_from_the_repair(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """A subentry that is deleted opens nothing; the repair asks, and only then opens it."""
    serve(sandbox)
    before = of_owner(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    assert is_closed(sandbox)
    client = await browser(hass, hass_client)
    menu = await open_repair(client, issues(hass)["removal_served"])
    form = await confirm_repair(client, menu, next_step_id="open")
    assert form["step_id"] == "open"
    zone_of(sandbox).associations = []

    form = await confirm_repair(client, form)
    assert form["errors"] == {"base": "changed_meanwhile"}
    assert is_closed(sandbox)
    await settle(hass)
    form = await confirm_repair(client, form)
    assert form["errors"] == {"base": "changed_meanwhile"}
    result = await confirm_repair(client, form)
    await settle(hass)

    assert result["type"] == "create_entry"
    assert not is_closed(sandbox)
    assert of_owner(sandbox) == before
    assert reported(hass) == set()
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    assert not is_closed(sandbox)


async def to_opening(
    hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> dict[str, Any]:
    """Protect the hostname, remove it, and open its repair at the step that opens it."""
    subentry_id = await adopt(hass, entry)
    hass.config_entries.async_remove_subentry(entry, subentry_id)
    await settle(hass)
    menu = await open_repair(client, issues(hass)["removal_served"])
    return await confirm_repair(client, menu, next_step_id="open")


async def test_last_answer_to_the_repair_is_lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """The hostname is seen to be open, and the repair is done."""
    serve(sandbox)
    client = await browser(hass, hass_client)
    form = await to_opening(hass, loaded_entry, client)
    lose_the_answer_that_opens(sandbox, faults)

    result = await confirm_repair(client, form)
    await settle(hass)

    assert result["type"] == "create_entry"
    assert not is_closed(sandbox)
    assert reported(hass) == set()


async def test_repair_that_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """The dialog ends with the reason, and the hostname stays closed."""
    serve(sandbox)
    client = await browser(hass, hass_client)
    form = await to_opening(hass, loaded_entry, client)
    faults.refuse("PATCH", "/rulesets", 400, 1, "No")

    result = await confirm_repair(client, form)

    assert (result["type"], result["reason"]) == ("abort", "rejected")
    assert is_closed(sandbox)


async def test_repair_whose_cause_is_gone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """Nothing is opened while Cloudflare fails, while the account is away, or after that."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    client = await browser(hass, hass_client)
    issue_id = issues(hass)["removal_served"]

    menu = await open_repair(client, issue_id)
    faults.unavailable("GET", "/rulesets")
    result = await confirm_repair(client, menu, next_step_id="open")
    assert result["reason"] == "unavailable"
    faults.clear()

    left = await open_repair(client, issue_id)
    menu = await open_repair(client, issue_id)
    form = await confirm_repair(client, menu, next_step_id="open")
    await loaded_entry.runtime_data.protection.removals.async_forget_hostname(CLOUD)
    result = await confirm_repair(client, form)
    assert result["type"] == "create_entry"
    assert is_closed(sandbox)

    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await confirm_repair(client, left, next_step_id="open")
    assert result["reason"] == "entry_not_loaded"


async def test_skip_rule_goes_before_it_opens(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """While others' rules are skipped for devices, nobody without a certificate gets in."""
    serve(sandbox)
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules.append(Rule("block", f'http.host eq "{CLOUD}"', "by its owner"))
    subentry_id = await adopt(hass, loaded_entry)
    sandbox.journal.clear()
    await submit(hass, await to_stop(hass, loaded_entry, subentry_id))
    await settle(hass)
    skip = next(rule for rule in zone_of(sandbox).rules if rule.ref == SKIP_REF)
    assert CLOUD not in skip.expression
    assert zone_of(sandbox).rules[-1].description == "by its owner"


async def test_cloudflare_asks_for_a_pause(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The dialog ends with the reason, and the hostname stays closed."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    form = await to_stop(hass, loaded_entry, subentry_id)
    faults.limit(30, "GET", "/rulesets")
    result = await submit(hass, form)
    assert result["reason"] == "rate_limited"
    assert is_closed(sandbox)
    assert subentry_id in loaded_entry.subentries


async def test_change_of_what_is_no_longer_served(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It can be changed all the same: a repair says that nothing leads there."""
    serve(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    sandbox.state.tunnels[sandbox.tunnel_id].ingress.pop(0)
    menu = await loaded_entry.start_subentry_reconfigure_flow(hass, subentry_id)
    form = await submit(hass, menu, {"next_step_id": "change"})
    typed = {"purpose": "other", **choose(exempt_paths=["/s/"])}
    preview = await submit(hass, form, typed)
    assert preview["step_id"] == "preview"
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    result = await submit(hass, preview)
    assert result["reason"] == "settings_changed"
