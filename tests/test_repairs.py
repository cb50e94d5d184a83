"""Tests of the repairs: each names a problem, fixes it on confirmation, and goes away."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import DnsRecord, Rule, Setting

from .common import (
    BLOCK_REF,
    COMPANION_ID,
    EDGE_EVERY,
    HOSTNAME,
    act,
    add_known_certificate,
    companion,
    issues,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    zone_of,
)
from .dialogs import RENEWED, Client, begin_repair, certificates, confirm_repair
from .faults import Faults


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings that are not kept in sync automatically."""
    return {**settings, "keep_in_sync": False}


@pytest.fixture
async def in_sync(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
) -> MockConfigEntry:
    """Return the account, set up and in sync."""
    await setup_integration(hass, entry)
    await act(hass, entry, "sync")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert issues(hass) == {}
    sandbox.journal.clear()
    return entry


@pytest.fixture
async def client(
    hass: HomeAssistant, in_sync: MockConfigEntry, hass_client: ClientSessionGenerator
) -> Client:
    """Return the browser of a person who opens the repairs."""
    assert await async_setup_component(hass, "repairs", {})
    return await hass_client()


def rule_of(sandbox: Sandbox, ref: str) -> Rule:
    """Return one of our custom rules."""
    return next(
        rule for rule in sandbox.state.zones[sandbox.zone_id].rules if rule.ref == ref
    )


def disable_block(sandbox: Sandbox) -> None:
    """Disable the block rule, as a person could in the dashboard."""
    rule_of(sandbox, BLOCK_REF).enabled = False


