"""What the fork server of `home_process` imports before it forks.

A first call imports more modules than the imports here do, so this makes one that fails.
"""

import asyncio

from tests.engine.builders import protected

from .home import Home

# Nothing listens on port 9.
asyncio.run(Home("token", "http://127.0.0.1:9", protected()).sync())
