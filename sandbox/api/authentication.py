"""Authenticate a request by its API token."""

from collections.abc import Mapping
from ipaddress import ip_address
import re

from sandbox.clock import now
from sandbox.state import State, Token, TokenStatus

from ..envelope import ApiError, Problem

_VERIFY_PATHS = frozenset(
    {"/user/tokens/verify", "/accounts/{account_id}/tokens/verify"}
)
INVALID_TOKEN = ApiError(401, Problem(1000, "Invalid API Token"))


def authenticate(
    state: State, headers: Mapping[str, str], path: str, remote: str
) -> Token:
    """Return the request's token; only the verify endpoints accept one that is not active."""
    token = state.tokens.get(_bearer(headers, path))
    if token is not None:
        _check_use(token, remote)
    if path in _VERIFY_PATHS:
        if token is None:
            raise INVALID_TOKEN
        return token
    if token is None or token.current_status is not TokenStatus.ACTIVE:
        if path == "/graphql":
            # GUESS: the status.
            raise ApiError(403, Problem(10000, "Authentication error"))
        raise ApiError(403, Problem(9109, "Invalid access token"))
    return token


def _check_use(token: Token, remote: str) -> None:
    if token.networks and not any(
        ip_address(remote) in each for each in token.networks
    ):
        message = f"Cannot use the access token from location: {remote}"
        raise ApiError(403, Problem(9109, message))
    token.uses += 1
    if now() < token.unreliable_until and token.uses % 2:
        # GUESS: which calls are refused; at Cloudflare it depends on the server that answers.
        raise ApiError(403, Problem(10001, "Unable to authenticate request"))


def _bearer(headers: Mapping[str, str], path: str) -> str:
    if "X-Auth-Key" in headers:
        raise _malformed(6103, "X-Auth-Key")
    if "Authorization" not in headers:
        raise _missing(path)
    # GUESS: the allowed lengths; known tokens have 40 to about 55 characters.
    bearer = re.fullmatch(r"Bearer ([A-Za-z0-9_-]{40,64})", headers["Authorization"])
    if bearer is None:
        raise _malformed(6111, "Authorization")
    return bearer[1]


def _missing(path: str) -> ApiError:
    if path in _VERIFY_PATHS:
        return ApiError(400, Problem(1001, 'Missing "Authorization" header'))
    # GUESS: the text, and the status; other sources say 401.
    return ApiError(
        400,
        Problem(9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"),
    )


def _malformed(code: int, header: str) -> ApiError:
    cause = Problem(code, f"Invalid format for {header} header")
    return ApiError(400, Problem(6003, "Invalid request headers", cause=cause))
