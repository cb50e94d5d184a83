"""One map from what goes wrong at Cloudflare to what a person reads."""

from collections.abc import Generator
from contextlib import contextmanager
from math import ceil
from typing import NoReturn

from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .edge.errors import (
    Conflict,
    EdgeError,
    PermissionMissing,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
)
from .edge.plan import Problem

type Description = tuple[str, dict[str, str]]


def describe(err: EdgeError) -> Description:
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
    description: Description, cause: EdgeError | None = None
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
    except EdgeError as err:
        raise_translated_error(describe(err), err)
