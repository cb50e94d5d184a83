"""Actions on the certificates of companion devices."""

from dataclasses import replace
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID, ATTR_NAME
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonObjectType, JsonValueType
from homeassistant.util.ulid import ulid_now
import probatio

from ..bus_events import ATTR_CERTIFICATE_ID
from ..certificates.creation import CreatedCertificate
from ..certificates.mobile_app import MobileApp, async_get_mobile_app
from ..certificates.request import MAX_REVOKE_OLD_AFTER, CertificateRequest
from ..const import (
    CONF_HOSTNAME,
    CONF_HOSTNAMES,
    CONF_NOTIFY_DEVICE_ID,
    CONF_SYSTEM,
    DOMAIN,
)
from ..device_ids import async_device_id_of_companion
from ..engine.certificates.bundles import BundleFormat
from ..engine.certificates.certificate import Certificate, ListedCertificate
from ..engine.certificates.companions import CompanionDevice
from ..engine.certificates.keys import KeyType
from ..engine.certificates.names import read_name
from ..engine.certificates.systems import System
from ..engine.certificates.trust import Trust
from ..engine.sync.settings import HostnameSettings
from ..limited_hostnames import limited_among
from ..runtime_data import CloudflareConfigEntry
from ..subentries import hostnames_of
from ..wording import raise_translated
from .action import ENTRY_SCHEMA, Action, entry_of, settings_of

ATTR_BUNDLE: Final = "bundle"
ATTR_KEY_TYPE: Final = "key_type"
ATTR_REVOKE_OLD_AFTER: Final = "revoke_old_after"
ATTR_VALIDITY_DAYS: Final = "validity_days"

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
_CREATE_SCHEMA: Final = ENTRY_SCHEMA.extend(
    {
        probatio.Required(ATTR_NAME): probatio.All(cv.string, str.strip),
        probatio.Optional(CONF_SYSTEM, default=System.ANDROID): probatio.Coerce(System),
        probatio.Optional(CONF_HOSTNAME): cv.string,
        **_CHOICES,
    }
)
_CERTIFICATE_SCHEMA: Final = ENTRY_SCHEMA.extend(
    {probatio.Required(ATTR_CERTIFICATE_ID): cv.string}
)
_RENEW_SCHEMA: Final = _CERTIFICATE_SCHEMA.extend(
    {
        **_CHOICES,
        probatio.Optional(ATTR_REVOKE_OLD_AFTER): probatio.All(
            cv.positive_int, probatio.Range(max=MAX_REVOKE_OLD_AFTER)
        ),
    }
)


async def _create(call: ServiceCall) -> ServiceResponse:
    """Create a certificate for a new companion device, and offer its bundle."""
    entry, app = entry_of(call), _app_to_notify(call)
    used = _hostname_to_use(entry, call.data.get(CONF_HOSTNAME))
    # Only a hostname that was named can be limited.
    limited = limited_among(hostnames_of(entry.subentries).values())
    with raise_translated():
        device = CompanionDevice(
            id=ulid_now(),
            name=_name(call),
            system=(app.system if app else None) or call.data[CONF_SYSTEM],
            zone_id=used.zone_id,
            hostname=used.hostname,
            notify_device_id=call.data.get(CONF_NOTIFY_DEVICE_ID),
        )
        created = await entry.runtime_data.creator.async_create(
            replace(
                _request(call, device, is_new=True),
                opens=limited & {used.hostname},
                limited=limited,
            )
        )
    return _describe_created(call.hass, entry, created)


async def _renew(call: ServiceCall) -> ServiceResponse:
    """Create another certificate for a companion device, and offer its bundle."""
    entry, app = entry_of(call), _app_to_notify(call)
    data = entry.runtime_data
    with raise_translated():
        found = await data.certificates.async_find(call.data[ATTR_CERTIFICATE_ID])
        device = found.device
        if app:
            device = replace(device, notify_device_id=call.data[CONF_NOTIFY_DEVICE_ID])
        request = _request(call, device, is_new=False)
        created = await data.creator.async_create(
            replace(request, asked_at=found.asked_at)
        )
    return _describe_created(call.hass, entry, created)


async def _revoke(call: ServiceCall) -> ServiceResponse:
    """Revoke a certificate, also one that is unknown here."""
    data = entry_of(call).runtime_data
    with raise_translated():
        return _describe_status(
            await data.revoker.async_revoke_by_id(call.data[ATTR_CERTIFICATE_ID])
        )


async def _restore(call: ServiceCall) -> ServiceResponse:
    """Make a revoked certificate valid again."""
    data = entry_of(call).runtime_data
    with raise_translated():
        found = await data.certificates.async_find(call.data[ATTR_CERTIFICATE_ID])
        return _describe_status(await data.restorer.async_restore(found))


