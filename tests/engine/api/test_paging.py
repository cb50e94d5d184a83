"""Lists of several pages."""

from typing import Any

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from tests.engine.servers import Asked, ScriptedApi, success


def records(first: int, count: int) -> list[dict[str, str]]:
    """Return DNS records."""
    return [
        {"id": str(n), "name": f"h{n}.example.com", "type": "A"}
        for n in range(first, first + count)
    ]


async def test_every_page_is_read(api: ScriptedApi, client: CloudflareClient) -> None:
    """The answers count neither pages nor items, so the last page is the one that is not full."""

    def page(asked: Asked) -> Any:
        number, size = int(asked.query["page"]), int(asked.query["per_page"])
        everything = records(0, 2 * size + 1)
        return success(everything[(number - 1) * size : number * size])

    api.answers = page
    found = await client.dns.list("z")
    assert len({item.id for item in found}) == len(found) > 100
    assert len(api.asked) == 3


async def test_server_with_smaller_pages_than_asked_for_is_read_to_the_end(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """The envelope says how many pages there are."""

    def page(asked: Asked) -> Any:
        number = int(asked.query["page"])
        info = {"page": number, "per_page": 20, "count": 20, "total_count": 40, "total_pages": 2}  # fmt: skip
        items = records((number - 1) * 20, 20) if number <= 2 else []
        return success(items, result_info=info)

    api.answers = page
    assert len(await client.dns.list("z")) == 40


async def test_server_without_pages(api: ScriptedApi, client: CloudflareClient) -> None:
    """A repeated page ends the list, and its items are returned once."""
    api.answers = lambda asked: success(records(0, int(asked.query["per_page"])))
    try:
        found = await client.dns.list("z")
    except Unavailable:
        found = ()
    assert len(api.asked) <= 100
    assert len({item.id for item in found}) == len(found)
