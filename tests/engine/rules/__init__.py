"""Tests of the room engine/rules/."""
