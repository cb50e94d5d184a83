"""Tests of the integration and of its sandbox."""

# The test plugin has a package of this name too, and the one that is imported first stays.
import custom_components  # noqa: F401
