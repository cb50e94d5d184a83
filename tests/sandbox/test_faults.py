"""Faults, added from Python or over HTTP."""

import asyncio
import time
from typing import Any

from aiohttp import ClientError
import pytest

from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind

from .helpers import Api, create_certificate
from .test_control import control

RECORDS = "/zones/{zone}/dns_records"
NEW = {"type": "A", "name": "new", "content": "192.0.2.1"}


async def raw(api: Api, method: str = "GET", body: Any = None) -> tuple[int, str, Any]:
    """Send a request to the records, and return status, text and headers of any answer."""
    url = f"{api.sandbox.api_url}{RECORDS.format(zone=api.sandbox.zone_id)}"
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.session.request(method, url, json=body, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers


def names(sandbox: Sandbox) -> set[str]:
    """Return the names of the zone's records."""
    records = sandbox.state.zones[sandbox.zone_id].dns_records.values()
    return {record.name for record in records}


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        (FaultKind.UNAUTHORIZED, 401, "10000"),
        (FaultKind.FORBIDDEN, 403, "10000"),
        (FaultKind.RATE_LIMITED, 429, "971"),
        (FaultKind.SERVER_ERROR, 500, "<html>"),
        (FaultKind.BAD_GATEWAY, 502, "<html>"),
        (FaultKind.UNSUCCESSFUL, 200, '"success": false'),
        (FaultKind.HTML, 200, "<html>"),
    ],
)
async def test_replaced_answers(
    sandbox: Sandbox, api: Api, kind: FaultKind, status: int, text: str
) -> None:
    """The fault's answer comes once, and the endpoint does not run."""
    sandbox.faults.add(Fault(kind, retry_after=300))
    answer = await raw(api, "POST", NEW)
    assert (answer[0], text in answer[1]) == (status, True)
    assert answer[2].get("Retry-After") == ("300" if status == 429 else None)
    assert "new.example.com" not in names(sandbox)
    assert (await raw(api))[0] == 200
    [spoiled, good] = sandbox.journal.requests
    assert (spoiled.fault, spoiled.status, spoiled.took_effect) == (kind, status, False)
    assert (good.fault, good.took_effect) == (None, True)


@pytest.mark.parametrize(
    ("kind", "key", "expected"),
    [
        ("null", "", None),
        ("missing", "result.content", {"id", "name", "type"}),
        ("mistyped", "result.content", 17),
        ("mistyped", "result.proxied", "yes"),
        ("mistyped", "result.tags", {}),
    ],
)
async def test_damaged_answers(
    sandbox: Sandbox, api: Api, kind: str, key: str, expected: Any
) -> None:
    """The endpoint runs, and one key of its answer is changed or missing."""
    sandbox.faults.add(Fault(FaultKind(kind), "POST", key=key))
    result = (await api.request("POST", RECORDS, NEW)).result
    if kind == "missing":
        assert expected <= result.keys()
        assert "content" not in result
    else:
        assert (result if kind == "null" else result[key.split(".")[1]]) == expected
    assert "new.example.com" in names(sandbox)
    assert sandbox.journal.requests[0].took_effect


async def test_a_key_in_a_list(sandbox: Sandbox, api: Api) -> None:
    """List items are named by their index; refusals are not changed."""
    fault = Fault(FaultKind.MISSING, key="result.0.id", times=None)
    sandbox.faults.add(fault)
    first, second, *_ = (await api.get(RECORDS)).result
    assert ("id" in first, "id" in second) == (False, True)
    assert (await api.get("/zones/0")).code == 7003


@pytest.mark.parametrize(
    ("kind", "took_effect"), [("reset_before", False), ("reset_after", True)]
)
async def test_resets(sandbox: Sandbox, api: Api, kind: str, took_effect: bool) -> None:
    """The connection is reset before or after the write takes effect."""
    sandbox.faults.add(Fault(FaultKind(kind)))
    with pytest.raises((ClientError, ConnectionResetError)):
        await raw(api, "POST", NEW)
    assert ("new.example.com" in names(sandbox)) is took_effect
    [entry] = sandbox.journal.writes
    assert (entry.status, entry.took_effect) == (0, took_effect)
    assert (await raw(api))[0] == 200


