"""Tests of dialogs where one pair of rules is too long: a further pair is added, or nothing is done."""

from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.engine.rules.marks import (
    block_ref,
    pair_of,
    skip_ref,
)
from sandbox import Sandbox
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    SKIP_REF,
    choose,
    records_of,
    reported,
    sentences,
    settle,
    submit,
    zone_of,
)
from tests.dialogs import (
    CHOSEN,
    RENEWED,
    add,
    add_hostname,
    add_rules,
    certificates,
    renew,
    zone_and_tunnel,
)
from tests.limited import (
    LIMITED,
    PHONE,
    TABLET,
    devices_of,
    fill_first_pair,
    listed,
    set_up_home,
)

BLOCK_2, SKIP_2 = block_ref(2), skip_ref(2)
PROXMOX = "proxmox.example.com"
# What a person chooses for a certificate that opens the limited hostname, by the form's step.
TYPED: Final[dict[str, dict[str, Any]]] = {
    "new": {**CHOSEN, "hostname": HOSTNAME, "hostnames": [LIMITED]},
    "renew": RENEWED,
}


def naming(sandbox: Sandbox, hostname: str) -> list[str]:
    """Return the refs of our rules that name a hostname, in their order."""
    return [
        rule.ref
        for rule in zone_of(sandbox).rules
        if pair_of(rule.ref) and f'"{hostname}"' in rule.expression
    ]


async def limit_new_hostname(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, **advanced: Any
) -> Any:
    """Protect a new hostname for the phone alone, up to the preview."""
    form = await submit(hass, await add_hostname(hass, entry), zone_and_tunnel(sandbox))
    typed = {"hostname": PROXMOX, "devices": [PHONE], **choose(**advanced)}
    return await submit(hass, form, typed)


async def create_certificate(
    hass: HomeAssistant, entry: MockConfigEntry, step_id: str
) -> Any:
    """Create one more certificate that opens the limited hostname."""
    if step_id == "new":
        form = await add(hass, entry)
    else:
        subentries = {item.unique_id: key for key, item in entry.subentries.items()}
        form = await renew(hass, entry, subentries[TABLET])
    assert form["step_id"] == step_id
    return await submit(hass, form, TYPED[step_id])


class TestNewHostname:
    """A hostname for some devices, where the first pair is full."""

    @pytest.mark.parametrize("others", [1, 2])
    async def test_no_rule_is_left(
        self, hass: HomeAssistant, sandbox: Sandbox, others: int
    ) -> None:
        """The form names the rules that are there; nothing is created anywhere."""
        entry, _, _ = await set_up_home(hass, sandbox, TABLET)
        await fill_first_pair(hass, entry, sandbox)
        add_rules(sandbox, others)
        before = [(rule.ref, rule.expression) for rule in zone_of(sandbox).rules]
        subentries = dict(entry.subentries)
        sandbox.journal.clear()

        form = await limit_new_hostname(hass, sandbox, entry)

        assert form["step_id"] == "hostname"
        assert form["errors"] == {"base": "problem_no_further_pair"}
        said = sentences(form, "config_subentries.protected_hostname")["base"]
        assert "one rule holds only 4,096 characters" in said
        assert "Foreign rule 0" in said
        assert "Delete rules you don't need at Cloudflare" in said
        assert sandbox.journal.writes == []
        assert [
            (rule.ref, rule.expression) for rule in zone_of(sandbox).rules
        ] == before
        assert records_of(sandbox, PROXMOX) == []
        assert dict(entry.subentries) == subentries

    async def test_block_rule_alone_needs_one(
        self, hass: HomeAssistant, sandbox: Sandbox
    ) -> None:
        """With one rule left, a person who chooses the block rule alone gets a further pair."""
        entry, phone, _ = await set_up_home(hass, sandbox, TABLET)
        await fill_first_pair(hass, entry, sandbox)
        add_rules(sandbox, 1)
        preview = await limit_new_hostname(hass, sandbox, entry, layout="block_only")
        assert preview["step_id"] == "preview"
        result = await submit(hass, preview)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await settle(hass)
        assert naming(sandbox, PROXMOX) == [BLOCK_2]
        assert listed(sandbox, BLOCK_2, PROXMOX) == {phone}
        assert reported(hass) == set()

    async def test_further_pair(self, hass: HomeAssistant, sandbox: Sandbox) -> None:
        """The preview lists its two rules, and those of the first pair stay as they are."""
        entry, phone, _ = await set_up_home(hass, sandbox, TABLET)
        await fill_first_pair(hass, entry, sandbox)
        before = {rule.ref: rule.expression for rule in zone_of(sandbox).rules}
        preview = await limit_new_hostname(hass, sandbox, entry)
        assert preview["step_id"] == "preview"
        await submit(hass, preview)
        await settle(hass)
        assert naming(sandbox, PROXMOX) == [SKIP_2, BLOCK_2]
        assert listed(sandbox, SKIP_2, PROXMOX) == {phone}
        after = {rule.ref: rule.expression for rule in zone_of(sandbox).rules}
        assert before.items() <= after.items()
        assert reported(hass) == set()


