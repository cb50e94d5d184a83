"""Tests of the room engine/sync/."""
