"""Diagnostics for Cloudflare mTLS: what helps to find a fault, and nothing that opens a door."""

from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_API_TOKEN
from homeassistant.core import HomeAssistant

from .companions import CompanionDevice, CompanionState, companions_of
from .const import (
    CONF_ACCOUNT_ID,
    CONF_HOSTNAME,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
    SUBENTRY_PROTECTED_HOSTNAME,
)
from .coordinator import CloudflareConfigEntry
from .edge.plan import Plan

TO_REDACT: Final = {
    CONF_ACCOUNT_ID,
    CONF_API_TOKEN,
    CONF_HOSTNAME,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: CloudflareConfigEntry
) -> dict[str, Any]:
    """Return what is known of an account, without names, addresses and ids."""
    tunnels, edge = entry.runtime_data.tunnels, entry.runtime_data.edge
    checks = entry.runtime_data.checks
    return {
        "entry": async_redact_data(dict(entry.data), TO_REDACT),
        "hostnames": [
            async_redact_data(dict(subentry.data), TO_REDACT)
            for subentry in entry.get_subentries_of_type(SUBENTRY_PROTECTED_HOSTNAME)
        ],
        "devices": [
            _device(device, (edge.data.companions or {}).get(device.id))
            for device in companions_of(entry).values()
        ],
        "tunnels": [
            {
                "status": state.tunnel.status,
                "remotely_managed": state.tunnel.remotely_managed,
                "connectors": [
                    {"version": item.version, "connections": item.connections}
                    for item in state.connectors
                ],
            }
            for state in (tunnels.data or {}).values()
        ],
        "zones": [_plan(plan) for plan in edge.data.plans.values()],
        "visits": [
            {str(port): answer.verdict for port, answer in met.answers.items()}
            for met in entry.runtime_data.visits.data.values()
        ],
        "checks": {
            "found": sorted(item.check for item in checks.findings.values()),
            "not_permitted": sorted(checks.not_permitted),
        },
        "certificates": [
            {
                "managed": certificate.facts.managed,
                "status": certificate.status,
                "expires_on": certificate.facts.expires_on.isoformat(),
            }
            for certificate in edge.data.certificates or ()
        ],
    }


def _device(device: CompanionDevice, state: CompanionState | None) -> dict[str, Any]:
    """Return how a device stands; nothing is known of it where nobody may look."""
    return {
        "platform": device.platform,
        "standing": state.standing if state else None,
        "days_left": state.days_left if state else None,
        "handover": state.handover if state else None,
    }


def _plan(plan: Plan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    return {
        "in_sync": plan.in_sync,
        "exposed": bool(plan.exposures),
        "steps": [f"{step.action} {step.kind}" for step in plan.steps],
        "problems": [problem.code for problem in plan.problems],
    }
