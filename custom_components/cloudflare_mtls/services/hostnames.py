"""Actions on protected hostnames."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonObjectType, JsonValueType
import probatio

from ..const import CONF_HOSTNAME, DOMAIN
from ..cutting_off import async_ask_before_cutting_off
from ..engine.api.errors import EngineError, PermissionMissing, Rejected
from ..engine.probe import MAIN_PORT, OTHER_PORTS, Answer
from ..engine.sync.reconciler import AccountSync, Extent
from ..engine.sync.settings import HostnameSettings
from ..engine.sync.steps import Step, describe_step
from ..entity import hostname_state
from ..hostname_removal import async_remove_hostnames
from ..runtime_data import CloudflareConfigEntry
from ..subentries import hostnames_of
from ..wording import (
    Message,
    async_get_texts,
    async_tell,
    describe,
    describe_problem,
    raise_translated,
    raise_translated_error,
)
from .action import ENTRY_SCHEMA, Action, entry_of, settings_of, subentry_of_device

ATTR_DRY_RUN: Final = "dry_run"
ATTR_HOURS: Final = "hours"
ATTR_REMOVE: Final = "remove"

_SYNC_SCHEMA: Final = ENTRY_SCHEMA.extend(
    {
        probatio.Optional(CONF_HOSTNAME): cv.string,
        probatio.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        probatio.Optional(ATTR_REMOVE, default=False): cv.boolean,
    }
)
_VERIFY_SCHEMA: Final = ENTRY_SCHEMA.extend(
    {probatio.Required(CONF_HOSTNAME): cv.string}
)
_REMOVE_SCHEMA: Final = probatio.Schema({probatio.Required(ATTR_DEVICE_ID): cv.string})
_BLOCKED_SCHEMA: Final = _VERIFY_SCHEMA.extend(
    {
        probatio.Optional(ATTR_HOURS, default=24): probatio.All(
            cv.positive_int, probatio.Range(min=1, max=720)
        )
    }
)

_MAX_REQUESTS: Final = 200
# Somebody from where an IP Access rule lets visitors past every custom rule.
_ALLOWED_VISITOR: Final = "allowed_visitor"


async def _sync(call: ServiceCall) -> ServiceResponse:
    """Apply the settings of hostnames at Cloudflare, take hostnames down, or preview that."""
    entry = entry_of(call)
    protection = entry.runtime_data.protection
    hostname = call.data.get(CONF_HOSTNAME)
    extent = Extent(
        hostnames=(
            {item.hostname for item in hostnames_of(entry.subentries).values()}
            if hostname is None
            else {settings_of(entry, hostname).hostname}
        ),
        remove=call.data[ATTR_REMOVE],
    )
    with raise_translated():
        if call.data[ATTR_DRY_RUN]:
            outcome = await protection.reconciler.preview(extent)
        elif extent.remove:
            async_ask_before_cutting_off(call.hass, extent.hostnames, call.context)
            outcome = await async_remove_hostnames(call.hass, entry, extent.hostnames)
        else:
            outcome = await protection.async_fix(extent)
        outcome.raise_if_unseen()
        if not call.return_response:
            outcome.raise_if_stopped()
    return await _describe_sync(call.hass, outcome)


async def _remove(call: ServiceCall) -> ServiceResponse:
    """Take a hostname down at Cloudflare, and remove it from Home Assistant once it is down."""
    entry, settings = _hostname_of_device(call.hass, call.data[ATTR_DEVICE_ID])
    async_ask_before_cutting_off(call.hass, {settings.hostname}, call.context)
    with raise_translated():
        outcome = await async_remove_hostnames(call.hass, entry, {settings.hostname})
        outcome.raise_if_unseen()
        if not call.return_response:
            outcome.raise_if_stopped()
            await _raise_problems(call.hass, settings.hostname, outcome)
    return await _describe_sync(call.hass, outcome)


async def _raise_problems(
    hass: HomeAssistant, hostname: str, outcome: AccountSync
) -> None:
    """Raise HomeAssistantError if a hostname could not be removed, with what a person has to solve."""
    if outcome.is_down:
        return
    problems = [item for plan in outcome.left.values() for item in plan.problems]
    reason = await async_tell(hass, problems)
    raise_translated_error(
        Message("hostname_not_removed", {"hostname": hostname, "reason": reason})
    )


async def _verify(call: ServiceCall) -> ServiceResponse:
    """Look at once who gets past a hostname's rules, and visit it without a certificate."""
    entry = entry_of(call)
    settings = settings_of(entry, call.data[CONF_HOSTNAME])
    exposures = await _find_exposures(entry, settings)
    met = await entry.runtime_data.visits.async_verify(settings.hostname)
    seen = replace(hostname_state(entry.runtime_data, settings), enforcement=met)
    stranger_at = entry.runtime_data.visits.stranger_at(settings.hostname)
    return {
        "without_certificate": _describe_answer(met.answers[MAIN_PORT]),
        "other_ports": {
            str(port): _describe_answer(met.answers[port]) for port in OTHER_PORTS
        },
        "enforced": False if exposures else seen.enforced,
        "stranger_at": stranger_at.isoformat() if stranger_at else None,
        "exposed_to": exposures,
        "reaches_home_assistant": seen.arrival and seen.arrival.is_there
        if settings.protected.is_home
        else None,
        "with_certificate": seen.arrival,
    }


