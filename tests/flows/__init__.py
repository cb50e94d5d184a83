"""Tests of the dialogs in flows/."""
