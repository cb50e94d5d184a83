"""Try every bundle in every reader, and write docs/bundles.md anew."""

import sys

from demo.report import say

from .document import DOCUMENT, render, tried
from .readers import READERS


def main() -> int:
    """Write it, unless a reader is missing: its row would be a guess."""
    if missing := [item for reader in READERS for item in reader.missing()]:
        say(f"missing: {', '.join(missing)}; scripts/peers installs them")
        return 1
    rows = {reader: tried(reader) for reader in READERS}
    versions = {reader.name: reader.version() for reader in READERS}
    text = render(rows, versions)
    DOCUMENT.write_text(text)
    for line in text.splitlines():
        if line.startswith("|"):
            say(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
