"""Turn errors, problems and steps into sentences for people."""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field as dataclass_field
from datetime import date, datetime
from functools import partial
import json
from math import ceil
import re
from typing import Final, NoReturn

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import (
    async_get_cached_translations,
    async_get_translations,
)
from homeassistant.util import dt as dt_util

from .const import CONF_COUNTRIES, DOMAIN
from .engine.access.problems import LoginProblem
from .engine.api.errors import (
    Conflict,
    EngineError,
    NotListed,
    Permission,
    PermissionMissing,
    PlanChanged,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
)
from .engine.rules.exempt_paths import is_prefix, opened_by
from .engine.sync.problems import Problem
from .engine.sync.reconciler import AccountSync
from .engine.sync.settings import ProtectedHostname
from .engine.sync.steps import DescribableStep, IngressStep, RuleStep
from .languages import async_language_of_user
from .quoting import Ours, quoted, shown


@dataclass(frozen=True)
class Message:
    """A sentence for a person: its translation key, and what fills its placeholders.

    In a form it stands beside a field; "base" means the whole form.
    """

    key: str
    placeholders: dict[str, str] = dataclass_field(default_factory=dict)
    field: str = "base"


# What a person confirmed is not what there is to do by now.
CHANGED: Final = Message("changed_meanwhile")


class TranslatedError(HomeAssistantError):
    """An error that Home Assistant shows in the user's language."""

    def __init__(self, message: Message) -> None:
        """Take the sentence that says what happened."""
        super().__init__(
            translation_domain=DOMAIN,
            translation_key=message.key,
            translation_placeholders=shown(message.placeholders),
        )
        self.message = message


def describe(err: EngineError) -> Message:
    """Return the sentence for an error of the engine."""
    match err:
        case TokenRejected(problem=TokenProblem.LOCATION):
            return Message("token_location")
        case TokenRejected(problem=TokenProblem.DISABLED | TokenProblem.EXPIRED):
            return Message("token_inactive")
        case TokenRejected():
            return Message("token_rejected")
        case PlanChanged():
            return CHANGED
        case NotListed():
            return Message("certificate_not_listed")
        case PermissionMissing(permission=permission):
            return Message("permission_missing", {"permission": permission.value})
        case RateLimited(retry_after=seconds):
            return Message("rate_limited", {"seconds": str(ceil(seconds))})
        case QuotaExceeded(message=message):
            return Message("quota_exceeded", {"message": message})
        case Conflict(message=message):
            return Message("conflict", {"message": message})
        case Rejected(message=message):
            return Message("rejected", {"message": message})
        case _:
            return Message("unavailable")


def describe_missing(permissions: Iterable[Permission]) -> Message:
    """Return the sentence for permissions that the token lacks, while nothing was written."""
    return Message("permissions_missing", {"permissions": "; ".join(permissions)})


def describe_problem(problem: Problem) -> Message:
    """Return the sentence for a problem that only a person can solve."""
    return Message(
        f"problem_{problem.code}", {"target": problem.target, "detail": problem.detail}
    )


def describe_left(outcome: AccountSync) -> Message | None:
    """Return the sentence for what keeps hostnames from being down, if one is known."""
    if outcome.errors:
        return describe(outcome.errors[0])
    left = [plan for plan in outcome.left.values() if not plan.is_down]
    problems = [problem for plan in left for problem in plan.problems]
    return describe_problem(problems[-1]) if problems else None


def describe_login_problem(problem: LoginProblem) -> Message:
    """Return the sentence for what stands in the way of a login hostname."""
    return Message(
        f"login_{problem.code}", {"target": problem.target, "detail": problem.detail}
    )


def raise_translated_error(
    message: Message, cause: EngineError | None = None
) -> NoReturn:
    """Raise an error that Home Assistant shows in the user's language."""
    raise TranslatedError(message) from cause


@contextmanager
def raise_translated() -> Generator[None]:
    """Turn an error of the engine into one that Home Assistant shows in the user's language."""
    try:
        yield
    except EngineError as err:
        raise_translated_error(describe(err), err)


type Texts = Callable[..., str]


async def async_tell(hass: HomeAssistant, problems: Iterable[Problem]) -> str:
    """Return what only a person can solve, as sentences in the user's language."""
    text = await async_get_texts(hass, "common")
    messages = map(describe_problem, problems)
    return " ".join(text(item.key, **item.placeholders) for item in messages)


async def async_get_texts(
    hass: HomeAssistant, category: str, language: str | None = None
) -> Texts:
    """Return a function from a key and its placeholders to a sentence.

    The language is Home Assistant's, unless another is given.
    """
    translations = await async_get_translations(
        hass, language or hass.config.language, category, {DOMAIN}
    )
    return _texts(translations, category)


async def async_get_dialog_texts(hass: HomeAssistant) -> Texts:
    """Return the texts of the category "common" in the language of the person who uses a dialog."""
    return await async_get_texts(hass, "common", await async_language_of_user(hass))


@callback
def async_get_loaded_texts(hass: HomeAssistant) -> Texts:
    """Return the texts of the category "common" in Home Assistant's language.

    Home Assistant loads them before it sets the integration up. Right after a change of the language
    they are not loaded yet: then they are English.
    """
    return _texts(_loaded(hass, "common"), "common")


@callback
def _loaded(hass: HomeAssistant, category: str) -> Mapping[str, str]:
    return async_get_cached_translations(
        hass, hass.config.language, category, DOMAIN
    ) or async_get_cached_translations(hass, "en", category, DOMAIN)


