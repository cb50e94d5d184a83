"""Tests of removed hostnames that the app Cloudflared still serves: taken out once a person confirms."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.rules.marks import RECORD_COMMENT
from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.supervisor import Cloudflared, Supervisor
from tests.common import (
    HOSTNAME,
    HOSTNAME_ID,
    hostname_settings,
    issues,
    records_of,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import Client, confirm_repair, open_repair
from tests.faults import Faults
from tests.supervised import OPTIONS, install_app

ENTRY = {"hostname": HOSTNAME, "service": SERVICE}
WITH_ENTRY: Mapping[str, Any] = {
    **OPTIONS,
    "additional_hosts": [*OPTIONS["additional_hosts"], ENTRY],
}


@pytest.fixture
async def app(sandbox: Sandbox, supervisor: Supervisor) -> Cloudflared:
    """Install the app, which serves the protected hostname; the record is ours again since its start."""
    app = await install_app(sandbox, supervisor, **WITH_ENTRY)
    (record,) = records_of(sandbox)
    record.comment = RECORD_COMMENT
    return app


def tunnel_of(app: Cloudflared) -> str:
    """Return the id of the tunnel that an app runs."""
    assert app.tunnel
    return app.tunnel.id


@pytest.fixture
def settings(app: Cloudflared) -> dict[str, Any]:
    """Have the app's tunnel serve the hostname."""
    return {**hostname_settings(), "tunnel_id": tunnel_of(app)}