async def test_no_answer(sandbox: Sandbox, api: Api) -> None:
    """The write takes effect; after the client gives up, no task is left running."""
    sandbox.faults.add(Fault(FaultKind.TIMEOUT_AFTER))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await raw(api, "POST", NEW)
    assert "new.example.com" in names(sandbox)
    assert sandbox.journal.writes[0].took_effect
    await asyncio.sleep(0.2)
    waiting = [
        task for task in asyncio.all_tasks() if "_answer_with_fault" in repr(task)
    ]
    assert waiting == []


async def test_delay(sandbox: Sandbox, api: Api) -> None:
    """The answer is correct, but late."""
    sandbox.faults.add(Fault(FaultKind.DELAY, seconds=0.3))
    start = time.monotonic()
    assert (await raw(api))[0] == 200
    assert time.monotonic() - start >= 0.3


async def test_delay_is_too_long(sandbox: Sandbox, api: Api) -> None:
    """A write takes effect even if the client gives up during the delay."""
    sandbox.faults.add(Fault(FaultKind.DELAY, seconds=0.3))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await raw(api, "POST", NEW)
    assert "new.example.com" not in names(sandbox)
    await asyncio.sleep(0.4)
    assert "new.example.com" in names(sandbox)


async def test_stale(sandbox: Sandbox, api: Api) -> None:
    """Reads return the state before the last write, as many times as configured."""
    sandbox.faults.add(Fault(FaultKind.STALE, "GET", "*/dns_records", times=2))
    await api.request("POST", RECORDS, NEW)
    for expected in (5, 5, 6):
        assert len((await api.get(RECORDS)).result) == expected
    assert "new.example.com" in names(sandbox)


async def test_stale_certificates(sandbox: Sandbox, api: Api) -> None:
    """Stale reads also work for certificates, whose signed objects cannot be copied."""
    sandbox.faults.add(Fault(FaultKind.STALE, "GET", "*/client_certificates"))
    await create_certificate(api)
    await create_certificate(api)
    for expected in (1, 2):
        assert (
            len((await api.get("/zones/{zone}/client_certificates")).result) == expected
        )


async def test_which_calls(sandbox: Sandbox, api: Api) -> None:
    """A fault selects calls by method, path and number; of several, the first applies."""
    sandbox.faults.add(Fault(FaultKind.FORBIDDEN, "GET", "*/dns_*", first=2, times=2))
    sandbox.faults.add(Fault(FaultKind.UNAUTHORIZED, "POST", times=None))
    codes = [(await api.get(RECORDS)).status for _ in range(4)]
    assert codes == [200, 403, 403, 200]
    assert (await api.get("/zones")).status == 200
    codes = [(await api.request("POST", RECORDS, NEW)).status for _ in range(3)]
    assert codes == [401, 401, 401]
    sandbox.faults.clear()
    assert (await api.request("POST", RECORDS, NEW)).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", {"kind": "flood"}),
        ("/faults", {}),
        ("/faults", {"kind": "500", "pattern": "*"}),
        ("/delays", {"everything": 1}),
    ],
)
async def test_unknown_keys(api: Api, path: str, body: dict[str, Any]) -> None:
    """Unknown keys and kinds are refused, not ignored."""
    url = f"{api.sandbox.url}/sandbox{path}"
    async with api.session.post(url, json=body) as answer:
        assert answer.status == 400


async def test_over_http(api: Api) -> None:
    """Faults can be added, listed and cleared over HTTP, and the journal names them."""
    fault = {"kind": "500", "path": "/zones", "times": None}
    assert (await control(api, "POST", "/faults", fault))["kind"] == "500"
    url = f"{api.sandbox.api_url}/zones"
    async with api.session.get(url) as answer:
        assert answer.status == 500
    [listed] = await control(api, "GET", "/faults")
    assert (listed["kind"], listed["calls"]) == ("500", 1)
    assert await control(api, "DELETE", "/faults") == []
    assert (await api.get("/zones")).status == 200
    journal = await control(api, "GET", "/journal")
    first, second = journal["requests"]
    assert (first["fault"], first["took_effect"]) == ("500", False)
    assert "fault" not in second
