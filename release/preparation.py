"""Prepare a release: all of it, or nothing at all."""

from collections.abc import Callable
from datetime import date

from .changelog import CHANGELOG, notes_of, with_release
from .repository import Repository
from .versions import FILES, MANIFEST, is_newer, is_version, read_version, write_version

# What the release stores, for the tests of later versions; see tests/stored/.
_STORED = "tests/stored"
_CHANGED = (*FILES, CHANGELOG, _STORED)


class Refusal(Exception):
    """Why there is no release, in a sentence."""


def tag_of(version: str) -> str:
    """Return the tag of a version."""
    return f"v{version}"


def prepare(
    repository: Repository, version: str, day: date, check: Callable[[], None]
) -> str:
    """Commit and tag a version, if the checks pass; return its notes.

    Raises:
        Refusal: if there must be no release; then nothing has changed.
    """
    _refuse(repository, version)
    head = repository.head
    path = repository.root / CHANGELOG
    try:
        write_version(repository.root, version)
        changelog = with_release(path.read_text("utf-8"), version, day)
        path.write_text(changelog, "utf-8")
        check()
        repository.commit(f"Release {version}", _CHANGED)
        repository.tag(tag_of(version))
    except BaseException:
        repository.restore(head, _CHANGED)
        raise
    return notes_of(changelog, version)


def released_notes(repository: Repository, tag: str) -> str:
    """Return the notes of the version that a tag names.

    Raises:
        Refusal: if a file holds another version, or the changelog says nothing of this one.
    """
    for file in FILES:
        if tag != tag_of(held := read_version(repository.root, file)):
            raise Refusal(f"The tag is {tag}, and {file} holds the version {held}.")
    version = read_version(repository.root, MANIFEST)
    notes = notes_of((repository.root / CHANGELOG).read_text("utf-8"), version)
    if not notes:
        raise Refusal(f"{CHANGELOG} says nothing of the version {version}.")
    return notes


def _refuse(repository: Repository, version: str) -> None:
    """Raise Refusal if a version cannot be released now."""
    if not is_version(version):
        raise Refusal(
            f"{version} is not a version: three numbers with dots, such as 1.2.3."
        )
    if repository.has_tag(tag_of(version)):
        raise Refusal(f"The tag {tag_of(version)} exists already.")
    present = read_version(repository.root, MANIFEST)
    # The first version is in the files before it was ever released.
    if version != present and not is_newer(version, present):
        raise Refusal(f"{version} is not newer than the present version, {present}.")
    if repository.branch != "main":
        raise Refusal("Releases are made on the branch main. Switch to it first.")
    if repository.changed:
        raise Refusal("There are changes that are not committed. Commit them first.")
    if not notes_of((repository.root / CHANGELOG).read_text("utf-8")):
        raise Refusal(
            f"{CHANGELOG} says nothing under Unreleased. Write down what has changed."
        )
