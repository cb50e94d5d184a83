"""Errors of the expression parser."""


class InvalidError(Exception):
    """Cloudflare's parser refuses the expression."""


class UnsupportedError(Exception):
    """The expression is valid, but the sandbox cannot evaluate it."""
