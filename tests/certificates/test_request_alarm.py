"""The alarm: a request without a valid certificate that reached Home Assistant is told at once."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from yarl import URL

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.rules.header_rule import MARK_HEADER
from sandbox import Sandbox
from tests.app_requests import (
    Client,
    fail_to_log_in,
    prepare,
    send_battery,
    set_up_with_phone,
)
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    act,
    add_certificate,
    companion,
    fingerprint_of,
    hostname_settings,
    issues,
    placeholders,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import TEST_PATH
from tests.edge_conditions import Forgetting
from tests.faults import Faults
from tests.identities import told_headers
from tests.restarts import restarted, same_account

KEY = "uncertified_request"
ENFORCED = "binary_sensor.home_mobile_example_com_enforced"
RULES = "/phases/http_request_firewall_custom/entrypoint"
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.fixture
async def phone(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    sandbox: Sandbox,
    entry: MockConfigEntry,
) -> str:
    """Return the fingerprint of the phone's certificate; the account was set up a while ago."""
    certificate = await set_up_with_phone(hass, sandbox, entry)
    freezer.tick(MINUTE)
    return fingerprint_of(certificate)


@pytest.fixture
async def client(phone: str, hass_client_no_auth: ClientSessionGenerator) -> Client:
    """Return what sends requests to Home Assistant, through the tunnel."""
    return await hass_client_no_auth()


@pytest.fixture
def stranger(sandbox: Sandbox, phone: str) -> dict[str, str]:
    """Return the headers of requests without a certificate, as the edge sends them on."""
    return told_headers(sandbox, None)


def block_rule(sandbox: Sandbox) -> Any:
    """Return our block rule at Cloudflare."""
    return next(item for item in zone_of(sandbox).rules if item.ref == BLOCK_REF)


async def test_rule_that_somebody_switched_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    stranger: dict[str, str],
    issue_registry: ir.IssueRegistry,
) -> None:
    """Somebody tries a password: it is told by the first request, and the rule is on again."""
    block_rule(sandbox).enabled = False
    await fail_to_log_in(client, stranger)
    assert reported(hass) == {KEY}
    await settle(hass)

    assert block_rule(sandbox).enabled
    assert reported(hass) == {KEY}
    issue = issue_registry.async_get_issue(DOMAIN, issues(hass)[KEY])
    assert issue
    assert issue.severity is ir.IssueSeverity.ERROR
    assert not issue.is_fixable
    assert placeholders(hass, KEY)["hostname"] == HOSTNAME
    assert f"{dt_util.now():%H:%M}" in placeholders(hass, KEY)["at"]


async def test_stranger_right_after_a_reload(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    client: Client,
    stranger: dict[str, str],
) -> None:
    """Nobody has written a rule for days, so nothing has to reach the edge."""
    freezer.tick(3 * DAY)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await fail_to_log_in(client, stranger)
    assert reported(hass) == {KEY}


