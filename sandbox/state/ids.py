"""Identifiers, as Cloudflare has them."""

import secrets
import uuid


def new_id() -> str:
    """Make an identifier such as those of zones, records and rules."""
    return secrets.token_hex(16)


def new_uuid() -> str:
    """Make an identifier such as those of tunnels and certificates."""
    return str(uuid.uuid4())
