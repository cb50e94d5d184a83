"""Settings to desired state, to a plan, to writes at Cloudflare."""
