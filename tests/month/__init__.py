"""A month of life: a real Home Assistant, a local Cloudflare, and troubles at random."""
