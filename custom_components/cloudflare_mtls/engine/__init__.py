"""Knows Cloudflare: reads, judges, plans and writes; imports nothing of Home Assistant."""
