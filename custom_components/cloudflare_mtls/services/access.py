"""Actions on login hostnames."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

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
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType, JsonValueType
import probatio

from ..bus_events import LoginEvent
from ..const import (
    CONF_COUNTRIES,
    CONF_EMAILS,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LOGIN_METHODS,
    CONF_OPEN_PATHS,
    CONF_SESSION,
    DOMAIN,
)
from ..coordinator.login_writer import LoginWritten
from ..cutting_off import async_ask_before_cutting_off
from ..engine.access.logins import Login, fold_logins
from ..engine.access.plan import LoginPlan, Occasion
from ..engine.access.problems import LoginProblem, LoginProblemCode
from ..engine.access.settings import (
    InvalidLoginSettings,
    LoginSettings,
    People,
    PeopleOfGroup,
    read_email,
)
from ..engine.access.steps import LoginStep
from ..engine.api.access_models import ONE_TIME_PIN
from ..engine.api.errors import EngineError
from ..engine.sync.settings import read_hostname
from ..engine.sync.steps import describe_step
from ..login_choices import (
    CONF_CONNECTOR,
    SESSIONS,
    LoginChoices,
    describe_access,
    describe_fault,
    describe_login_pages,
)
from ..login_trials import TRIAL, async_expect_login
from ..runtime_data import CloudflareConfigEntry
from ..subentries import login_hostnames_of
from ..wording import (
    Message,
    async_get_texts,
    describe_login_problem,
    raise_translated,
    raise_translated_error,
)
from .action import ENTRY_SCHEMA, Action, entry_of, subentry_of_device

ATTR_DRY_RUN: Final = "dry_run"
ATTR_EMAIL: Final = "email"
ATTR_GROUP: Final = "group"
ATTR_HOURS: Final = "hours"
ATTR_REPLACE_WILDCARD: Final = "replace_wildcard"

_MAX_LOGINS: Final = 200
_TEXTS: Final = probatio.All(probatio.EnsureList(), [cv.string])

_PROTECT_SCHEMA: Final = ENTRY_SCHEMA.extend(
    {
        probatio.Required(CONF_HOSTNAME): cv.string,
        probatio.Optional(CONF_EMAILS): _TEXTS,
        probatio.Optional(ATTR_GROUP): cv.string,
        probatio.Optional(CONF_COUNTRIES): _TEXTS,
        probatio.Optional(CONF_LOGIN_METHODS): _TEXTS,
        probatio.Optional(CONF_SESSION): probatio.In(list(SESSIONS)),
        probatio.Optional(CONF_OPEN_PATHS): _TEXTS,
        probatio.Optional(CONF_CONNECTOR): cv.boolean,
        probatio.Optional(CONF_KEEP_IN_SYNC): cv.boolean,
        probatio.Optional(ATTR_REPLACE_WILDCARD, default=False): cv.boolean,
        probatio.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
    }
)
_DEVICE_SCHEMA: Final = probatio.Schema({probatio.Required(ATTR_DEVICE_ID): cv.string})
_END_SCHEMA: Final = _DEVICE_SCHEMA.extend({probatio.Optional(ATTR_EMAIL): cv.string})
_LOGINS_SCHEMA: Final = _DEVICE_SCHEMA.extend(
    {
        probatio.Optional(ATTR_HOURS, default=24): probatio.All(
            cv.positive_int, probatio.Range(min=1, max=720)
        )
    }
)


async def _protect(call: ServiceCall) -> ServiceResponse:
    """Have a hostname ask for a login, change who may log in, or preview that."""
    entry = entry_of(call)
    access = entry.runtime_data.access
    found = await LoginChoices.load(access)
    if isinstance(found, Message):
        raise_translated_error(found)
    settings = _settings(call.data, found)
    before = access.logins.get(settings.hostname)
    occasion = Occasion.CHANGE if before else Occasion.SET_UP
    plan = await _plan(
        entry, settings, occasion, over_wildcard=call.data[ATTR_REPLACE_WILDCARD]
    )
    if settings.adopted:
        _refuse_watched(plan)
    if call.data[ATTR_DRY_RUN]:
        return await _describe(call.hass, plan, applied=())
    if blocking := plan.blocking_at(occasion):
        raise_translated_error(describe_login_problem(blocking[0]))
    async_ask_before_cutting_off(call.hass, {settings.hostname}, call.context)
    if before is None:
        return await _set_up(call.hass, entry, plan)
    return await _change(call.hass, entry, plan, before)


def _settings(data: Mapping[str, Any], found: LoginChoices) -> LoginSettings:
    """Return the settings of the hostname with what a call changes; raise HomeAssistantError."""
    hostname = read_hostname(data[CONF_HOSTNAME]) or data[CONF_HOSTNAME]
    current = found.access.logins.get(hostname)
    if current is None and hostname not in found.offered:
        raise_translated_error(
            Message("login_hostname_not_served", {"hostname": hostname})
        )
    changes: dict[str, Any] = {}
    if CONF_EMAILS in data and ATTR_GROUP in data:
        raise_translated_error(Message("login_group_and_people"))
    if CONF_EMAILS in data:
        emails = data[CONF_EMAILS]
        changes["who"] = People(frozenset(read_email(each) or each for each in emails))
    if ATTR_GROUP in data:
        changes["who"] = _people_of_group(data[ATTR_GROUP], found)
    if CONF_COUNTRIES in data:
        codes = (each.strip().upper() for each in data[CONF_COUNTRIES])
        changes["countries"] = frozenset(codes)
    if CONF_LOGIN_METHODS in data:
        changes |= _login_methods(data[CONF_LOGIN_METHODS], found)
    if CONF_SESSION in data:
        changes["session"] = SESSIONS[data[CONF_SESSION]]
    if CONF_OPEN_PATHS in data:
        changes["open_paths"] = frozenset(data[CONF_OPEN_PATHS])
    if CONF_CONNECTOR in data:
        connector = _connector_of(hostname, found) if data[CONF_CONNECTOR] else None
        changes["connector_of"] = connector
    if CONF_KEEP_IN_SYNC in data:
        changes["keep_in_sync"] = data[CONF_KEEP_IN_SYNC]
    try:
        if current is not None:
            return replace(current, **changes)
        served = found.hostnames[hostname]
        usual: dict[str, Any] = {"who": People(frozenset()), "one_time_pin": True}
        return LoginSettings(
            hostname=hostname, zone_id=served.zone.id, **usual | changes
        )
    except InvalidLoginSettings as err:
        raise_translated_error(describe_fault(err))


def _people_of_group(name: str, found: LoginChoices) -> PeopleOfGroup:
    """Return the people of the group that a call names; names need not be unique at Cloudflare."""
    group_ids = [key for key, each in found.groups.items() if each == name]
    if len(group_ids) != 1:
        raise_translated_error(Message("login_group_unknown", {"name": name}))
    return PeopleOfGroup(group_ids[0])


def _connector_of(hostname: str, found: LoginChoices) -> str:
    """Return the tunnel whose cloudflared can demand the login of a hostname."""
    served = hostname in found.hostnames
    if not served or (tunnel_id := found.demanding(hostname)) is None:
        raise_translated_error(
            Message("login_connector_cannot_demand", {"target": hostname})
        )
    return tunnel_id


def _login_methods(names: Collection[str], found: LoginChoices) -> dict[str, Any]:
    """Return the login methods that a call names as the dialog does."""
    ids = {name: method_id for method_id, name in found.methods.items()}
    for name in names:
        if name not in ids:
            raise_translated_error(Message("login_method_unknown", {"name": name}))
    chosen = {ids[name] for name in names}
    return {
        "one_time_pin": ONE_TIME_PIN in chosen,
        "login_methods": frozenset(chosen - {ONE_TIME_PIN}),
    }


async def _plan(
    entry: CloudflareConfigEntry,
    settings: LoginSettings,
    occasion: Occasion,
    *,
    over_wildcard: bool,
) -> LoginPlan:
    writer = entry.runtime_data.access.writer
    try:
        observation = await writer.observe(settings)
        return writer.plan(observation, settings, occasion, over_wildcard=over_wildcard)
    except EngineError as err:
        raise_translated_error(describe_access(err), err)


def _refuse_watched(plan: LoginPlan) -> NoReturn:
    """Raise HomeAssistantError: somebody else decides there, and nothing is changed."""
    hostname = plan.settings.hostname
    if (application := plan.own.application) is None:
        raise_translated_error(
            Message("login_application_unknown", {"hostname": hostname})
        )
    problem = LoginProblem(
        code=LoginProblemCode.FOREIGN_APPLICATION,
        target=hostname,
        detail=application.name,
    )
    raise_translated_error(describe_login_problem(problem))


async def _set_up(
    hass: HomeAssistant, entry: CloudflareConfigEntry, plan: LoginPlan
) -> ServiceResponse:
    """Set a login hostname up; where nobody has logged in before, somebody has to do it in time."""
    access, until = entry.runtime_data.access, dt_util.utcnow() + TRIAL
    try:
        written = await access.async_set_up(plan, until)
    except EngineError as err:
        raise_translated_error(describe_access(err), err)
    _raise_failure(written)
    described = await _describe(hass, plan, applied=written.applied)
    if not access.writer.needs_trial(plan):
        access.async_add(plan.settings)
        return described
    assert written.issuer
    login = async_expect_login(hass, entry, plan.settings, written.issuer)
    return {**described, "trial": {"url": login.url, "until": until.isoformat()}}


async def _change(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    plan: LoginPlan,
    before: LoginSettings,
) -> ServiceResponse:
    """Apply changed settings at Cloudflare, and store them once that is done."""
    try:
        written = await entry.runtime_data.access.async_change(plan, before)
    except EngineError as err:
        raise_translated_error(describe_access(err), err)
    _raise_failure(written)
    return await _describe(hass, plan, applied=written.applied)


def _raise_failure(written: LoginWritten) -> None:
    """Raise HomeAssistantError where not everything was written, or it is in the way of apps."""
    if message := describe_login_pages(written):
        raise_translated_error(message)
    if written.error:
        raise_translated_error(describe_access(written.error), written.error)


async def _describe(
    hass: HomeAssistant, plan: LoginPlan, *, applied: Collection[LoginStep]
) -> JsonObjectType:
    """Return what was done, or would be, and what only a person can solve."""
    text = await async_get_texts(hass, "exceptions")
    problems: list[JsonValueType] = [
        {"code": code, "message": text(f"{each.key}.message", **each.placeholders)}
        for code, each in _messages_of(plan, hass.config.country)
    ]
    return {
        "in_sync": plan.in_sync,
        "steps": [
            {**describe_step(step), "applied": step in applied} for step in plan.steps
        ],
        "problems": problems,
    }


def _messages_of(plan: LoginPlan, home: str | None) -> Iterable[tuple[str, Message]]:
    """Yield what only a person can solve; home is the country of this home, if that is known."""
    for problem in plan.problems:
        yield problem.code, describe_login_problem(problem)
    if home and plan.settings.shuts_out_country(home):
        hostname = plan.settings.hostname
        yield (
            "home_shut_out",
            Message("login_home_shut_out", {"country": home, "hostname": hostname}),
        )


async def _end_sessions(call: ServiceCall) -> ServiceResponse:
    """End everybody's sessions at a hostname, or one person's at every application."""
    entry, settings = _login_of_device(call.hass, call.data[ATTR_DEVICE_ID])
    data = entry.runtime_data
    with raise_translated():
        if ATTR_EMAIL not in call.data:
            await data.access.async_end_sessions(
                settings.hostname, _application_of(entry, settings)
            )
            return None
        email = read_email(call.data[ATTR_EMAIL])
        if email is None:
            raise_translated_error(
                Message("login_invalid_email", {"value": call.data[ATTR_EMAIL]})
            )
        await data.client.access_organization.end_sessions_of(
            data.access.account_id, email
        )
    return None


async def _get_logins(call: ServiceCall) -> ServiceResponse:
    """Return who logged in at a hostname and who was refused, the newest first."""
    entry, settings = _login_of_device(call.hass, call.data[ATTR_DEVICE_ID])
    _application_of(entry, settings)
    now = dt_util.utcnow()
    since = now - timedelta(hours=call.data[ATTR_HOURS])
    with raise_translated():
        read = await entry.runtime_data.client.access_logins.list(
            entry.runtime_data.access.account_id, since, now
        )
    places = entry.runtime_data.login_log.places
    logins = [
        login
        for login in fold_logins(dict.fromkeys(read.rows))
        if places.of(login) == settings.hostname
    ]
    return {
        "since": since.isoformat(),
        "complete": read.is_whole,
        "total": len(logins),
        "logins": list(_newest(logins, _MAX_LOGINS)),
    }


def _newest(logins: Collection[Login], most: int) -> Iterable[JsonValueType]:
    for login in sorted(logins, key=_time_of, reverse=True)[:most]:
        yield {
            "time": login.at.isoformat(),
            "result": LoginEvent.of(login),
            "email": login.email,
            "ip_address": login.address,
            "country": login.country,
            "method": login.method,
        }


def _time_of(login: Login) -> datetime:
    return login.at


ACCESS_ACTIONS: Final = (
    Action(
        name="protect_with_access",
        handler=_protect,
        schema=_PROTECT_SCHEMA,
        # Without the link in its response, nobody could end the trial well.
        response=SupportsResponse.ONLY,
    ),
    Action(
        name="end_access_sessions",
        handler=_end_sessions,
        schema=_END_SCHEMA,
        response=SupportsResponse.NONE,
    ),
    Action(
        name="get_access_logins",
        handler=_get_logins,
        schema=_LOGINS_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
)


@callback
def _login_of_device(
    hass: HomeAssistant, device_id: str
) -> tuple[CloudflareConfigEntry, LoginSettings]:
    """Return the account and the settings of the login hostname that a device stands for.

    Raises ServiceValidationError unless it is one of an account that is loaded.
    """
    if found := subentry_of_device(hass, device_id, login_hostnames_of):
        return found
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="device_not_login_hostname"
    )


def _application_of(entry: CloudflareConfigEntry, settings: LoginSettings) -> str:
    """Return the id of the application in front of a hostname; raise HomeAssistantError."""
    application_id = entry.runtime_data.access.application_of(settings)
    if application_id is None:
        raise_translated_error(
            Message("login_application_unknown", {"hostname": settings.hostname})
        )
    return application_id
