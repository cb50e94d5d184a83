"""Actions of Cloudflare mTLS."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

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
from homeassistant.util.ulid import ulid_now
import probatio

from .certificates.mobile_app import async_get_mobile_app
from .certificates.service import (
    CertificateRequest,
    CreatedCertificate,
    async_create_certificate,
    async_find,
    async_restore,
    async_revoke,
)
from .const import CONF_HOSTNAME, CONF_NOTIFY_DEVICE_ID, CONF_SYSTEM, DOMAIN
from .coordinator import CloudflareConfigEntry
from .engine.api.errors import Conflict, PermissionMissing, Rejected
from .engine.certificates.companions import Certificate, CompanionDevice
from .engine.certificates.credentials import BundleFormat, KeyType, is_name
from .engine.certificates.systems import System
from .engine.probe import MAIN_PORT, OTHER_PORTS, Answer
from .engine.sync.reconciler import Extent, ZoneSync
from .engine.sync.steps import Step, describe_step
from .engine.tunnels.new_tunnel import MAX_NAME_LENGTH, NewTunnel
from .subentries import companion_subentry, hostnames_of
from .wording import (
    Message,
    async_get_texts,
    describe,
    describe_problem,
    raise_translated,
    raise_translated_error,
)

ATTR_BUNDLE: Final = "bundle"
ATTR_CERTIFICATE_ID: Final = "certificate_id"
ATTR_DRY_RUN: Final = "dry_run"
ATTR_HOURS: Final = "hours"
ATTR_KEY_TYPE: Final = "key_type"
ATTR_REMOVE: Final = "remove"
ATTR_REVOKE_OLD_AFTER: Final = "revoke_old_after"
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
_CHOICES: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(ATTR_VALIDITY_DAYS, default=365): probatio.All(
        cv.positive_int, probatio.Range(min=1)
    ),
    probatio.Optional(ATTR_KEY_TYPE, default=KeyType.RSA_2048): probatio.Coerce(
        KeyType
    ),
    probatio.Optional(ATTR_BUNDLE, default=BundleFormat.COMPATIBLE): probatio.Coerce(
        BundleFormat
    ),
    probatio.Optional(CONF_NOTIFY_DEVICE_ID): cv.string,
}
_CREATE_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {
        probatio.Required(ATTR_NAME): probatio.All(cv.string, str.strip, _name),
        probatio.Optional(CONF_SYSTEM, default=System.ANDROID): probatio.Coerce(System),
        probatio.Optional(ATTR_ZONE): cv.string,
        **_CHOICES,
    }
)
_CERTIFICATE_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {probatio.Required(ATTR_CERTIFICATE_ID): cv.string}
)
_RENEW_SCHEMA: Final = _CERTIFICATE_SCHEMA.extend(
    {**_CHOICES, probatio.Optional(ATTR_REVOKE_OLD_AFTER): cv.positive_int}
)
_SYNC_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {
        probatio.Optional(CONF_HOSTNAME): cv.string,
        probatio.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        probatio.Optional(ATTR_REMOVE, default=False): cv.boolean,
    }
)
_CREATE_TUNNEL_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {
        probatio.Required(ATTR_NAME): probatio.All(
            cv.string, str.strip, probatio.Length(min=1, max=MAX_NAME_LENGTH)
        )
    }
)
_VERIFY_SCHEMA: Final = _ENTRY_SCHEMA.extend(
    {probatio.Required(CONF_HOSTNAME): cv.string}
)
_BLOCKED_SCHEMA: Final = _VERIFY_SCHEMA.extend(
    {
        probatio.Optional(ATTR_HOURS, default=24): probatio.All(
            cv.positive_int, probatio.Range(min=1, max=168)
        )
    }
)

_MAX_REQUESTS: Final = 200


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions, all for administrators."""
    for name, handler, schema, response in (
        ("mint_certificate", _create, _CREATE_SCHEMA, SupportsResponse.OPTIONAL),
        ("renew_certificate", _renew, _RENEW_SCHEMA, SupportsResponse.OPTIONAL),
        ("revoke_certificate", _revoke, _CERTIFICATE_SCHEMA, SupportsResponse.OPTIONAL),
        (
            "restore_certificate",
            _restore,
            _CERTIFICATE_SCHEMA,
            SupportsResponse.OPTIONAL,
        ),
        ("list_certificates", _list, _ENTRY_SCHEMA, SupportsResponse.ONLY),
        ("sync", _sync, _SYNC_SCHEMA, SupportsResponse.OPTIONAL),
        ("verify", _verify, _VERIFY_SCHEMA, SupportsResponse.ONLY),
        (
            "create_tunnel",
            _create_tunnel,
            _CREATE_TUNNEL_SCHEMA,
            SupportsResponse.OPTIONAL,
        ),
        (
            "get_blocked_requests",
            _get_blocked,
            _BLOCKED_SCHEMA,
            SupportsResponse.ONLY,
        ),
    ):
        service.async_register_admin_service(
            hass, DOMAIN, name, handler, schema, supports_response=response
        )


