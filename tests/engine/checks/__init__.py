"""Tests of the room engine/checks/."""
