"""The sources of all texts: the English ones, and a file of sentences for each other language.

The English source is `strings.json` of the integration, in Home Assistant's own form: a text that stands somewhere else
already is a reference to that place. What Home Assistant reads, `translations/*.json` of the integration, is made from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
import json
from pathlib import Path
import re
from typing import Any, Final, Self

_HERE: Final = Path(__file__).parent
_INTEGRATION: Final = _HERE.parent / "custom_components" / "cloudflare_mtls"
_REFERENCE: Final = re.compile(
    r"\[%key:component::cloudflare_mtls::([a-z0-9_]+(?:::[a-z0-9_]+)+)%\]"
)

ENGLISH: Final = "en"

# Texts as Home Assistant nests them, and the same texts by their keys, joined with "::" as in references.
type Tree = dict[str, str | Tree]
type Texts = dict[str, str]


class SourceError(Exception):
    """Something in the sources that a person has to put right."""


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where the sources are, and where the texts go that are made from them."""

    strings: Path
    languages: Path
    translated_from: Path
    glossary: Path
    glossaries: Path
    made: Path

    @classmethod
    def of_project(cls) -> Self:
        """Return the places in this repository."""
        return cls(
            strings=_INTEGRATION / "strings.json",
            languages=_HERE / "languages",
            translated_from=_HERE / "translated_from",
            glossary=_HERE / "glossary.md",
            glossaries=_HERE / "glossaries",
            made=_INTEGRATION / "translations",
        )


def read(path: Path) -> Texts:
    """Return the texts of a JSON file by their keys; a file that is not there has none."""
    if not path.exists():
        return {}
    return dict(_flat(json.loads(path.read_text("utf-8"))))


def write(path: Path, texts: Mapping[str, str]) -> None:
    """Write texts to a JSON file, nested again."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(as_json(texts), "utf-8")


def as_json(texts: Mapping[str, str]) -> str:
    """Return texts as the content of a JSON file, nested again."""
    tree: dict[str, Any] = {}
    for key, text in texts.items():
        *branches, leaf = key.split("::")
        branch = tree
        for name in branches:
            branch = branch.setdefault(name, {})
        branch[leaf] = text
    return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"


def _flat(tree: Tree, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, str):
            yield f"{prefix}{name}", value
        else:
            yield from _flat(value, f"{prefix}{name}::")


def sentences_of(strings: Mapping[str, str]) -> Texts:
    """Return the texts that are no references: what there is to translate."""
    return {key: text for key, text in strings.items() if "[%" not in text}


def resolve(strings: Mapping[str, str], sentences: Mapping[str, str]) -> Texts:
    """Return all texts in the language of the sentences.

    Like Home Assistant's own tools, this follows one reference and no further, so there are no circles.

    Raises:
        SourceError: if a reference leads to no sentence.
    """
    resolved = {}
    for key, text in strings.items():
        source = key
        if "[%" in text:
            reference = _REFERENCE.fullmatch(text)
            if not reference or reference[1] not in sentences:
                raise SourceError(f"{key} refers to no sentence: {text}")
            source = reference[1]
        resolved[key] = sentences[source]
    return resolved


def languages(paths: Paths) -> list[str]:
    """Return the languages besides English."""
    return sorted(path.stem for path in paths.languages.glob("*.json"))


def make(paths: Paths, language: str) -> str:
    """Return what Home Assistant reads for a language.

    Raises:
        SourceError: if the sentences of the language do not fit the English ones.
    """
    strings = read(paths.strings)
    if language == ENGLISH:
        return as_json(resolve(strings, sentences_of(strings)))
    if faults := faults_of(paths, language):
        raise SourceError("\n".join(faults))
    return as_json(resolve(strings, read(paths.languages / f"{language}.json")))


def faults_of(paths: Paths, language: str) -> list[str]:
    """Return what does not fit between the sentences of a language and the English ones."""
    english = sentences_of(read(paths.strings))
    sentences = read(paths.languages / f"{language}.json")
    seen = read(paths.translated_from / f"{language}.json")
    return [
        *(f"{language}: missing: {key}" for key in english if key not in sentences),
        *(f"{language}: left over: {key}" for key in sentences if key not in english),
        *(
            f"{language}: changed in English: {key}: {text}"
            for key, text in english.items()
            if key in sentences and seen.get(key) != _mark(text)
        ),
    ]


def add(paths: Paths, language: str) -> None:
    """Write the sentences that a language lacks, in English, and drop those that are left over.

    A new language also gets an empty glossary.
    """
    english = sentences_of(read(paths.strings))
    path = paths.languages / f"{language}.json"
    write(path, {**english, **_common(read(path), english)})
    glossary = paths.glossaries / f"{language}.md"
    if not glossary.exists():
        paths.glossaries.mkdir(exist_ok=True)
        glossary.write_text(_empty_glossary(paths, language), "utf-8")


def record(paths: Paths, language: str) -> None:
    """Record that each sentence of a language says what the English one says now."""
    english = sentences_of(read(paths.strings))
    sentences = read(paths.languages / f"{language}.json")
    marks = {key: _mark(text) for key, text in english.items() if key in sentences}
    write(paths.translated_from / f"{language}.json", marks)


def _common(texts: Texts, others: Texts) -> Texts:
    return {key: text for key, text in texts.items() if key in others}


def _mark(text: str) -> str:
    """Return a mark that changes with the sentence."""
    return sha256(text.encode()).hexdigest()[:8]


def glossary_words(glossary: str) -> dict[str, list[str]]:
    """Return the rows of a glossary: the English words, each with its other columns."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in glossary.splitlines()
        if line.startswith("|")
    ]
    return {word: cells for word, *cells in rows[2:]}


def _empty_glossary(paths: Paths, language: str) -> str:
    words = glossary_words(paths.glossary.read_text("utf-8"))
    return "\n".join(
        [
            f"# Glossary: {language}",
            "",
            "| English | here | notes |",
            "|---|---|---|",
            *(f"| {word} |  |  |" for word in words),
            "",
        ]
    )
