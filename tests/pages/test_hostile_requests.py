"""Requests that try to get a bundle without its link: races, smuggled requests, path tricks, other origins."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import itertools
import json
import re

from homeassistant.core import HomeAssistant
import pytest

from custom_components.cloudflare_mtls.pages.handovers import (
    MAX_WRONG_CODES,
    Delivery,
    Handover,
    async_get_handovers,
)
from tests.deliveries import PASSWORD, make_delivery
from tests.dialogs import Client
from tests.pages.handover_requests import PATH, code_of, token_of, wrong_codes

SIXTY = 60


async def statuses(client: Client, bodies: list[str]) -> list[int]:
    """Post all at once, each over a connection of its own, and return the answers' statuses."""
    answers = await asyncio.gather(*(client.post(PATH, data=body) for body in bodies))
    return sorted(answer.status for answer in answers)


@pytest.mark.parametrize("asked", [token_of, code_of])
async def test_race_of_sixty_tabs(
    hass: HomeAssistant,
    client: Client,
    fetched: list[Delivery],
    asked: Callable[[Handover], str],
) -> None:
    """One tab gets the bundle, whichever comes first."""
    handover = async_get_handovers(hass).offer(make_delivery())
    assert await statuses(client, [asked(handover)] * SIXTY) == [200] + [404] * 59
    assert len(fetched) == 1


async def test_race_of_sixty_guesses(hass: HomeAssistant, client: Client) -> None:
    """Wrong codes that come at the same time are all counted, and the right one comes too late."""
    handover = async_get_handovers(hass).offer(make_delivery())
    wrong = list(itertools.islice(wrong_codes(handover), SIXTY))

    first = await asyncio.gather(*(client.post(PATH, data=item) for item in wrong))

    # Four are wrong, the fifth closes the link, and it is gone for all others.
    assert sorted(answer.status for answer in first) == [403] * 4 + [404] * 56
    assert await statuses(client, [code_of(handover)] * SIXTY) == [404] * SIXTY


async def raw(client: Client, request: bytes) -> bytes:
    """Send bytes to the web server, and return all that it answers."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(request)
    writer.write_eof()
    answer = b""
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(2):
            answer = await reader.read(-1)
    writer.close()
    return answer


UNCERTAIN = (
    "Content-Length: {length}\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: {length}",
    "Content-Length: {length}\r\nContent-Length: 0",
    "Content-Length: +{length}",
    "Content-Length: {length}, {length}",
    "Content-Length: -1",
    "Content-Length : {length}",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding:\x0bchunked",
    "X: y\nContent-Length: {length}",
)
"""Headers that two web servers in a row could read differently."""


async def test_request_of_uncertain_length(hass: HomeAssistant, client: Client) -> None:
    """It is refused, and a request that is hidden in its body is not carried out."""
    token = token_of(async_get_handovers(hass).offer(make_delivery()))
    post = f"POST {PATH} HTTP/1.1\r\nHost: ha\r\n"
    body = f"0\r\n\r\n{post}Content-Length: {len(token)}\r\n\r\n{token}"
    for lines in UNCERTAIN:
        head = f"{post}{lines.format(length=len(body))}\r\n\r\n"
        answer = await raw(client, (head + body).encode())
        assert re.match(rb"HTTP/1.[01] 400 ", answer), lines
        assert PASSWORD.encode() not in answer
    assert await statuses(client, [token]) == [200]


OTHER_PATHS = (
    f"{PATH}/",
    f"{PATH}//",
    f"/{PATH}",
    f"{PATH}/../handover/x",
    PATH.upper(),
    f"{PATH};x",
    f"{PATH}%00",
    f"{PATH}%2f",
    PATH.replace("/handover", "%2fhandover"),
    PATH.replace("/api", "/api/..%2fapi"),
    "/api/cloudflare_mtls/",
    "/api/cloudflare_mtls/www/handover.js",
)


async def test_other_paths(hass: HomeAssistant, client: Client) -> None:
    """There is one path, and files of the pages have none."""
    token = token_of(async_get_handovers(hass).offer(make_delivery()))
    for path in OTHER_PATHS:
        rest = f"{path} HTTP/1.1\r\nHost: ha\r\n"
        post = f"POST {rest}Content-Length: {len(token)}\r\n\r\n{token}"
        for request in (f"GET {rest}\r\n", post):
            answer = await raw(client, request.encode())
            assert re.match(rb"HTTP/1.[01] 40[04] ", answer), request
            assert PASSWORD.encode() not in answer
    assert await statuses(client, [token]) == [200]


async def test_secret_outside_the_body(hass: HomeAssistant, client: Client) -> None:
    """A link that lost its fragment sign would be in logs, and it gives nothing."""
    handover = async_get_handovers(hass).offer(make_delivery())
    token = token_of(handover)
    for answer in (
        await client.get(PATH, params={"token": token}),
        await client.get(f"{PATH}?{token}"),
        await client.post(f"{PATH}?{token}", data=""),
        await client.post(PATH, headers={"Authorization": f"Bearer {token}"}),
        await client.post(PATH, headers={"Cookie": f"token={token}"}),
        await client.post(PATH, json=token),
        await client.post(PATH, data={"token": token}),
        await client.get(PATH, headers={"X-HTTP-Method-Override": "POST"}),
    ):
        assert PASSWORD not in await answer.text()
    assert await statuses(client, [token]) == [200]


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_page_of_another_origin(
    hass: HomeAssistant, client: Client, origin: str
) -> None:
    """Another website that knows a link cannot read what its visitor's browser fetches."""
    handover = async_get_handovers(hass).offer(make_delivery())
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Private-Network": "true",
    }
    preflight = await client.options(PATH, headers=asked)
    assert not preflight.ok
    answer = await client.post(
        PATH, data=token_of(handover), headers={"Origin": origin}
    )
    for headers in (preflight.headers, answer.headers):
        assert not [
            name for name in headers if name.lower().startswith("access-control")
        ]


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.10", ""])
async def test_name_that_was_rebound_to_home(
    hass: HomeAssistant, client: Client, host: str
) -> None:
    """A website whose name leads home asks as if it were the page, and knows no secret."""
    handover = async_get_handovers(hass).offer(make_delivery())
    headers = {"Host": host, "Origin": f"http://{host}"}
    page = await client.get(PATH, headers=headers)
    assert token_of(handover) not in await page.text()
    assert handover.code not in json.dumps(dict(page.headers))
    for number in range(MAX_WRONG_CODES):
        guess = f"code.{'A' * 16}.{number:06}"
        answer = await client.post(PATH, data=guess, headers=headers)
        assert answer.status == 404
    # The person who has the link is not locked out.
    assert await statuses(client, [token_of(handover)]) == [200]
