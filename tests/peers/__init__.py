"""Bundles, opened by programs of other people."""
