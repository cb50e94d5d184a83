"""Tests of what Home Assistant's database has of the people who log in."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.db_schema import Base
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from sqlalchemy import select

from sandbox import Sandbox

from .common import settle, wait_for_refresh
from .engine.access.helpers import OWNER, PARTNER, STRANGER, settings
from .logins import log_in, login, only_another_login, told
from .test_login_entities import LAST_LOGIN, LOG_EVERY, LOGIN

_ADDRESS = "203.0.113.7"


@pytest.fixture(autouse=True)
def _recorded(recorder_mock: Recorder, sandbox: Sandbox) -> None:
    """Record all that happens, and begin without a login there."""
    only_another_login(sandbox)


async def recorded(hass: HomeAssistant, recorder: Recorder) -> str:
    """Return everything that the database has."""
    await settle(hass)
    await recorder.async_block_till_done()

    def read() -> str:
        with recorder.get_session() as session:
            return "\n".join(
                str(row)
                for table in Base.metadata.sorted_tables
                for row in session.execute(select(table))
            )

    return await recorder.async_add_executor_job(read)


@pytest.mark.parametrize(
    "devices", [[login(settings(OWNER, PARTNER))]], ids=["with login"]
)
async def test_nothing_personal_is_recorded(
    hass: HomeAssistant,
    recorder_mock: Recorder,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It knows that somebody logged in and somebody was refused, and a repair was opened, but not who."""
    log_in(sandbox, STRANGER, allowed=False)
    log_in(sandbox)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, PARTNER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_refused" in told(hass)

    text = await recorded(hass, recorder_mock)
    for part in (LAST_LOGIN, LOGIN, "cloudflare_mtls_login", loaded_entry.entry_id):
        assert part in text
    for somebody in (OWNER, PARTNER, STRANGER, _ADDRESS, sandbox.token):
        assert somebody not in text
