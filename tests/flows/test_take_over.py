"""Tests of taking over what a person set up by hand, following one of the guides."""

from copy import deepcopy
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from sandbox import Sandbox
from sandbox.seed import SERVICE, TUNNEL_ID
from sandbox.state import DnsRecord, Plan, Rule
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    SKIP_REF,
    choose,
    records_of,
    sentences,
    submit,
    zone_of,
)
from tests.dialogs import add_rules, assert_protected, finish_from_preview, to_hostname
from tests.faults import Faults

BLOCK = f'(http.host eq "{HOSTNAME}" and not cf.tls_client_auth.cert_verified)'
SKIP = f'(http.host in {{"{HOSTNAME}"}} and cf.tls_client_auth.cert_verified)'


@pytest.fixture
def by_hand(sandbox: Sandbox) -> list[Rule]:
    """Set the hostname up by hand, with the mistake that all guides make."""
    zone = zone_of(sandbox)
    rules = [
        Rule("skip", SKIP, "mTLS skip", action_parameters={"ruleset": "current"}),
        Rule("block", BLOCK, "mTLS block"),
    ]
    entrypoint = zone.entrypoint()
    assert entrypoint
    entrypoint.rules += rules
    zone.associations = ["nas.example.com", HOSTNAME]
    content = f"{TUNNEL_ID}.cfargotunnel.com"
    zone.add_dns_record(
        DnsRecord("CNAME", HOSTNAME, content, proxied=True, comment="me")
    )
    ingress = sandbox.state.tunnels[TUNNEL_ID].ingress
    ingress.insert(0, {"hostname": HOSTNAME, "service": SERVICE})
    return rules


async def to_offer(hass: HomeAssistant, sandbox: Sandbox) -> Any:
    """Continue to the offer to take over what exists for the hostname."""
    result = await to_hostname(hass, sandbox)
    return await submit(
        hass, result, {**choose(), "hostname": HOSTNAME, "service": SERVICE}
    )


async def test_taken_over(
    hass: HomeAssistant, sandbox: Sandbox, by_hand: list[Rule]
) -> None:
    """Rules become ours where they are, the record stays its owner's, and nothing exists twice."""
    count = len(zone_of(sandbox).rules)
    record = deepcopy(records_of(sandbox)[0])
    sandbox.journal.clear()

    result = await to_offer(hass, sandbox)
    assert result["step_id"] == "take_over"
    assert result["description_placeholders"]["changes"].splitlines() == [
        (
            "1. Take over the custom rule `mTLS block`, so that it blocks requests to "
            "`home-mobile.example.com` without a valid certificate."
        ),
        (
            "2. Take over the custom rule `mTLS skip`, so that devices with a valid "
            "certificate skip the domain's other rules."
        ),
    ]
    result = await submit(hass, result, {"take_over": True})
    assert result["step_id"] == "preview"
    assert sandbox.journal.writes == []
    await finish_from_preview(hass, sandbox, result)

    rules = {rule.ref: rule for rule in zone_of(sandbox).rules}
    assert len(rules) == count
    assert [rules[SKIP_REF].id, rules[BLOCK_REF].id] == [rule.id for rule in by_hand]
    assert "cert_revoked" in rules[BLOCK_REF].expression
    assert "cert_revoked" in rules[SKIP_REF].expression
    assert records_of(sandbox) == [record]
    # Association and ingress rule exist once each as before, and were never written.
    assert not [write for write in sandbox.journal.writes if write.method == "PUT"]


async def test_left_alone(
    hass: HomeAssistant, sandbox: Sandbox, by_hand: list[Rule]
) -> None:
    """After a no, the rules made by hand stay, and ours are added before them."""
    result = await to_offer(hass, sandbox)
    result = await submit(hass, result, {"take_over": False})
    assert result["step_id"] == "preview"
    assert "Take over" not in result["description_placeholders"]["changes"]
    await finish_from_preview(hass, sandbox, result)

    rules = zone_of(sandbox).rules
    assert [rule for rule in rules if rule in by_hand] == by_hand
    assert [rule.expression for rule in by_hand] == [SKIP, BLOCK]
    assert [rule.ref for rule in rules][:2] == [SKIP_REF, BLOCK_REF]
    (record,) = records_of(sandbox)
    assert record.comment == "me"


async def test_cloudflare_fails_after_the_decision(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, by_hand: list[Rule]
) -> None:
    """The offer is shown again and says why; nothing was written, and the next try works."""
    result = await to_offer(hass, sandbox)
    sandbox.journal.clear()
    # The front end asks for a step again when its page is loaded again.
    result = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert result["step_id"] == "take_over"
    fault = faults.unavailable("GET", "/dns_records")

    result = await submit(hass, result, {"take_over": True})
    assert (result["step_id"], result["errors"]) == (
        "take_over",
        {"base": "unavailable"},
    )
    assert sandbox.journal.writes == []

    fault.times = fault.hits
    result = await submit(hass, result, {"take_over": True})
    assert result["step_id"] == "preview"
    result = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert result["step_id"] == "preview"
    assert sandbox.journal.writes == []
    await finish_from_preview(hass, sandbox, result)


async def test_no_free_rule(
    hass: HomeAssistant, sandbox: Sandbox, by_hand: list[Rule]
) -> None:
    """Without a free rule only taking over works, and the dialog says so."""
    zone_of(sandbox).plan = Plan.FREE
    add_rules(sandbox, 5 - len(zone_of(sandbox).rules))

    result = await to_offer(hass, sandbox)
    result = await submit(hass, result, {"take_over": False})
    assert result["step_id"] == "take_over"
    assert result["errors"] == {"base": "problem_no_free_rule"}
    assert "mTLS block" in sentences(result)["base"]

    result = await submit(hass, result, {"take_over": True})
    await finish_from_preview(hass, sandbox, result)
    assert len(zone_of(sandbox).rules) == 5


async def test_second_one_of_a_kind_is_deleted(
    hass: HomeAssistant, sandbox: Sandbox, by_hand: list[Rule]
) -> None:
    """One of each is taken over; a second one that does the same is deleted."""
    zone_of(sandbox).plan = Plan.PRO
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    second = Rule("block", BLOCK.replace("eq", "ne").replace("ne ", "eq "), "again")
    entrypoint.rules.append(second)

    result = await to_offer(hass, sandbox)
    assert (
        "Delete the custom rule `again`"
        in (result["description_placeholders"]["changes"])
    )
    result = await submit(hass, result, {"take_over": True})
    await finish_from_preview(hass, sandbox, result)

    assert second not in zone_of(sandbox).rules
    assert_protected(sandbox)


@pytest.mark.parametrize(
    "expression",
    [
        f'(http.host in {{"{HOSTNAME}" "nas.example.com"}} and not cf.tls_client_auth.cert_verified)',
        f'(http.host eq "{HOSTNAME}" and not cf.tls_client_auth.cert_verified and ip.src.country ne "DE")',
        f'(http.host eq "{HOSTNAME}" or not cf.tls_client_auth.cert_verified)',
    ],
)
async def test_rule_that_does_more_is_not_ours(
    hass: HomeAssistant, sandbox: Sandbox, expression: str
) -> None:
    """A rule that also does something else is neither offered nor changed."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    rule = Rule("block", expression, "other things")
    entrypoint.rules.append(rule)

    result = await to_offer(hass, sandbox)
    assert result["step_id"] == "preview"
    await finish_from_preview(hass, sandbox, result)

    assert rule in zone_of(sandbox).rules
    assert rule.expression == expression