def forget_association(sandbox: Sandbox) -> None:
    """Stop asking visitors for a certificate."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.associations = [name for name in zone.associations or () if name != HOSTNAME]


def remove_ingress(sandbox: Sandbox) -> None:
    """Have the tunnel no longer serve the hostname."""
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    ingress[:] = [rule for rule in ingress if rule.get("hostname") != HOSTNAME]


@pytest.mark.parametrize(
    ("trouble", "key"),
    [(disable_block, "exposed"), (forget_association, "drift")],
)
async def test_what_was_changed_is_fixed_on_confirmation(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    trouble: Callable[[Sandbox], None],
    key: str,
) -> None:
    """The repair lists the changes, makes them on confirmation, and goes away."""
    trouble(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert issues(hass).keys() == {key}
    assert sandbox.journal.writes == []

    flow = await begin_repair(client, issues(hass)[key])
    assert flow["step_id"] == "confirm"
    assert flow["description_placeholders"]["hostname"] == HOSTNAME
    assert flow["description_placeholders"]["changes"].startswith("1. ")
    assert sandbox.journal.writes == []

    done = await confirm_repair(client, flow)
    await settle(hass)

    assert done["type"] == "create_entry"
    assert len(sandbox.journal.writes) == 1
    assert issues(hass) == {}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert issues(hass) == {}


async def test_more_was_changed_while_the_dialog_was_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The repair writes nothing that was not listed: it lists everything again."""
    forget_association(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await begin_repair(client, issues(hass)["drift"])
    shown = flow["description_placeholders"]["changes"].splitlines()
    for trouble in (disable_block, remove_ingress):
        trouble(sandbox)
        flow = await confirm_repair(client, flow)
        assert flow["step_id"] == "confirm"
        assert flow["errors"] == {"base": "changed_meanwhile"}
        listed = flow["description_placeholders"]["changes"].splitlines()
        assert len(listed) == len(shown) + 1
        assert sandbox.journal.writes == []
        shown = listed

    done = await confirm_repair(client, flow)

    assert done["type"] == "create_entry"
    assert len(sandbox.journal.writes) == len(shown)
    assert not reported(hass) & {"drift", "exposed"}


async def test_rule_made_by_hand_while_the_dialog_was_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No repair takes anything over, so the changes are those that were listed."""
    forget_association(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await begin_repair(client, issues(hass)["drift"])
    expression = f'http.host eq "{HOSTNAME}" and not cf.tls_client_auth.cert_verified'
    rule = Rule("block", expression, "by hand")
    zone_of(sandbox).rules.append(rule)

    done = await confirm_repair(client, flow)

    assert done["type"] == "create_entry"
    assert len(sandbox.journal.writes) == 1
    assert rule in zone_of(sandbox).rules


async def test_somebody_else_fixed_it_while_the_dialog_was_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    disable_block(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await begin_repair(client, issues(hass)["exposed"])
    rule_of(sandbox, BLOCK_REF).enabled = True

    done = await confirm_repair(client, flow)

    assert done["type"] == "create_entry"
    assert sandbox.journal.writes == []


async def test_fixing_that_fails_says_why(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The repair stays and says why, until fixing succeeds."""
    disable_block(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await begin_repair(client, issues(hass)["exposed"])
    token = sandbox.state.tokens[sandbox.token]
    allowed = token.permissions
    token.permissions = (allowed - {"waf:edit"}) | {"waf:read"}

    refused = await confirm_repair(client, flow)

    assert refused["errors"] == {"base": "permission_missing"}
    assert refused["description_placeholders"]["permission"] == "Zone / Zone WAF / Edit"
    assert issues(hass).keys() == {"exposed"}
    token.permissions = allowed
    assert (await confirm_repair(client, refused))["type"] == "create_entry"
    assert issues(hass) == {}


async def test_cloudflare_that_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The dialog ends with the reason, and the issue stays."""
    disable_block(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.unavailable("GET", "")

    aborted = await begin_repair(client, issues(hass)["exposed"])

    assert aborted["type"] == "abort"
    assert aborted["reason"] == "unavailable"
    assert issues(hass).keys() == {"exposed"}


async def test_account_that_is_not_connected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    in_sync: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A repair of an account that is not loaded says so."""
    disable_block(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    issue_id = issues(hass)["exposed"]
    await hass.config_entries.async_unload(in_sync.entry_id)

    aborted = await begin_repair(client, issue_id)

    assert aborted["reason"] == "entry_not_loaded"


async def test_what_only_a_person_can_solve(
    hass: HomeAssistant,
    sandbox: Sandbox,
    in_sync: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A foreign record under our hostname is named and not changed; the exposure is reported."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.dns_records = {
        key: record
        for key, record in zone.dns_records.items()
        if record.name != HOSTNAME
    }
    zone.add_dns_record(DnsRecord("A", HOSTNAME, "198.51.100.9", proxied=True))
    zone.rules[:] = [
        Rule("block", f'http.host eq "x{n}.example.com"', f"Mine {n}") for n in range(5)
    ]

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    found = issues(hass)
    assert found.keys() == {
        "exposed_unfixable",
        "problem_record_in_the_way",
        "problem_no_free_rule",
    }
    issue = ir.async_get(hass).async_get_issue(DOMAIN, found["problem_no_free_rule"])
    assert issue
    assert issue.translation_placeholders
    assert "Mine 4" in issue.translation_placeholders["detail"]
    assert not issue.is_fixable


async def test_issues_go_with_their_account(
    hass: HomeAssistant,
    sandbox: Sandbox,
    in_sync: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An account that was removed leaves no issue behind."""
    disable_block(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert issues(hass)

    await hass.config_entries.async_remove(in_sync.entry_id)

    assert issues(hass) == {}


@pytest.fixture
async def renewal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    in_sync: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> Any:
    """Return the dialog that renews a certificate which expires soon."""
    await add_known_certificate(
        hass, in_sync, sandbox, not_before=now() - timedelta(days=360), days=365
    )
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"certificate_urgent"}
    flow = await begin_repair(client, issues(hass)["certificate_urgent"])
    assert flow["step_id"] == "renew"
    return flow


WITH_DEVICE = pytest.mark.parametrize("devices", [[companion()]])


@WITH_DEVICE
async def test_device_removed_before_its_renewal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    in_sync: MockConfigEntry,
    renewal: Any,
) -> None:
    """No certificate is created for a device that no longer exists."""
    hass.config_entries.async_remove_subentry(in_sync, COMPANION_ID)
    await settle(hass)

    aborted = await confirm_repair(client, renewal, **RENEWED)

    assert (aborted["type"], aborted["reason"]) == ("abort", "device_gone")
    assert len(certificates(sandbox)) == 1


@WITH_DEVICE
async def test_device_removed_while_its_renewal_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    in_sync: MockConfigEntry,
    renewal: Any,
) -> None:
    """There is nothing to ask again, so the dialog ends with the reason."""
    hold = asyncio.Event()
    signing = faults.refuse("POST", "/client_certificates", 400, 1471, "No", hold=hold)
    flow = await confirm_repair(client, renewal, **RENEWED)
    assert flow["type"] == "progress"
    await signing.until_hit()
    hass.config_entries.async_remove_subentry(in_sync, COMPANION_ID)

    hold.set()
    await settle(hass)
    answer = await client.get(f"/api/repairs/issues/fix/{flow['flow_id']}")
    aborted = await answer.json()

    assert (aborted["type"], aborted["reason"]) == ("abort", "device_gone")


@WITH_DEVICE
async def test_account_unloaded_before_a_renewal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    in_sync: MockConfigEntry,
    renewal: Any,
) -> None:
    """Without its account nothing is created."""
    await hass.config_entries.async_unload(in_sync.entry_id)

    aborted = await confirm_repair(client, renewal, **RENEWED)

    assert (aborted["type"], aborted["reason"]) == ("abort", "entry_not_loaded")
    assert len(certificates(sandbox)) == 1


@WITH_DEVICE
async def test_renewal_without_a_local_address(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, renewal: Any
) -> None:
    """A certificate that no device could fetch is not created."""
    await hass.config.async_update(
        internal_url=None, external_url="https://home.example.com"
    )
    hass.config.api = None

    aborted = await begin_repair(client, issues(hass)["certificate_urgent"])
    late = await confirm_repair(client, renewal, **RENEWED)

    for answer in (aborted, late):
        assert (answer["type"], answer["reason"]) == ("abort", "no_local_url")
    assert len(certificates(sandbox)) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_finding_that_is_over(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    in_sync: MockConfigEntry,
    method: str,
) -> None:
    """A setting that somebody fixed meanwhile is not written again."""
    checks = in_sync.runtime_data.checks
    zone_of(sandbox).settings["websockets"] = Setting("off", now())
    await checks.async_look_around_again()
    flow = await begin_repair(client, issues(hass)["check_websockets_off"])
    assert flow["step_id"] == "confirm"
    zone_of(sandbox).settings["websockets"] = Setting("on", now())
    await checks.async_look_around_again()
    sandbox.journal.clear()

    path = f"/api/repairs/issues/fix/{flow['flow_id']}"
    answer = await client.request(method, path, json={})

    assert (await answer.json())["type"] == "create_entry"
    assert sandbox.journal.writes == []
