"""The fields of a protected hostname in a form: what is asked, what a person typed, and back."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..const import (
    CONF_DEVICES,
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LAYOUT,
    CONF_PURPOSE,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
)
from ..engine.sync.reach import find_delegation
from ..engine.sync.settings import (
    Found,
    HostnameSettings,
    Layout,
    ProtectedHostname,
    Purpose,
    in_zone,
    is_exempt_path,
    is_service,
)
from ..wording import Message, Texts
from .allowed_devices import devices_input, read_devices
from .chosen_tunnel import ChosenTunnel

SECTION_ADVANCED: Final = "advanced"

# What others call without a certificate, in services that many people run at home: each with the
# key of the sentence that says what it opens.
_EXAMPLES: Final[Mapping[str, str]] = {
    "/s/": "nextcloud_links",
    "/remote.php/dav/": "nextcloud_dav",
    "/status.php": "nextcloud_status",
    "/api2/json/": "proxmox_api",
    "/identity/connect/token": "vaultwarden_login",
    "/api/": "vaultwarden_api",
    "/Users/AuthenticateByName": "jellyfin_login",
    "/Items/": "jellyfin_items",
    "/Videos/": "jellyfin_videos",
    "/share/": "immich_links",
    "/_app/": "immich_page",
    "/api/shared-links/": "immich_links_api",
    "/api/oauth/mobile-redirect": "immich_oauth",
}
_ANY_PATHS: Final = TextSelector(TextSelectorConfig(multiple=True))


def purpose_schema(purpose: Purpose) -> dict[probatio.Marker, SelectSelector]:
    """Return the field that asks what a hostname is for, with what it seems to be."""
    field = probatio.Required(CONF_PURPOSE, default=purpose.value)
    options = SelectSelectorConfig(
        options=[item.value for item in Purpose],
        mode=SelectSelectorMode.LIST,
        translation_key=CONF_PURPOSE,
    )
    return {field: SelectSelector(options)}


def paths_schema(text: Texts, purpose: Purpose) -> dict[probatio.Marker, Any]:
    """Return the field for exempt paths; with examples where the hostname is for another service."""
    field = probatio.Optional(CONF_EXEMPT_PATHS, default=list)
    if purpose is Purpose.HOME_ASSISTANT:
        return {field: _ANY_PATHS}
    options = [
        SelectOptionDict(value=path, label=f"{path} – {text(f'path_example_{key}')}")
        for path, key in _EXAMPLES.items()
    ]
    config = SelectSelectorConfig(
        options=options,
        multiple=True,
        custom_value=True,
        mode=SelectSelectorMode.DROPDOWN,
    )
    return {field: SelectSelector(config)}


def advanced_schema(text: Texts, purpose: Purpose) -> dict[probatio.Marker, Any]:
    """Return the section of a form with what most people leave as it is."""
    layouts = SelectSelectorConfig(
        options=[layout.value for layout in Layout], translation_key=CONF_LAYOUT
    )
    fields = {
        probatio.Required(
            CONF_LAYOUT, default=Layout.SKIP_AND_BLOCK.value
        ): SelectSelector(layouts),
        **paths_schema(text, purpose),
        probatio.Required(CONF_KEEP_IN_SYNC, default=True): BooleanSelector(),
    }
    title = probatio.Required(SECTION_ADVANCED)
    return {title: section(probatio.Schema(fields), {"collapsed": True})}


def as_input(settings: HostnameSettings) -> dict[str, Any]:
    """Return settings as a person would type them."""
    protected = settings.protected
    return {
        CONF_TUNNEL_ID: protected.tunnel_id,
        CONF_SERVICE: protected.service,
        CONF_PURPOSE: protected.purpose.value,
        CONF_DEVICES: devices_input(protected.devices),
        SECTION_ADVANCED: {
            CONF_LAYOUT: protected.layout.value,
            CONF_EXEMPT_PATHS: list(protected.exempt_paths),
            CONF_KEEP_IN_SYNC: settings.keep_in_sync,
        },
    }


def read_settings(
    chosen: ChosenTunnel, hostname: str, user_input: Mapping[str, Any]
) -> HostnameSettings | Message:
    """Return the settings of a hostname as a person typed them, or what is wrong with them."""
    service = user_input[CONF_SERVICE].strip()
    return (
        wrong_place(chosen, hostname)
        or (
            None
            if is_service(service)
            else Message("service_malformed", field=CONF_SERVICE)
        )
        or read_choices(chosen, hostname, service, user_input, chosen.found(hostname))
    )


def read_choices(
    chosen: ChosenTunnel,
    hostname: str,
    service: str,
    user_input: Mapping[str, Any],
    found: Found,
) -> HostnameSettings | Message:
    """Return the settings of a hostname whose place is known, or what is wrong with the rest."""
    advanced = user_input[SECTION_ADVANCED]
    paths = read_paths(advanced)
    if isinstance(paths, Message):
        return paths
    devices = read_devices(user_input)
    if isinstance(devices, Message):
        return devices
    current = chosen.account.current
    typed = user_input.get(CONF_PURPOSE)
    return HostnameSettings(
        zone_id=chosen.zone.id,
        protected=ProtectedHostname(
            hostname=hostname,
            tunnel_id=chosen.tunnel.id,
            service=service,
            purpose=Purpose(typed)
            if typed
            else chosen.guess_purpose(hostname, service),
            layout=Layout(advanced[CONF_LAYOUT]),
            exempt_paths=paths,
            published=current is None or current.protected.published,
            found=found,
            was_asked=found is Found.ADOPTED and chosen.was_asked(hostname),
            devices=devices,
        ),
        keep_in_sync=advanced[CONF_KEEP_IN_SYNC],
    )


def read_paths(user_input: Mapping[str, Any]) -> tuple[str, ...] | Message:
    """Return the exempt paths that a person typed, or which of them is none."""
    typed = (path.strip() for path in user_input.get(CONF_EXEMPT_PATHS, ()))
    # A row of the form may be left blank.
    paths = tuple(path for path in typed if path)
    if wrong := next((path for path in paths if not is_exempt_path(path)), None):
        return Message("exempt_path_malformed", {"path": wrong})
    return paths


def wrong_place(chosen: ChosenTunnel, hostname: str) -> Message | None:
    """Return why a hostname cannot be protected in the zone, if so."""
    if not in_zone(hostname, chosen.zone):
        return Message(
            "hostname_outside_zone", {"zone": chosen.zone.name}, CONF_HOSTNAME
        )
    if name := find_delegation(hostname, chosen.zone, chosen.records):
        return Message(
            "hostname_delegated", {"hostname": hostname, "name": name}, CONF_HOSTNAME
        )
    if any(item.hostname == hostname for item in chosen.account.others):
        return Message("hostname_protected", {"hostname": hostname}, CONF_HOSTNAME)
    return None