async def test_nothing_says_that_strangers_are_blocked(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    client: Client,
    stranger: dict[str, str],
) -> None:
    """Rules and visits look good, but somebody came through: by a Worker, or another country."""
    seen = f"{dt_util.utcnow():%Y-%m-%dT%H:%M}"
    await fail_to_log_in(client, stranger)
    await settle(hass)
    assert state_of(hass, ENFORCED) == "off"
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "off"
    told = await act(hass, entry, "verify", hostname=HOSTNAME)
    assert (told["enforced"], told["exposed_to"]) == (False, [])
    assert told["stranger_at"].startswith(seen)

    freezer.tick(DAY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "on"
    told = await act(hass, entry, "verify", hostname=HOSTNAME)
    assert (told["enforced"], told["stranger_at"]) == (True, None)


@pytest.mark.parametrize(
    "changes",
    [{MARK_HEADER: "a-mark-that-somebody-guessed"}, {"Host": "home.example.com"}],
    ids=["forged mark", "another hostname"],
)
async def test_nobody_else_raises_it(
    hass: HomeAssistant,
    client: Client,
    stranger: dict[str, str],
    changes: dict[str, str],
) -> None:
    await send_battery(client, stranger | changes)
    assert reported(hass) == set()


async def test_phone_with_its_certificate(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, phone: str
) -> None:
    await send_battery(client, told_headers(sandbox, phone))
    assert reported(hass) == set()


async def test_rules_that_have_just_been_written(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """They reach the edge's servers one by one."""
    await setup_integration(hass, entry)
    await prepare(hass)
    client = await hass_client_no_auth()
    await send_battery(client, told_headers(sandbox, None))
    assert reported(hass) == set()
    freezer.tick(MINUTE)
    await send_battery(client, told_headers(sandbox, None))
    assert reported(hass) == {KEY}


@pytest.mark.parametrize(
    "settings",
    [{**hostname_settings(), "exempt_paths": ["/api/webhook/"]}],
    ids=["exempt webhooks"],
)
async def test_exempt_path(
    hass: HomeAssistant, client: Client, stranger: dict[str, str]
) -> None:
    """It needs no certificate, and no other path is exempt."""
    await send_battery(client, stranger)
    assert reported(hass) == set()
    await client.get(TEST_PATH, headers=stranger)
    assert reported(hass) == {KEY}


@pytest.mark.parametrize(
    "settings",
    [{**hostname_settings(), "exempt_paths": ["/api/cloudflare_mtls/visit/"]}],
    ids=["exempt visits"],
)
async def test_escaped_path(
    hass: HomeAssistant, client: Client, stranger: dict[str, str]
) -> None:
    """The edge does not let it through for the sake of an exempt path, whatever it leads to."""
    path = "/api/cloudflare_mtls/visit/"
    await client.get(f"{path}nothing", headers=stranger)
    assert reported(hass) == set()
    await client.get(URL(f"{path}%2Fnothing", encoded=True), headers=stranger)
    assert reported(hass) == {KEY}


async def test_revoked_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    phone: str,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Revocations take effect within minutes; after that, it counts as none."""
    [listed] = (await act(hass, entry, "list_certificates"))["certificates"]
    await act(
        hass, entry, "revoke_certificate", certificate_id=listed["certificate_id"]
    )
    await settle(hass)
    await send_battery(client, told_headers(sandbox, phone))
    assert KEY not in reported(hass)
    freezer.tick(15 * MINUTE)
    await send_battery(client, told_headers(sandbox, phone))
    assert KEY in reported(hass)


async def test_certificate_that_nobody_knows(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    phone: str,
    faults: Faults,
) -> None:
    """Somebody created it elsewhere: Home Assistant looks at once, and tells of it."""
    events: list[Event] = async_capture_events(hass, "cloudflare_mtls_certificate")
    foreign = await add_certificate(sandbox, name="Tool", certificate_id="foreign")
    await send_battery(client, told_headers(sandbox, fingerprint_of(foreign)))
    await settle(hass)
    assert reported(hass) == {"unknown_certificates"}
    assert [event.data["type"] for event in events] == ["unknown_certificate"]

    faults.requests.clear()
    await send_battery(client, told_headers(sandbox, fingerprint_of(foreign)))
    await settle(hass)
    assert faults.requests == []


async def test_certificates_that_somebody_makes_up(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    phone: str,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
) -> None:
    """However many there are, they cost one look in a quarter of an hour."""

    def looks() -> int:
        """Return how often Cloudflare was asked for the rules."""
        return sum(path.endswith(RULES) for _, path in faults.requests)

    await send_battery(client, told_headers(sandbox, "0a" * 32))
    await settle(hass)
    before = looks()
    for number in range(10):
        await send_battery(client, told_headers(sandbox, f"{number}b" * 32))
        await settle(hass)
    assert looks() == before
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    before = looks()
    for made_up in ("0a", "0b"):
        await send_battery(client, told_headers(sandbox, made_up * 32))
        await settle(hass)
    assert looks() == before + 1


async def test_many_requests(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    stranger: dict[str, str],
    freezer: FrozenDateTimeFactory,
) -> None:
    """One repair names the last; who ignored it is told of the next ones."""
    await send_battery(client, stranger)
    first = issues(hass)[KEY]
    ir.async_ignore_issue(hass, DOMAIN, first, ignore=True)
    freezer.tick(15 * MINUTE - timedelta(seconds=1))
    await send_battery(client, stranger)
    assert issues(hass)[KEY] == first
    freezer.tick(timedelta(seconds=1))
    await send_battery(client, stranger)
    assert issues(hass)[KEY] != first


async def test_it_goes_after_a_day(
    hass: HomeAssistant,
    client: Client,
    stranger: dict[str, str],
    freezer: FrozenDateTimeFactory,
) -> None:
    await send_battery(client, stranger)
    await settle(hass)
    freezer.tick(DAY - 2 * EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {KEY}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()


async def test_it_stays_while_the_edge_lets_strangers_in(
    hass: HomeAssistant,
    client: Client,
    stranger: dict[str, str],
    freezer: FrozenDateTimeFactory,
    forgets: Forgetting,
) -> None:
    """The rules look right, and something else is wrong."""
    await send_battery(client, stranger)
    forgets.now = True
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    freezer.tick(DAY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {KEY, "not_enforced"}
    forgets.now = False
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()


async def test_restart(
    hass: HomeAssistant,
    client: Client,
    stranger: dict[str, str],
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    await send_battery(client, stranger)
    await settle(hass)
    told = placeholders(hass, KEY)
    async with restarted(hass) as again:
        await setup_integration(again, same_account(entry))
        assert placeholders(again, KEY) == told


async def test_hostname_that_is_removed(
    hass: HomeAssistant,
    client: Client,
    stranger: dict[str, str],
    entry: MockConfigEntry,
) -> None:
    await send_battery(client, stranger)
    [subentry] = entry.get_subentries_of_type("protected_hostname")
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await settle(hass)
    assert KEY not in reported(hass)


async def test_account_that_is_removed(
    hass: HomeAssistant,
    client: Client,
    stranger: dict[str, str],
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    await send_battery(client, stranger)
    await settle(hass)
    assert f"cloudflare_mtls.{entry.entry_id}.alarms" in hass_storage
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)
    assert KEY not in reported(hass)
    assert f"cloudflare_mtls.{entry.entry_id}.alarms" not in hass_storage
