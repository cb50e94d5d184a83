"""Compare this integration with others, in one run, at the same local Cloudflare."""
