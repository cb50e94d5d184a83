"""Recorded answers of the real Cloudflare, and their comparison with the sandbox's answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
import json
from pathlib import Path
import re
from typing import Any, Self

import pytest

FOLDER = Path(__file__).parents[2].parent / "shared" / "recorded"
"""The recordings are not part of the repository; tests that need them are skipped without."""

_JSON_TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class Recording:
    """A recorded request with its answer."""

    name: str
    request: Mapping[str, Any]
    status: int | None
    headers: Mapping[str, str]
    response: Any
    evidence: str
    notes: str

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a recording from its file."""
        data = json.loads(file.read_text())
        wanted = ("request", "status", "headers", "response", "evidence", "notes")
        return cls(file.stem, *(data[key] for key in wanted))

    @property
    def number(self) -> str:
        """Return the recording's number, such as tn-02."""
        return "-".join(self.name.split("-")[:2])

    @property
    def is_replayable(self) -> bool:
        """Return whether the body was recorded, rather than described in prose."""
        return self.evidence != "prose"


def read_all() -> dict[str, Recording]:
    """Return every recording by its number; none if the folder is missing."""
    recordings = map(Recording.read, sorted(FOLDER.glob("*.json")))
    return {recording.number: recording for recording in recordings}


RECORDED = read_all()

needs_recordings = pytest.mark.skipif(
    not RECORDED, reason=f"the recorded answers are not here: {FOLDER} is missing"
)


@dataclass(frozen=True)
class Answered:
    """An answer of the sandbox; the body is text unless it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Comparison:
    """The differences from a recording that are allowed, with their reasons."""

    allowed: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    """Replacements for names in the recorded texts."""
    status: int | None = None
    """The expected status, if the replayed situation is only similar to the recorded one."""
    partial: bool = False
    """Whether the recording lacks keys or contains only parts of texts."""

    def differences(self, recording: Recording, answered: Answered) -> set[str]:
        """Return how an answer differs from a recording.

        Verbatim recordings are compared completely. In assembled recordings the envelope is
        not original, so only its content is compared.
        """
        recorded = _renamed(recording.response, self.words)
        status = self.status or recording.status
        found = set(_header_differences(recording.headers, answered.headers))
        if status not in (None, answered.status):
            found.add(f"status: {answered.status}, recorded as {status}")
        if isinstance(recorded, str):
            found |= set(_missing_texts(recorded, answered.body))
        elif recorded is not None:
            found |= self._json_differences(recording, recorded, answered.body)
        return found

    def _json_differences(
        self, recording: Recording, recorded: Any, answered: Any
    ) -> set[str]:
        if not isinstance(answered, dict):
            return {f"body: {_JSON_TYPES[type(answered)]}, recorded as an object"}
        whole = recording.evidence == "verbatim" or "success" not in recorded
        if whole:
            found = shape_differences(recorded, answered)
        else:
            found = {
                difference
                for key in {"result", "data"} & recorded.keys()
                for difference in shape_differences(
                    recorded[key], answered.get(key), key
                )
            }
        if self.partial:
            found = {each for each in found if not each.endswith("not recorded")}
        return found | set(self._error_differences(recorded, answered))

    def _error_differences(self, recorded: Any, answered: Any) -> Iterator[str]:
        """Compare the errors' codes and texts; in assembled recordings too."""
        told, ours = recorded.get("errors") or [], answered.get("errors") or []
        if len(told) != len(ours):
            yield f"errors: {len(ours)}, recorded {len(told)}"
        for mine, other in zip(ours, told, strict=False):
            have = {(at, key): value for at, key, value in _facts(mine)}
            for at, key, value in _facts(other):
                if not self._is_recorded(value, have.get((at, key))):
                    yield f"{at}.{key}: {have.get((at, key))!r}, recorded as {value!r}"

    def _is_recorded(self, recorded: Any, ours: Any) -> bool:
        """Return whether a fact equals the recorded one, or contains its recorded parts."""
        if isinstance(recorded, str) and (self.partial or "…" in recorded):
            return all(piece in str(ours) for piece in recorded.split("…"))
        return bool(recorded == ours)


def _facts(error: Mapping[str, Any], where: str = "errors[]") -> Iterator[Any]:
    """Yield the codes, texts and pointers of an error and its causes."""
    for key in ("code", "message"):
        if key in error:
            value = error[key]
            yield where, key, " ".join(value.split()) if key == "message" else value
    if "source" in error:
        yield where, "source", error["source"]
    if code := error.get("extensions", {}).get("code"):
        yield where, "extensions.code", code
    for cause in error.get("error_chain", ()):
        yield from _facts(cause, f"{where}.error_chain[]")


def shape_differences(recorded: Any, answered: Any, where: str = "") -> set[str]:
    """Return the differences of keys and JSON types at all levels; values are not compared."""
    if type(recorded) is not type(answered):
        kinds = _JSON_TYPES[type(answered)], _JSON_TYPES[type(recorded)]
        return {f"{where}: {kinds[0]}, recorded as {kinds[1]}"}
    found: set[str] = set()
    if isinstance(recorded, dict):
        prefix = f"{where}." if where else ""
        found |= {f"{prefix}{key}: missing" for key in recorded.keys() - answered}
        found |= {f"{prefix}{key}: not recorded" for key in answered.keys() - recorded}
        for key in recorded.keys() & answered.keys():
            found |= shape_differences(recorded[key], answered[key], f"{prefix}{key}")
    if isinstance(recorded, list):
        if recorded and not answered:
            return {f"{where}: nothing in the list"}
        for item in answered if recorded else ():
            found |= min(
                (
                    shape_differences(e, item, f"{where}[]")
                    for e in _alike(recorded, item)
                ),
                key=len,
            )
    return found


def _alike(recorded: list[Any], item: Any) -> list[Any]:
    """Return the recorded items with the same `type`; all items if none has it."""
    if not isinstance(item, dict):
        return recorded
    same = [each for each in recorded if each.get("type") == item.get("type")]
    return same or recorded


def _missing_texts(recorded: str, answered: Any) -> Iterator[str]:
    """Yield the missing pieces of a recorded text, in which an ellipsis marks omissions."""
    for piece in recorded.split("…"):
        if piece.strip() not in str(answered):
            yield f"text: {piece.strip()!r} is missing"


# Headers that the API or the edge sets, not the servers in between.
_COMPARED = {"content-type", "cache-control", "x-frame-options", "server", "cf-ray",
             "ratelimit", "ratelimit-policy"}  # fmt: skip


def _header_differences(
    recorded: Mapping[str, str], answered: Mapping[str, str]
) -> Iterator[str]:
    """Compare headers; ignore numbers, identifiers and the character set."""
    for name, value in recorded.items():
        if name.lower() not in _COMPARED:
            continue
        if (have := answered.get(name)) is None:
            yield f"header {name}: missing"
        elif name.lower() != "cf-ray" and _plain(have) != _plain(value):
            yield f"header {name}: {have!r}, recorded as {value!r}"


def _plain(value: str) -> str:
    return re.sub(r"\d+", "0", value.partition("; charset")[0])


def _renamed(recorded: Any, words: Mapping[str, str]) -> Any:
    text = json.dumps(recorded, ensure_ascii=False)
    for old, new in words.items():
        text = text.replace(old, new)
    return json.loads(text)
