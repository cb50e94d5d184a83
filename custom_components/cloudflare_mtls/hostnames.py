"""The protected hostnames of a config entry, as its subentries hold them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry

from .const import (
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LAYOUT,
    CONF_PUBLISHED,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
    SUBENTRY_PROTECTED_HOSTNAME,
)
from .edge.desired import Layout, ProtectedHostname


@dataclass(frozen=True, kw_only=True)
class HostnameSettings:
    """What a person chose for one hostname."""

    zone_id: str
    protected: ProtectedHostname
    keep_in_sync: bool

    @property
    def hostname(self) -> str:
        """Return the hostname itself."""
        return self.protected.hostname

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read the data of a subentry."""
        return cls(
            zone_id=data[CONF_ZONE_ID],
            protected=ProtectedHostname(
                hostname=data[CONF_HOSTNAME],
                tunnel_id=data[CONF_TUNNEL_ID],
                service=data[CONF_SERVICE],
                layout=Layout(data[CONF_LAYOUT]),
                exempt_paths=tuple(data[CONF_EXEMPT_PATHS]),
                published=data[CONF_PUBLISHED],
            ),
            keep_in_sync=data[CONF_KEEP_IN_SYNC],
        )

    def as_data(self) -> dict[str, Any]:
        """Return the data of a subentry."""
        return {
            CONF_HOSTNAME: self.protected.hostname,
            CONF_ZONE_ID: self.zone_id,
            CONF_TUNNEL_ID: self.protected.tunnel_id,
            CONF_SERVICE: self.protected.service,
            CONF_LAYOUT: self.protected.layout.value,
            CONF_EXEMPT_PATHS: list(self.protected.exempt_paths),
            CONF_PUBLISHED: self.protected.published,
            CONF_KEEP_IN_SYNC: self.keep_in_sync,
        }


def hostnames_of(entry: ConfigEntry) -> dict[str, HostnameSettings]:
    """Return the settings of every protected hostname of the entry, by subentry id."""
    return {
        subentry.subentry_id: HostnameSettings.from_data(subentry.data)
        for subentry in entry.get_subentries_of_type(SUBENTRY_PROTECTED_HOSTNAME)
    }
