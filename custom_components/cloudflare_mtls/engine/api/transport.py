"""Sends requests to Cloudflare's API, and turns every failure into an EngineError.

The only module that imports Cloudflare's SDK, and only its verbs: the SDK's resource classes
would cost seconds of event loop and some hundred megabytes on first use.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from string.templatelib import Template
from typing import Any, Final, override
from urllib.parse import quote

from cloudflare import (
    APIConnectionError,
    APIStatusError,
    AsyncCloudflare,
    RateLimitError,
)

# The SDK takes no other class. Where Home Assistant replaces the module, it did so before.
import httpx  # noqa: TID251

from .bounded_http import BoundedClient
from .errors import (
    EngineError,
    Permission,
    PermissionMissing,
    TokenProblem,
    TokenRejected,
    Unavailable,
)
from .json_fields import Fields, decoded, malformed
from .models import TokenStatus
from .pause import Pause
from .rest_errors import (
    calls_token_dead,
    failure_of,
    is_unknown_yet,
    rejection,
    token_problem,
)

BASE_URL: Final = "https://api.cloudflare.com/client/v4"

_ACCOUNT_TOKEN_PREFIX: Final = "cfat_"

# Cloudflare blocks for up to five minutes when it gives no Retry-After.
_DEFAULT_RETRY_AFTER: Final = 300.0
_LONGEST_RETRY_AFTER: Final = 86_400.0
# Seconds without a byte.
_TIMEOUT: Final = 30.0
# Seconds for a whole answer: the largest ones, compressed, need 20 over a line of half a megabit.
_LONGEST_ANSWER: Final = 60.0
# A large account needs a hundred answers at once, each of which would be a connection.
_MAX_AT_ONCE: Final = 12

# Some of Cloudflare's servers do not know a token yet that was created a moment ago.
UNKNOWN_YET_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)


class _Sdk(AsyncCloudflare):
    """The SDK's client, which sends one token and nothing that it finds in the environment.

    By itself, it would also send keys and headers from environment variables, and describe the
    machine.
    """

    @property
    @override
    def default_headers(self) -> dict[str, Any]:
        return {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": f"Bearer {self.api_token}",
            "Content-Type": "application/json",
            "User-Agent": self.user_agent,
        }


class Transport:
    """One token's way to the API.

    A path is a template string: each id in it becomes one segment, whatever the id contains.
    """

    def __init__(
        self,
        token: str,
        *,
        account_id: str | None = None,
        base_url: str = BASE_URL,
        http_client: httpx.AsyncClient | None = None,
        pause: Pause | None = None,
    ) -> None:
        """Take an API token of a user, or of the account; a given HTTP client is never closed."""
        # The HTTP client's error would quote a token that no header can carry.
        self._can_be_sent = token.isascii() and token.isprintable()
        self._is_account_token = token.startswith(_ACCOUNT_TOKEN_PREFIX)
        self._account_id = account_id
        self._pause = pause or Pause()
        self._at_once = asyncio.Semaphore(_MAX_AT_ONCE)
        self._sdk = _Sdk(
            api_token=token,
            base_url=base_url,
            http_client=BoundedClient(http_client or httpx.AsyncClient()),
            timeout=_TIMEOUT,
            # The SDK would repeat POSTs too, which can create a second certificate.
            max_retries=0,
        )

    async def result(
        self,
        method: str,
        path: Template,
        permission: Permission,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> Fields:
        """Send a request and return the result in its envelope; raise EngineError."""
        envelope = await self.request(method, path, permission, body=body)
        if (result := envelope.object("result")) is None:
            raise malformed("result")
        return result

    async def request(
        self,
        method: str,
        path: Template,
        permission: Permission,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Fields:
        """Send a request and return the envelope of its success; raise EngineError."""
        answer = await self.answer(method, path, permission, body=body, query=query)
        if answer.get("success") is not True:
            raise rejection(HTTPStatus.OK, answer)
        return Fields(answer)

    async def answer(
        self,
        method: str,
        path: Template,
        permission: Permission,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Send a request and return what comes back with a good status; raise EngineError."""
        try:
            return await self._send(method, path, body=body, query=query)
        except APIStatusError as err:
            _raise_unless_refused(err)
            raise await self.refusal(err.body, permission) from err

    async def refusal(self, body: object, permission: Permission) -> EngineError:
        """Return the error for a refused request: only a verification tells a dead token."""
        if token_problem(body) is TokenProblem.LOCATION:
            return TokenRejected(TokenProblem.LOCATION)
        if self._is_account_token and self._account_id is None:
            # It cannot be verified yet, but Cloudflare has a message of its own for dead ones.
            dead = calls_token_dead(body)
            return TokenRejected() if dead else PermissionMissing(permission)
        try:
            await self.verify_token()
        except TokenRejected as rejected:
            return rejected
        return PermissionMissing(permission)

    async def verify_token(self) -> datetime | None:
        """Return when the token expires, None for never; raise TokenRejected if it is dead.

        An account's token can only be verified once its account is known; before that, this
        does nothing.

        Source: GET /user/tokens/verify, GET /accounts/{account_id}/tokens/verify.
        """
        path = t"/user/tokens/verify"
        if self._is_account_token:
            if self._account_id is None:
                return None
            path = t"/accounts/{self._account_id}/tokens/verify"
        try:
            result = Fields((await self._send("GET", path)).get("result"))
        except APIStatusError as err:
            _raise_unless_refused(err)
            raise TokenRejected(token_problem(err.body)) from err
        match result.optional_text("status"):
            case TokenStatus.ACTIVE:
                return _expiry(result)
            case TokenStatus.DISABLED:
                raise TokenRejected(TokenProblem.DISABLED)
            case TokenStatus.EXPIRED:
                raise TokenRejected(TokenProblem.EXPIRED)
            case _:
                raise TokenRejected

    async def _send(
        self,
        method: str,
        path: Template,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Return the answer; a request that Cloudflare may have carried out is never repeated."""
        for pause in UNKNOWN_YET_PAUSES:
            try:
                return await self._send_once(method, path, body, query)
            except APIStatusError as err:
                if not is_unknown_yet(err.status_code, err.body):
                    raise
            await asyncio.sleep(pause)
        return await self._send_once(method, path, body, query)

    async def _send_once(
        self,
        method: str,
        path: Template,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
    ) -> Mapping[str, Any]:
        if not self._can_be_sent:
            raise TokenRejected
        send = getattr(self._sdk, method.lower())
        url = _render(path)
        arguments: dict[str, Any] = {"options": {"params": dict(query or {})}}
        if body is not None:
            arguments["body"] = body
        try:
            async with self._at_once, asyncio.timeout(_LONGEST_ANSWER):
                # A pause may have begun while this request waited for a slot.
                self._pause.keep()
                answer = await send(url, cast_to=httpx.Response, **arguments)
        except RateLimitError as err:
            raise self._pause.begin(_retry_after(err)) from err
        except APIConnectionError as err:
            if isinstance(err.__cause__, EngineError):
                raise err.__cause__ from None
            raise Unavailable(type(err.__cause__ or err).__name__) from err
        except TimeoutError as err:
            raise Unavailable("answer too slow") from err
        return decoded(answer.content)


def _expiry(token: Fields) -> datetime | None:
    """Return when a token expires, None where it says nothing that can be read."""
    try:
        return token.time("expires_on")
    except Unavailable:
        # The token works, and that matters more.
        return None


def _render(path: Template) -> str:
    return "".join(
        part if isinstance(part, str) else _segment(part.value) for part in path
    )


def _segment(value: str) -> str:
    """Return a value as one segment of a path, whatever it contains."""
    if value in {"", ".", ".."}:
        raise malformed("id")
    return quote(value, safe="")


def _raise_unless_refused(err: APIStatusError) -> None:
    """Raise what a failure means, unless it is about the token or its permissions."""
    if failure := failure_of(err.status_code, err.body):
        raise failure from err


def _retry_after(err: APIStatusError) -> float:
    """Return the pause in seconds that Cloudflare asks for."""
    try:
        seconds = float(err.response.headers.get("retry-after", ""))
    except ValueError:
        return _DEFAULT_RETRY_AFTER
    return seconds if 0 < seconds <= _LONGEST_RETRY_AFTER else _DEFAULT_RETRY_AFTER
