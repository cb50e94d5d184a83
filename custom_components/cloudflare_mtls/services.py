"""Actions of Cloudflare mTLS."""

from collections.abc import Collection, Iterable
from typing import Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_NAME
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, service
from homeassistant.helpers.selector import ConfigEntrySelector
from homeassistant.util.json import JsonObjectType, JsonValueType
import probatio

from .certificates import MintRequest, async_mint, async_revoke
from .const import CONF_HOSTNAME, DOMAIN
from .coordinator import Certificate, CloudflareConfigEntry
from .edge.credentials import BundleFormat, KeyType, is_name
from .edge.probe import MAIN_PORT, OTHER_PORTS, Answer
from .edge.steps import Step, describe_step
from .errors import describe, raise_translated
from .hostnames import hostnames_of
from .reconciler import Extent, ZoneSync
from .texts import async_get_texts

ATTR_BUNDLE: Final = "bundle"
ATTR_CERTIFICATE_ID: Final = "certificate_id"
ATTR_DRY_RUN: Final = "dry_run"
ATTR_KEY_TYPE: Final = "key_type"
ATTR_REMOVE: Final = "remove"
ATTR_VALIDITY_DAYS: Final = "validity_days"
ATTR_ZONE: Final = "zone"


def _name(text: str) -> str:
    """Return a name that a certificate can carry."""
    if not is_name(text):
        raise probatio.Invalid("no name for a certificate")
    return text


_ENTRY_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_CONFIG_ENTRY_ID): ConfigEntrySelector(
            {"integration": DOMAIN}
        )
    }
)
_MINT_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {
        probatio.Required(ATTR_NAME): probatio.All(cv.string, str.strip, _name),
        probatio.Optional(ATTR_VALIDITY_DAYS, default=365): probatio.All(
            cv.positive_int, probatio.Range(min=1)
        ),
        probatio.Optional(ATTR_KEY_TYPE, default=KeyType.RSA_2048): probatio.Coerce(
            KeyType
        ),
        probatio.Optional(
            ATTR_BUNDLE, default=BundleFormat.COMPATIBLE
        ): probatio.Coerce(BundleFormat),
        probatio.Optional(ATTR_ZONE): cv.string,
    }
)
_REVOKE_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {probatio.Required(ATTR_CERTIFICATE_ID): cv.string}
)
_SYNC_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {
        probatio.Optional(CONF_HOSTNAME): cv.string,
        probatio.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        probatio.Optional(ATTR_REMOVE, default=False): cv.boolean,
    }
)
_VERIFY_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {probatio.Required(CONF_HOSTNAME): cv.string}
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions, all for administrators."""
    for name, handler, schema, response in (
        ("mint_certificate", _mint, _MINT_SCHEMA, SupportsResponse.OPTIONAL),
        ("revoke_certificate", _revoke, _REVOKE_SCHEMA, SupportsResponse.OPTIONAL),
        ("list_certificates", _list, _ENTRY_SCHEMA, SupportsResponse.ONLY),
        ("sync", _sync, _SYNC_SCHEMA, SupportsResponse.OPTIONAL),
        ("verify", _verify, _VERIFY_SCHEMA, SupportsResponse.ONLY),
    ):
        service.async_register_admin_service(
            hass, DOMAIN, name, handler, schema, supports_response=response
        )


async def _mint(call: ServiceCall) -> ServiceResponse:
    """Mint a certificate and hold its bundle for the device."""
    entry = _entry(call)
    with raise_translated():
        request = MintRequest(
            name=call.data[ATTR_NAME],
            zone_id=await _zone_id(entry, call.data.get(ATTR_ZONE)),
            validity_days=call.data[ATTR_VALIDITY_DAYS],
            key_type=call.data[ATTR_KEY_TYPE],
            bundle_format=call.data[ATTR_BUNDLE],
        )
        minted = await async_mint(call.hass, entry, request)
    facts = minted.certificate.facts
    return {
        "device_id": facts.device_id,
        **_identity(minted.certificate),
        "handover_url": minted.handover.url,
        "handover_expires_at": minted.handover.expires_at.isoformat(),
    }


async def _revoke(call: ServiceCall) -> ServiceResponse:
    """Revoke a certificate."""
    with raise_translated():
        certificate = await async_revoke(_entry(call), call.data[ATTR_CERTIFICATE_ID])
    return {ATTR_CERTIFICATE_ID: certificate.id, "status": certificate.status}


async def _list(call: ServiceCall) -> ServiceResponse:
    """Return every certificate of the account's zones, as Cloudflare has them now."""
    entry = _entry(call)
    edge = entry.runtime_data.edge
    with raise_translated():
        certificates = await edge.async_read_certificates()
    return {
        "certificates": [
            {
                **_identity(certificate),
                ATTR_NAME: certificate.facts.name,
                "managed": certificate.facts.managed,
                "status": certificate.status,
            }
            for certificate in certificates
        ]
    }


