"""Tests of hostnames in several domains of an account: each domain has rules of its own."""

import base64
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import CertificatePack, Zone
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    SKIP_REF,
    act,
    choose,
    reported,
    settle,
    state_of,
    submit,
    zone_of,
)
from tests.dialogs import CHOSEN, add, add_hostname, fetch, zone_and_tunnel
from tests.sandbox.helpers import Identity, visitor

# A domain, and a hostname in it as it is typed and as DNS has it.
PLACES: Final = [
    ("example.org", "ha.example.org", "ha.example.org"),
    ("example.org", "example.org", "example.org"),
    ("example.org", "ha.lab.example.org", "ha.lab.example.org"),
    ("mås-hem.example", "mås-hem.example", "xn--ms-hem-iua.example"),
    ("mås-hem.example", "ha.stuga.mås-hem.example", "ha.stuga.xn--ms-hem-iua.example"),
]
FORMS: Final = ("{0}", "{0}:8443", "{0}.", "{0}.:443")


async def protect(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    zone: Zone,
    hostname: str,
) -> Any:
    """Protect a hostname of a domain in the dialog, and return its end."""
    chosen = {**zone_and_tunnel(sandbox), "zone_id": zone.id}
    form = await submit(hass, await add_hostname(hass, entry), chosen)
    typed = {**choose(), "hostname": hostname, "service": SERVICE}
    preview = await submit(hass, form, typed)
    assert preview["step_id"] == "preview"
    result = await submit(hass, preview)
    await settle(hass)
    return result


def contents(zone: Zone) -> tuple[list[str], list[str], list[str] | None]:
    """Return the rules, records and associations of a domain, to the last letter."""
    rules = [repr(rule) for rule in zone.rules]
    records = [repr(record) for record in zone.dns_records.values()]
    return rules, records, zone.associations and list(zone.associations)


async def identity_of(fetched: dict[str, Any]) -> Identity:
    """Return the certificate and the key that a device got."""
    bundle = base64.b64decode(fetched["bundles"][0]["data"])
    key, certificate, _ = pkcs12.load_key_and_certificates(
        bundle, fetched["password"].encode()
    )
    assert certificate
    assert isinstance(key, EllipticCurvePrivateKey)
    return Identity(certificate, key)


async def is_blocked(
    sandbox: Sandbox, folder: Path, hostname: str, identity: Identity | None
) -> set[bool]:
    """Return whether the edge blocks a visitor, by all forms of a hostname."""
    folder.mkdir(exist_ok=True)
    found = set()
    async with visitor(sandbox, folder, identity) as guest:
        for form in FORMS:
            host = form.format(hostname)
            answer = await guest.get(hostname, headers={"Host": host})
            # What is behind the tunnel answers 403 or 404 too.
            found.add("you have been blocked" in await answer.text())
    return found


@pytest.mark.parametrize(("domain", "typed", "hostname"), PLACES)
async def test_hostname_of_another_domain(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    tmp_path: Path,
    domain: str,
    typed: str,
    hostname: str,
) -> None:
    """It has its own two rules; one certificate opens both domains, and a stranger neither."""
    zone = sandbox.state.add_zone(domain)
    parent = hostname.partition(".")[2]
    zone.certificate_packs.append(CertificatePack([f"*.{parent}"], "advanced"))
    before = contents(zone_of(sandbox))

    result = await protect(hass, sandbox, loaded_entry, zone, typed)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == typed
    assert contents(zone_of(sandbox)) == before
    assert [rule.ref for rule in zone.rules] == [SKIP_REF, BLOCK_REF]
    assert zone.associations == [hostname]
    assert [item.name for item in zone.dns_records.values()] == [hostname]
    assert reported(hass) == set()
    synced = await act(hass, loaded_entry, "sync", dry_run=True)
    assert (synced["in_sync"], synced["steps"]) == (True, [])

    form = await submit(
        hass, await add(hass, loaded_entry), {**CHOSEN, "hostname": HOSTNAME}
    )
    fetched = await fetch(
        await hass_client_no_auth(), form["description_placeholders"]["url"]
    )
    assert fetched["hostnames"] == [HOSTNAME, typed]
    device = await identity_of(fetched)
    for each in (HOSTNAME, hostname):
        assert await is_blocked(sandbox, tmp_path / "device", each, device) == {False}
        assert await is_blocked(sandbox, tmp_path / "stranger", each, None) == {True}


async def test_removing_one_leaves_the_other_domain(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Only the rules of its own domain go."""
    zone = sandbox.state.add_zone("example.org")
    before = contents(zone_of(sandbox))
    await protect(hass, sandbox, loaded_entry, zone, "example.org")
    (subentry,) = [
        item for item in loaded_entry.subentries.values() if item.title == "example.org"
    ]

    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)

    assert contents(zone) == ([], [], [])
    assert contents(zone_of(sandbox)) == before
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"
