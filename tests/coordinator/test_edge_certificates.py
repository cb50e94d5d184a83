"""Published hostnames for which the edge has no certificate: a repair of their own reports them."""

from collections.abc import Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import CertificatePack
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    act,
    choose,
    hostname_settings,
    issues,
    placeholders,
    reported,
    settle,
    state_of,
    submit,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import (
    CHOSEN,
    add,
    add_hostname,
    certificates,
    fetch,
    link_of,
    zone_and_tunnel,
)

DEEP = "ha-mobile.lab.example.com"
ENFORCED = "binary_sensor.ha_mobile_lab_example_com_enforced"
DRIFT = "binary_sensor.ha_mobile_lab_example_com_drift"
SWITCH = "switch.ha_mobile_lab_example_com_published"


@pytest.fixture
def settings() -> dict[str, Any]:
    """Return the settings of a hostname that Universal SSL does not cover."""
    return {**hostname_settings(), "hostname": DEEP}


def cover(sandbox: Sandbox) -> CertificatePack:
    """Give the edge a certificate for the hostname."""
    pack = CertificatePack(["*.lab.example.com"], "advanced")
    zone_of(sandbox).certificate_packs.append(pack)
    return pack


async def test_hostname_without_a_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is wrong with its rules; the repair goes away once there is a certificate."""
    assert state_of(hass, DRIFT) == "off"
    assert state_of(hass, ENFORCED) == "unknown"
    assert reported(hass) == {"no_edge_certificate"}
    issue = ir.async_get(hass).async_get_issue(
        DOMAIN, issues(hass)["no_edge_certificate"]
    )
    assert issue
    assert issue.severity is ir.IssueSeverity.ERROR
    assert not issue.is_fixable
    assert placeholders(hass, "no_edge_certificate") == {"hostname": DEEP}
    assert issue.learn_more_url
    assert issue.learn_more_url.endswith("#no_edge_certificate")

    cover(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()


def _delete(sandbox: Sandbox, pack: CertificatePack) -> None:
    zone_of(sandbox).certificate_packs.remove(pack)


def _expire(_: Sandbox, pack: CertificatePack) -> None:
    pack.status = "expired"


def _reduce(_: Sandbox, pack: CertificatePack) -> None:
    pack.hosts = ["ha.lab.example.com"]


@pytest.mark.parametrize("change", [_delete, _expire, _reduce])
async def test_certificate_that_goes(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    change: Callable[[Sandbox, CertificatePack], None],
    entry: MockConfigEntry,
) -> None:
    """A hostname that worked is told of when it no longer does."""
    pack = cover(sandbox)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert reported(hass) == set()

    change(sandbox, pack)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {"no_edge_certificate"}
    assert state_of(hass, ENFORCED) == "unknown"


async def test_edge_that_cannot_be_reached_meanwhile(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a visit does not show is no better than it was."""
    with monkeypatch.context() as patch:
        # Another server answers, with a certificate for another name.
        patch.setattr(CertificatePack, "covers", lambda *_: True)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == {"no_edge_certificate"}
        await hass.config_entries.async_reload(loaded_entry.entry_id)
        await settle(hass)
    assert state_of(hass, ENFORCED) == "unknown"
    assert reported(hass) == {"no_edge_certificate"}

    cover(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()


async def test_hostname_off_the_internet(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Nobody needs a certificate for it, until it is published again."""
    await turn(hass, SWITCH, "off")
    assert reported(hass) == set()

    await turn(hass, SWITCH, "on")
    assert reported(hass) == {"no_edge_certificate"}


async def test_verify(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The action says what the visit met, and the repair follows it."""
    met = await act(hass, loaded_entry, "verify", hostname=DEEP)
    assert met["without_certificate"] == {"status": None, "verdict": "no_certificate"}
    assert met["enforced"] is None

    cover(sandbox)
    met = await act(hass, loaded_entry, "verify", hostname=DEEP)
    await settle(hass)
    assert met["enforced"] is True
    assert reported(hass) == set()


async def test_certificate_for_a_device(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It could not work, so none is handed out, and the one that was signed is revoked."""
    with pytest.raises(HomeAssistantError, match="Nobody can download") as raised:
        await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await settle(hass)

    assert raised.value.translation_key == "edge_certificate_missing"
    assert raised.value.translation_placeholders == {"hostname": DEEP}
    assert set(certificates(sandbox).values()) <= {"pending_revocation", "revoked"}
    assert list(loaded_entry.get_subentries_of_type("companion_device")) == []

    cover(sandbox)
    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    assert response["handover_url"]


async def test_dialog_for_a_device(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It says what is missing, and goes on once it is there."""
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    assert result["errors"] == {"base": "edge_certificate_missing"}
    assert result["description_placeholders"]["hostname"] == DEEP

    cover(sandbox)
    result = await submit(hass, result, CHOSEN)
    assert result["step_id"] == "handover"


async def test_another_hostname_of_the_zone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Only a device of the hostname that works gets a certificate."""
    result = await add_hostname(hass, loaded_entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    typed = {**choose(), "hostname": HOSTNAME, "service": SERVICE}
    result = await submit(hass, await submit(hass, result, typed))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)

    async def create(hostname: str) -> dict[str, Any]:
        return await act(
            hass, loaded_entry, "mint_certificate", name="Pixel 8", hostname=hostname
        )

    with pytest.raises(HomeAssistantError, match="Nobody can download"):
        await create(DEEP)
    fetched = await fetch(
        await hass_client_no_auth(), link_of(hass, await create(HOSTNAME))
    )
    assert fetched["hostname"] == HOSTNAME
