"""What Cloudflare's edge is, must be, and how to get it there; knows nothing of Home Assistant."""
