"""Tests of marks that another tool took away: rules and records are known by what they do."""

from collections.abc import Callable
from dataclasses import replace

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import DnsRecord, Rule
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    SKIP_REF,
    act,
    issues,
    placeholders,
    records_of,
    reported,
    settle,
    state_of,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import begin_repair, confirm_repair

SWITCH = "switch.home_mobile_example_com_published"
DRIFT = "binary_sensor.home_mobile_example_com_drift"
COMMENT = "Home Assistant: Cloudflare mTLS"
FOREIGN = [
    Rule("block", f'http.request.uri.path eq "/{name}"', f"Foreign {name}")
    for name in "xy"
]

each_comment = pytest.mark.parametrize(
    "comment", [None, "", "provisioned by external-dns"]
)


def ingress_of(sandbox: Sandbox) -> list[str]:
    """Return the hostnames that the tunnel serves."""
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    return [rule["hostname"] for rule in ingress if "hostname" in rule]


def leads_home(sandbox: Sandbox) -> bool:
    """Return whether a proxied record and an ingress rule lead to Home Assistant."""
    return bool(records_of(sandbox)) and HOSTNAME in ingress_of(sandbox)


def our_rules(sandbox: Sandbox) -> list[Rule]:
    """Return the rules that are about the hostname."""
    return [rule for rule in zone_of(sandbox).rules if HOSTNAME in rule.expression]


def wipe(sandbox: Sandbox, comment: str | None) -> DnsRecord:
    """Write the hostname's record as another tool does."""
    (record,) = records_of(sandbox)
    record.comment = comment
    return record


class TestRecord:
    """A record that lost its comment, and is right in every other respect."""

    @each_comment
    async def test_comment_is_written_again(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        comment: str | None,
    ) -> None:
        record = wipe(sandbox, comment)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert record.comment == COMMENT
        assert state_of(hass, DRIFT) == "off"
        assert reported(hass) == set()

    @each_comment
    async def test_switch(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        comment: str | None,
    ) -> None:
        """Off is off, and on again works."""
        wipe(sandbox, comment)
        await turn(hass, SWITCH, "off")
        assert state_of(hass, SWITCH) == "off"
        assert records_of(sandbox) == []
        assert HOSTNAME not in ingress_of(sandbox)
        await turn(hass, SWITCH, "on")
        assert leads_home(sandbox)

    @each_comment
    @pytest.mark.parametrize("after_restart", [False, True])
    async def test_removal_ends(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        comment: str | None,
        after_restart: bool,
    ) -> None:
        """Everything of the hostname is removed, and nothing is left to tell."""
        if after_restart:
            assert await hass.config_entries.async_unload(loaded_entry.entry_id)
            wipe(sandbox, comment)
            assert await hass.config_entries.async_setup(loaded_entry.entry_id)
            wipe(sandbox, comment)
        else:
            wipe(sandbox, comment)
        hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
        await settle(hass)
        for _ in range(2):
            await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert records_of(sandbox) == []
        assert HOSTNAME not in ingress_of(sandbox)
        assert not our_rules(sandbox)
        assert reported(hass) == set()

    @each_comment
    async def test_action(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        comment: str | None,
    ) -> None:
        """A dry run shows the drift; a removal is complete."""
        wipe(sandbox, comment)
        response = await act(hass, loaded_entry, "sync", dry_run=True)
        assert response["in_sync"] is False
        assert [step["kind"] for step in response["steps"]] == ["dns_record"]
        response = await act(hass, loaded_entry, "sync", remove=True)
        assert response["in_sync"] is True
        assert records_of(sandbox) == []


