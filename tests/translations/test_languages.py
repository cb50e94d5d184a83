"""Tests of the texts in all languages: complete, up to date, and written like the English ones."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
import re
from typing import Final
import unicodedata

import pytest

from tests.front_end import Place, place_of, render
from tests.sentences import placeholders, unquoted
from translations.sources import (
    ENGLISH,
    Paths,
    faults_of,
    glossary_words,
    languages,
    make,
    read,
    sentences_of,
)

PATHS: Final = Paths.of_project()
STRINGS: Final = read(PATHS.strings)
SENTENCES: Final = sentences_of(STRINGS)
OTHERS: Final = languages(PATHS)

in_each_language = pytest.mark.parametrize("language", OTHERS)


def words(text: str) -> list[str]:
    """Return the words of a text that a translator has to write."""
    left_alone = re.compile(r"`[^`]*`|\*\*[^*]*\*\*|\{\w+\}")
    return re.findall(r"[^\W\d_]+", left_alone.sub(" ", text))


def translated(language: str) -> Iterator[tuple[str, str, str]]:
    """Yield each key with its English sentence and the one in this language."""
    sentences = read(PATHS.languages / f"{language}.json")
    for key, english in SENTENCES.items():
        yield key, english, sentences[key]


# The English source


def test_no_sentence_stands_twice() -> None:
    """Nor does a short text with the same key: there is a reference."""
    seen: dict[str | tuple[str, str], str] = {}
    for key, text in SENTENCES.items():
        long = len(text.split()) > 3
        same = text if long else (key.rpartition("::")[2], text)
        assert same not in seen, f"{key} says the same as {seen[same]}"
        seen[same] = key


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_what_home_assistant_reads_is_made_from_the_sources(language: str) -> None:
    """`scripts/translations` was run after the last change."""
    made = (PATHS.made / f"{language}.json").read_text("utf-8")
    assert made == make(PATHS, language)


def test_nothing_is_made_of_a_language_that_is_gone() -> None:
    made = {path.stem for path in PATHS.made.iterdir()}
    assert made == {ENGLISH, *OTHERS}
    seen = {path.stem for path in PATHS.translated_from.glob("*")}
    assert seen == {*OTHERS}
    glossaries = {path.stem for path in PATHS.glossaries.glob("*")}
    assert glossaries == {*OTHERS}


# The other languages


@in_each_language
def test_every_sentence_says_what_the_english_one_says_now(language: str) -> None:
    assert faults_of(PATHS, language) == []


@in_each_language
def test_no_sentence_is_still_english(language: str) -> None:
    for key, english, sentence in translated(language):
        assert sentence.strip(), key
        assert sentence != english or len(words(english)) <= 3, key


def shape_of(key: str, text: str) -> object:
    """Return what must not differ between the languages: places to fill, and how the text is written."""
    lines = len(text.splitlines())
    if place_of(tuple(key.split("::"))) is not Place.MARKDOWN:
        bold = text.count("**")
        assert bold % 2 == 0, key
        return placeholders(text), lines, bold, "`" in text
    rendered = render(text)
    # Bold that does not end, or code, stays there as it was typed.
    assert not any("**" in part or "`" in part for part in rendered.text), key
    return (
        placeholders(text),
        sorted(set(rendered.code)),
        rendered.started["strong"],
        rendered.started["a"],
        rendered.started["li"],
        rendered.links,
    )


@in_each_language
def test_placeholders_and_markdown_are_those_of_the_english_sentence(
    language: str,
) -> None:
    for key, english, sentence in translated(language):
        assert shape_of(key, sentence) == shape_of(key, english), key


def test_markdown_of_the_english_sentences_ends_where_it_began() -> None:
    assert [shape_of(key, text) for key, text in SENTENCES.items()]


@in_each_language
def test_sentences_that_differ_by_backticks_alone_do_so_in_each_language(
    language: str,
) -> None:
    """A person meets the same sentence as Markdown and as plain text."""
    same = defaultdict(set)
    for _, english, sentence in translated(language):
        same[unquoted(english)].add(unquoted(sentence))
    assert not [texts for texts in same.values() if len(texts) > 1]


def bold(text: str) -> list[str]:
    """Return the parts of a text that stand in bold."""
    return re.findall(r"\*\*(.+?)\*\*", text)


@in_each_language
def test_own_labels_are_quoted_as_they_are(language: str) -> None:
    """A person looks for the words of a button that a text names."""
    labels = defaultdict(set)
    for _, english, sentence in translated(language):
        labels[english].add(sentence)
    for key, english, sentence in translated(language):
        for label in bold(english):
            if label in labels:
                assert labels[label] & {*bold(sentence)}, f"{key}: {label}"


def test_buttons_that_the_english_sentences_name_are_ours() -> None:
    """No other button is there to press."""
    named = r"[Pp]ress(?:es|ing)? \*\*(.+?)\*\*"
    pressed = {
        label for text in SENTENCES.values() for label in re.findall(named, text)
    }
    assert pressed
    assert pressed <= set(SENTENCES.values())


# Longer than this, a name is cut off on a phone, and a button takes two lines.
LONGEST: Final = {"entity": 40, "menu_options": 33, "submit": 40, "title": 70}


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_names_and_buttons_are_short(language: str) -> None:
    for key, text in read(PATHS.made / f"{language}.json").items():
        for part in chain(key.split("::")[:1], key.split("::")[-2:]):
            assert len(text) <= LONGEST.get(part, len(text)), key


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_titles_fit_into_two_lines(language: str) -> None:
    """On a phone, the front end cuts off the rest of a dialog's title."""
    for key, text in read(PATHS.made / f"{language}.json").items():
        if key.endswith("::title") and not placeholders(text):
            assert len(text) <= 52, key


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_titles_of_menus_fit_into_one_line(language: str) -> None:
    """Those the front end cuts off at the end of the line: on a small phone, after 208 pixels."""
    texts = read(PATHS.made / f"{language}.json")
    menus = {key.split("::menu_options")[0] for key in texts if "::menu_options" in key}
    titles = {menu: texts[f"{menu}::title"] for menu in menus}
    assert titles
    for menu, title in titles.items():
        wide = sum(unicodedata.east_asian_width(letter) == "W" for letter in title)
        assert len(title) + wide <= 22, menu
        assert not placeholders(title), menu


# These are shown after a look, or say what will be done.
SEEN: Final = {
    "issues::drift::fix_flow::step::init::description",
    "issues::exposed::title",
    "issues::moved_in_file::fix_flow::step::init::description",
}


def test_only_what_was_looked_at_is_called_closed() -> None:
    """A rule of ours at Cloudflare may have been edited, or lie behind another one."""
    closed = r"stays? (protected|blocked|closed)|can't be reached without a certificate|nobody can open"
    for key, text in SENTENCES.items():
        assert key in SEEN or not re.search(closed, text), key


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_no_text_has_a_url_or_html(language: str) -> None:
    """Home Assistant's validator refuses both."""
    for key, text in read(PATHS.made / f"{language}.json").items():
        assert not re.search(r"://|www\.|<[a-z/!]", text), key
        assert not re.search(r"'\{\w+\}'", text), key
        assert text == text.strip(), key


# The glossaries


@in_each_language
def test_each_glossary_has_a_word_for_each_row(language: str) -> None:
    english = glossary_words(PATHS.glossary.read_text("utf-8"))
    path = PATHS.glossaries / f"{language}.md"
    glossary = glossary_words(path.read_text("utf-8"))
    assert list(glossary) == list(english)
    assert all(cells[0] for cells in glossary.values())
