"""The log of logins, which anybody can make longer than it is read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.access_logins import LoginRows
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from tests.engine.servers import Asked, ScriptedApi, envelope, success

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def rows(count: int, *, allowed: bool) -> list[dict[str, Any]]:
    """Return rows, the newest first."""
    return [
        {
            "created_at": (NOON - timedelta(seconds=number)).isoformat(),
            "ray_id": f"{allowed} {number}",
            "allowed": allowed,
        }
        for number in range(count)
    ]


def answering(all_rows: Any, allowed: Any = None) -> Any:
    """Return how the log answers: with rows, or an error of a status.

    allowed: what it answers who asks for those who were let in.
    """

    def page(asked: Asked) -> Any:
        wanted = allowed if "allowed" in asked.query else all_rows
        if not isinstance(wanted, list):
            return envelope(wanted)
        number, size = int(asked.query["page"]), int(asked.query["per_page"])
        return success(wanted[(number - 1) * size : number * size])

    return page


async def read(client: CloudflareClient) -> LoginRows:
    """Return what is read of a day."""
    return await client.access_logins.list("a", NOON - timedelta(days=1), NOON)


async def test_whole(api: ScriptedApi, client: CloudflareClient) -> None:
    """A log that is read to its end is read once."""
    api.answers = answering(rows(250, allowed=False))
    found = await read(client)
    assert (len(found.rows), found.is_whole, len(api.asked)) == (250, True, 3)
    assert found.has_all_allowed
    assert all("allowed" not in asked.query for asked in api.asked)


async def test_too_long(api: ScriptedApi, client: CloudflareClient) -> None:
    """The newest rows are read, and all of those who were let in."""
    api.answers = answering(rows(5000, allowed=False), rows(150, allowed=True))
    found = await read(client)
    assert not found.is_whole
    assert found.has_all_allowed
    assert len([row for row in found.rows if row.allowed]) == 150
    refused = [row for row in found.rows if not row.allowed]
    assert len(refused) == 2000
    assert max(row.at for row in refused) == NOON
    last = api.asked[-1].query
    assert (last["allowed"], last["allowedOp"]) == ("true", "eq")
    assert len(api.asked) == 22


@pytest.mark.parametrize("number", [2000, 9000])
async def test_log_that_knows_no_such_filter(
    api: ScriptedApi, client: CloudflareClient, number: int
) -> None:
    """Then it answers as before, and is not read without end."""
    every = rows(number, allowed=False)
    api.answers = answering(every, every)
    found = await read(client)
    assert not found.is_whole
    assert not found.has_all_allowed
    assert len(set(found.rows)) == 2000
    assert len(api.asked) <= 30


async def test_log_that_says_how_long_it_is(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """It is read as far as others are."""

    def page(asked: Asked) -> Any:
        number = int(asked.query["page"])
        if "allowed" in asked.query:
            return success(rows(1, allowed=True), result_info={"total_pages": 1})
        every = rows(9000, allowed=False)
        info = {"page": number, "total_pages": 90}
        return success(every[(number - 1) * 100 : number * 100], result_info=info)

    api.answers = page
    found = await read(client)
    assert not found.is_whole
    assert any(row.allowed for row in found.rows)


async def test_filter_that_is_refused(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    api.answers = answering(rows(5000, allowed=False), 400)
    found = await read(client)
    assert (len(found.rows), found.is_whole) == (2000, False)
    assert not found.has_all_allowed


async def test_filter_that_fails(api: ScriptedApi, client: CloudflareClient) -> None:
    """Nobody knows then who was let in."""
    api.answers = answering(rows(5000, allowed=False), 500)
    with pytest.raises(Unavailable):
        await read(client)
