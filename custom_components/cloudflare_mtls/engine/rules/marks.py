"""Marks by which our own rules and DNS records are recognised at Cloudflare."""

from typing import Final

BLOCK_REF: Final = "cloudflare_mtls_block"
SKIP_REF: Final = "cloudflare_mtls_skip"
RECORD_COMMENT: Final = "Home Assistant: Cloudflare mTLS"