async def _find_exposures(
    entry: CloudflareConfigEntry, settings: HostnameSettings
) -> list[JsonValueType] | None:
    """Return who gets past the rules that Cloudflare has now; None if they could not be read.

    Entities and repairs follow what was read.
    """
    protection, checks = entry.runtime_data.protection, entry.runtime_data.checks
    await protection.async_refresh()
    plan = protection.data.plan_of(settings)
    if plan is None or not protection.last_update_success:
        return None
    try:
        allowing = await checks.async_read_allowing(settings.zone_id)
    except EngineError:
        return None
    allowed: list[JsonValueType] = [
        {"visitor": _ALLOWED_VISITOR, "rule": rule.value} for rule in allowing
    ]
    return allowed + [
        {
            "visitor": exposure.visitor,
            "rule": exposure.through.description if exposure.through else None,
        }
        for exposure in plan.limited_to({settings.hostname}).exposures
    ]


async def _get_blocked_requests(call: ServiceCall) -> ServiceResponse:
    """Return which requests to a hostname were blocked, as far back as the plan allows."""
    entry = entry_of(call)
    settings = settings_of(entry, call.data[CONF_HOSTNAME])
    window = timedelta(hours=call.data[ATTR_HOURS])
    with raise_translated():
        try:
            blocked, rules = await asyncio.gather(
                entry.runtime_data.blocked.async_ask(settings.hostname, window),
                _rule_names(entry, settings.zone_id),
            )
        except Rejected as err:
            # The usual sentence says that nothing was changed, but nothing was to be changed.
            raise_translated_error(
                Message("blocked_requests_refused", {"message": err.message}), err
            )
    return {
        "total": len(blocked.requests),
        # Cloudflare samples, and does not say whether it sampled this part.
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


HOSTNAME_ACTIONS: Final = (
    Action(name="sync", handler=_sync, schema=_SYNC_SCHEMA),
    Action(name="remove_hostname", handler=_remove, schema=_REMOVE_SCHEMA),
    Action(
        name="verify",
        handler=_verify,
        schema=_VERIFY_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="get_blocked_requests",
        handler=_get_blocked_requests,
        schema=_BLOCKED_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
)


@callback
def _hostname_of_device(
    hass: HomeAssistant, device_id: str
) -> tuple[CloudflareConfigEntry, HostnameSettings]:
    """Return the account and the settings of the hostname that a device stands for.

    Raises ServiceValidationError unless it is one of an account that is loaded.
    """
    if found := subentry_of_device(hass, device_id, hostnames_of):
        return found
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="device_not_hostname"
    )


async def _rule_names(entry: CloudflareConfigEntry, zone_id: str) -> Mapping[str, str]:
    """Return what a zone's custom rules are called, by id; nothing without the permission."""
    try:
        ruleset = await entry.runtime_data.client.rulesets.get(zone_id)
    except PermissionMissing:
        return {}
    return {rule.id: rule.description or rule.ref for rule in ruleset.rules}


async def _describe_sync(hass: HomeAssistant, outcome: AccountSync) -> JsonObjectType:
    return {
        "in_sync": outcome.in_sync,
        # Of a domain that could not be looked at, nobody knows.
        "exposed": any(plan.exposures for plan in outcome.left.values())
        or (None if outcome.unseen else False),
        "steps": [
            *(
                _describe_step(step, applied=True)
                for zone in outcome.zones.values()
                for step in zone.applied
            ),
            *(
                _describe_step(step, applied=False)
                for plan in outcome.left.values()
                for step in plan.steps
            ),
        ],
        "problems": await _describe_problems(hass, outcome),
    }


def _describe_step(step: Step, *, applied: bool) -> JsonObjectType:
    return {**describe_step(step), "applied": applied}


async def _describe_problems(
    hass: HomeAssistant, outcome: AccountSync
) -> list[JsonValueType]:
    """Return what stopped a sync and what only a person can solve, in the user's language."""
    text = await async_get_texts(hass, "common")
    sentence = await async_get_texts(hass, "exceptions")
    problems: list[JsonValueType] = []
    for err in outcome.errors:
        message = describe(err)
        told = sentence(f"{message.key}.message", **message.placeholders)
        problems.append({"code": message.key, "message": told})
    for plan in outcome.left.values():
        for problem in plan.problems:
            message = describe_problem(problem)
            told = text(message.key, **message.placeholders)
            problems.append({"code": problem.code, "message": told})
    return problems


def _describe_answer(answer: Answer) -> JsonObjectType:
    return {"status": answer.status, "verdict": answer.verdict}