async def _list(call: ServiceCall) -> ServiceResponse:
    """Return every certificate of the account's zones, as Cloudflare has them now."""
    entry = entry_of(call)
    protection = entry.runtime_data.protection
    with raise_translated():
        listed = await protection.async_read_certificates()
    trust = protection.trust
    return {
        "certificates": [
            _describe(call.hass, entry, trust, item) for item in listed.certificates
        ],
        "unread_zones": list(listed.failed),
    }


CERTIFICATE_ACTIONS: Final = (
    Action(name="mint_certificate", handler=_create, schema=_CREATE_SCHEMA),
    Action(name="renew_certificate", handler=_renew, schema=_RENEW_SCHEMA),
    Action(name="revoke_certificate", handler=_revoke, schema=_CERTIFICATE_SCHEMA),
    Action(name="restore_certificate", handler=_restore, schema=_CERTIFICATE_SCHEMA),
    Action(
        name="list_certificates",
        handler=_list,
        schema=ENTRY_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
)


def _name(call: ServiceCall) -> str:
    """Return the device's name; raise ServiceValidationError where there is none."""
    name = read_name(call.data[ATTR_NAME])
    if name is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="name_malformed"
        )
    return name


def _app_to_notify(call: ServiceCall) -> MobileApp | None:
    """Return the app to notify, if any; raise ServiceValidationError where the device has none."""
    device_id = call.data.get(CONF_NOTIFY_DEVICE_ID)
    if device_id is None:
        return None
    app = async_get_mobile_app(call.hass, device_id)
    if app is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="device_not_found"
        )
    return app


def _hostname_to_use(
    entry: CloudflareConfigEntry, hostname: str | None
) -> HostnameSettings:
    """Return the hostname that was named, or the only one that is for all devices."""
    if hostname is not None:
        return settings_of(entry, hostname)
    hostnames = [
        item
        for item in hostnames_of(entry.subentries).values()
        if not item.protected.is_limited
    ]
    if len(hostnames) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="hostname_not_clear"
        )
    return hostnames[0]


def _request(
    call: ServiceCall, device: CompanionDevice, *, is_new: bool
) -> CertificateRequest:
    return CertificateRequest(
        device=device,
        validity_days=call.data[ATTR_VALIDITY_DAYS],
        key_type=call.data[ATTR_KEY_TYPE],
        bundle_format=call.data[ATTR_BUNDLE],
        is_new=is_new,
        revoke_old_after=call.data.get(ATTR_REVOKE_OLD_AFTER),
    )


def _describe_created(
    hass: HomeAssistant, entry: CloudflareConfigEntry, created: CreatedCertificate
) -> JsonObjectType:
    handover, trust = created.handover, entry.runtime_data.protection.trust
    return {
        **_describe_readable(hass, entry, trust, created.certificate),
        # A script's trace keeps this, so it must not be enough to fetch the bundle.
        "handover_url": handover.asking_url,
        "handover_expires_at": handover.expires_at.isoformat(),
    }


def _describe_status(certificate: ListedCertificate) -> JsonObjectType:
    return {ATTR_CERTIFICATE_ID: certificate.id, "status": certificate.status}


def _describe(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    trust: Trust,
    certificate: ListedCertificate,
) -> JsonObjectType:
    """Return what is known of a certificate; of one that cannot be read that is very little."""
    if not isinstance(certificate, Certificate):
        return {**_describe_status(certificate), "trusted": False}
    uses = entry.runtime_data.uses
    last_use = uses.last_use(certificate.facts.fingerprint_sha256)
    return {
        **_describe_status(certificate),
        **_describe_readable(hass, entry, trust, certificate),
        ATTR_NAME: certificate.facts.name,
        "trusted": trust.trusts(certificate),
        CONF_HOSTNAMES: _opens(entry, trust, certificate),
        "last_seen": last_use.isoformat() if last_use else None,
    }


def _opens(
    entry: CloudflareConfigEntry, trust: Trust, certificate: Certificate
) -> list[JsonValueType]:
    """Return the protected hostnames that a certificate opens by the settings, as they are here."""
    is_trusted = trust.trusts(certificate)
    is_accepted = is_trusted or not entry.runtime_data.protection.pins
    if not (certificate.is_active and is_accepted):
        return []
    device_id = trust.device_id_of(certificate) if is_trusted else None
    return [
        item.hostname
        for item in hostnames_of(entry.subentries).values()
        if item.is_for(device_id)
    ]


def _describe_readable(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    trust: Trust,
    certificate: Certificate,
) -> JsonObjectType:
    facts, device_id = certificate.facts, trust.device_id_of(certificate)
    return {
        ATTR_DEVICE_ID: async_device_id_of_companion(hass, entry, device_id),
        ATTR_CERTIFICATE_ID: certificate.id,
        "serial_number": facts.serial_number,
        "fingerprint_sha256": facts.fingerprint_sha256,
        "issued_on": facts.issued_on.isoformat(),
        "expires_on": facts.expires_on.isoformat(),
    }
