"""A policy that lets in everybody with an address at a public mail service names nobody."""

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.common import setup_integration
from tests.coordinator.test_login_strangers import HOME, ME, adopted
from tests.flows.test_login_drift import look
from tests.logins import access_of, only_another_login, told


@pytest.mark.parametrize("domain", ["gmail.com", "outlook.com"])
@adopted
async def test_anybody_makes_such_an_address(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, domain: str
) -> None:
    """It is told as what lets in strangers."""
    only_another_login(sandbox)
    access = access_of(sandbox)
    owner = AccessPolicy("Owner", "allow", [ME])
    access.applications["main"] = AccessApplication(
        "Theirs", [{"type": "public", "uri": HOME}], [owner], id="main"
    )
    await setup_integration(hass, entry)
    assert told(hass) == set()
    include = [{"email_domain": {"domain": domain}}]
    access.applications["main"].policies.append(AccessPolicy("All", "allow", include))
    await look(hass, entry)
    assert told(hass) == {"login_opened_unfixable"}
