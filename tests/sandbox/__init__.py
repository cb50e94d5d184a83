"""Tests of the local Cloudflare."""