async def _create(call: ServiceCall) -> ServiceResponse:
    """Create a certificate for a new companion device, and hold its bundle."""
    entry, hass = _entry(call), call.hass
    with raise_translated():
        device = CompanionDevice(
            id=ulid_now(),
            name=call.data[ATTR_NAME],
            system=_system(call),
            zone_id=await _zone_id(entry, call.data.get(ATTR_ZONE)),
            notify_device_id=call.data.get(CONF_NOTIFY_DEVICE_ID),
        )
        created = await async_create_certificate(hass, entry, _request(call, device))
    hass.config_entries.async_add_subentry(entry, companion_subentry(device))
    # The account is set up anew: the next action of a script needs it.
    async with entry.setup_lock:
        pass
    return _handed_over(created)


async def _renew(call: ServiceCall) -> ServiceResponse:
    """Create a certificate in the place of another, and hold its bundle."""
    entry = _entry(call)
    with raise_translated():
        device, _ = await async_find(entry, call.data[ATTR_CERTIFICATE_ID])
        if notify_device_id := call.data.get(CONF_NOTIFY_DEVICE_ID):
            device = replace(device, notify_device_id=notify_device_id)
        created = await async_create_certificate(
            call.hass, entry, _request(call, device)
        )
    return _handed_over(created)


def _request(call: ServiceCall, device: CompanionDevice) -> CertificateRequest:
    return CertificateRequest(
        device=device,
        validity_days=call.data[ATTR_VALIDITY_DAYS],
        key_type=call.data[ATTR_KEY_TYPE],
        bundle_format=call.data[ATTR_BUNDLE],
        revoke_old_after=call.data.get(ATTR_REVOKE_OLD_AFTER),
    )


def _system(call: ServiceCall) -> System:
    """Return what the app of the device to notify tells, or what the call does."""
    system: System = call.data[CONF_SYSTEM]
    device_id = call.data.get(CONF_NOTIFY_DEVICE_ID)
    app = async_get_mobile_app(call.hass, device_id) if device_id else None
    if device_id and app is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="device_not_found"
        )
    return (app.system if app else None) or system


def _handed_over(created: CreatedCertificate) -> JsonObjectType:
    handover = created.handover
    return {
        "device_id": created.certificate.device_id,
        **_identity(created.certificate),
        "handover_url": handover.url,
        "handover_code": handover.code,
        "handover_expires_at": handover.expires_at.isoformat(),
    }


async def _revoke(call: ServiceCall) -> ServiceResponse:
    """Revoke a certificate."""
    entry = _entry(call)
    with raise_translated():
        _, certificate = await async_find(entry, call.data[ATTR_CERTIFICATE_ID])
        certificate = await async_revoke(call.hass, entry, certificate)
    return _status(certificate)


async def _restore(call: ServiceCall) -> ServiceResponse:
    """Take a revocation back."""
    entry = _entry(call)
    with raise_translated():
        _, certificate = await async_find(entry, call.data[ATTR_CERTIFICATE_ID])
        certificate = await async_restore(entry, certificate)
    return _status(certificate)


def _status(certificate: Certificate) -> JsonObjectType:
    return {ATTR_CERTIFICATE_ID: certificate.id, "status": certificate.status}


