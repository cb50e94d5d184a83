"""Whether cloudflared lets a request pass whose rule asks for a token of Access."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from ..access.keys import TeamKeys
from ..exchange import Outgoing
from ..state import State
from .rules import fields

_ASSERTION = b"cf-access-jwt-assertion"


class Verdict(Enum):
    """What cloudflared does with a request."""

    PASSES = auto()
    FORBIDDEN = auto()
    FAILED = auto()
    """The token cannot be verified, which is an error and no refusal."""


def verdict(
    state: State, keys: TeamKeys, settings: Mapping[str, Any], request: Outgoing
) -> Verdict:
    """Return what cloudflared does with a request under the settings of its rule."""
    access = fields(settings.get("access") or {})
    if not access.get("required"):
        return Verdict.PASSES
    token = next((v for n, v in request.headers if n.lower() == _ASSERTION), b"")
    if not token:
        return Verdict.FORBIDDEN
    domain = f"{access.get('teamname', '')}.cloudflareaccess.com"
    account = state.account_of_team(domain)
    known = keys.existing(account.id) if account is not None else None
    claims = known.claims(token.decode("latin-1"), "app") if known is not None else None
    # GUESS: such a token is an error to cloudflared, which the edge shows as 502.
    if claims is None or claims.get("iss") != f"https://{domain}":
        return Verdict.FAILED
    wanted = access.get("audtag") or ()
    return Verdict.PASSES if {*wanted} & {*claims["aud"]} else Verdict.FORBIDDEN
