"""Tests of Cloudflare mTLS and its sandbox."""

# The first to be imported wins: the test plugin brings a package of that name along.
import custom_components  # noqa: F401
