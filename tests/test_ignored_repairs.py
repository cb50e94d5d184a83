"""Tests of repairs that a person ignores although they could be fixed: nothing changes, and nothing worse is hidden."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import Rule, Setting

from .common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    HOSTNAME,
    act,
    add_certificate,
    add_known_certificate,
    issues,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
    zone_of,
)
from .dialogs import Client, certificates, confirm_repair, open_repair
from .restarts import restarted, same_account

pytestmark = with_device

type Cause = Callable[[HomeAssistant, MockConfigEntry, Sandbox], Awaitable[Any]]


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings that are not kept in sync automatically."""
    return {**settings, "keep_in_sync": False}


@pytest.fixture
async def home(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account in sync, with a device that has a certificate."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await act(hass, entry, "sync")
    await settle(hass)
    assert issues(hass) == {}
    sandbox.journal.clear()
    return entry


@pytest.fixture
async def client(
    hass: HomeAssistant, home: MockConfigEntry, hass_client: ClientSessionGenerator
) -> Client:
    """Return the browser of a person who opens the repairs."""
    for component in ("repairs", "websocket_api"):
        assert await async_setup_component(hass, component, {})
    return await hass_client()


async def drift(hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox) -> None:
    """Stop asking visitors for a certificate, as a person could in the dashboard."""
    zone_of(sandbox).associations = []


async def expose(hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox) -> None:
    """Disable the block rule."""
    for rule in zone_of(sandbox).rules:
        rule.enabled = rule.ref != BLOCK_REF


async def expire_soon(
    hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox
) -> None:
    """Have the device use a certificate that is valid for a few weeks only."""
    await add_known_certificate(
        hass,
        entry,
        sandbox,
        certificate_id="newer",
        not_before=now() - timedelta(days=1),
        days=20,
    )


async def turn_off_websockets(
    hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox
) -> None:
    """Turn a setting off that the companion app needs."""
    zone_of(sandbox).settings["websockets"] = Setting("off", now())
    await entry.runtime_data.checks.async_look_around_again()


async def add_stranger(
    hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox
) -> None:
    """Have somebody create a certificate in the dashboard."""
    await add_certificate(sandbox, organization="", certificate_id="foreign")


REPAIRS = [
    (drift, "drift", ["confirm"]),
    (expose, "exposed", ["confirm"]),
    (expire_soon, "certificate_expiring", ["renew"]),
    (turn_off_websockets, "check_websockets_off", ["confirm"]),
    (add_stranger, "unknown_certificates", ["confirm", "revoke"]),
]
WITH_EACH = pytest.mark.parametrize(
    ("cause", "key", "fixes"), REPAIRS, ids=[key for _, key, _ in REPAIRS]
)


def is_ignored(hass: HomeAssistant, issue_id: str) -> bool:
    """Return whether an issue is there, and ignored."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.active
    return issue.dismissed_version is not None


async def ignore(client: Client, issue_id: str) -> dict[str, Any]:
    """Open the dialog of a repair, and ignore it."""
    menu = await open_repair(client, issue_id)
    return await confirm_repair(client, menu, next_step_id="ignore")


@WITH_EACH
async def test_repair_is_ignored(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    cause: Cause,
    key: str,
    fixes: list[str],
) -> None:
    """Nothing is changed, and the repair stays ignored while its cause stays."""
    await cause(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    issue_id = issues(hass)[key]

    menu = await open_repair(client, issue_id)
    assert (menu["type"], menu["menu_options"]) == ("menu", [*fixes, "ignore"])
    assert not is_ignored(hass, issue_id)
    done = await confirm_repair(client, menu, next_step_id="ignore")

    assert (done["type"], done["reason"]) == ("abort", "issue_ignored")
    assert is_ignored(hass, issue_id)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await hass.config_entries.async_reload(home.entry_id)
    await settle(hass)
    assert reported(hass) == {key}
    assert is_ignored(hass, issue_id)
    assert sandbox.journal.writes == []


@WITH_EACH
async def test_account_that_is_not_connected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    cause: Cause,
    key: str,
    fixes: list[str],
) -> None:
    """To ignore needs nothing of Cloudflare; to fix is refused with the reason."""
    await cause(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    issue_id = issues(hass)[key]
    await hass.config_entries.async_unload(home.entry_id)

    for fix in fixes:
        menu = await open_repair(client, issue_id)
        refused = await confirm_repair(client, menu, next_step_id=fix)
        assert (refused["type"], refused["reason"]) == ("abort", "entry_not_loaded")
    done = await ignore(client, issue_id)

    assert done["reason"] == "issue_ignored"
    assert is_ignored(hass, issue_id)


@WITH_EACH
async def test_repair_that_closed_while_its_dialog_was_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    cause: Cause,
    key: str,
    fixes: list[str],
) -> None:
    """There is nothing left to ignore."""
    await cause(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    menu = await open_repair(client, issues(hass)[key])
    ir.async_delete_issue(hass, DOMAIN, issues(hass)[key])

    done = await confirm_repair(client, menu, next_step_id="ignore")

    assert done["type"] == "create_entry"
    assert reported(hass) == set()


async def test_ignored_drift_hides_no_exposure(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What is worse is a repair of its own."""
    await drift(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await ignore(client, issues(hass)["drift"])

    await expose(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {"exposed"}
    assert not is_ignored(hass, issues(hass)["exposed"])


async def test_ignored_exposure_hides_no_other_visitors(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Who accepts that revoked devices get in has not accepted that everybody does."""
    ours = f'http.host eq "{HOSTNAME}"'
    revoked = Rule("skip", f"{ours} and cf.tls_client_auth.cert_revoked", "by hand")
    revoked.action_parameters = {"ruleset": "current"}
    zone_of(sandbox).rules.insert(0, revoked)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    first = issues(hass)["exposed"]
    await ignore(client, first)

    await expose(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert issues(hass)["exposed"] != first
    assert not is_ignored(hass, issues(hass)["exposed"])


async def test_what_comes_back_is_told_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """To ignore something is no decision about the next time."""
    await drift(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await ignore(client, issues(hass)["drift"])
    await act(hass, home, "sync")
    await settle(hass)
    assert reported(hass) == set()

    await drift(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert not is_ignored(hass, issues(hass)["drift"])


async def test_ignored_reminder_hides_no_urgent_one(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A week before the expiry the person is told once more."""
    await expire_soon(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await ignore(client, issues(hass)["certificate_expiring"])

    await wait_for_refresh(hass, freezer, timedelta(days=14))

    assert reported(hass) == {"certificate_urgent"}
    assert not is_ignored(hass, issues(hass)["certificate_urgent"])


async def test_certificate_that_was_not_fetched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A person may leave a renewal for later; the certificates stay as they are."""
    await act(hass, home, "renew_certificate", certificate_id=CERTIFICATE_ID)
    await wait_for_refresh(hass, freezer, timedelta(minutes=11))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    before = certificates(sandbox)

    done = await ignore(client, issues(hass)["handover_missed"])

    assert done["reason"] == "issue_ignored"
    assert certificates(sandbox) == before


async def test_only_administrators_ignore(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    await expose(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    issue_id = issues(hass)["exposed"]
    visitor = await hass_client(hass_read_only_access_token)

    answer = await visitor.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id}
    )

    assert answer.status == HTTPStatus.UNAUTHORIZED
    assert not is_ignored(hass, issue_id)


async def ignored(
    hass: HomeAssistant, browser: Any, key: str, ignore: bool = True
) -> bool:
    """Ignore a repair as the front end of any user can, and return whether it is."""
    command = {
        "type": "repairs/ignore_issue",
        "domain": DOMAIN,
        "issue_id": issues(hass)[key],
        "ignore": ignore,
    }
    await browser.send_json_auto_id(command)
    answer = await browser.receive_json()
    assert answer["success"], answer
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[key])
    assert issue
    return issue.dismissed_version is not None


async def test_other_users_find_no_other_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Home Assistant would let them ignore it over its WebSocket: it is shown again at once."""
    await expose(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    browser = await hass_ws_client(hass, hass_read_only_access_token)
    assert not await ignored(hass, browser, "exposed")


async def test_administrator_ignores_for_good(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was ignored in the dialog stays so, whatever happens to the repair afterwards."""
    await expose(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    issue_id = issues(hass)["exposed"]
    step = await open_repair(client, issue_id)
    await confirm_repair(client, step, next_step_id="ignore")

    def is_ignored() -> bool:
        issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
        return bool(issue and issue.dismissed_version)

    assert is_ignored()
    await hass.config_entries.async_reload(home.entry_id)
    await settle(hass)
    assert is_ignored()
    browser = await hass_ws_client(hass)
    assert not await ignored(hass, browser, "exposed", ignore=False)
    assert not await ignored(hass, browser, "exposed")


@pytest.mark.parametrize("by_administrator", [True, False])
async def test_ignored_while_home_assistant_starts(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    by_administrator: bool,
) -> None:
    """Then nobody watches who ignores a repair: only what an administrator ignored before stays so."""
    await expose(hass, home, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    issue_id = issues(hass)["exposed"]
    if by_administrator:
        await ignore(client, issue_id)

    async with restarted(hass) as again:
        known = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
        assert known
        issue = replace(known, active=False, dismissed_version="2026.10.0")
        ir.async_get(again).issues[DOMAIN, issue_id] = issue
        await setup_integration(again, same_account(home))

        assert reported(again) == {"exposed"}
        assert is_ignored(again, issue_id) is by_administrator


async def test_repair_without_a_dialog(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    home: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """Home Assistant itself offers to ignore it."""
    sandbox.state.tunnels[sandbox.tunnel_id].deleted_at = now()
    await home.runtime_data.protection.async_refresh()
    await settle(hass)
    assert await ignored(hass, await hass_ws_client(hass), "problem_tunnel_gone")
