"""Imported by the fork server alone: makes a call in vain, for all that a first call imports."""

import asyncio

from tests.engine.builders import protected

from .home import Home

# Nothing serves discard, port 9.
asyncio.run(Home("token", "http://127.0.0.1:9", protected()).sync())
