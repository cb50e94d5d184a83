"""Logins by Cloudflare Access in front of a hostname: settings, desired, plan, apply."""
