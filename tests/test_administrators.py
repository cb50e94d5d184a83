"""Tests of who may decide: what changes who gets in obeys administrators and automations only."""

from contextlib import suppress
from typing import Any

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_USER
from homeassistant.const import EntityCategory
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus

from .common import (
    CERTIFICATE_ID,
    add_known_certificate,
    companion,
    settle,
    setup_integration,
    state_of,
)
from .dialogs import certificates, renew_and_test
from .other_users import CONTROLS, attempts, try_everything, user_context

# The first user of all is an administrator, whatever the group.
pytestmark = pytest.mark.usefixtures("hass_owner_user")

SWITCH = "switch.home_mobile_example_com_published"
REVOKE = "button.pixel_8_revoke"
RESTORE = "button.pixel_8_restore"


@pytest.fixture
async def entry(
    hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox
) -> MockConfigEntry:
    """Return an account with a device."""
    await add_known_certificate(hass, entry, sandbox)
    return entry


async def act_on(
    hass: HomeAssistant, entity_id: str, action: str, context: Context
) -> None:
    """Call an entity's action in a context."""
    domain = entity_id.partition(".")[0]
    await hass.services.async_call(
        domain, action, {"entity_id": entity_id}, blocking=True, context=context
    )
    await settle(hass)


@pytest.mark.parametrize(
    "devices",
    [
        [
            companion(),
            companion(name="Tablet", device_id="tablet", subentry_id="01JTABLET"),
        ]
    ],
    ids=["with two devices"],
)
async def test_other_users_change_nothing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entity_registry: er.EntityRegistry,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Every button and switch refuses them, and none is on a dashboard that is made by itself."""
    await add_known_certificate(
        hass,
        entry,
        sandbox,
        name="Tablet",
        device_id="tablet",
        certificate_id="tablet",
        status=CertificateStatus.REVOKED,
    )
    await setup_integration(hass, entry)
    # One button is available only while a certificate waits to be revoked, one while it is.
    await renew_and_test(hass, await hass_client_no_auth(), entry, CERTIFICATE_ID)
    sandbox.journal.clear()
    controls = [
        item
        for item in er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        if item.domain in CONTROLS
    ]
    tried = {data.get("entity_id") for _, _, data in attempts(hass, entry)}
    refused = {item.translation_key for item in controls if item.entity_id in tried}

    assert await try_everything(hass, entry) == []
    assert {item.entity_category for item in controls} == {EntityCategory.CONFIG}
    assert refused == {item.translation_key for item in controls}
    assert {item.domain for item in controls} == set(CONTROLS)
    assert sandbox.journal.writes == []
    assert state_of(hass, SWITCH) == "on"
    assert not hass.states.async_entity_ids("persistent_notification")


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
@pytest.mark.parametrize(
    "group_id", [GROUP_ID_ADMIN, None], ids=["admin", "automation"]
)
async def test_administrators_and_automations_decide(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, group_id: str | None
) -> None:
    """An automation acts for nobody: whoever wrote it is an administrator."""
    await setup_integration(hass, entry)
    context = await user_context(hass, group_id) if group_id else Context()

    await act_on(hass, SWITCH, "turn_off", context)
    await act_on(hass, REVOKE, "press", context)

    assert state_of(hass, SWITCH) == "off"
    assert set(certificates(sandbox).values()) == {"revoked"}

    await act_on(hass, RESTORE, "press", context)

    assert set(certificates(sandbox).values()) == {"active"}


SIDE_DOORS = [
    ("homeassistant", "turn_off", {"entity_id": SWITCH}),
    ("homeassistant", "toggle", {"entity_id": SWITCH}),
    ("scene", "apply", {"entities": {SWITCH: "off"}}),
    ("script", "shut", {}),
    ("switch", "turn_off", {"entity_id": "all"}),
]


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
@pytest.mark.parametrize(("domain", "action", "data"), SIDE_DOORS)
@pytest.mark.parametrize(
    ("group_id", "published"),
    [(GROUP_ID_USER, "on"), (GROUP_ID_ADMIN, "off")],
    ids=["user", "admin"],
)
async def test_side_doors(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    domain: str,
    action: str,
    data: dict[str, Any],
    group_id: str,
    published: str,
) -> None:
    """What acts for a person decides no more than the person."""
    await setup_integration(hass, entry)
    steps = [{"action": "switch.turn_off", "target": {"entity_id": SWITCH}}]
    for component, config in (
        ("homeassistant", {}),
        ("scene", {}),
        ("script", {"script": {"shut": {"sequence": steps}}}),
    ):
        assert await async_setup_component(hass, component, config)
    context = await user_context(hass, group_id)

    with suppress(Unauthorized):
        await hass.services.async_call(
            domain, action, data, blocking=True, context=context
        )
    await settle(hass)

    assert state_of(hass, SWITCH) == published
