"""The checks that Cloudflare makes before it accepts what a rule changes in the headers of requests."""

from collections.abc import Iterator, Mapping
import re
from typing import Any

from sandbox.expressions import InvalidError, UnsupportedError, parse_value

from ..envelope import ApiError, Problem
from .routing import check_kinds

MAX_CHANGES = 30
_MAX_LENGTH = 4096
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PREFIXES = ("cf-", "x-cf-")
_REMOVABLE = "cf-connecting-ip"
_VISITOR_ADDRESS = {"true-client-ip", "x-forwarded-for", "x-real-ip"}
# GUESS: which other names are refused.
_FORBIDDEN = {"connection", "host", "transfer-encoding", "upgrade"}


def check_header_changes(parameters: Mapping[str, Any], pointer: str) -> None:
    """Refuse a rewrite of headers that Cloudflare does not accept."""
    # GUESS: every text.
    if "uri" in parameters:
        raise ApiError(501, Problem(None, "the sandbox rewrites no URIs", pointer))
    changes = check_kinds(parameters, headers=dict).get("headers")
    if not changes or parameters.keys() - {"headers"}:
        raise _refused("invalid action parameters", pointer)
    if len(changes) > MAX_CHANGES:
        raise _refused(f"more than {MAX_CHANGES} headers", pointer)
    for name, change in changes.items():
        where = f"{pointer}/headers/{name}"
        for reason in _reasons(name, change):
            raise _refused(reason, where)
        if "expression" in change:
            _check_expression(change["expression"], where)


def _reasons(name: str, change: Any) -> Iterator[str]:
    """Yield why a change is refused, apart from its expression."""
    operation = change.get("operation") if isinstance(change, dict) else None
    keys = change.keys() if isinstance(change, dict) else set()
    if not _NAME.fullmatch(name) or len(name) > _MAX_LENGTH:
        yield f"'{name}' is not a valid header name"
    elif not _may_change(name.lower(), operation):
        yield f"'{name}' is not allowed as a header name"
    match operation:
        case "remove":
            if keys != {"operation"}:
                yield "a header is removed without a value"
        case "set" | "add":
            if keys not in ({"operation", "value"}, {"operation", "expression"}):
                yield "either a value or an expression is required"
            text = change.get("value", change.get("expression"))
            if not isinstance(text, str) or not 0 < len(text) <= _MAX_LENGTH:
                yield "invalid value"
        case _:
            yield f"'{operation}' is not a valid operation"


def _may_change(name: str, operation: Any) -> bool:
    if name == _REMOVABLE:
        return bool(operation == "remove")
    return name not in _VISITOR_ADDRESS | _FORBIDDEN and not name.startswith(_PREFIXES)


def _check_expression(expression: str, pointer: str) -> None:
    """Refuse what is no expression for a text.

    GUESS: every field that holds text may be used; the documentation lists which, and those of
    client certificates are among them.
    """
    try:
        parse_value(expression)
    except InvalidError as error:
        raise _refused(f"could not parse expression: {error}", pointer) from None
    except UnsupportedError as error:
        message = f"the sandbox cannot evaluate {error}"
        raise ApiError(501, Problem(None, message, pointer)) from None


def _refused(reason: str, pointer: str) -> ApiError:
    return ApiError(400, Problem(None, reason, pointer))
