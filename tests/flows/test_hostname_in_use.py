"""Tests of protecting a hostname that people use: the preview says who is shut out."""

import json
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import SERVICE, TUNNEL_ID
from sandbox.state import DnsRecord, Rule
from tests.common import HOSTNAME, PACKAGE, choose, submit, zone_of
from tests.dialogs import add_hostname, to_hostname, zone_and_tunnel

USED = "used.example.com"
WARNING = f"**At the moment, `{USED}` can be reached without a certificate.**"


def lead(sandbox: Sandbox, record: str | None, ingress: str | None) -> None:
    """Have a record and an ingress rule lead home."""
    if record:
        content = f"{TUNNEL_ID}.cfargotunnel.com"
        zone_of(sandbox).add_dns_record(
            DnsRecord("CNAME", record, content, proxied=True)
        )
    if ingress:
        rules = sandbox.state.tunnels[TUNNEL_ID].ingress
        rules.insert(0, {"hostname": ingress, "service": SERVICE})


async def warning_in(result: Any, hass: HomeAssistant) -> str:
    """Choose the hostname; return what the preview warns of."""
    typed = {**choose(), "hostname": USED, "service": SERVICE}
    result = await submit(hass, result, typed)
    while result["step_id"] == "take_over":
        result = await submit(hass, result, {"take_over": False})
    assert result["step_id"] == "preview"
    return str(result["description_placeholders"]["warning"])


@pytest.mark.parametrize(
    ("record", "ingress"),
    [(USED, USED), ("*.example.com", USED), ("*.example.com", "*.example.com")],
)
@pytest.mark.parametrize("is_first", [True, False])
async def test_in_use(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    record: str,
    ingress: str,
    is_first: bool,
) -> None:
    """It is said before anything is written, also where the name has no record of its own."""
    lead(sandbox, record, ingress)
    if is_first:
        form = await to_hostname(hass, sandbox)
    else:
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        form = await add_hostname(hass, entry)
        form = await submit(hass, form, zone_and_tunnel(sandbox))
    sandbox.journal.clear()

    assert WARNING in await warning_in(form, hass)

    assert sandbox.journal.writes == []


@pytest.mark.parametrize(
    ("record", "ingress"), [(None, None), (USED, None), (None, USED)]
)
async def test_not_in_use(
    hass: HomeAssistant, sandbox: Sandbox, record: str | None, ingress: str | None
) -> None:
    """Where nothing leads home, nobody is shut out."""
    ingress_rules = sandbox.state.tunnels[TUNNEL_ID].ingress
    assert ingress_rules[-1]["service"] == "http_status:404"
    lead(sandbox, record, ingress)

    assert WARNING not in await warning_in(await to_hostname(hass, sandbox), hass)


@pytest.mark.parametrize("file", sorted((PACKAGE / "translations").glob("*.json")))
def test_warning_comes_first(file: Path) -> None:
    """On a phone, what stands below a list of changes is out of view."""
    texts = json.loads(file.read_text())
    login = texts["config_subentries"]["login_hostname"]["step"]["preview"]
    for step in ("preview", "resume"):
        assert texts["config"]["step"][step]["description"].startswith("{warning}")
    assert login["description"].startswith("{warning}")


async def test_locked_by_hand(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """Where it was set up as the guides say, nobody else is shut out."""
    lead(sandbox, USED, USED)
    zone = zone_of(sandbox)
    zone.associations = [USED]
    entrypoint = zone.entrypoint()
    assert entrypoint
    lock = f'http.host eq "{USED}" and not cf.tls_client_auth.cert_verified'
    entrypoint.rules.insert(0, Rule("block", f"({lock})", "mTLS block"))

    shown = await warning_in(await to_hostname(hass, sandbox), hass)

    # A visitor who writes a port behind the name gets past such a rule.
    assert WARNING not in shown


async def test_opened_by_somebody(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A change of a hostname whose lock somebody took away says so too."""
    for rule in zone_of(sandbox).rules:
        rule.enabled = False
    (subentry_id,) = loaded_entry.subentries
    form = await loaded_entry.start_subentry_reconfigure_flow(hass, subentry_id)
    typed = {"tunnel_id": TUNNEL_ID, "service": SERVICE, **choose()}
    result = await submit(hass, form, typed)
    assert result["type"] is FlowResultType.FORM
    warning = WARNING.replace(USED, HOSTNAME)
    assert warning in result["description_placeholders"]["warning"]
