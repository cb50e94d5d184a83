"""A Home Assistant in this process, with a local Cloudflare in another process.

It imports no integration: what one costs is measured from here.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import logging
import os
import tempfile
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from demo.cloudflare import Cloudflare

# Hide two warnings: about the custom integration, and about a slow zlib.
for name in ("aiohttp_fast_zlib", "homeassistant.loader"):
    logging.getLogger(name).setLevel(logging.ERROR)


@asynccontextmanager
async def home(
    cloudflare: Cloudflare, *, visits: bool = False
) -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant that uses a local Cloudflare in place of the real one.

    visits: whether it reaches the local edge too; without, no visit gets an answer.
    """
    environment = {"CLOUDFLARE_BASE_URL": cloudflare.facts["api_url"]}
    if visits:
        environment = cloudflare.environment
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, environment):
        async with async_test_home_assistant(config_dir=folder) as hass:
            # The test helper disables custom integrations; enable them.
            hass.data.pop(DATA_CUSTOM_COMPONENTS)
            # It also leaves out what reports an integration that uses something deprecated.
            frame.async_setup(hass)
            await hass.config.async_update(internal_url="http://192.168.1.10:8123")
            await async_setup_component(hass, "http", {})
            try:
                yield hass
            finally:
                await hass.async_stop(force=True)


async def settle(hass: HomeAssistant) -> None:
    """Wait for all tasks, background tasks included."""
    await hass.async_block_till_done(wait_background_tasks=True)
