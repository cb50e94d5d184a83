"""Write the tables of docs/reference.md again."""

from .document import DOCUMENT, write

if __name__ == "__main__":
    DOCUMENT.write_text(write(), "utf-8")
