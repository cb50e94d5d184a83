"""The events, in docs/reference.md."""

from collections.abc import Iterator, Mapping
from typing import Final

from custom_components.cloudflare_mtls.bus_events import CertificateEvent, LoginEvent
from custom_components.cloudflare_mtls.const import (
    EVENT_CERTIFICATE,
    EVENT_FIXED,
    EVENT_LOGIN,
)

from .texts import row, same_keys, table

_CERTIFICATES: Final[Mapping[CertificateEvent, str]] = {
    CertificateEvent.CREATED: "a certificate was created",
    CertificateEvent.RENEWED: "a device got a new one",
    CertificateEvent.EXPIRING: "it expires within 30 days",
    CertificateEvent.EXPIRED: "it has expired",
    CertificateEvent.REVOKED: "it was revoked, and its device can no longer connect",
    CertificateEvent.OLD_REVOKED: "it was revoked, and its device connects with a newer one",
    CertificateEvent.RESTORED: "it was revoked, and is valid again",
    CertificateEvent.SHARED: "several companion apps use it in turn",
    CertificateEvent.UNKNOWN_CERTIFICATE: "Home Assistant did not create it, and you did not confirm it",
}
_LOGINS: Final[Mapping[LoginEvent, str]] = {
    LoginEvent.ALLOWED: "somebody logged in",
    LoginEvent.REFUSED: "somebody was refused",
}
_ACCOUNT: Final = "the account in Home Assistant"
_HOSTNAME: Final = {
    "device_id": "the device of the hostname in Home Assistant",
    "hostname": "the hostname",
}
_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    EVENT_CERTIFICATE: {
        "type": "; ".join(f"`{key}`: {text}" for key, text in _CERTIFICATES.items()),
        "config_entry_id": _ACCOUNT,
        "device_id": "the companion device in Home Assistant; null for a certificate that belongs to none of yours",
        "certificate_id": "the certificate; actions take it",
        "name": "of the device, or in the certificate; null if it can't be read",
        "expires_on": "a time; null if it can't be read",
    },
    EVENT_FIXED: {
        "config_entry_id": _ACCOUNT,
        **_HOSTNAME,
        "steps": "the changes, as [the action Sync](#sync) returns them",
    },
    EVENT_LOGIN: {
        "type": "; ".join(f"`{key}`: {text}" for key, text in _LOGINS.items()),
        "config_entry_id": _ACCOUNT,
        **_HOSTNAME,
        "at": "a time",
        "country": "from where, as Cloudflare tells",
        "method": "the login method",
    },
}


def events() -> Iterator[str]:
    """Yield each event and its fields."""
    same_keys(_CERTIFICATES, dict.fromkeys(CertificateEvent))
    same_keys(_LOGINS, dict.fromkeys(LoginEvent))
    for event, fields in _FIELDS.items():
        yield f"### {event}"
        yield ""
        yield from table("field", "meaning")
        yield from (row(f"`{field}`", text) for field, text in fields.items())
        yield ""


def documented_fields(event: str) -> set[str]:
    """Return the fields of an event."""
    return set(_FIELDS[event])
