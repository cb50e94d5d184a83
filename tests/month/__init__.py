"""A month of a real Home Assistant with a local Cloudflare, and with faults at random."""