@pytest.fixture
async def client(
    hass: HomeAssistant,
    app: Cloudflared,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Remove the hostname, and return what opens its repair."""
    await setup_integration(hass, entry)
    assert reported(hass) == set()
    hass.config_entries.async_remove_subentry(entry, HOSTNAME_ID)
    await settle(hass)
    assert reported(hass) == {"removal_in_file"}
    assert await async_setup_component(hass, "repairs", {})
    return await hass_client()


def is_blocked(sandbox: Sandbox) -> bool:
    """Return whether a rule of ours names the hostname."""
    return HOSTNAME in str([rule.expression for rule in zone_of(sandbox).rules])


async def to_app(hass: HomeAssistant, client: Client) -> Any:
    """Open the repair and choose the app."""
    menu = await open_repair(client, issues(hass)["removal_in_file"])
    assert menu["menu_options"] == ["app", "confirm", "ignore"]
    form = await confirm_repair(client, menu, next_step_id="app")
    assert form["step_id"] == "app"
    assert HOSTNAME in form["description_placeholders"]["entry"]
    return form


async def end_of_repair(hass: HomeAssistant, client: Client, form: Any) -> Any:
    """Confirm, wait while the app restarts, and return what follows."""
    progress = await confirm_repair(client, form)
    assert progress["type"] == "progress"
    await settle(hass)
    return await confirm_repair(client, progress)


async def forget_connector(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Have Home Assistant see that no connector answers any more."""
    for _ in range(5):
        await wait_for_refresh(hass, freezer, timedelta(minutes=1))


async def test_entry_is_removed(
    hass: HomeAssistant, sandbox: Sandbox, app: Cloudflared, client: Client
) -> None:
    """The app gets its options without the entry, and only then the rules go."""
    form = await to_app(hass, client)
    assert is_blocked(sandbox)
    assert app.user_options == WITH_ENTRY

    result = await end_of_repair(hass, client, form)

    assert result["type"] == "create_entry"
    await settle(hass)
    assert app.user_options == OPTIONS
    assert app.connector_id
    assert not is_blocked(sandbox)
    assert reported(hass) == set()


async def test_taken_out_of_one_app_while_another_one_names_it(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    app: Cloudflared,
    client: Client,
) -> None:
    """That one makes the record again at its start: the rule stays, as where a person gives their word."""
    other = sandbox.state.add_tunnel("shed", "local")
    second = await supervisor.install(
        Cloudflared(
            sandbox.state,
            {**WITH_ENTRY, "tunnel_name": "shed"},
            slug="0123abcd_cloudflared",
            tunnel_id=other.id,
        )
    )
    await second.stop()
    for record in records_of(sandbox):
        zone_of(sandbox).dns_records.pop(record.id, None)
    form = await to_app(hass, client)
    await end_of_repair(hass, client, form)
    await settle(hass)
    await second.start({})
    led = [
        each for each in zone_of(sandbox).dns_records.values() if each.name == HOSTNAME
    ]
    assert is_blocked(sandbox), f"led home by {led}, and no rule names it"
    assert "removal_in_file" in reported(hass)


async def test_app_does_not_come_back(
    hass: HomeAssistant, sandbox: Sandbox, app: Cloudflared, client: Client
) -> None:
    """It keeps the entry, so the hostname stays blocked."""
    form = await to_app(hass, client)
    app.faults.deaths = 1
    result = await end_of_repair(hass, client, form)
    assert result["step_id"] == "app"
    assert result["errors"] == {"base": "app_not_back"}
    assert app.user_options == WITH_ENTRY
    assert is_blocked(sandbox)
    assert reported(hass) == {"removal_in_file"}


async def test_supervisor_is_away(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    app: Cloudflared,
    client: Client,
) -> None:
    form = await to_app(hass, client)
    await supervisor.go_away()
    result = await end_of_repair(hass, client, form)
    assert result["errors"] == {"base": "app_unavailable"}
    assert app.user_options == WITH_ENTRY
    assert is_blocked(sandbox)


async def test_cloudflare_fails_after_the_app(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    app: Cloudflared,
    client: Client,
) -> None:
    """The app has no entry any more; the rules stay until Cloudflare answers again."""
    form = await to_app(hass, client)
    faults.unavailable("*", "/rulesets")
    result = await end_of_repair(hass, client, form)
    assert result["type"] == "create_entry"
    assert app.user_options == OPTIONS
    assert is_blocked(sandbox)
    faults.clear()
    await entry.runtime_data.protection.async_refresh()
    await settle(hass)
    assert not is_blocked(sandbox)
    assert reported(hass) == set()


@pytest.mark.parametrize("is_stopped", [False, True])
async def test_word_of_a_person_that_is_not_so(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    app: Cloudflared,
    client: Client,
    *,
    is_stopped: bool,
) -> None:
    """The app still names the hostname, and would lead it home at its next start: the rule stays."""
    if is_stopped:
        await app.stop()
        await forget_connector(hass, freezer)
    step = await open_repair(client, issues(hass)["removal_in_file"])
    step = await confirm_repair(client, step, next_step_id="confirm")
    step = await confirm_repair(client, step)
    assert step["errors"] == {"base": "still_named"}
    assert is_blocked(sandbox)
    assert reported(hass) == {"removal_in_file"}


async def test_word_of_a_person_that_nobody_can_check(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    supervisor: Supervisor,
    app: Cloudflared,
    client: Client,
) -> None:
    """The Supervisor does not answer, and no connector tells of its rules: then it is taken."""
    await app.stop()
    await forget_connector(hass, freezer)
    step = await open_repair(client, issues(hass)["removal_in_file"])
    step = await confirm_repair(client, step, next_step_id="confirm")
    await supervisor.go_away()
    step = await confirm_repair(client, step)
    assert step["type"] == "create_entry"
    await settle(hass)
    assert not is_blocked(sandbox)


async def test_account_is_not_loaded(
    hass: HomeAssistant, entry: MockConfigEntry, app: Cloudflared, client: Client
) -> None:
    """Nothing is sent to the app, and the repair can be opened all the same."""
    form = await to_app(hass, client)
    issue = issues(hass)["removal_in_file"]
    assert await hass.config_entries.async_unload(entry.entry_id)
    result = await confirm_repair(client, form)
    assert (result["type"], result["reason"]) == ("abort", "entry_not_loaded")
    menu = await open_repair(client, issue)
    assert menu["menu_options"] == ["confirm", "ignore"]
    assert app.user_options == WITH_ENTRY


async def add_again(
    hass: HomeAssistant, entry: MockConfigEntry, app: Cloudflared
) -> ConfigSubentry:
    """Protect the removed hostname again, which ends its removal."""
    again = ConfigSubentry(
        subentry_type="protected_hostname",
        title=HOSTNAME,
        unique_id=HOSTNAME,
        data=MappingProxyType({**hostname_settings(), "tunnel_id": tunnel_of(app)}),
    )
    hass.config_entries.async_add_subentry(entry, again)
    await settle(hass)
    return again


async def test_removal_is_over_before_the_app_is_asked(
    hass: HomeAssistant, entry: MockConfigEntry, app: Cloudflared, client: Client
) -> None:
    """The app keeps the entry of a hostname that is protected again."""
    form = await to_app(hass, client)
    await add_again(hass, entry, app)
    result = await confirm_repair(client, form)
    assert result["type"] == "create_entry"
    assert app.user_options == WITH_ENTRY


async def test_removal_is_over_while_the_app_fails(
    hass: HomeAssistant, entry: MockConfigEntry, app: Cloudflared, client: Client
) -> None:
    """Nothing is left to ask."""
    form = await to_app(hass, client)
    app.faults.deaths = 1
    progress = await confirm_repair(client, form)
    await add_again(hass, entry, app)
    result = await confirm_repair(client, progress)
    assert result["type"] == "create_entry"
    assert app.user_options == WITH_ENTRY


async def test_hostname_that_was_set_up_again_meanwhile(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    app: Cloudflared,
    client: Client,
) -> None:
    """A dialog that is still open says nothing of the next removal."""
    menu = await open_repair(client, issues(hass)["removal_in_file"])
    form = await confirm_repair(client, menu, next_step_id="confirm")
    again = await add_again(hass, entry, app)

    await confirm_repair(client, form)
    await settle(hass)
    hass.config_entries.async_remove_subentry(entry, again.subentry_id)
    await settle(hass)

    assert is_blocked(sandbox)
    assert reported(hass) == {"removal_in_file"}


@pytest.mark.parametrize("changed", ["removed", "edited", "stopped", "away"])
async def test_nothing_to_remove(
    hass: HomeAssistant,
    supervisor: Supervisor,
    app: Cloudflared,
    client: Client,
    changed: str,
) -> None:
    """Where the app has no entry as it was added, or nobody answers, a person has to look."""
    match changed:
        case "removed":
            app.user_options = dict(OPTIONS)
        case "edited":
            app.user_options["additional_hosts"][-1] = {**ENTRY, "service": "http://x"}
        case "stopped":
            await app.stop()
        case "away":
            await supervisor.go_away()
    menu = await open_repair(client, issues(hass)["removal_in_file"])
    assert menu["menu_options"] == ["confirm", "ignore"]