def _texts(translations: Mapping[str, str], category: str) -> Texts:
    def text(key: str, **placeholders: str) -> str:
        sentence = translations[f"component.{DOMAIN}.{category}.{key}"]
        values = shown(placeholders)
        # In one pass, because a value may hold braces, and places that are filled later stay.
        return re.sub(
            r"\{(\w+)\}", lambda place: values.get(place[1], place[0]), sentence
        )

    return text


def describe_moment(text: Texts, moment: date) -> str:
    """Return a date, or a moment in Home Assistant's time zone, with texts of the category "common".

    The month has its name: of figures alone, people do not know which one is the month.
    """
    if isinstance(moment, datetime):
        local = dt_util.as_local(moment)
        day = describe_moment(text, local.date())
        return text("moment", date=day, time=f"{local:%H:%M}")
    month = text(f"month_{moment.month}")
    return text("date", day=str(moment.day), month=month, year=str(moment.year))


async def async_get_country_names(hass: HomeAssistant) -> Callable[[str], str]:
    """Return a function from the code of a country, in capitals, to its name for the user."""
    language = await async_language_of_user(hass)
    names = await async_get_translations(hass, language, "selector", {DOMAIN})
    return partial(_country_name, names)


@callback
def async_get_loaded_country_names(hass: HomeAssistant) -> Callable[[str], str]:
    """Return the same function for Home Assistant's language."""
    return partial(_country_name, _loaded(hass, "selector"))


def _country_name(names: Mapping[str, str], code: str) -> str:
    """Return the name of a country.

    Cloudflare has codes for what is no country too, such as the network Tor: they stay as they are.
    It does not know the country of every address.
    """
    key = f"component.{DOMAIN}.selector.{CONF_COUNTRIES}.options.{code.lower()}"
    return names.get(key, code or "?")


async def async_describe_error(
    hass: HomeAssistant, dialog: str, message: Message
) -> str:
    """Return the sentence of an error as Markdown, in the language of the person who uses a dialog.

    dialog: where its texts are. Those of errors are plain text, so what others wrote is not quoted
    there.
    """
    language = await async_language_of_user(hass)
    category = dialog.partition(".")[0]
    translations = await async_get_translations(hass, language, category, {DOMAIN})
    sentence = translations[f"component.{DOMAIN}.{dialog}.error.{message.key}"]
    values = {
        name: value if value.isdecimal() else quoted(value)
        for name, value in message.placeholders.items()
    }
    filled = re.sub(r"\{(\w+)\}", lambda place: values[place[1]], sentence)
    return f"**{filled}**"


def paragraphs(*texts: str) -> Ours:
    """Return filled texts one below the other, as Markdown, without the empty ones."""
    return Ours("\n\n".join(filter(None, texts)))


def warning(*texts: str) -> Ours:
    """Return filled texts to stand before another one: on a phone, the end of a dialog is out of view."""
    return Ours("".join(f"{text}\n\n" for text in texts if text))


def changes_of(
    text: Texts,
    hostname: str,
    steps: Iterable[DescribableStep],
) -> Ours:
    """Return steps as a numbered list in Markdown, with texts of the category "common"."""
    sentences = [
        text(
            _step_key(hostname, step),
            hostname=hostname,
            target=step.target,
            detail=step.detail,
        )
        + _origin_request_of(text, step)
        for step in steps
    ]
    lines = [f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1)]
    return Ours("\n".join(lines) or text("step_none"))


def around_changes(
    text: Texts, kind: str, *, has_steps: bool, **names: str
) -> dict[str, Ours]:
    """Return what stands before and after the changes of a new hostname, as placeholders.

    kind: that of the hostname. Without changes, only Home Assistant's own list is left to write.
    """
    if not has_steps:
        return {"before": Ours(), "then": Ours(text("changes_none_then"))}
    return {
        "before": warning(text(f"changes_{kind}", **names)),
        "then": Ours(text(f"changes_{kind}_then")),
    }


def _step_key(hostname: str, step: DescribableStep) -> str:
    """Return the key of a step's sentence; rules are for other hostnames as well."""
    if isinstance(step, RuleStep) and step.leaves_out(hostname):
        return f"step_{step.kind}_leave"
    return f"step_{step.kind}_{step.action}"


def _origin_request_of(text: Texts, step: DescribableStep) -> str:
    """Return the sentence about the settings that a new ingress rule takes over, if any."""
    if not isinstance(step, IngressStep) or not step.origin_request:
        return ""
    settings = ", ".join(
        quoted(f"{key}: {json.dumps(value, ensure_ascii=False)}")
        for key, value in step.origin_request
    )
    return f" {text('origin_request', settings=Ours(settings))}"


def exemptions_of(text: Texts, protected: ProtectedHostname) -> Ours:
    """Return what exempt paths open as a list in Markdown, with texts of the category "common"."""
    lines = []
    for path in protected.exempt_paths:
        key = "exempt_prefix" if is_prefix(path) else "exempt_exact"
        opened = opened_by(path) if protected.is_home else None
        warning = f" {text(f'exempt_{opened}')}" if opened else ""
        lines.append(f"- {text(key, path=path)}{warning}")
    other = [] if protected.is_home else ["", text("exempt_other")]
    return Ours("\n".join([text("exempt_paths"), "", *lines, *other]) if lines else "")
