"""Request header transform rules of a zone: what they make of the headers that an origin gets."""

from functools import lru_cache

from .exchange import Headers
from .expressions import Request, parse_value
from .firewall import matches
from .state import TRANSFORM_PHASE, Zone

# The edge evaluates the same few expressions for every request.
_parsed = lru_cache(maxsize=256)(parse_value)


def rewritten(zone: Zone, request: Request, headers: Headers) -> Headers:
    """Return the headers once every rule that applies has changed them, in order.

    The fields of the request are those from before the first rule.
    """
    for rule in zone.rules_of(TRANSFORM_PHASE):
        if matches(rule, request):
            changes = (rule.action_parameters or {})["headers"]
            for name, change in changes.items():
                headers = _changed(headers, name.encode(), change, request)
    return headers


def _changed(
    headers: Headers, name: bytes, change: dict[str, str], request: Request
) -> Headers:
    """Return the headers after one change; a header that is set to nothing is removed."""
    value = _value(change, request)
    kept = (
        headers
        if change["operation"] == "add"
        else [item for item in headers if item[0].lower() != name.lower()]
    )
    return [*kept, (name, value)] if value else kept


def _value(change: dict[str, str], request: Request) -> bytes:
    if "expression" in change:
        return _parsed(change["expression"]).of(request)
    return change.get("value", "").encode()
