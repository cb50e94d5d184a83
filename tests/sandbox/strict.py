"""Check JSON strictly against the SDK's generated types: unknown keys are problems too.

The SDK itself does not check: it builds its models from any answer, and sends any body.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from inspect import isclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ForwardRef,
    Literal,
    NotRequired,
    Required,
    TypeAliasType,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from cloudflare._utils import PropertyInfo
from pydantic import BaseModel
from typing_extensions import is_typeddict

_JSON_NAMES: Mapping[type, str] = {
    NoneType: "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, order=True)
class Problem:
    """A place where a value does not match its type; `[]` stands for any index."""

    where: str
    what: str

    def __str__(self) -> str:
        """Return the problem as a person reads it."""
        return f"{self.where}: {self.what}"


def problems(value: Any, kind: Any, where: str = "") -> set[Problem]:
    """Return every place in a JSON value that does not match a type."""
    kind = _unwrapped(kind)
    origin = get_origin(kind)
    if kind in (Any, object):
        return set()
    if origin in (Union, UnionType):
        return _union_problems(value, get_args(kind), where)
    if origin is Literal:
        return _problem_unless(
            value in get_args(kind), where, f"{value!r} is not in {kind}"
        )
    if kind is datetime:
        return _problem_unless(_is_time(value), where, f"{value!r} is no time")
    if is_typeddict(kind):
        return _object_problems(value, *_typed_keys(kind), where)
    if isclass(kind) and issubclass(kind, BaseModel):
        return _object_problems(value, *_model_keys(kind), where)
    if origin and isclass(origin) and issubclass(origin, Mapping):
        return _mapping_problems(value, get_args(kind)[1], where)
    if origin and isclass(origin) and issubclass(origin, Iterable):
        return _list_problems(value, get_args(kind)[0], where)
    return _scalar_problems(value, kind, where)


def from_query(text: str, kind: Any) -> Any:
    """Convert a query parameter to its type; leave it as text if that is not possible."""
    kind = _unwrapped(kind)
    if get_origin(kind) in (Union, UnionType):
        read = (from_query(text, member) for member in get_args(kind))
        return next((value for value in read if not isinstance(value, str)), text)
    if kind is bool:
        return {"true": True, "false": False}.get(text, text)
    if kind in (int, float) and text.isdecimal():
        return int(text)
    return text


def nested(query: Mapping[str, str]) -> dict[str, Any]:
    """Rebuild the objects that the SDK flattens in a query, as in `name.exact=a`."""
    read: dict[str, Any] = {}
    for key, value in query.items():
        name, dot, rest = key.partition(".")
        if dot:
            read.setdefault(name, {})[rest] = value
        else:
            read[name] = value
    return read


def typed_query(query: Mapping[str, str], kind: Any) -> dict[str, Any]:
    """Return a query's parameters, converted to the types of a TypedDict."""
    keys: dict[str, Any] = {}
    for member in members(kind):
        keys = _typed_keys(member)[0] | keys
    return {
        key: from_query(value, keys[key])
        if isinstance(value, str) and key in keys
        else value
        for key, value in nested(query).items()
    }


def members(kind: Any) -> Sequence[Any]:
    """Return the members of a union, or the type itself."""
    kind = _unwrapped(kind)
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _unwrapped(kind: Any) -> Any:
    """Return a type without aliases and wrappers that do not restrict its values."""
    while True:
        if isinstance(kind, TypeAliasType):
            kind = kind.__value__
        elif get_origin(kind) in (Annotated, Required, NotRequired):
            kind = get_args(kind)[0]
        else:
            assert not isinstance(kind, str | ForwardRef), f"{kind} was not resolved"
            return kind


def _problem_unless(holds: bool, where: str, what: str) -> set[Problem]:
    return set() if holds else {Problem(where, what)}


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except TypeError, ValueError:
        return False


def _union_problems(value: Any, kinds: Sequence[Any], where: str) -> set[Problem]:
    """Return the problems with the member of a union that fits best."""
    return closest((problems(value, kind, where) for kind in kinds), where)


def closest(candidates: Iterable[set[Problem]], where: str = "") -> set[Problem]:
    """Return the problems with the type that was probably meant, of several candidates.

    Prefer types of the same kind, then types whose literals match, then few problems.
    """

    def distance(found: set[Problem]) -> tuple[bool, bool, int]:
        return (
            any(problem.where == where for problem in found),
            any("is not in" in problem.what for problem in found),
            len(found),
        )

    return min(candidates, key=distance)


def _scalar_problems(value: Any, kind: Any, where: str) -> set[Problem]:
    allowed = {float: (int, float)}.get(kind, (kind,))
    return _problem_unless(
        type(value) in allowed, where, f"{_JSON_NAMES[type(value)]}, not {kind}"
    )


def _list_problems(value: Any, kind: Any, where: str) -> set[Problem]:
    if not isinstance(value, list):
        return {Problem(where, f"{_JSON_NAMES[type(value)]}, not a list")}
    return {problem for item in value for problem in problems(item, kind, f"{where}[]")}


def _mapping_problems(value: Any, kind: Any, where: str) -> set[Problem]:
    if not isinstance(value, dict):
        return {Problem(where, f"{_JSON_NAMES[type(value)]}, not an object")}
    return {
        problem
        for key, item in value.items()
        for problem in problems(item, kind, _below(where, key))
    }


def _object_problems(
    value: Any, keys: Mapping[str, Any], required: set[str], where: str
) -> set[Problem]:
    if not isinstance(value, dict):
        return {Problem(where, f"{_JSON_NAMES[type(value)]}, not an object")}
    unknown = {Problem(_below(where, key), "unknown") for key in value.keys() - keys}
    missing = {
        Problem(_below(where, key), "missing") for key in required - value.keys()
    }
    return unknown.union(
        missing,
        *(
            problems(value[key], keys[key], _below(where, key))
            for key in value.keys() & keys
        ),
    )


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _typed_keys(kind: Any) -> tuple[dict[str, Any], set[str]]:
    """Return the keys of a TypedDict by their JSON names, and which of them are required."""
    keys, required = {}, set()
    for name, hint in get_type_hints(kind, include_extras=True).items():
        key = _alias(hint) or name
        keys[key] = hint
        if get_origin(hint) is Required:
            required.add(key)
    return keys, required


def _alias(hint: Any) -> str | None:
    if get_origin(hint) in (Required, NotRequired):
        hint = get_args(hint)[0]
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, PropertyInfo):
                return note.alias
    return None


def _model_keys(kind: type[BaseModel]) -> tuple[dict[str, Any], set[str]]:
    """Return the keys of a model by their JSON names, and which of them are required."""
    keys, required = {}, set()
    for name, field in kind.model_fields.items():
        key = field.alias or name
        keys[key] = field.annotation
        if field.is_required():
            required.add(key)
    return keys, required
