"""Tests of certificates where a hostname is not kept in sync: only rules are written for them, never a way in."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.certificates.creating import REVOKE, active, mint, press, renew
from tests.certificates.test_pinning import choose_pinning, pinned
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    HOSTNAME,
    act,
    add_known_certificate,
    fingerprint_of,
    records_of,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.faults import Faults

pytestmark = with_device


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a hostname that is not kept in sync."""
    return {**settings, "keep_in_sync": False}


@pytest.fixture
async def home(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account whose hostname was synced once; its device uses a certificate."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await act(hass, entry, "sync", hostname=HOSTNAME)
    await choose_pinning(hass, entry)
    return entry


def ingress_of(sandbox: Sandbox) -> list[Any]:
    """Return the tunnel's rules for the hostname."""
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    return [rule for rule in ingress if rule.get("hostname") == HOSTNAME]


def take_down(sandbox: Sandbox, *ways: str) -> None:
    """Take a hostname off the internet in Cloudflare's dashboard."""
    zone = zone_of(sandbox)
    if "record" in ways:
        for record_id, record in list(zone.dns_records.items()):
            if record.name == HOSTNAME:
                del zone.dns_records[record_id]
    if "ingress" in ways:
        ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
        ingress[:] = [rule for rule in ingress if rule.get("hostname") != HOSTNAME]
    if "association" in ways:
        zone.associations = []


async def change_certificates(
    hass: HomeAssistant, entry: MockConfigEntry, how: str
) -> None:
    """Do something that changes which certificates are accepted."""
    match how:
        case "create":
            await mint(hass, entry)
        case "renew":
            await renew(hass, entry)
        case "revoke":
            await press(hass, REVOKE)
        case "remove":
            (device,) = entry.get_subentries_of_type("companion_device")
            hass.config_entries.async_remove_subentry(entry, device.subentry_id)
    await settle(hass)


@pytest.mark.parametrize("how", ["create", "renew", "revoke", "remove"])
@pytest.mark.parametrize(
    ("ways", "lets_revoked_in"),
    [
        (("record",), False),
        (("record", "ingress"), True),
        (("record", "association"), False),
    ],
)
async def test_hostname_that_a_person_took_down_stays_down(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    how: str,
    ways: tuple[str, ...],
    lets_revoked_in: bool,
) -> None:
    """Certificates are created and revoked as always, and the rules follow them."""
    take_down(sandbox, *ways)
    if lets_revoked_in:
        for rule in zone_of(sandbox).rules:
            rule.expression = rule.expression.replace(
                " or cf.tls_client_auth.cert_revoked", ""
            ).replace(" and not cf.tls_client_auth.cert_revoked", "")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    sandbox.journal.clear()

    await change_certificates(hass, home, how)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert records_of(sandbox) == []
    assert bool(ingress_of(sandbox)) == ("ingress" not in ways)
    assert bool(zone_of(sandbox).associations) == ("association" not in ways)
    written = {write.path.split("/")[3] for write in sandbox.journal.writes}
    assert written <= {"client_certificates", "rulesets"}
    accepted = {
        fingerprint_of(item.certificate)
        for key, item in zone_of(sandbox).certificates.items()
        if key in active(sandbox)
    }
    assert (pinned(sandbox, BLOCK_REF) or set()) == accepted
    assert (CERTIFICATE_ID in active(sandbox)) == (how in ("create", "renew"))


async def test_sync_by_a_person_writes_everything(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Who asks for it gets the hostname back."""
    take_down(sandbox, "record", "ingress", "association")
    await act(hass, home, "sync", hostname=HOSTNAME)
    assert len(records_of(sandbox)) == len(ingress_of(sandbox)) == 1
    assert zone_of(sandbox).associations == [HOSTNAME]
