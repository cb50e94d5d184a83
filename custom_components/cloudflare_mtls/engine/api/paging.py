"""Reads lists of the API to their last page."""

from collections.abc import AsyncIterator, Callable, Mapping
from string.templatelib import Template
from typing import Any, Final

from .errors import Permission, Unavailable
from .json_fields import Fields
from .transport import Transport

_MAX_PAGES: Final = 100


async def read_all[ItemT](
    transport: Transport,
    parse: Callable[[Fields], ItemT],
    path: Template,
    permission: Permission,
    *,
    per_page: int,
    **query: str,
) -> tuple[ItemT, ...]:
    """Return the items of every page, parsed; raise EngineError rather than leave some out."""
    pages = _pages(transport, path, permission, per_page=per_page, **query)
    return tuple([parse(item) async for page in pages for item in page])


async def _pages(
    transport: Transport,
    path: Template,
    permission: Permission,
    *,
    per_page: int,
    **query: str,
) -> AsyncIterator[tuple[Fields, ...]]:
    """Yield the items of each page."""
    seen = 0
    before: list[Mapping[str, Any]] = []
    for page in range(1, _MAX_PAGES + 1):
        envelope = await transport.request(
            "GET",
            path,
            permission,
            query={"page": str(page), "per_page": str(per_page), **query},
        )
        items = envelope.objects("result", required=True)
        raw = [item.raw() for item in items]
        if not items or raw == before:
            # Some endpoints ignore the page, and send the same items again.
            return
        yield items
        seen, before = seen + len(items), raw
        if _is_last(envelope, page, seen, per_page):
            return
    raise Unavailable("too many pages")


def _is_last(envelope: Fields, page: int, seen: int, per_page: int) -> bool:
    """Return whether the list ends here: tunnels count items, other lists count pages."""
    info = envelope.object("result_info") or Fields({})
    if (pages := info.number("total_pages")) is not None:
        return page >= pages
    if (total := info.number("total_count")) is not None:
        return seen >= total
    return seen < page * per_page
