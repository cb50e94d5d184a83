"""Logins by Cloudflare Access in front of a hostname."""
