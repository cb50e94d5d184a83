"""Helpers that the tests of the integration share."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigSubentryDataWithId,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowManager, FlowResultType
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.storage.ledger import async_get_ledger
from sandbox import Sandbox
from sandbox.clock import now
from sandbox.seed import SERVICE
from sandbox.state import (
    BlockedRequest,
    CertificateStatus,
    ClientCertificate,
    DnsRecord,
    Zone,
)

PACKAGE = Path(__file__).parents[1] / "custom_components" / DOMAIN
ENGLISH: dict[str, Any] = json.loads((PACKAGE / "translations" / "en.json").read_text())

HOSTNAME = "home-mobile.example.com"
BLOCK_REF = "cloudflare_mtls_block"
SKIP_REF = "cloudflare_mtls_skip"
HEADER_REF = "cloudflare_mtls_header"

TUNNELS_EVERY = timedelta(seconds=60)
EDGE_EVERY = timedelta(minutes=15)
CHECKS_EVERY = timedelta(hours=6)
SECOND_LOOK = timedelta(seconds=30)

DEVICE_ID = "01JDEVICE00000000000000001"
COMPANION_ID = "01JCOMPANION00000000000001"
HOSTNAME_ID = "01JHOSTNAME000000000000001"
CERTIFICATE_ID = "7bf7f70c-7600-42e1-81c4-000000000001"


async def setup_integration(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set up an account and wait until it has synced."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)


def written_out(day: date) -> str:
    """Return a date as English sentences have it."""
    return f"{day.day} {day:%B %Y}"


def state_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return the state of an entity, which has to exist."""
    state = hass.states.get(entity_id)
    assert state, entity_id
    return state.state


def described(
    hass: HomeAssistant, registry: er.EntityRegistry, entry: MockConfigEntry
) -> dict[str, Any]:
    """Return the parts of the account's entities that people see.

    The rest of their registry entries differs between versions of Home Assistant.
    """
    return {
        item.entity_id: {
            "unique_id": item.unique_id,
            "translation_key": item.translation_key,
            "category": item.entity_category,
            "disabled": item.disabled,
            "state": state_of(hass, item.entity_id),
            "attributes": dict(hass.states.get(item.entity_id).attributes),  # type: ignore[union-attr]
        }
        for item in er.async_entries_for_config_entry(registry, entry.entry_id)
        # Disabled entities have no state.
        if not item.disabled
    }


def is_loaded(entry: ConfigEntry) -> bool:
    """Return whether an account is set up."""
    return entry.state is ConfigEntryState.LOADED


async def settle(hass: HomeAssistant) -> None:
    """Wait for all tasks, including those in the background."""
    await hass.async_block_till_done(wait_background_tasks=True)


async def wait_for_refresh(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, interval: timedelta
) -> None:
    """Let time pass until the next refresh is over."""
    freezer.tick(interval)
    async_fire_time_changed(hass)
    await settle(hass)


async def turn(hass: HomeAssistant, switch: str, state: str) -> None:
    """Turn a switch on or off, and wait for what follows."""
    await hass.services.async_call(
        "switch", f"turn_{state}", {"entity_id": switch}, blocking=True
    )
    await settle(hass)


async def act(
    hass: HomeAssistant, entry: MockConfigEntry, action: str, **fields: Any
) -> dict[str, Any]:
    """Call an action and return its response."""
    response = await hass.services.async_call(
        DOMAIN,
        action,
        {"config_entry_id": entry.entry_id, **fields},
        blocking=True,
        return_response=True,
    )
    assert isinstance(response, dict)
    return response


def device_id_of(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str = COMPANION_ID
) -> str:
    """Return the id of a subentry's device in Home Assistant."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, subentry_id), entry.entry_id
    )
    assert device
    return device.id


def issues(hass: HomeAssistant) -> dict[str, str]:
    """Return the ids of our issues by their translation keys."""
    return {
        str(issue.translation_key): issue_id
        for (domain, issue_id), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
    }


def reported(hass: HomeAssistant) -> set[str]:
    """Return the translation keys of our issues."""
    return set(issues(hass))


def issue_of(hass: HomeAssistant, key: str) -> ir.IssueEntry:
    """Return the issue with a translation key."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[key])
    assert issue
    return issue


def placeholders(hass: HomeAssistant, key: str) -> dict[str, str]:
    """Return the placeholders of an issue."""
    issue = issue_of(hass, key)
    assert issue.translation_placeholders
    return issue.translation_placeholders


def hostname_settings() -> dict[str, Any]:
    """Return the settings of the protected hostname, as its dialog stores them."""
    return {
        "hostname": HOSTNAME,
        "zone_id": Sandbox.zone_id,
        "tunnel_id": Sandbox.tunnel_id,
        "service": SERVICE,
        "layout": "skip_and_block",
        "exempt_paths": [],
        "published": True,
        "keep_in_sync": True,
    }


def account(
    sandbox: Sandbox,
    settings: dict[str, Any],
    devices: Iterable[ConfigSubentryDataWithId],
) -> MockConfigEntry:
    """Return an account with one protected hostname, not set up yet."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Home lab",
        unique_id=sandbox.account_id,
        data={"api_token": sandbox.token, "account_id": sandbox.account_id},
        subentries_data=[
            ConfigSubentryDataWithId(
                subentry_id=HOSTNAME_ID,
                subentry_type="protected_hostname",
                title=settings["hostname"],
                unique_id=settings["hostname"],
                data=settings,
            ),
            *devices,
        ],
    )


def companion(
    *,
    name: str = "Pixel 8",
    system: str = "android",
    zone_id: str = Sandbox.zone_id,
    hostname: str | None = None,
    device_id: str = DEVICE_ID,
    subentry_id: str = COMPANION_ID,
    notify_device_id: str | None = None,
) -> ConfigSubentryDataWithId:
    """Return a companion device, as its dialog stores it."""
    return ConfigSubentryDataWithId(
        subentry_id=subentry_id,
        subentry_type="companion_device",
        title=name,
        unique_id=device_id,
        data={
            "name": name,
            "system": system,
            "zone_id": zone_id,
            "hostname": hostname,
            "notify_device_id": notify_device_id,
        },
    )


with_device = pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])


def zone_of(sandbox: Sandbox) -> Zone:
    """Return the home lab's zone."""
    return sandbox.state.zones[sandbox.zone_id]