class TestNewCertificate:
    """A certificate whose fingerprint makes the first pair too long."""

    @pytest.mark.parametrize("step_id", TYPED)
    async def test_further_pair(
        self, hass: HomeAssistant, sandbox: Sandbox, step_id: str
    ) -> None:
        """The limited hostname is in the new rules before it leaves those that it was in."""
        entry, _, _ = await set_up_home(hass, sandbox, TABLET)
        await fill_first_pair(hass, entry, sandbox)
        before = listed(sandbox, BLOCK_REF) or set()
        sandbox.journal.clear()

        result = await create_certificate(hass, entry, step_id)

        assert result["step_id"] == "handover"
        await settle(hass)
        created, *rules = [
            (write.method, write.path.split("/")[3])
            for write in sandbox.journal.writes
            if write.path.split("/")[3] in ("client_certificates", "rulesets")
        ]
        assert created == ("POST", "client_certificates")
        assert [method for method, _ in rules] == ["POST", "POST", "PATCH", "PATCH"]
        assert naming(sandbox, LIMITED) == [SKIP_2, BLOCK_2]
        assert naming(sandbox, HOSTNAME) == [SKIP_REF, BLOCK_REF]
        now = listed(sandbox, BLOCK_2) or set()
        assert now == listed(sandbox, SKIP_2)
        assert now > before
        assert len(now - before) == 1
        assert reported(hass) <= {"certificate_ready"}

    @pytest.mark.parametrize("step_id", TYPED)
    async def test_no_rule_is_left(
        self, hass: HomeAssistant, sandbox: Sandbox, step_id: str
    ) -> None:
        """The form says so before Cloudflare signs anything; the device can have it once a rule goes."""
        entry, _, _ = await set_up_home(hass, sandbox, TABLET)
        await fill_first_pair(hass, entry, sandbox)
        add_rules(sandbox, 1)
        signed, devices = len(certificates(sandbox)), len(entry.subentries)
        sandbox.journal.clear()

        form = await create_certificate(hass, entry, step_id)

        assert form["step_id"] == step_id
        assert form["errors"] == {"base": "problem_no_further_pair"}
        said = sentences(form, "config_subentries.companion_device")["base"]
        assert "Foreign rule 0" in said
        assert "let fewer devices use the limited hostnames" in said
        assert sandbox.journal.writes == []
        assert len(certificates(sandbox)) == signed
        assert len(entry.subentries) == devices
        assert devices_of(entry) == [TABLET]

        zone_of(sandbox).rules.pop()
        form = await submit(hass, form, TYPED[step_id])
        assert form["step_id"] == "handover"
        await settle(hass)
        assert naming(sandbox, LIMITED) == [SKIP_2, BLOCK_2]
