"""Tests that the sandbox never fails by an exception of its own, whatever is sent to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession
from hypothesis import given
import pytest

from sandbox import Sandbox
from tests.engine.searching import NIGHTLY, search
from tests.spoiling import every_spoilt, spoilt

from .contract import CONTRACTS, UNTYPED, Key
from .example_requests import Request, prepare
from .helpers import Api
from .test_graphql import EVENTS
from .test_types import key_id

ODD_TEXTS = ("", "x", "0", "-1", "9" * 30, "١", "٣.٥", "true", "%00", "a/b", "é")
ODD_BODIES = (
    b"",
    b"x",
    b"null",
    b"[]",
    b"NaN",
    b'{"a":NaN}',
    b'"\xff"',
    b"[" * 100_000,
)
ODD_TOKENS = ("", "Bearer", "Bearer x", "Basic eA==", "Bearer " + "é" * 40)

_GRAPHQL = Key("POST", "/graphql")
ENDPOINTS = (*CONTRACTS, *UNTYPED)
EACH_METHOD = {key.method: key for key in ENDPOINTS}.values()
# 501 says that the sandbox cannot do something that Cloudflare can.
_NO_FAILURE = (*range(200, 500), 501)


def _example(key: Key, prepared: Any) -> Request:
    if key == _GRAPHQL:
        zone = prepared.sandbox.zone_id
        wanted = {"datetime_geq": "2026-11-28T00:00:00Z", "action_in": ["block"]}
        variables = {"zone": zone, "filter": wanted}
        return Request({"query": EVENTS, "variables": variables})
    return CONTRACTS[key].example(prepared) if key in CONTRACTS else Request()


@asynccontextmanager
async def _endpoint(key: Key) -> AsyncIterator[tuple[Api, str, Request]]:
    """Yield a client, an endpoint's path and its example, which the sandbox accepts."""
    async with Sandbox() as sandbox, ClientSession() as session:
        api = Api(sandbox, session, sandbox.token)
        prepared = await prepare(api)
        example = _example(key, prepared)
        sandbox.state.budget.limit = 10**9
        client = api.with_token(example.token or api.token)
        yield client, key.path.format_map({**prepared.ids, **example.ids}), example


def _spoilt_requests(key: Key, path: str, example: Request) -> Iterator[Any]:
    """Yield requests in which one value is spoilt: path, query and body."""
    for body in every_spoilt(example.body):
        yield path, example.query, body
    for text in ODD_TEXTS:
        for name in ("page", "per_page", "dry_run", *example.query):
            yield path, {**example.query, name: text}, example.body
        for segment in path.split("/")[1:]:
            yield path.replace(segment, quote(text) or "x"), example.query, example.body


@pytest.mark.parametrize("key", ENDPOINTS, ids=key_id)
async def test_each_value_of_each_request(key: Key) -> None:
    """A value of another kind, in another value, or missing, is refused at worst."""
    async with _endpoint(key) as (api, path, example):
        for where, query, body in _spoilt_requests(key, path, example):
            reply = await api.request(key.method, where, body, query)
            assert reply.status in _NO_FAILURE, (where, query, body)


@pytest.mark.parametrize("key", EACH_METHOD, ids=key_id)
async def test_bodies_and_tokens_of_another_form(key: Key) -> None:
    """What is no JSON object, and what is no token, is refused at worst."""
    async with _endpoint(key) as (api, path, _):
        for headers, data in (
            *(({"Authorization": f"Bearer {api.token}"}, body) for body in ODD_BODIES),
            *(({"Authorization": token}, b"{}") for token in ODD_TOKENS),
        ):
            async with api.session.request(
                key.method, f"{api.sandbox.api_url}{path}", headers=headers, data=data
            ) as response:
                assert response.status in _NO_FAILURE, (headers, data[:9])


@pytest.mark.nightly
@pytest.mark.parametrize("key", ENDPOINTS, ids=key_id)
def test_any_other_value(key: Key) -> None:
    """The same for any JSON in place of a value."""
    with asyncio.Runner() as runner:
        endpoint = _endpoint(key)
        api, path, example = runner.run(endpoint.__aenter__())

        @search(NIGHTLY // 20, again=False)
        @given(spoilt(example.body))
        def refused(body: Any) -> None:
            sent = api.request(key.method, path, body, example.query)
            assert runner.run(sent).status in _NO_FAILURE

        refused()
        runner.run(endpoint.__aexit__(None, None, None))
