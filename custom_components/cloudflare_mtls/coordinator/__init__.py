"""Coordinators: what an account watches at Cloudflare, and what it fixes there."""
