"""Options of an app: which the Supervisor accepts, and how it stores them.

Source: Supervisor of 2026-08-21, apps/options.py; the texts are its own.
"""

from collections.abc import Mapping
import re
from typing import Any

type Schema = Mapping[str, Any]
"""The type of each option: a text, a list with the type of its items, or a nested schema."""

_SECRET = "!secret "
_TRUE = frozenset({"1", "true", "yes", "on", "enable"})
_FALSE = frozenset({"0", "false", "no", "off", "disable"})
_ARGUMENT = re.compile(r"(?P<kind>\w+)(?:\((?P<argument>.*)\))?\??")
_UI_TYPES = {
    "str": "string",
    "match": "string",
    "bool": "boolean",
    "list": "select",
}
_MAX_SHOWN = 500


class InvalidOptionsError(Exception):
    """Options do not fit the schema."""


class Validator:
    """Validates the options of one app."""

    def __init__(self, schema: Schema, app: str, secrets: Mapping[str, str]) -> None:
        """Validate against a schema; `app` is the name and slug in the texts."""
        self._schema = schema
        self._app = app
        self._secrets = secrets

    def validate(self, options: Any) -> dict[str, Any]:
        """Return the options as they are stored; raise InvalidOptionsError.

        Unknown keys are dropped, and secrets are replaced by their values.
        """
        try:
            return self._root(options)
        except InvalidOptionsError as error:
            # The real text repeats the options, too, whatever is in them.
            shown = repr(options)
            if len(shown) > _MAX_SHOWN:
                shown = f"{shown[: _MAX_SHOWN - 3]}..."
            raise InvalidOptionsError(f"{error}. Got {shown}") from None

    def _root(self, options: Any) -> dict[str, Any]:
        if not isinstance(options, dict):
            raise InvalidOptionsError("expected dict")
        return self._nested(self._schema, options, "root")

    def _nested(
        self, schema: Schema, values: dict[str, Any], root: str
    ) -> dict[str, Any]:
        accepted = {
            key: self._element(schema[key], value, key)
            for key, value in values.items()
            if key in schema
        }
        for key in schema.keys() - accepted.keys():
            kind = schema[key]
            if isinstance(kind, list):
                [kind] = kind
            if not isinstance(kind, str) or not kind.endswith("?"):
                raise self._invalid(f"Missing option '{key}' in {root}")
        return accepted

    def _element(self, kind: Any, value: Any, key: str) -> Any:
        if isinstance(kind, list):
            if not isinstance(value, list):
                raise self._invalid(f"Invalid list for option '{key}'")
            return [self._element(kind[0], each, key) for each in value]
        if isinstance(kind, Mapping):
            if not isinstance(value, dict):
                raise self._invalid(f"Invalid dict for option '{key}'")
            return self._nested(kind, value, key)
        return self._single(kind, value, key)

    def _single(self, kind: str, value: Any, key: str) -> Any:
        if value is None:
            raise self._invalid(f"Missing required option '{key}'")
        if isinstance(value, str) and value.startswith(_SECRET):
            name = value.removeprefix(_SECRET)
            if name not in self._secrets:
                raise self._invalid(f"Unknown secret '{name}'")
            value = self._secrets[name]
        name, argument = _parts(kind)
        match name:
            case "bool":
                return _boolean(value)
            case "match":
                if not re.match(argument, str(value)):
                    raise InvalidOptionsError(
                        f"does not match regular expression {argument}"
                    )
                return str(value)
            case "list":
                choices = argument.split("|")
                if str(value) not in choices:
                    raise InvalidOptionsError(f"value must be one of {choices}")
                return str(value)
            case _:
                if not isinstance(value, str):
                    raise InvalidOptionsError("expected str")
                return value

    def _invalid(self, text: str) -> InvalidOptionsError:
        return InvalidOptionsError(f"{text} in {self._app}")


def merged(defaults: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return chosen options over the defaults: dicts are merged, lists replaced."""
    result = dict(defaults)
    for key, value in chosen.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def for_the_front_end(schema: Schema) -> list[dict[str, Any]]:
    """Return a schema as the document of an app has it."""
    return [_node(kind, key) for key, kind in schema.items()]


def _node(kind: Any, key: str, *, multiple: bool = False) -> dict[str, Any]:
    if isinstance(kind, list):
        return _node(kind[0], key, multiple=True)
    if isinstance(kind, Mapping):
        return {
            "name": key,
            "type": "schema",
            "optional": True,
            "multiple": multiple,
            "schema": for_the_front_end(kind),
        }
    name, argument = _parts(kind)
    node: dict[str, Any] = {"name": key}
    if multiple:
        node["multiple"] = True
    node["optional" if kind.endswith("?") else "required"] = True
    node["type"] = _UI_TYPES[name]
    if name == "list":
        node["options"] = argument.split("|")
    return node


def _parts(kind: str) -> tuple[str, str]:
    match = _ARGUMENT.fullmatch(kind)
    assert match is not None, kind
    return match["kind"], match["argument"] or ""


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise InvalidOptionsError("expected boolean")
    return bool(value)
