"""A local Cloudflare: API, certificate authority, rule engine and TLS edge."""

from .service import Sandbox

__all__ = ["Sandbox"]
