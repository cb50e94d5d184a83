"""Tests of the room engine/tunnels/."""
