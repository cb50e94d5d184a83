"""Split lists into pages; pages beyond the end are empty."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..envelope import Answer, ApiError, Problem


@dataclass(frozen=True)
class Paging:
    """The page sizes of a resource."""

    default: int
    minimum: int
    maximum: int
    tells_total_pages: bool = True

    def answer[T](
        self,
        query: Mapping[str, str],
        items: Iterable[T],
        as_json: Callable[[T], dict[str, Any]],
    ) -> Answer:
        """Return the page that a query asks for."""
        everything = list(items)
        page = _number(query, "page", 1, 1, None)
        size = _number(query, "per_page", self.default, self.minimum, self.maximum)
        shown = everything[(page - 1) * size : page * size]
        info = {
            "page": page,
            "per_page": size,
            "count": len(shown),
            "total_count": len(everything),
        }
        if self.tells_total_pages:
            info["total_pages"] = -(-len(everything) // size)
        return Answer([as_json(item) for item in shown], info=info)


def _number(
    query: Mapping[str, str], key: str, default: int, lowest: int, highest: int | None
) -> int:
    text = query.get(key, str(default))
    if (
        not text.isdecimal()
        or int(text) < lowest
        or (highest is not None and int(text) > highest)
    ):
        # GUESS: sizes out of bounds are refused, not clamped; and the code and text.
        raise ApiError(400, Problem(None, f"{key} is out of bounds"))
    return int(text)