async def _sync(call: ServiceCall) -> ServiceResponse:
    """Bring hostnames to what they must be, or take them down, or only tell how."""
    entry, hass = _entry(call), call.hass
    hostnames = _hostnames(entry, call.data.get(CONF_HOSTNAME))
    remove = call.data[ATTR_REMOVE]
    reconciler = entry.runtime_data.edge.reconciler
    dry_run = call.data[ATTR_DRY_RUN]
    act = reconciler.preview if dry_run else reconciler.sync
    with raise_translated():
        zones = (await act(Extent(hostnames=hostnames, remove=remove))).values()
    in_sync = all(zone.left.in_sync for zone in zones)
    if remove and in_sync and not dry_run:
        _forget(hass, entry, hostnames)
    elif any(zone.applied for zone in zones):
        await entry.runtime_data.edge.async_refresh()
    return {
        "in_sync": in_sync,
        "exposed": any(zone.left.exposures for zone in zones),
        "steps": [
            *(_step(step, applied=True) for zone in zones for step in zone.applied),
            *(_step(step, applied=False) for zone in zones for step in zone.left.steps),
        ],
        "problems": await _problems(hass, zones),
    }


async def _verify(call: ServiceCall) -> ServiceResponse:
    """Ask the edge for a hostname without a certificate, at once."""
    entry = _entry(call)
    (hostname,) = _hostnames(entry, call.data[CONF_HOSTNAME])
    met = await entry.runtime_data.visits.async_verify(hostname)
    exposures = [
        exposure
        for plan in entry.runtime_data.edge.data.plans.values()
        if plan
        for exposure in plan.limited_to({hostname}).exposures
    ]
    return {
        "without_certificate": _answer(met.answers[MAIN_PORT]),
        "other_ports": {str(port): _answer(met.answers[port]) for port in OTHER_PORTS},
        "enforced": met.enforced,
        "exposed_to": [
            {
                "visitor": exposure.visitor,
                "rule": exposure.through.description if exposure.through else None,
            }
            for exposure in exposures
        ],
    }


def _answer(answer: Answer) -> JsonObjectType:
    return {"status": answer.status, "verdict": answer.verdict}


def _step(step: Step, *, applied: bool) -> JsonObjectType:
    return {**describe_step(step), "applied": applied}


async def _problems(
    hass: HomeAssistant, zones: Iterable[ZoneSync]
) -> list[JsonValueType]:
    """Return what stopped a sync and what only a person can solve, in the user's language."""
    text = await async_get_texts(hass, "common")
    sentence = await async_get_texts(hass, "exceptions")
    stopped = [describe(zone.error) for zone in zones if zone.error]
    unsolved = [problem for zone in zones for problem in zone.left.problems]
    problems: list[JsonValueType] = [
        {"code": key, "message": sentence(f"{key}.message", **placeholders)}
        for key, placeholders in stopped
    ]
    for problem in unsolved:
        message = text(
            f"problem_{problem.code}", target=problem.target, detail=problem.detail
        )
        problems.append({"code": problem.code, "message": message})
    return problems


def _forget(
    hass: HomeAssistant, entry: CloudflareConfigEntry, hostnames: Collection[str]
) -> None:
    """Remove what was taken down from Home Assistant too, lest it be built up again."""
    for subentry_id, settings in hostnames_of(entry).items():
        if settings.hostname in hostnames:
            hass.config_entries.async_remove_subentry(entry, subentry_id)


def _identity(certificate: Certificate) -> JsonObjectType:
    facts = certificate.facts
    return {
        ATTR_CERTIFICATE_ID: certificate.id,
        "serial_number": facts.serial_number,
        "fingerprint_sha256": facts.fingerprint_sha256,
        "issued_on": facts.issued_on.isoformat(),
        "expires_on": facts.expires_on.isoformat(),
    }


def _entry(call: ServiceCall) -> CloudflareConfigEntry:
    entry: CloudflareConfigEntry = service.async_get_config_entry(
        call.hass, DOMAIN, call.data[ATTR_CONFIG_ENTRY_ID]
    )
    return entry


def _hostnames(entry: CloudflareConfigEntry, hostname: str | None) -> set[str]:
    """Return the hostname, where it is protected, or all of them."""
    known = {item.hostname for item in hostnames_of(entry).values()}
    if hostname is None:
        return known
    if hostname not in known:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="hostname_not_found",
            translation_placeholders={"hostname": hostname},
        )
    return {hostname}


async def _zone_id(entry: CloudflareConfigEntry, name: str | None) -> str:
    """Return the zone of that name, or the only one that has a protected hostname."""
    zone_ids = {item.zone_id for item in hostnames_of(entry).values()}
    if name is not None:
        zones = await entry.runtime_data.client.zones()
        zone_ids &= {zone.id for zone in zones if zone.name == name.lower()}
    if len(zone_ids) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="zone_not_clear"
        )
    return zone_ids.pop()
