"""The entities, in docs/reference.md."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from homeassistant.const import EntityCategory
from homeassistant.helpers.entity import EntityDescription

from custom_components.cloudflare_mtls import (
    binary_sensor,
    button,
    event,
    sensor,
    switch,
)

from .texts import ENGLISH, row, table

# What belongs to each kind of device, by the platform that adds it.
_DEVICES: Final[Mapping[str, Mapping[str, Sequence[EntityDescription]]]] = {
    "Tunnels": {
        "binary_sensor": binary_sensor.TUNNEL_BINARY_SENSORS,
        "sensor": (*sensor.TUNNEL_SENSORS, *sensor.CONNECTOR_SENSORS),
    },
    "Protected hostnames": {
        "switch": switch.HOSTNAME_SWITCHES,
        "binary_sensor": binary_sensor.HOSTNAME_BINARY_SENSORS,
        "sensor": sensor.HOSTNAME_SENSORS,
        "event": event.HOSTNAME_EVENTS,
        "button": button.HOSTNAME_BUTTONS,
    },
    "Companion devices": {
        "sensor": (*sensor.COMPANION_SENSORS, *sensor.USE_SENSORS),
        "binary_sensor": binary_sensor.COMPANION_BINARY_SENSORS,
        "event": event.COMPANION_EVENTS,
        "button": (*button.COMPANION_BUTTONS, *button.REVOKE_BUTTONS),
    },
    "Login hostnames": {
        "binary_sensor": binary_sensor.LOGIN_BINARY_SENSORS,
        "sensor": sensor.LOGIN_SENSORS,
        "event": event.LOGIN_EVENTS,
        "button": button.LOGIN_BUTTONS,
    },
    "The account": {
        "sensor": (*sensor.ACCOUNT_SENSORS, *sensor.ACCOUNT_LOGIN_SENSORS),
        "event": event.ACCOUNT_EVENTS,
    },
}
_MEANINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "Tunnels": {
        "connected": "whether a cloudflared runs the tunnel",
        "tunnel_status": "what Cloudflare calls it",
        "connected_since": "since when",
        "connections": "how many there are between cloudflared and Cloudflare",
        "connectors": "how many instances of cloudflared run the tunnel",
        "cloudflared_version": "of several, the oldest",
        "edge_locations": "which of Cloudflare's data centers it is connected to",
    },
    "Protected hostnames": {
        "published": "off lets nobody in, not even with a certificate, and takes the hostname off the internet. Turned off while the account is not set up, it holds once it is. Unknown while nobody can see whether anybody gets in",
        "drift": "whether something at Cloudflare differs from your settings",
        "enforced": "as visits without a certificate showed, and the rules as they were read within the last hour; unknown if one of them could not show it. What is known to be open stays off until it is seen to be closed",
        "reaches_home_assistant": (
            "what a visit with a new certificate, or a device, met behind the rules; known for 7 days, and unknown while *Published* is off. For another service, it is "
            "called *Reaches the service*"
        ),
        "blocked_requests": "how many in the last 24 hours: see [below](#blocked-requests)",
        "ingress_rule": "whether cloudflared has a rule for the hostname, as its metrics server says",
        "fixed": "which changes Home Assistant made to undo others",
        "sync": "looks at Cloudflare at once, and fixes what differs",
    },
    "Companion devices": {
        "certificate_expiry": "when the certificate expires",
        "days_left": "how many; unknown while the certificate is revoked",
        "certificate_status": "what became of the certificate",
        "handover": "how far the setup is",
        "last_seen": (
            "when the device last came from outside, as Cloudflare told: when its app connected or sent something, or a page of "
            "this integration was opened; unknown until the header rule was at work"
        ),
        "certificate_in_use": "which of its certificates the device used then, while it has several",
        "certificate_problem": "whether the certificate expires soon, has expired or is missing; not while you revoked the device",
        "certificate": "what happened to the certificates of the device: see [events](#events)",
        "renew": "renews with the validity and the key of before; link and code are in a repair",
        "revoke_old": "revokes the old certificate at once; available after the test, as long as an old one is kept",
        "restore": "lets the device in again; available while its certificate is revoked and has not expired",
        "revoke": "locks the device out at once",
    },
    "Login hostnames": {
        "login_required": "as a visit without a login showed; not while a policy lets strangers pass without one",
        "differs": "whether something at Cloudflare differs from your settings",
        "last_login": "when; the attributes tell who, from which country and how: see [logins](#logins)",
        "refused_logins": "how many in the last 24 hours",
        "login": "who logged in, or was refused",
        "end_sessions": "everybody has to log in at this hostname again",
    },
    "The account": {
        "next_certificate_expiry": "of every certificate that is accepted, wherever it was created",
        "token_expiry": "only there if the token expires",
        "seats": "only there with a login hostname: how many people have a seat in Zero Trust; the Free plan has 50",
        "certificate": "what happened to any certificate of the account: see [events](#events)",
    },
}
_CATEGORIES: Final = {
    None: "",
    EntityCategory.CONFIG: "configuration",
    EntityCategory.DIAGNOSTIC: "diagnostic",
}


def entities() -> Iterator[str]:
    """Yield the entities of each kind of device."""
    for device, platforms in _DEVICES.items():
        meanings = dict(_MEANINGS[device])
        yield f"### {device}"
        yield ""
        yield from table("entity", "its ID ends with", "shows or does", "")
        for platform, descriptions in platforms.items():
            for description in descriptions:
                yield _entity(platform, description, meanings.pop(description.key))
        if meanings:
            raise ValueError(f"no entity of {device} has these keys: {meanings.keys()}")
        yield ""


def _entity(platform: str, description: EntityDescription, meaning: str) -> str:
    texts = ENGLISH["entity"][platform][description.translation_key]
    states = texts.get("state", {}) if platform == "sensor" else {}
    # Of an event, the types of what happened are what a state is elsewhere.
    if platform == "event":
        states = texts["state_attributes"]["event_type"]["state"]
    told = ", ".join(f"`{state}` *{name}*" for state, name in states.items())
    notes = [_CATEGORIES[description.entity_category]]
    if not description.entity_registry_enabled_default:
        notes.append("disabled at first")
    return row(
        f"*{texts['name']}*",
        f"`{platform}.…_{description.key}`",
        f"{meaning}: {told}" if told else meaning,
        ", ".join(filter(None, notes)),
    )