async def _list(call: ServiceCall) -> ServiceResponse:
    """Return every certificate of the account's zones, as Cloudflare has them now."""
    entry = _entry(call)
    protection = entry.runtime_data.protection
    with raise_translated():
        certificates = await protection.async_read_certificates()
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
    reconciler = entry.runtime_data.protection.reconciler
    dry_run = call.data[ATTR_DRY_RUN]
    act = reconciler.preview if dry_run else reconciler.sync
    with raise_translated():
        zones = (await act(Extent(hostnames=hostnames, remove=remove))).values()
    in_sync = all(zone.left.in_sync for zone in zones)
    if remove and in_sync and not dry_run:
        _forget(hass, entry, hostnames)
    elif any(zone.applied for zone in zones):
        await entry.runtime_data.protection.async_refresh()
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
        for plan in entry.runtime_data.protection.data.plans.values()
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


async def _create_tunnel(call: ServiceCall) -> ServiceResponse:
    """Create a tunnel; what its connector needs is shown in a dialog only."""
    entry, name = _entry(call), call.data[ATTR_NAME]
    data = entry.runtime_data
    with raise_translated():
        try:
            tunnel = await NewTunnel(data.client, data.tunnels.account_id, name).make()
        except Conflict as err:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="tunnel_name_taken",
                translation_placeholders={"name": name},
            ) from err
    await data.tunnels.async_refresh()
    return {"tunnel_id": tunnel.id, ATTR_NAME: tunnel.name, "status": tunnel.status}


async def _get_blocked(call: ServiceCall) -> ServiceResponse:
    """Return which requests to a hostname were blocked, as far back as the plan lets look."""
    entry = _entry(call)
    hostnames = _hostnames(entry, call.data[CONF_HOSTNAME])
    window = timedelta(hours=call.data[ATTR_HOURS])
    with raise_translated():
        try:
            blocked, rules = await asyncio.gather(
                entry.runtime_data.blocked.async_ask(hostnames, window),
                _rule_names(entry, hostnames),
            )
        except Rejected as err:
            # What all other requests are refused for is a change, and this is none.
            raise_translated_error(
                Message("blocked_requests_refused", {"message": err.message}), err
            )
    return {
        "total": len(blocked.requests),
        # The data set is, and no answer tells whether this part of it was.
        "sampled": True,
        "since": blocked.since.isoformat(),
        "requests": [
            {
                "time": request.time.isoformat(),
                "country": request.country,
                "method": request.method,
                "path": request.path,
                "user_agent": request.user_agent,
                "rule": rules.get(request.rule_id or ""),
                "service": request.service,
            }
            for request in blocked.requests[:_MAX_REQUESTS]
        ],
    }


async def _rule_names(
    entry: CloudflareConfigEntry, hostnames: Collection[str]
) -> Mapping[str, str]:
    """Return what the custom rules are called, by id; nothing where the token may not look."""
    (zone_id,) = entry.runtime_data.protection.reconciler.zones_of(hostnames)
    try:
        ruleset = await entry.runtime_data.client.ruleset(zone_id)
    except PermissionMissing:
        return {}
    return {rule.id: rule.description or rule.ref for rule in ruleset.rules}


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
        {
            "code": message.key,
            "message": sentence(f"{message.key}.message", **message.placeholders),
        }
        for message in stopped
    ]
    for problem in unsolved:
        message = describe_problem(problem)
        told = text(message.key, **message.placeholders)
        problems.append({"code": problem.code, "message": told})
    return problems


def _forget(
    hass: HomeAssistant, entry: CloudflareConfigEntry, hostnames: Collection[str]
) -> None:
    """Remove what was taken down from Home Assistant too, lest it be built up again."""
    for subentry_id, settings in hostnames_of(entry.subentries).items():
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
    known = {item.hostname for item in hostnames_of(entry.subentries).values()}
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
    zone_ids = {item.zone_id for item in hostnames_of(entry.subentries).values()}
    if name is not None:
        zones = await entry.runtime_data.client.zones()
        zone_ids &= {zone.id for zone in zones if zone.name == name.lower()}
    if len(zone_ids) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="zone_not_clear"
        )
    return zone_ids.pop()
