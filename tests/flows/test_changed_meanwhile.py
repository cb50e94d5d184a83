"""What changes between preview and *Submit*: nothing is written, and what there is to do by now is shown."""

from collections.abc import Callable, Coroutine
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import SERVICE, TUNNEL_ID
from sandbox.state import DnsRecord, Rule
from tests.common import (
    HOSTNAME,
    HOSTNAME_ID,
    choose,
    records_of,
    sentences,
    submit,
    zone_of,
)
from tests.dialogs import add_hostname, to_preview, zone_and_tunnel
from tests.faults import Faults

TABLET = "tablet.example.com"
FOREIGN_SERVICE = "http://192.168.1.66:80"
CHANGED = {"base": "changed_meanwhile"}

type Opener = Callable[
    [HomeAssistant, Sandbox, MockConfigEntry], Coroutine[Any, Any, Any]
]


def make_rule(sandbox: Sandbox, hostname: str) -> Rule:
    """Make a rule by hand, as guides say."""
    rule = Rule(
        "block",
        f'(http.host eq "{hostname}" and not cf.tls_client_auth.cert_verified)',
        "by hand",
    )
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules.append(rule)
    return rule


def make_record(sandbox: Sandbox, hostname: str) -> None:
    """Make the DNS record by hand, as it has to be."""
    zone = zone_of(sandbox)
    for record in records_of(sandbox, hostname):
        del zone.dns_records[record.id]
    content = f"{TUNNEL_ID}.cfargotunnel.com"
    zone.add_dns_record(
        DnsRecord("CNAME", hostname, content, proxied=True, comment="me")
    )


