"""Reads lists of the API to their last page."""

from collections.abc import AsyncIterator, Callable, Mapping
from string.templatelib import Template
from typing import Any, Final

from .errors import Permission, TooManyPages
from .json_fields import Fields
from .transport import Transport

MAX_PAGES: Final = 100


async def read_all[ItemT](
    transport: Transport,
    parse: Callable[[Fields], ItemT],
    path: Template,
    permission: Permission,
    *,
    per_page: int,
    max_pages: int = MAX_PAGES,
    **query: str,
) -> tuple[ItemT, ...]:
    """Return the items of every page, parsed; raise EngineError rather than leave some out.

    Raises TooManyPages, at the first page if Cloudflare says there how many there are.
    """
    pages = _pages(
        transport,
        path,
        permission,
        per_page=per_page,
        max_pages=max_pages,
        all_or_none=True,
        **query,
    )
    return tuple([parse(item) async for page in pages for item in page])


async def read_first[ItemT](
    transport: Transport,
    parse: Callable[[Fields], ItemT],
    path: Template,
    permission: Permission,
    *,
    per_page: int,
    max_pages: int,
    **query: str,
) -> tuple[tuple[ItemT, ...], bool]:
    """Return the items of the first pages, parsed, and whether these are all."""
    pages = _pages(
        transport,
        path,
        permission,
        per_page=per_page,
        max_pages=max_pages,
        all_or_none=False,
        **query,
    )
    found: list[ItemT] = []
    try:
        async for page in pages:
            found += map(parse, page)
    except TooManyPages:
        return tuple(found), False
    return tuple(found), True


async def _pages(
    transport: Transport,
    path: Template,
    permission: Permission,
    *,
    per_page: int,
    max_pages: int,
    all_or_none: bool,
    **query: str,
) -> AsyncIterator[tuple[Fields, ...]]:
    """Yield the items of each page; raise TooManyPages after the last one that is read.

    all_or_none: whether the first pages are no use without all others.
    """
    seen = 0
    before: list[Mapping[str, Any]] = []
    for page in range(1, max_pages + 1):
        envelope = await transport.request(
            "GET",
            path,
            permission,
            query={"page": str(page), "per_page": str(per_page), **query},
        )
        info = envelope.object("result_info") or Fields({})
        if all_or_none and (info.number("total_pages") or 0) > max_pages:
            break
        items = envelope.objects("result", required=True)
        raw = [item.raw() for item in items]
        if not items or raw == before:
            # Some endpoints ignore the page, and send the same items again.
            return
        yield items
        seen, before = seen + len(items), raw
        if _is_last(info, page, seen, per_page):
            return
    raise TooManyPages("too many pages")


def _is_last(info: Fields, page: int, seen: int, per_page: int) -> bool:
    """Return whether the list ends here: tunnels count items, other lists count pages."""
    # The log of logins counts none, whatever it has.
    if pages := info.number("total_pages"):
        return page >= pages
    if total := info.number("total_count"):
        return seen >= total
    return seen < page * per_page
