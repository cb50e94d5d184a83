"""Which paths an ingress rule is for, as far as its expression can be read (pure).

Somebody else wrote it, for Go, which is never slow. Python takes hours for some of them, so none is
ever run here.
"""

from itertools import product
import re
from typing import Final

# Each of these is found in the path /.
_OF_START_PAGE: Final = frozenset(
    {
        "^",
        "$",
        *map(
            "".join,
            product(("", "^"), ("/", "/?", "/*", "/.*", "/?.*", ".*"), ("", "$")),
        ),
    }
)
# These begin with a letter, or another sign, that the path / does not have.
_OF_OTHER_PAGES: Final = re.compile(
    r"\^?(?:\\?/\??)?(?:[\w~%-]|\\[._~-])(?![?*{])", re.ASCII
)
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)


def includes_start_page(path: str | None) -> bool | None:
    """Return whether an expression is found in the path /; None if that is not known."""
    if path is None or path in _OF_START_PAGE:
        return True
    if _OF_OTHER_PAGES.match(path) and not _may_have_alternatives(path):
        return False
    return None


def _may_have_alternatives(path: str) -> bool:
    """Return whether an expression may be met by something else than what it begins with."""
    if "[" in path or "\\Q" in path:
        # Within these, signs stand for themselves.
        return True
    depth = 0
    for sign in _ESCAPED.sub("", path):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth <= 0:
            return True
    return False
