"""Let the test plugin of the oldest supported Home Assistant drive the newest one.

`-p tests.newest_home_assistant` loads this before the plugin, which imports httpx
(by then Home Assistant must have replaced it), patches Home Assistant (before more
of it is imported) and wants a name of the logger that has since moved.
"""

import homeassistant  # noqa: F401

# isort: split
from pytest_homeassistant_custom_component import patch_json, patch_recorder, patch_time  # noqa: F401

# isort: split
from homeassistant.components import logger
from homeassistant.components.logger.helpers import _clear_logger_overwrites

logger._clear_logger_overwrites = _clear_logger_overwrites  # noqa: SLF001
