"""Turns a failed answer of the REST API into an error (pure)."""

from collections.abc import Mapping
from http import HTTPStatus
import re
from typing import Any, Final

from .errors import (
    Conflict,
    EngineError,
    NotFound,
    PolicyUnknownYet,
    QuotaExceeded,
    Rejected,
    TokenProblem,
    TokenRejected,
    Unavailable,
    ZeroTrustNotSetUp,
)

_MALFORMED_TOKEN: Final = 6003
_UNKNOWN_YET: Final = 10001
_ZERO_TRUST_NOT_SET_UP: Final = 9999
# Applications answer so for seconds, once for each policy that they do not know yet.
_POLICY_UNKNOWN_YET: Final = re.compile(r"\bpolicy [0-9a-f-]{36} not found\b")
_INVALID_TOKEN: Final = "Invalid access token"
_QUOTA_CODES: Final = frozenset({50001, 1445})
# Older answers leave the code out.
_QUOTA_MESSAGE: Final = "exceeded the maximum number of rules"
# A DNS record of that name, a tunnel of that name, a rule with that ref, a second ruleset.
_CONFLICT_CODES: Final = frozenset({81053, 81054, 81057, 81058, 1013, 20023, 20217})

# A person reads a few sentences; a message of megabytes would block the event loop.
_MAX_SHOWN: Final = 200
_MAX_READ: Final = 2000
_MAX_LINKS: Final = 10


def failure_of(status: int, body: object) -> EngineError | None:
    """Return what a failure means, or None where it is about the token or its permissions.

    Source: status and errors of the envelope of every endpoint.
    """
    if status == HTTPStatus.REQUEST_TIMEOUT or not (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        # The API sends nobody elsewhere: a redirect comes from a proxy on the way.
        return Unavailable(f"status {status}")
    if is_unknown_yet(status, body):
        return Unavailable("the token is not known everywhere yet")
    if code_of(body) == _ZERO_TRUST_NOT_SET_UP:
        # With 403 as well as with 404.
        return ZeroTrustNotSetUp(_ZERO_TRUST_NOT_SET_UP, _message(body))
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        # An answer that is not JSON comes from a proxy on the way, not from the API.
        is_from_api = isinstance(body, Mapping)
        return None if is_from_api else Unavailable(f"status {status}")
    if status == HTTPStatus.BAD_REQUEST and code_of(body) == _MALFORMED_TOKEN:
        return TokenRejected()
    return rejection(status, body)


def is_unknown_yet(status: int, body: object) -> bool:
    """Return whether the request was not even judged, because the token is too new."""
    return (
        status == HTTPStatus.FORBIDDEN
        and code_of(body) == _UNKNOWN_YET
        and "authenticate" in _message(body)
    )


def rejection(status: int, body: object) -> EngineError:
    """Return the error that an envelope describes."""
    code = code_of(body)
    message = _message(body)
    if code in _QUOTA_CODES or message.startswith(_QUOTA_MESSAGE):
        return QuotaExceeded(code, message)
    if code in _CONFLICT_CODES or status == HTTPStatus.CONFLICT:
        return Conflict(code, message)
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(code, message)
    if _POLICY_UNKNOWN_YET.search(message):
        return PolicyUnknownYet(code, message)
    return Rejected(code, message)


def token_problem(body: object) -> TokenProblem:
    """Return why a token is refused; use from a forbidden location is told by its message alone."""
    return (
        TokenProblem.LOCATION
        if "from location" in _message(body)
        else TokenProblem.INVALID
    )


def calls_token_dead(body: object) -> bool:
    """Return whether a refusal says that the token itself is bad."""
    return _INVALID_TOKEN in _message(body)


def code_of(body: object) -> int | None:
    """Return Cloudflare's error code; rulesets sometimes leave it null."""
    code = _first_error(body).get("code")
    return code if isinstance(code, int) else None


def _first_error(body: object) -> Mapping[str, Any]:
    """Return the first error of an envelope, or nothing where it has another shape."""
    errors = body.get("errors") if isinstance(body, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, Mapping) else {}


def _message(body: object) -> str:
    """Return Cloudflare's first message, short and printable, for a person to read."""
    error = _first_error(body)
    # For DNS, only the chain says what is wrong.
    chain = error.get("error_chain")
    links = [error, *(chain[:_MAX_LINKS] if isinstance(chain, list) else [])]
    messages = [
        link["message"][:_MAX_READ].strip()
        for link in links
        if isinstance(link, Mapping) and isinstance(link.get("message"), str)
    ]
    text = ": ".join(message for message in messages if message)
    return "".join(char for char in text if char.isprintable())[:_MAX_SHOWN] or (
        "no reason given"
    )
