"""Marks by which our own objects at Cloudflare are recognised."""

from typing import Final

BLOCK_REF: Final = "cloudflare_mtls_block"
SKIP_REF: Final = "cloudflare_mtls_skip"
RECORD_COMMENT: Final = "Home Assistant: Cloudflare mTLS"