def records_of(sandbox: Sandbox, hostname: str = HOSTNAME) -> list[DnsRecord]:
    """Return the DNS records of a hostname."""
    return [
        record
        for record in zone_of(sandbox).dns_records.values()
        if record.name == hostname
    ]


def three_weeks_ago() -> datetime:
    """Return when the certificates were created: at midnight, because whole days are easy to count."""
    return now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=20)


def in_words(value: Any, moments: dict[datetime, str]) -> Any:
    """Return the data of a snapshot, with words in place of moments, which differ from day to day."""
    words = {moment.isoformat("T", "seconds"): word for moment, word in moments.items()}

    def translated(part: Any) -> Any:
        match part:
            case dict():
                return {key: translated(item) for key, item in part.items()}
            case list():
                return [translated(item) for item in part]
            case str():
                return words.get(part, part)
            case _:
                return part

    return translated(value)


async def add_certificate(
    sandbox: Sandbox,
    *,
    name: str = "Pixel 8",
    organization: str = "Home Assistant",
    device_id: str = DEVICE_ID,
    certificate_id: str = CERTIFICATE_ID,
    status: CertificateStatus = CertificateStatus.ACTIVE,
    not_before: datetime | None = None,
    days: int = 365,
) -> x509.Certificate:
    """Add a certificate to the zone, as if it had been created here or elsewhere."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, device_id),
        ]
    )
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .sign(key, hashes.SHA256())
    )
    not_before = not_before or three_weeks_ago()
    authority = await sandbox.authorities.get(sandbox.account_id)
    certificate = authority.sign_client(
        request, not_before, not_before + timedelta(days=days)
    )
    sandbox.state.zones[sandbox.zone_id].certificates[certificate_id] = (
        ClientCertificate(certificate, request, days, status, certificate_id)
    )
    return certificate


async def add_known_certificate(
    hass: HomeAssistant,
    entry: ConfigEntry,
    sandbox: Sandbox,
    *,
    device_id: str = DEVICE_ID,
    **rest: Any,
) -> x509.Certificate:
    """Add a certificate that a person confirmed as that of a companion device."""
    certificate = await add_certificate(sandbox, device_id=device_id, **rest)
    await confirm_certificate(hass, entry, certificate, device_id)
    return certificate


async def confirm_certificate(
    hass: HomeAssistant,
    entry: ConfigEntry,
    certificate: x509.Certificate,
    device_id: str | None,
) -> None:
    """Keep in Home Assistant that a person confirmed a certificate."""
    ledger = await async_get_ledger(hass, entry.entry_id)
    await ledger.async_confirm({fingerprint_of(certificate): device_id})


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint of a certificate, as the rules write it."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def blocked_request(
    ago: timedelta = timedelta(hours=1), **changes: Any
) -> BlockedRequest:
    """Return a request to the hostname that was blocked some time ago."""
    request: dict[str, Any] = {
        "time": now() - ago,
        "rule_id": "",
        "ref": "",
        "host": HOSTNAME,
        "path": "/auth/authorize",
        "method": "GET",
        "user_agent": "curl/8",
        "country": "DE",
        "action": "block",
        "ip": "203.0.113.24",
    }
    return BlockedRequest(**request | changes)


def enable_blocked_requests(
    registry: er.EntityRegistry, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Enable the sensor of blocked requests before the account is set up."""
    entry.add_to_hass(hass)
    registry.async_get_or_create(
        "sensor",
        DOMAIN,
        "01JHOSTNAME000000000000001_blocked_requests",
        config_entry=entry,
        suggested_object_id="home_mobile_example_com_blocked_requests",
        disabled_by=None,
    )


def sentences(result: Any, of: str = "config") -> dict[str, str]:
    """Return the error messages of a form, in English and by field."""
    texts = ENGLISH
    for part in of.split("."):
        texts = texts[part]
    placeholders = result["description_placeholders"] or {}
    return {
        field: texts["error"][key].format_map(placeholders)
        for field, key in (result["errors"] or {}).items()
    }


async def submit(
    hass: HomeAssistant, result: Any, user_input: dict[str, Any] | None = None
) -> Any:
    """Submit a form, and wait until its changes are made."""
    manager: FlowManager[Any, Any, Any] = hass.config_entries.flow
    if isinstance(result["handler"], tuple):
        manager = hass.config_entries.subentries
    result = await manager.async_configure(result["flow_id"], user_input or {})
    await settle(hass)
    if result["type"] is FlowResultType.SHOW_PROGRESS:
        result = await manager.async_configure(result["flow_id"])
        await settle(hass)
    expect_error_above(result)
    return result


def expect_error_above(result: Any) -> None:
    """Assert that a dialog whose text has a place for warnings says there what is wrong with it all."""
    above = (result.get("description_placeholders") or {}).get("warning")
    if above is not None and "base" in (result.get("errors") or {}):
        assert above.startswith("**"), result


def choose(**advanced: Any) -> dict[str, Any]:
    """Return the input of the hostname step: its defaults and these changes."""
    return {"advanced": advanced}
