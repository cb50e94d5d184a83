"""Finds the endpoint that a request is for."""

from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import unquote

from ..envelope import ApiError, Problem
from .permissions import PERMISSIONS, wrong_method
from .request import PREFIX, Request
from .routing import Route


class Router:
    """Finds the route of a request; a path in plain letters comes before one with ids."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Take all routes; each needs a permission."""
        by_path: defaultdict[str, dict[str, Route]] = defaultdict(dict)
        for route in routes:
            assert route.path in PERMISSIONS, f"{route.path} has no permission"
            by_path[route.path][route.method] = route
        self._paths = [
            (path.split("/"), by_path[path])
            for path in sorted(by_path, key=lambda path: path.count("{"))
        ]

    def find(self, request: Request) -> tuple[Route, dict[str, str]]:
        """Return the route and the ids in the path; refuse an unknown path or method."""
        parts = request.url.raw_path.removeprefix(PREFIX).split("/")
        for names, methods in self._paths:
            if (ids := _ids(names, parts)) is None:
                continue
            if (route := methods.get(request.method)) is None:
                raise wrong_method(request.method, request.url.path)
            return route, ids
        raise ApiError(404, Problem(7000, "No route for that URI"))


def _ids(names: list[str], parts: list[str]) -> dict[str, str] | None:
    """Return the values of the names in braces, None where another part differs."""
    if len(names) != len(parts):
        return None
    ids = {}
    for name, part in zip(names, parts, strict=True):
        if name.startswith("{") and part:
            ids[name.strip("{}")] = unquote(part)
        elif name != part:
            return None
    return ids
