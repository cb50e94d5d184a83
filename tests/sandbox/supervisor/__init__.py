"""Tests of the sandbox's Supervisor, and of the app Cloudflared in it."""
