"""Spoils one value of an answer: removes it, replaces it, or hides it in another value."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

type Path = tuple[str | int, ...]

# A value of each kind that JSON has, and more that a parser may stumble over.
_KINDS: tuple[Any, ...] = (None, True, 1, 0.5, "x", [], [1], {}, {"x": 1})
_ODD: tuple[Any, ...] = (0, -1, 10**30, "", "\ud800", "9999-12-31T23:59:59-14:00", [{}])

_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.sampled_from((*_KINDS, *_ODD)), st.text(), st.integers()),
    lambda values: st.one_of(
        st.lists(values, max_size=2), st.dictionaries(st.text(), values, max_size=2)
    ),
    max_leaves=3,
)


def every_spoilt(body: object) -> Iterator[Any]:
    """Yield copies of a JSON body, in each of which one value is another or missing."""
    for path in _paths(body):
        yield from (_replaced(body, path, other) for other in _KINDS)
        yield _nested(body, path)
        yield _removed(body, path)


def spoilt(body: object) -> st.SearchStrategy[Any]:
    """Return a strategy for copies of a JSON body with one spoilt value."""
    return st.sampled_from(list(_paths(body))).flatmap(
        lambda path: st.one_of(
            _VALUES.map(lambda other: _replaced(body, path, other)),
            st.just(_nested(body, path)),
            st.just(_removed(body, path)),
        )
    )


def _paths(value: object, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each value in a body, that of the body itself first."""
    yield path
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*path, index))


def _replaced(body: Any, path: Path, other: object) -> Any:
    if not path:
        return other
    copy = deepcopy(body)
    _parent(copy, path)[path[-1]] = other
    return copy


def _nested(body: Any, path: Path) -> Any:
    value = body
    for step in path:
        value = value[step]
    return _replaced(body, path, [{"x": value}])


def _removed(body: Any, path: Path) -> Any:
    if not path:
        return None
    copy = deepcopy(body)
    del _parent(copy, path)[path[-1]]
    return copy


def _parent(body: Any, path: Path) -> Any:
    for step in path[:-1]:
        body = body[step]
    return body
