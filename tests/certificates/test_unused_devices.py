"""Devices that nobody has used for 90 days: they are told, if anybody could know."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.rules.header_rule import (
    CERTIFICATE_HEADER,
)
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, TRANSFORM_PHASE
from tests.app_requests import Client, send_battery, set_up_with_phone
from tests.certificates.helpers import open_repairs
from tests.common import (
    EDGE_EVERY,
    act,
    companion,
    fingerprint_of,
    issues,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    written_out,
    zone_of,
)
from tests.identities import told_headers
from tests.limited import limited_hostname
from tests.restarts import restarted, same_account

KEY = "device_unused"
DAY = timedelta(days=1)
LONG = 90 * DAY


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.fixture
async def headers(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    sandbox: Sandbox,
    entry: MockConfigEntry,
) -> dict[str, str]:
    """Return the headers of the phone's requests; the account is set up."""
    certificate = await set_up_with_phone(hass, sandbox, entry)
    return told_headers(sandbox, fingerprint_of(certificate))


@pytest.fixture
async def client(
    headers: dict[str, str], hass_client_no_auth: ClientSessionGenerator
) -> Client:
    """Return what sends requests to Home Assistant, through the tunnel."""
    return await hass_client_no_auth()


async def hear(client: Client, headers: dict[str, str]) -> None:
    """Have somebody else come."""
    await send_battery(client, {**headers, CERTIFICATE_HEADER: "0a" * 32})


async def pass_days(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta
) -> None:
    """Let time pass, to the refresh at its end."""
    freezer.tick(time - EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)


async def test_phone_in_a_drawer(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    """It is told after 90 days, and no more once somebody uses it."""
    await pass_days(hass, freezer, DAY)
    last = dt_util.now()
    await send_battery(client, headers)
    await pass_days(hass, freezer, LONG - DAY)
    assert reported(hass) == set()
    await pass_days(hass, freezer, DAY)
    assert open_repairs(hass) == {KEY: {"name": "Pixel 8", "since": written_out(last)}}
    issue = issue_registry.async_get_issue(DOMAIN, issues(hass)[KEY])
    assert issue
    assert issue.severity is ir.IssueSeverity.WARNING
    await send_battery(client, headers)
    assert reported(hass) == set()


async def test_phone_that_never_came(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its certificate is older: what was before the edge was heard, nobody knows."""
    await pass_days(hass, freezer, DAY)
    await hear(client, headers)
    await pass_days(hass, freezer, LONG - DAY)
    assert reported(hass) == set()
    await pass_days(hass, freezer, DAY)
    assert reported(hass) == {KEY}


async def test_edge_that_was_never_heard(
    hass: HomeAssistant, headers: dict[str, str], freezer: FrozenDateTimeFactory
) -> None:
    """Something between it and Home Assistant may take its word out of the requests."""
    await pass_days(hass, freezer, LONG)
    await pass_days(hass, freezer, DAY)
    assert reported(hass) == set()


async def test_restart(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """The days before it count."""
    await hear(client, headers)
    await pass_days(hass, freezer, LONG - DAY)
    async with restarted(hass) as again:
        await setup_integration(again, same_account(entry))
        assert reported(again) == set()
        await pass_days(again, freezer, DAY)
        assert reported(again) == {KEY}


async def test_edge_that_did_not_tell_for_a_while(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    headers: dict[str, str],
    freezer: FrozenDateTimeFactory,
) -> None:
    """The phone may have come meanwhile."""
    await hear(client, headers)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"transform:edit"}
    zone_of(sandbox).rules_of(TRANSFORM_PHASE).clear()
    await pass_days(hass, freezer, LONG)
    assert reported(hass) == set()
    token.permissions = ALL_PERMISSIONS
    for _ in range(5):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await hear(client, told_headers(sandbox, None))
    await pass_days(hass, freezer, LONG - DAY)
    assert reported(hass) == set()
    await pass_days(hass, freezer, DAY)
    assert reported(hass) == {KEY}


async def test_hostname_of_another_service(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The phone may use that one only, and the edge tells nothing there."""
    other = limited_hostname("01JDEVICE00000000000000001")
    other["data"] = {**other["data"], "purpose": "other"}
    entry = MockConfigEntry(
        domain=entry.domain,
        title=entry.title,
        unique_id=entry.unique_id,
        data=dict(entry.data),
        subentries_data=[
            *(item.as_dict() for item in entry.subentries.values()),
            other,
        ],
    )
    await set_up_with_phone(hass, sandbox, entry)
    await hear(await hass_client_no_auth(), told_headers(sandbox, None))
    await pass_days(hass, freezer, LONG)
    await pass_days(hass, freezer, DAY)
    assert KEY not in reported(hass)


async def test_revoked_device(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It cannot come."""
    await hear(client, headers)
    [listed] = (await act(hass, entry, "list_certificates"))["certificates"]
    await act(
        hass, entry, "revoke_certificate", certificate_id=listed["certificate_id"]
    )
    await settle(hass)
    await pass_days(hass, freezer, LONG)
    await pass_days(hass, freezer, DAY)
    assert reported(hass) == set()
