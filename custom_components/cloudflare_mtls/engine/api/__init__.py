"""Cloudflare's API: requests, models, errors."""
