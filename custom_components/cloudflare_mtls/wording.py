"""Turns errors, problems and steps into translation keys and sentences."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from math import ceil
from typing import NoReturn

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .engine.api.errors import (
    Conflict,
    EngineError,
    PermissionMissing,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
)
from .engine.sync.problems import Problem
from .engine.sync.steps import Step

type Description = tuple[str, dict[str, str]]


def describe(err: EngineError) -> Description:
    """Return the translation key of an error, and what fills its placeholders."""
    match err:
        case TokenRejected(problem=TokenProblem.LOCATION):
            return "token_location", {}
        case TokenRejected(problem=TokenProblem.DISABLED | TokenProblem.EXPIRED):
            return "token_inactive", {}
        case TokenRejected():
            return "token_rejected", {}
        case PermissionMissing(permission=permission):
            return "permission_missing", {"permission": permission.value}
        case RateLimited(retry_after=seconds):
            return "rate_limited", {"seconds": str(ceil(seconds))}
        case QuotaExceeded(message=message):
            return "quota_exceeded", {"message": message}
        case Conflict(message=message):
            return "conflict", {"message": message}
        case Rejected(message=message):
            return "rejected", {"message": message}
        case _:
            return "unavailable", {}


def describe_problem(problem: Problem) -> Description:
    """Return the translation key of what only a person can solve, and its placeholders."""
    return f"problem_{problem.code}", {
        "target": problem.target,
        "detail": problem.detail,
    }


def raise_translated_error(
    description: Description, cause: EngineError | None = None
) -> NoReturn:
    """Raise an error that Home Assistant shows in the user's language."""
    key, placeholders = description
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    ) from cause


@contextmanager
def raise_translated() -> Generator[None]:
    """Turn an edge error into one that Home Assistant shows in the user's language."""
    try:
        yield
    except EngineError as err:
        raise_translated_error(describe(err), err)


type Texts = Callable[..., str]


async def async_get_texts(
    hass: HomeAssistant, category: str, language: str | None = None
) -> Texts:
    """Return a function from a key and its placeholders to a sentence.

    The language is Home Assistant's, unless another is given.
    """
    translations = await async_get_translations(
        hass, language or hass.config.language, category, {DOMAIN}
    )

    def text(key: str, **placeholders: str) -> str:
        sentence = translations[f"component.{DOMAIN}.{category}.{key}"]
        # The placeholders come from Cloudflare too: they are filled in, never formatted.
        for name, value in placeholders.items():
            sentence = sentence.replace(f"{{{name}}}", value)
        return sentence

    return text


def changes_of(text: Texts, hostname: str, steps: Iterable[Step]) -> str:
    """Return steps as a numbered list; the texts are those of the category "common"."""
    sentences = [
        text(
            f"step_{step.kind}_{step.action}",
            hostname=hostname,
            target=step.target,
            detail=step.detail,
        )
        for step in steps
    ]
    lines = [f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1)]
    return "\n".join(lines) or text("step_none")


def quoted(text: str) -> str:
    """Return what somebody else wrote so that Markdown makes nothing of it."""
    return f"`{text.replace('`', "'")}`"
