"""Tests of the room coordinator/."""
