"""The alarm: a certificate that the rules refuse, and that Cloudflare lists, got somebody in."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.app_requests import Client, prepare, send_battery, set_up_with_phone
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    add_certificate,
    companion,
    fingerprint_of,
    placeholders,
    reported,
    settle,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.identities import told_headers
from tests.limited import LIMITED, LIMITED_ID, PHONE, TABLET, set_up_home

KEY = "uncertified_request"
MINUTE = timedelta(minutes=1)

PHONE_ID = "01JPHONE0000000000000000AA"

type Home = tuple[MockConfigEntry, str, str]


@pytest.fixture
async def home(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> Home:
    """Return an account with a hostname for the tablet alone, and the fingerprints of phone and tablet."""
    home = await set_up_home(hass, sandbox, TABLET)
    await prepare(hass)
    freezer.tick(MINUTE)
    return home


@pytest.fixture
async def client(home: Home, hass_client_no_auth: ClientSessionGenerator) -> Client:
    """Return what sends requests to Home Assistant, through the tunnel."""
    return await hass_client_no_auth()


async def visit(client: Client, sandbox: Sandbox, hostname: str, shown: str) -> None:
    """Send a request as an app does, with a certificate."""
    await send_battery(client, told_headers(sandbox, shown) | {"Host": hostname})


async def allow(
    hass: HomeAssistant, entry: MockConfigEntry, devices: list[str]
) -> None:
    """Change who may use the hostname, as its dialog does."""
    subentry = entry.subentries[LIMITED_ID]
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "devices": devices}
    )
    await settle(hass)


async def test_device_that_may_not_use_the_hostname(
    hass: HomeAssistant, sandbox: Sandbox, home: Home, client: Client
) -> None:
    _, phone, tablet = home
    await visit(client, sandbox, LIMITED, tablet)
    await visit(client, sandbox, HOSTNAME, phone)
    assert reported(hass) == set()
    await visit(client, sandbox, LIMITED, phone)
    assert reported(hass) == {KEY}
    assert placeholders(hass, KEY)["hostname"] == LIMITED


async def test_device_that_has_just_been_excluded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: Home,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The new rules reach the edge's servers one by one."""
    entry, phone, tablet = home
    await allow(hass, entry, [PHONE])
    await visit(client, sandbox, LIMITED, phone)
    await visit(client, sandbox, LIMITED, tablet)
    assert reported(hass) == set()
    freezer.tick(MINUTE)
    await visit(client, sandbox, LIMITED, phone)
    assert reported(hass) == set()
    await visit(client, sandbox, LIMITED, tablet)
    assert reported(hass) == {KEY}


async def test_removed_device_that_cloudflare_does_not_revoke(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: Home,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody may use a hostname any more with the certificate of a device that is gone."""
    entry, phone, _ = home
    faults.unavailable("DELETE", "/client_certificates")
    hass.config_entries.async_remove_subentry(entry, PHONE_ID)
    await settle(hass)
    freezer.tick(MINUTE)
    await visit(client, sandbox, LIMITED, phone)
    assert KEY in reported(hass)


@pytest.mark.parametrize("devices", [[companion()]], ids=["a phone"])
class TestCertificatesOfNobody:
    """Of certificates that no device of this home has, the rules refuse some."""

    async def test_revoked_before_home_assistant_knew_it(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        hass_client_no_auth: ClientSessionGenerator,
    ) -> None:
        """Somebody who moved out comes in again: a revoked certificate is given its quarter of an hour."""
        old = await add_certificate(sandbox, certificate_id="old")
        zone_of(sandbox).certificates["old"].status = CertificateStatus.REVOKED
        await set_up_with_phone(hass, sandbox, entry)
        client = await hass_client_no_auth()
        freezer.tick(2 * MINUTE)
        await visit(client, sandbox, HOSTNAME, fingerprint_of(old))
        assert reported(hass) == set()
        freezer.tick(15 * MINUTE)
        await visit(client, sandbox, HOSTNAME, fingerprint_of(old))
        assert reported(hass) == {KEY}

    @pytest.mark.parametrize("pins", [False, True])
    async def test_stranger_where_certificates_are_pinned(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        hass_client_no_auth: ClientSessionGenerator,
        *,
        pins: bool,
    ) -> None:
        """The repair says that it cannot connect; once it does, the rule is looked at."""
        stranger = await add_certificate(sandbox, certificate_id="stranger")
        await set_up_with_phone(hass, sandbox, entry)
        hass.config_entries.async_update_entry(
            entry, options={"pin_certificates": pins}
        )
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        freezer.tick(MINUTE)
        client = await hass_client_no_auth()
        [block] = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
        block.enabled = not pins
        await visit(client, sandbox, HOSTNAME, fingerprint_of(stranger))
        await settle(hass)
        assert (KEY in reported(hass)) is pins
        [block] = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
        assert block.enabled
