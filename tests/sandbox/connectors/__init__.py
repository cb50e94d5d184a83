"""Tests with a real cloudflared, where it is installed."""