class TestSomebodyElsesRecord:
    """A record of the hostname that was never ours, or is not any more."""

    async def test_record_that_leads_elsewhere_now(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
    ) -> None:
        """It stays; without the ingress rule nothing leads home."""
        record = wipe(sandbox, "mine")
        record.content = "elsewhere.example.net"
        await turn(hass, SWITCH, "off")
        assert records_of(sandbox) == [record]
        assert HOSTNAME not in ingress_of(sandbox)

    async def test_off_where_the_record_is_the_owners(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
    ) -> None:
        """What the owner made stays, and nobody gets in, not even with a certificate."""
        add_record_and_rule(sandbox)
        await set_up(hass, entry)

        await turn(hass, SWITCH, "off")

        assert state_of(hass, SWITCH) == "off"
        assert leads_home(sandbox)
        (rule,) = our_rules(sandbox)
        assert rule.action == "block"
        assert "cert_verified" not in rule.expression
        assert reported(hass) == set()

    async def test_switch_says_why_it_cannot_turn_off(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
    ) -> None:
        """Neither can the rule be written, nor is the record ours: the switch stays on."""
        add_record_and_rule(sandbox)
        await set_up(hass, entry)
        entrypoint = zone_of(sandbox).entrypoint()
        assert entrypoint
        entrypoint.rules = [
            Rule("block", f'http.host eq "{name}.example.com"', name)
            for name in "abcde"
        ]

        with pytest.raises(HomeAssistantError) as raised:
            await turn(hass, SWITCH, "off")

        assert raised.value.translation_key == "hostname_not_off"
        told = raised.value.translation_placeholders
        assert told and told["hostname"] == HOSTNAME
        assert told["reason"].startswith("Your Cloudflare plan allows no more")
        assert state_of(hass, SWITCH) == "on"
        assert leads_home(sandbox)

    async def test_hostname_is_led_home_again_while_it_is_off(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """The rule lets nobody in; where it cannot be written any more, the switch shows the world."""
        (ours,) = records_of(sandbox)
        await turn(hass, SWITCH, "off")
        ours.proxied, ours.comment = True, "mine"
        ours.content = f"{sandbox.state.add_tunnel('other').id}.cfargotunnel.com"
        zone_of(sandbox).dns_records[ours.id] = ours
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, SWITCH) == "off"
        assert reported(hass) == set()

        entrypoint = zone_of(sandbox).entrypoint()
        assert entrypoint
        closed = entrypoint.rules
        entrypoint.rules = [
            Rule("block", f'http.host eq "{name}.example.com"', name)
            for name in "abcde"
        ]
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, SWITCH) == "on"
        assert reported(hass) == {"exposed_unfixable", "problem_no_free_rule"}

        entrypoint.rules = closed
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, SWITCH) == "off"
        assert reported(hass) == set()

    async def test_removal_is_ended_by_a_person(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        hass_client: ClientSessionGenerator,
    ) -> None:
        """What its owner made stays, blocked as before; the repair names the record."""
        add_record_and_rule(sandbox)
        await set_up(hass, entry)
        hass.config_entries.async_remove_subentry(entry, HOSTNAME_ID)
        await settle(hass)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == {"removal_left"}
        assert HOSTNAME in placeholders(hass, "removal_left")["record"]

        assert await async_setup_component(hass, "repairs", {})
        client = await hass_client()
        flow = await begin_repair(client, issues(hass)["removal_left"])
        assert (await confirm_repair(client, flow))["type"] == "create_entry"
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

        assert reported(hass) == set()
        assert leads_home(sandbox)
        assert BLOCK_REF in {rule.ref for rule in zone_of(sandbox).rules}

    async def test_owner_deletes_the_record_of_a_removed_hostname(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Then the removal ends by itself."""
        record = add_record_and_rule(sandbox)
        await set_up(hass, entry)
        hass.config_entries.async_remove_subentry(entry, HOSTNAME_ID)
        await settle(hass)
        del zone_of(sandbox).dns_records[record.id]
        for _ in range(2):
            await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert not our_rules(sandbox)
        assert reported(hass) == set()


def add_record_and_rule(sandbox: Sandbox) -> DnsRecord:
    """Lead the hostname to Home Assistant by hand, as its owner did long ago."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    service = "http://homeassistant:8123"
    tunnel.ingress.insert(0, {"hostname": HOSTNAME, "service": service})
    content = f"{sandbox.tunnel_id}.cfargotunnel.com"
    record = DnsRecord("CNAME", HOSTNAME, content, proxied=True)
    zone_of(sandbox).dns_records[record.id] = record
    return record


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set the account up, and wait until it is in sync."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert reported(hass) == set()


type Change = Callable[[list[Rule]], None]


def take_refs(rules: list[Rule]) -> None:
    """Write the rules back without their refs: Cloudflare gives each a new one."""
    for number, rule in enumerate(rules):
        if rule.ref in (BLOCK_REF, SKIP_REF):
            rule.ref = f"{number}b55c56e0fd75b01"


def take_refs_and_descriptions(rules: list[Rule]) -> None:
    """Write the rules back without anything that is for people."""
    take_refs(rules)
    for rule in rules:
        rule.description = ""


def take_refs_and_reformat(rules: list[Rule]) -> None:
    """Write the rules back in another layout."""
    take_refs(rules)
    for rule in rules:
        if rule.ref != rule.id:
            rule.expression = f"  (({rule.expression}))  "


def take_refs_and_swap(rules: list[Rule]) -> None:
    """Write the rules back in another order."""
    take_refs(rules)
    rules.reverse()


def take_the_ref_of_the_block_rule(rules: list[Rule]) -> None:
    """Write one of the two rules back without its ref."""
    for rule in rules:
        if rule.ref == BLOCK_REF:
            rule.ref = "0605409626f02d1a"


class TestRules:
    """Rules that were written back without their refs."""

    @pytest.mark.parametrize(
        "change",
        [
            take_refs,
            take_refs_and_descriptions,
            take_refs_and_reformat,
            take_refs_and_swap,
            take_the_ref_of_the_block_rule,
        ],
    )
    @pytest.mark.parametrize("foreign", [0, 2], ids=["places are free", "full"])
    async def test_refs_are_written_again(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        change: Change,
        foreign: int,
    ) -> None:
        """However often, nothing is there twice, and nothing is reported as missing."""
        zone_of(sandbox).rules.extend(replace(rule) for rule in FOREIGN[:foreign])
        for _ in range(3):
            change(zone_of(sandbox).rules)
            await wait_for_refresh(hass, freezer, EDGE_EVERY)
            rules = zone_of(sandbox).rules
            assert len(rules) == 3 + foreign
            assert {BLOCK_REF, SKIP_REF} <= {rule.ref for rule in rules}
            expressions = {rule.expression for rule in rules}
            assert {rule.expression for rule in FOREIGN[:foreign]} <= expressions
            assert state_of(hass, DRIFT) == "off"
            # Rules of others that stand ahead of ours by now may block devices.
            assert reported(hass) <= {"check_rule_may_block", "undone_again"}

    async def test_pins_are_followed(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
    ) -> None:
        """A rule that lost its ref is changed like any other, and none stays behind."""
        take_refs(zone_of(sandbox).rules)
        options = {"pin_certificates": True}
        hass.config_entries.async_update_entry(loaded_entry, options=options)
        await settle(hass)
        assert [rule.ref for rule in our_rules(sandbox)] == [BLOCK_REF]

    async def test_removal(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
    ) -> None:
        """Both rules are removed with their hostname."""
        take_refs(zone_of(sandbox).rules)
        response = await act(hass, loaded_entry, "sync", remove=True)
        assert response["in_sync"] is True
        assert not our_rules(sandbox)

    async def test_rule_that_only_resembles_ours_stays(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """A rule that does anything else is somebody else's, whatever its description says."""
        (block,) = (rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF)
        other = Rule(
            "block",
            f'{block.expression} and ip.src.country eq "DE"',
            block.description,
        )
        zone_of(sandbox).rules.append(replace(other))
        block.ref = "0605409626f02d1a"
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert other.expression in [rule.expression for rule in zone_of(sandbox).rules]
        assert len(zone_of(sandbox).rules) == 4
