"""A walk through the guide to Access for browsers."""

from typing import Any, cast

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import device_id_of, settle, submit
from tests.engine.access.helpers import HOME
from tests.flows.login_dialog import RULES, add, change, choose_item, token_of, visit
from tests.logins import LOGIN_ID, application_at, login, only_another_login

from .markdown import ROOT, blocks

GUIDE = ROOT / "docs" / "guides" / "access.md"
PROTECT, END = (
    cast("dict[str, Any]", parse_yaml(text)) for text in blocks(GUIDE, "yaml")
)
ANN, BEN = PROTECT["data"]["emails"]


@pytest.fixture(autouse=True)
async def _home(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """Begin without a login there, in a home in Germany that is opened at its hostname."""
    only_another_login(sandbox)
    await hass.config.async_update(country="DE", external_url=f"https://{HOME}")


async def run(hass: HomeAssistant, action: dict[str, Any]) -> None:
    """Run an action of the guide in a script."""
    script = {"guide": {"sequence": [action]}}
    assert await async_setup_component(hass, "script", {"script": script})
    await hass.services.async_call("script", "guide", blocking=True)
    await settle(hass)


async def test_dialog(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """From the hostname over the login in time to its end."""
    result = await submit(
        hass, await add(hass, loaded_entry), {"hostname": PROTECT["data"]["hostname"]}
    )
    result = await submit(hass, result, {"own_email": ANN, "emails": [BEN]})
    result = await submit(hass, await submit(hass, result, RULES))
    assert application_at(sandbox)

    browser, token = await hass_client_no_auth(), await token_of(sandbox, ANN)
    assert (await visit(hass, browser, result["url"], token))[0] == 200

    result = await hass.config_entries.subentries.async_configure(result["flow_id"])
    assert result["reason"] == "login_works"


@pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
async def test_end(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The gear ends the login."""
    await settle(hass)
    assert application_at(sandbox)

    menu = await change(hass, loaded_entry)
    await submit(hass, await choose_item(hass, menu, "stop"))
    await settle(hass)

    assert application_at(sandbox) is None


async def test_action(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It begins a trial for those people."""
    PROTECT["data"]["config_entry_id"] = loaded_entry.entry_id
    await run(hass, PROTECT)
    application = application_at(sandbox)
    assert application
    (policy,) = application.policies
    assert {each["email"]["email"] for each in policy.include} == {ANN, BEN}
    assert policy.require == [{"geo": {"country_code": "DE"}}]


@pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
async def test_ending_the_sessions_of_a_person(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Cloudflare is asked to end them, by address."""
    END["data"]["device_id"] = device_id_of(hass, loaded_entry, LOGIN_ID)
    sandbox.journal.clear()
    await run(hass, END)
    (write,) = sandbox.journal.writes
    assert write.path.endswith("/access/organizations/revoke_user")
