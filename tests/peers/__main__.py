"""Open every bundle with every reader, and write docs/bundles.md."""

import sys

from demo.report import say

from .document import DOCUMENT, render, try_reader
from .readers import READERS


def main() -> int:
    """Write the document, unless a reader is missing, whose row could only be guessed."""
    if missing := [item for reader in READERS for item in reader.missing()]:
        say(f"missing: {', '.join(missing)}; scripts/peers installs them")
        return 1
    rows = {reader: try_reader(reader) for reader in READERS}
    versions = {reader.name: reader.version() for reader in READERS}
    text = render(rows, versions)
    DOCUMENT.write_text(text)
    for line in text.splitlines():
        if line.startswith("|"):
            say(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
