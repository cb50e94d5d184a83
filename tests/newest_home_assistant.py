"""Makes the test plugin of the oldest supported Home Assistant work with the newest one.

`-p tests.newest_home_assistant` loads this module before the plugin. The plugin imports httpx,
which Home Assistant has to replace first. It patches Home Assistant, which has to happen before
more of it is imported. And it uses a function of the logger that has moved since.
"""

import homeassistant  # noqa: F401

# isort: split
from pytest_homeassistant_custom_component import patch_json, patch_recorder, patch_time  # noqa: F401

# isort: split
from homeassistant.components import logger
from homeassistant.components.logger.helpers import _clear_logger_overwrites

logger._clear_logger_overwrites = _clear_logger_overwrites  # noqa: SLF001
