"""Tests of what knows Cloudflare."""
