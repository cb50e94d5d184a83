"""Tests of the engine, the package that knows Cloudflare."""
