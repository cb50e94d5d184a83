"""Make what Home Assistant reads, in all languages, from the sources; scripts/translations says more.

python -m translations                make translations/*.json of the integration
python -m translations add LANGUAGE   begin a language, or write down what it lacks by now
python -m translations done LANGUAGE  record that it says what the English texts say now, and make its file
"""

import sys

from .sources import ENGLISH, Paths, SourceError, add, languages, make, record


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return the exit status."""
    paths = Paths.of_project()
    match arguments:
        case []:
            return _make(paths, [ENGLISH, *languages(paths)])
        case ["add", language]:
            add(paths, language)
            return 0
        case ["done", language]:
            record(paths, language)
            return _make(paths, [language])
    print(__doc__, file=sys.stderr)
    return 2


def _make(paths: Paths, wanted: list[str]) -> int:
    """Write the files of these languages; a language with a fault keeps its old file."""
    failed = False
    for language in wanted:
        try:
            made = make(paths, language)
        except SourceError as err:
            print(err, file=sys.stderr)
            failed = True
        else:
            (paths.made / f"{language}.json").write_text(made, "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
