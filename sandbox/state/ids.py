"""Identifiers in Cloudflare's two forms."""

import secrets
import uuid


def new_id() -> str:
    """Create an identifier for a zone, record or rule."""
    return secrets.token_hex(16)


def new_uuid() -> str:
    """Create an identifier for a tunnel or certificate."""
    return str(uuid.uuid4())
