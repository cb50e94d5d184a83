"""Bundles, opened by other people's readers."""
