"""Diagnostics for Cloudflare mTLS: what helps to find a fault, without anything secret or personal."""

from collections.abc import Iterable
from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_API_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .const import (
    CONF_ACCOUNT_ID,
    CONF_DEVICES,
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_METRICS_ADDRESSES,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
    DOMAIN,
)
from .coordinator.tunnels import TunnelState
from .engine.access.settings import LoginSettings, People
from .engine.certificates.certificate import Certificate, ListedCertificate
from .engine.certificates.companions import CompanionDevice, CompanionState
from .engine.certificates.trust import Trust
from .engine.checks.finding import Finding
from .engine.probe import Enforcement
from .engine.sync.plan import Plan
from .engine.sync.settings import HostnameSettings
from .engine.tunnels.reports import ConnectorReport
from .runtime_data import CloudflareConfigEntry, CloudflareData
from .subentries import companions_of, hostname_data, hostnames_of, login_hostnames_of

TO_REDACT: Final = {
    CONF_ACCOUNT_ID,
    CONF_API_TOKEN,
    CONF_HOSTNAME,
    CONF_METRICS_ADDRESSES,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: CloudflareConfigEntry
) -> dict[str, Any]:
    """Return what is known of an account, without names, addresses, paths and ids."""
    settings = {
        "state": entry.state.value,
        "entry": async_redact_data(dict(entry.data), TO_REDACT),
        "options": async_redact_data(dict(entry.options), TO_REDACT),
        "hostnames": [
            _settings(item) for item in hostnames_of(entry.subentries).values()
        ],
    }
    # An account that fails to load is reported most of all, but knows nothing else yet.
    if entry.state is not ConfigEntryState.LOADED:
        return settings
    data = entry.runtime_data
    checks, protection = data.checks, data.protection
    return {
        **settings,
        # What comes from these is of before.
        "failing": _failing(data),
        "devices": [
            _device(device, (protection.data.companions or {}).get(device.id))
            for device in companions_of(entry.subentries).values()
        ],
        "tunnels": [
            _tunnel(state, data.reports.of_tunnel(key))
            for key, state in (data.tunnels.data or {}).items()
        ],
        "zones": [
            _plan(protection.data.plan_in(zone_id)) for zone_id in protection.data.plans
        ],
        "visits": [_visits(met) for met in data.visits.data.values()],
        "checks": {
            "found": _checks(checks.findings.values()),
            "not_permitted": sorted(checks.not_permitted),
        },
        "logins": [
            _login(entry, item)
            for item in login_hostnames_of(entry.subentries).values()
        ],
        "access_problem": data.access.data.problem and data.access.data.problem.code,
        "seats": data.seats.data,
        "token_expires_on": token.isoformat() if (token := data.token.data) else None,
        "certificates": _certificates(
            protection.trust, protection.data.certificates or ()
        ),
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: CloudflareConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what is known of a tunnel, a hostname or a companion device, and of nothing else."""
    if entry.state is not ConfigEntryState.LOADED:
        return await async_get_config_entry_diagnostics(hass, entry)
    identifier = next(item for domain, item in device.identifiers if domain == DOMAIN)
    data = entry.runtime_data
    if tunnel := (data.tunnels.data or {}).get(identifier):
        return _tunnel(tunnel, data.reports.of_tunnel(identifier))
    if hostname := hostnames_of(entry.subentries).get(identifier):
        plan = data.protection.data.plan_of(hostname)
        places = {hostname.zone_id, hostname.protected.tunnel_id}
        return {
            "settings": _settings(hostname),
            "zone": _plan(plan and plan.limited_to({hostname.hostname})),
            "visits": _visits(data.visits.data.get(hostname.hostname)),
            "checks": _checks(
                item
                for item in data.checks.findings.values()
                if item.target == hostname.hostname or item.place in places
            ),
        }
    if login := login_hostnames_of(entry.subentries).get(identifier):
        return _login(entry, login)
    if companion := companions_of(entry.subentries).get(identifier):
        protection = data.protection
        state = (protection.data.companions or {}).get(companion.id)
        of_device = state.certificates if state else ()
        return {
            **_device(companion, state),
            "certificates": _certificates(protection.trust, of_device),
        }
    return await async_get_config_entry_diagnostics(hass, entry)


def _failing(data: CloudflareData) -> list[str]:
    """Return what could not be read when Cloudflare was last asked for it."""
    coordinators = (
        data.access,
        data.blocked,
        data.checks,
        data.login_log,
        data.protection,
        data.seats,
        data.token,
        data.tunnels,
    )
    return sorted(item.subject for item in coordinators if not item.last_update_success)


def _settings(hostname: HostnameSettings) -> dict[str, Any]:
    devices = hostname.protected.devices
    return {
        **async_redact_data(hostname_data(hostname), TO_REDACT),
        CONF_DEVICES: None if devices is None else len(devices),
        # A webhook's path is its secret.
        CONF_EXEMPT_PATHS: len(hostname.protected.exempt_paths),
    }


def _tunnel(state: TunnelState, reports: Iterable[ConnectorReport]) -> dict[str, Any]:
    return {
        "status": state.tunnel.status,
        "remotely_managed": state.tunnel.remotely_managed,
        "connectors": [
            {"version": item.version, "connections": item.connections}
            for item in state.connectors or ()
        ],
        "reports": [
            {
                "version": report.version,
                "connections": report.readiness.connections,
                "rules": len(report.ingress),
            }
            for report in reports
        ],
    }


def _visits(met: Enforcement | None) -> dict[str, str]:
    """Return what visits without a certificate met, by port; nothing before the first visit."""
    answers = met.answers if met else {}
    return {str(port): answer.verdict for port, answer in answers.items()}


def _checks(findings: Iterable[Finding]) -> list[str]:
    return sorted(item.check for item in findings)


def _certificates(
    trust: Trust, certificates: Iterable[ListedCertificate]
) -> list[dict[str, Any]]:
    return [
        {
            "trusted": trust.trusts(certificate),
            "status": certificate.status,
            "expires_on": certificate.facts.expires_on.isoformat(),
        }
        if isinstance(certificate, Certificate)
        else {"unreadable": True, "status": certificate.status}
        for certificate in certificates
    ]


def _login(entry: CloudflareConfigEntry, settings: LoginSettings) -> dict[str, Any]:
    """Return how a login hostname stands, without a name or address of anybody."""
    data = entry.runtime_data
    login = data.access.data.logins.get(settings.hostname)
    plan = login.plan if login else None
    record = data.access.records.records.get(settings.hostname)
    history = (data.login_log.data or {}).get(settings.hostname)
    return {
        "people": len(settings.who.emails)
        if isinstance(settings.who, People)
        else None,
        "countries": len(settings.countries),
        "login_methods": len(settings.login_methods),
        "one_time_pin": settings.one_time_pin,
        "session": settings.session.total_seconds(),
        # A webhook's path is its secret.
        "open_paths": len(settings.open_paths),
        "keep_in_sync": settings.keep_in_sync,
        "demanded_by_connector": settings.connector_of is not None,
        "adopted": settings.adopted,
        "stage": record.stage if record else None,
        "asked_by": login.asked_by if login else None,
        "differences": [each.drift for each in plan.differences] if plan else None,
        "steps": [f"{each.action} {each.kind}" for each in plan.steps]
        if plan
        else None,
        "problems": [each.code for each in plan.problems] if plan else None,
        "logins": len(history.recent) if history else None,
        "refused": len(history.refused) if history else None,
    }


def _device(device: CompanionDevice, state: CompanionState | None) -> dict[str, Any]:
    """Return how a device stands; None stands for what the token may not read."""
    return {
        "system": device.system,
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
        "rule_pairs": len(plan.placement.present),
        "steps": [f"{step.action} {step.kind}" for step in plan.steps],
        "problems": [problem.code for problem in plan.problems],
    }
