"""Run a real Home Assistant with a local Cloudflare, and check it with real requests."""