def ingress_of(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the ingress rules of the tunnel."""
    rules: list[dict[str, Any]] = sandbox.state.tunnels[TUNNEL_ID].ingress
    return rules


def serve(sandbox: Sandbox, hostname: str, service: str = SERVICE) -> None:
    """Have the tunnel serve the hostname."""
    rules = ingress_of(sandbox)
    rules[:] = [
        {"hostname": hostname, "service": service},
        *(rule for rule in rules if rule.get("hostname") != hostname),
    ]


async def set_up(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> tuple[str, Any]:
    """Go to the preview of the first hostname of an account."""
    return HOSTNAME, await to_preview(hass, sandbox)


async def add(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> tuple[str, Any]:
    """Go to the preview of a further hostname."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await add_hostname(hass, entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    chosen = {**choose(), "hostname": TABLET, "service": SERVICE}
    return TABLET, await submit(hass, result, chosen)


async def reconfigure(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> tuple[str, Any]:
    """Go to the preview of a change of the only hostname."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    chosen = {"tunnel_id": TUNNEL_ID, "service": SERVICE}
    chosen |= choose(exempt_paths=["/api/webhook/"])
    return HOSTNAME, await submit(hass, result, chosen)


@pytest.fixture(params=[set_up, add, reconfigure], ids=lambda opener: opener.__name__)
async def preview(
    request: pytest.FixtureRequest,
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
) -> tuple[str, Any]:
    """Return a hostname, and the preview of its changes."""
    hostname, result = await request.param(hass, sandbox, entry)
    assert result["step_id"] == "preview"
    sandbox.journal.clear()
    return hostname, result


def assert_done(result: Any) -> None:
    """Assert that the dialog is over, and that all is protected as chosen."""
    assert result["type"] in (FlowResultType.CREATE_ENTRY, FlowResultType.ABORT)
    assert result.get("reason") in (None, "reconfigure_successful")


async def test_nothing_changed(
    hass: HomeAssistant, sandbox: Sandbox, preview: tuple[str, Any]
) -> None:
    """One Submit is enough."""
    _, result = preview

    assert_done(await submit(hass, result))

    assert sandbox.journal.writes


async def test_rule_made_by_hand_is_not_taken_over_unasked(
    hass: HomeAssistant, sandbox: Sandbox, preview: tuple[str, Any]
) -> None:
    """The person is asked first, and it stays after a no."""
    hostname, result = preview
    rule = make_rule(sandbox, hostname)

    result = await submit(hass, result)

    assert result["step_id"] == "take_over"
    assert result["errors"] == CHANGED
    assert "Nothing else was changed" in sentences(result)["base"]
    assert "`by hand`" in result["description_placeholders"]["changes"]
    assert sandbox.journal.writes == []
    result = await submit(hass, result, {"take_over": False})
    assert result["step_id"] == "preview"
    assert not result["errors"]
    assert_done(await submit(hass, result))
    assert rule in zone_of(sandbox).rules
    assert "cert_revoked" not in rule.expression


async def test_rule_made_by_hand_is_taken_over_after_a_yes(
    hass: HomeAssistant, sandbox: Sandbox, preview: tuple[str, Any]
) -> None:
    hostname, result = preview
    rule = make_rule(sandbox, hostname)
    result = await submit(hass, result)
    result = await submit(hass, result, {"take_over": True})
    assert result["step_id"] == "preview"

    assert_done(await submit(hass, result))

    by_id = {item.id: item for item in zone_of(sandbox).rules}
    assert rule.id not in by_id or "cert_revoked" in by_id[rule.id].expression


async def test_record_made_by_hand_is_not_taken_over_unasked(
    hass: HomeAssistant, sandbox: Sandbox, preview: tuple[str, Any]
) -> None:
    hostname, result = preview
    was_ours = bool(records_of(sandbox, hostname))
    make_record(sandbox, hostname)

    result = await submit(hass, result)

    assert result["errors"] == CHANGED
    assert sandbox.journal.writes == []
    if was_ours:
        # What stands in its place lost our mark, for all that can be told.
        assert result["step_id"] == "preview"
        return
    assert result["step_id"] == "preview"
    assert_done(await submit(hass, result))
    (record,) = records_of(sandbox, hostname)
    assert record.comment == "me"


async def test_record_in_the_way(
    hass: HomeAssistant, sandbox: Sandbox, preview: tuple[str, Any]
) -> None:
    """It is named each time, until a person has removed it."""
    hostname, result = preview
    zone = zone_of(sandbox)
    kept = records_of(sandbox, hostname)
    for item in kept:
        del zone.dns_records[item.id]
    foreign = DnsRecord("A", hostname, "203.0.113.1", proxied=True)
    zone.add_dns_record(foreign)

    for _ in range(2):
        result = await submit(hass, result)
        assert result["step_id"] == "preview"
        assert result["errors"] == {"base": "hostname_in_use"}
        assert "203.0.113.1" in sentences(result)["base"]
        assert sandbox.journal.writes == []

    del zone.dns_records[foreign.id]
    for item in kept:
        zone.add_dns_record(item)
    assert_done(await submit(hass, result))


async def test_hostname_that_the_tunnel_serves_from_elsewhere(
    hass: HomeAssistant, sandbox: Sandbox, preview: tuple[str, Any]
) -> None:
    """An ingress rule that somebody made meanwhile is not overwritten."""
    hostname, result = preview
    before = [*ingress_of(sandbox)]
    serve(sandbox, hostname, FOREIGN_SERVICE)
    foreign = [*ingress_of(sandbox)]

    result = await submit(hass, result)

    assert result["step_id"] == "preview"
    assert result["errors"] == {"base": "hostname_in_use"}
    assert FOREIGN_SERVICE in sentences(result)["base"]
    assert sandbox.journal.writes == []
    assert ingress_of(sandbox) == foreign
    ingress_of(sandbox)[:] = before
    assert_done(await submit(hass, result))


@pytest.mark.parametrize("opener", [set_up, add])
async def test_less_is_left_to_do(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, opener: Opener
) -> None:
    """The shorter list is shown, and made on the next Submit."""
    hostname, result = await opener(hass, sandbox, entry)
    sandbox.journal.clear()
    before = result["description_placeholders"]["changes"].splitlines()
    serve(sandbox, hostname)

    result = await submit(hass, result)

    assert result["step_id"] == "preview"
    assert result["errors"] == CHANGED
    after = result["description_placeholders"]["changes"].splitlines()
    assert len(after) == len(before) - 1
    assert sandbox.journal.writes == []
    assert_done(await submit(hass, result))


async def test_what_is_to_be_taken_over_was_changed(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """What a person saw is not what would be replaced, so they are asked once more."""
    rule = make_rule(sandbox, HOSTNAME)
    result = await to_preview(hass, sandbox)
    assert result["step_id"] == "take_over"
    result = await submit(hass, result, {"take_over": True})
    rule.description = "mine, leave it"

    result = await submit(hass, result)

    assert result["step_id"] == "take_over"
    assert result["errors"] == CHANGED
    assert "mine, leave it" in result["description_placeholders"]["changes"]
    assert sandbox.journal.writes == []


async def test_more_to_take_over_while_a_person_decides(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A yes holds for what was listed."""
    make_rule(sandbox, HOSTNAME)
    result = await to_preview(hass, sandbox)
    result = await submit(hass, result, {"take_over": True})
    assert result["step_id"] == "preview"
    make_rule(sandbox, HOSTNAME)

    result = await submit(hass, result)

    assert result["step_id"] == "take_over"
    assert result["errors"] == CHANGED
    assert "Delete the custom rule" in result["description_placeholders"]["changes"]
    assert sandbox.journal.writes == []


async def test_rule_made_by_hand_after_changes_that_failed(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """The rest of the changes needs a question too."""
    result = await to_preview(hass, sandbox)
    faults.unavailable("POST", "/dns_records", times=1)
    result = await submit(hass, result)
    assert result["step_id"] == "resume"
    rule = make_rule(sandbox, HOSTNAME)
    sandbox.journal.clear()

    result = await submit(hass, result)

    assert result["step_id"] == "take_over"
    assert result["errors"] == CHANGED
    assert sandbox.journal.writes == []
    assert rule in zone_of(sandbox).rules
