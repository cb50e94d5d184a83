"""Tests of the room engine/api/."""
