"""The end of a tunnel to which a real cloudflared connects; this package needs h2 and pycapnp."""

from .listener import Connectors

__all__ = ["Connectors"]
