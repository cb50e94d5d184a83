"""Run the mutants, and compare those that survive with the list in docs/mutation.md.

python -m mutation           run all mutants that have no result yet, then compare
python -m mutation NAME ...  run only these of mutmut's mutants again; do not compare
"""

from collections import Counter
from hashlib import sha256
import json
from pathlib import Path
import re
import sys

from mutmut.__main__ import _run
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

from .imported import import_mutants, run_tests, survives
from .operators import teach_mutmut

LIST = Path("docs/mutation.md")
IMPORTED = Path("mutants/imported.json")
KILLED = ("killed", "timeout", "segfault")

# The place of a mutant, the code before and after; no line numbers, which change too often.
type Change = tuple[str, str, str]


def main(names: list[str]) -> int:
    """Run the mutants that have no result yet, and compare the survivors with the list."""
    teach_mutmut()
    listed = Counter(_listed())
    _forget_survivors(listed)
    # One at a time: the tests of one mutant keep a processor busy.
    _run(names, 1)
    if names:
        return 0
    figures: Counter[tuple[str, bool]] = Counter()
    survivors = [*_survivors(figures), *_import_survivors(figures, listed)]
    for module in sorted({module for module, _ in figures}):
        killed, survived = figures[module, False], figures[module, True]
        print(f"{module}: {killed + survived} mutants, {survived} survived")
    return _compare(Counter(survivors), listed)


def _forget_survivors(listed: Counter[Change]) -> None:
    """Drop the results of unlisted survivors, so that they run again: a test may kill them now."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for key, code in data.exit_code_by_key.items():
            if _survived(code) and _change_of(path, key) not in listed:
                data.exit_code_by_key[key] = None
        if data.exit_code_by_key:
            data.save()


def _survivors(figures: Counter[tuple[str, bool]]) -> list[Change]:
    survivors = []
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for key, code in data.exit_code_by_key.items():
            figures[path.stem, _survived(code)] += 1
            if _survived(code):
                survivors.append(_change_of(path, key))
    return survivors


def _survived(code: int | None) -> bool:
    return status_by_exit_code[code] not in KILLED


def _import_survivors(
    figures: Counter[tuple[str, bool]], listed: Counter[Change]
) -> list[Change]:
    """Return the survivors among the import mutants; run only unknown and unlisted ones."""
    known: dict[str, bool] = {}
    if IMPORTED.exists():
        known = json.loads(IMPORTED.read_text())
    survivors = []
    run_tests("--collect-only")
    for mutant in import_mutants():
        change = _change(mutant.path, mutant.where, mutant.diff)
        key = sha256(mutant.source.encode()).hexdigest()
        if key not in known or (known[key] and change not in listed):
            known[key] = survives(mutant)
            IMPORTED.write_text(json.dumps(known))
        figures[mutant.path.stem, known[key]] += 1
        if known[key]:
            survivors.append(change)
    return survivors


def _change_of(path: Path, key: str) -> Change:
    function, owner = orig_function_and_class_names_from_key(key)
    diff = get_diff_for_mutant(key, path=path).splitlines()
    return _change(path, f"{owner}.{function}" if owner else function, diff)


def _change(path: Path, where: str, diff: list[str]) -> Change:
    place = f"{path.stem}.{where}".rstrip(".")
    return place, _lines(diff, "-"), _lines(diff, "+")


def _lines(diff: list[str], sign: str) -> str:
    lines = [
        line[1:].strip()
        for line in diff
        if line.startswith(sign) and not line.startswith(sign * 3)
    ]
    return " ".join(lines)


def _listed() -> list[Change]:
    """Return the changes in the tables of the list: place, before, after; rows need a reason."""
    changes = []
    for line in LIST.read_text().splitlines() if LIST.exists() else ():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`") and cells[3]:
            where, before, after = (
                cell.strip("`").replace("\\|", "|") for cell in cells[:3]
            )
            changes.append((where, before, after))
    return changes


def _compare(survivors: Counter[Change], listed: Counter[Change]) -> int:
    """Print the survivors that the list lacks and the rows that are outdated; 1 if any."""
    for title, changes in (
        ("survive, and are not in", survivors - listed),
        ("do not survive, and are in", listed - survivors),
    ):
        if changes:
            print(f"mutation: {changes.total()} {title} {LIST}:", file=sys.stderr)
            for change in sorted(changes.elements()):
                print(_row(change), file=sys.stderr)
    return int(survivors != listed)


def _row(change: Change) -> str:
    cells = [f"`{cell}`" if cell else "" for cell in change]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " | |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
