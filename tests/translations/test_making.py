"""Tests of the program that makes the texts of all languages from their sources."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

import pytest

from translations.sources import (
    ENGLISH,
    Paths,
    SourceError,
    add,
    faults_of,
    glossary_words,
    languages,
    make,
    read,
    record,
    write,
)

OURS = "[%key:component::cloudflare_mtls::"
STRINGS = {
    "title": "Garden",
    "config::step::user::title": "Open the gate",
    "config::step::again::title": f"{OURS}config::step::user::title%]",
    "issues::gate::title": "The gate is open",
}
GERMAN = {
    "title": "Garten",
    "config::step::user::title": "Tor öffnen",
    "issues::gate::title": "Das Tor steht auf",
}
GLOSSARY = """\
# Words

| English | means | notes |
|---|---|---|
| gate | what opens | |
| garden | where it leads | |
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Return the places of a small project with a source in English."""
    paths = Paths(
        strings=tmp_path / "strings.json",
        languages=tmp_path / "languages",
        translated_from=tmp_path / "translated_from",
        glossary=tmp_path / "glossary.md",
        glossaries=tmp_path / "glossaries",
        made=tmp_path / "made",
    )
    write(paths.strings, STRINGS)
    paths.glossary.write_text(GLOSSARY, "utf-8")
    return paths


def translate(paths: Paths, sentences: Mapping[str, str]) -> None:
    """Do what a translator does: write the sentences, and say that they are done."""
    write(paths.languages / "de.json", sentences)
    record(paths, "de")


def made(paths: Paths, language: str) -> Any:
    return json.loads(make(paths, language))


def test_references_are_resolved_in_each_language(paths: Paths) -> None:
    """The keys and their order are those of the source."""
    translate(paths, dict(reversed(GERMAN.items())))

    assert made(paths, ENGLISH) == {
        "title": "Garden",
        "config": {
            "step": {
                "user": {"title": "Open the gate"},
                "again": {"title": "Open the gate"},
            }
        },
        "issues": {"gate": {"title": "The gate is open"}},
    }
    assert make(paths, "de") == (
        make(paths, ENGLISH)
        .replace("Garden", "Garten")
        .replace("Open the gate", "Tor öffnen")
        .replace("The gate is open", "Das Tor steht auf")
    )
    assert languages(paths) == ["de"]


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param(f"{OURS}config::step::user::nothing%]", id="to-nothing"),
        pytest.param(f"{OURS}config::step::again::title%]", id="to-a-reference"),
        pytest.param(f"{OURS}issues::gate::title%]", id="to-itself"),
        pytest.param("[%key:common::action::open%]", id="to-home-assistant"),
        pytest.param("[%key:component::ntfy::title%]", id="to-others"),
        pytest.param(f"See {OURS}config::step::user::title%].", id="inside-a-text"),
        pytest.param(f"{OURS}config::step::user::title", id="unfinished"),
    ],
)
def test_reference_that_leads_to_no_sentence(paths: Paths, reference: str) -> None:
    """So there are no circles either."""
    write(paths.strings, {**STRINGS, "issues::gate::title": reference})

    with pytest.raises(SourceError, match="^issues::gate::title refers"):
        make(paths, ENGLISH)


def test_a_language_that_lacks_a_sentence_is_not_made(paths: Paths) -> None:
    translate(paths, {**GERMAN, "issues::old::title": "Alt"})
    write(
        paths.strings,
        {
            "title": "Garden",
            "config::step::user::title": "Close the gate",
            "issues::gate::title": "The gate is open",
            "issues::fence::title": "The fence is gone",
        },
    )

    assert faults_of(paths, "de") == [
        "de: missing: issues::fence::title",
        "de: left over: issues::old::title",
        "de: changed in English: config::step::user::title: Close the gate",
    ]
    with pytest.raises(SourceError, match="missing"):
        make(paths, "de")


def test_a_language_is_brought_up_to_date(paths: Paths) -> None:
    """What is translated stays, what is new stands there in English, and what is gone goes."""
    translate(paths, {**GERMAN, "issues::old::title": "Alt"})
    write(paths.strings, {**STRINGS, "issues::fence::title": "The fence is gone"})

    add(paths, "de")

    assert read(paths.languages / "de.json") == {
        **GERMAN,
        "issues::fence::title": "The fence is gone",
    }
    record(paths, "de")
    assert made(paths, "de")["issues"].keys() == {"gate", "fence"}


def test_a_language_is_begun(paths: Paths) -> None:
    """It starts in English, without references, and with an empty glossary."""
    add(paths, "pt-BR")

    assert read(paths.languages / "pt-BR.json").keys() == GERMAN.keys()
    assert glossary_words((paths.glossaries / "pt-BR.md").read_text("utf-8")) == {
        "gate": ["", ""],
        "garden": ["", ""],
    }
    # Nothing of it was translated so far.
    assert len(faults_of(paths, "pt-BR")) == len(GERMAN)


def test_a_glossary_that_is_there_stays(paths: Paths) -> None:
    own = GLOSSARY.replace("what opens", "Tor")
    paths.glossaries.mkdir()
    (paths.glossaries / "de.md").write_text(own, "utf-8")

    add(paths, "de")

    assert (paths.glossaries / "de.md").read_text("utf-8") == own
