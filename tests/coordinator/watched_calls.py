"""The calls of a refresh: the entity or repair that shows each answer, and a change at Cloudflare."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from homeassistant.core import HomeAssistant

from sandbox import Sandbox
from tests.common import reported, state_of
from tests.coordinator.changes_at_cloudflare import (
    allow,
    ask_for_a_login,
    block,
    close_websockets,
    degrade,
    disconnect,
    fight_bots,
    rename_status,
    run_a_worker,
    unassociate,
    unrecord,
    unrule,
    unserve,
)

STATUS = "sensor.home_tunnel_status"
CONNECTIONS = "sensor.home_connections"
DRIFT = "binary_sensor.home_mobile_example_com_drift"
CERTIFICATE = "sensor.pixel_8_certificate_status"
BLOCKED = "sensor.home_mobile_example_com_blocked_requests"


@dataclass(frozen=True)
class Row:
    """A call of a refresh, the entity that shows its answer, and a change at Cloudflare."""

    path: str
    entity: str
    key: str
    change: Callable[[Sandbox], Callable[[], object]]
    before: str
    after: str
    method: str = "GET"
    every: timedelta = timedelta(minutes=15)
    unseen: frozenset[str] = frozenset({"unavailable", "unknown"})

    def shown(self, hass: HomeAssistant) -> str:
        """Return the state that a person sees."""
        return state_of(hass, self.entity)


@dataclass(frozen=True)
class Repair(Row):
    """A call whose answer opens a repair, or does not."""

    every: timedelta = timedelta(hours=6)
    unseen: frozenset[str] = frozenset({"quiet"})

    def shown(self, hass: HomeAssistant) -> str:
        """Return whether the repair is there."""
        return "reported" if self.entity in reported(hass) else "quiet"


_ACCOUNT = f"/accounts/{Sandbox.account_id}"
_ZONE = f"/zones/{Sandbox.zone_id}"
_TUNNELS = f"{_ACCOUNT}/cfd_tunnel"
_TUNNEL = f"{_TUNNELS}/{Sandbox.tunnel_id}"

ROWS = {
    "zone": Row(_ZONE, DRIFT, "result.name", unrecord, "off", "on"),
    "DNS records": Row(
        f"{_ZONE}/dns_records", DRIFT, "result.0.type", unrecord, "off", "on"
    ),
    "custom rules": Row(
        f"{_ZONE}/rulesets/phases/*", DRIFT, "result.id", unrule, "off", "on"
    ),
    "associations": Row(
        f"{_ZONE}/certificate_authorities/hostname_associations",
        DRIFT,
        "result",
        unassociate,
        "off",
        "on",
    ),
    "client certificates": Row(
        f"{_ZONE}/client_certificates",
        CERTIFICATE,
        "result.0.certificate",
        rename_status,
        "active",
        "unknown",
    ),
    "tunnels": Row(_TUNNELS, STATUS, "result.0.id", degrade, "healthy", "degraded"),
    "connections": Row(
        f"{_TUNNEL}/connections", CONNECTIONS, "result.0.id", disconnect, "4", "2"
    ),
    "configuration": Row(
        f"{_TUNNEL}/configurations", DRIFT, "result.config", unserve, "off", "on"
    ),
    "firewall events": Row(
        "/graphql",
        BLOCKED,
        "data.viewer.zones",
        block,
        "0",
        "1",
        method="POST",
    ),
    "zone settings": Repair(
        f"{_ZONE}/settings/websockets",
        "check_websockets_off",
        "result.value",
        close_websockets,
        "quiet",
        "reported",
    ),
    "bot management": Repair(
        f"{_ZONE}/bot_management",
        "check_bot_fight_mode",
        "result.fight_mode",
        fight_bots,
        "quiet",
        "reported",
    ),
    "IP Access rules": Repair(
        f"{_ZONE}/firewall/access_rules/rules",
        "check_ip_access_allow",
        "result.0.id",
        allow,
        "quiet",
        "reported",
    ),
    "Workers": Repair(
        f"{_ZONE}/workers/routes",
        "check_workers",
        "result.0.id",
        run_a_worker,
        "quiet",
        "reported",
    ),
    "Access applications": Repair(
        f"{_ACCOUNT}/access/apps",
        "check_access_login",
        "result.0.id",
        ask_for_a_login,
        "quiet",
        "reported",
    ),
}
