"""Make a release, or take the notes of one; scripts/release says more.

python -m release X.Y.Z       commit and tag a version, and print its notes
python -m release notes TAG   print the notes of the version that is checked out and has this tag
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError
import sys

from .checks import CheckFailed, check
from .preparation import Refusal, prepare, released_notes, tag_of
from .repository import Repository

_PUBLISH = "git push --atomic --follow-tags origin main"


def main(arguments: list[str]) -> int:
    """Do what the arguments say, in the folder that this is run in; return the exit status."""
    repository = Repository(Path.cwd())
    try:
        match arguments:
            case ["notes", tag]:
                print(released_notes(repository, tag), end="")
            case [version]:
                _release(repository, version)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (CalledProcessError, CheckFailed, Refusal) as err:
        print(f"release: {err}", file=sys.stderr)
        return 1
    return 0


def _release(repository: Repository, version: str) -> None:
    today = datetime.now(UTC).date()
    notes = prepare(repository, version, today, partial(check, repository.root))
    print(notes, end="")
    print(
        f"\nrelease: {tag_of(version)} is committed and tagged here. Above is what people"
        f" read before they update. To publish it:\n\n  {_PUBLISH}\n",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
