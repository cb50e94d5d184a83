"""Home Assistant and a local Cloudflare, started for real, and proofs by real requests."""
