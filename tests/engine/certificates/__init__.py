"""Tests of the room engine/certificates/."""
