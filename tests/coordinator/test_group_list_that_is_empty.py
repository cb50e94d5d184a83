"""Tests of one answer in which the groups of Access are missing."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import AccessGroup
from tests.engine.access.helpers import OWNER, PARTNER, without_pauses
from tests.flows.test_login_drift import look
from tests.logins import access_of, only_another_login

from .test_login_sessions import ended
from .test_sessions_of_strangers import with_group


@pytest.fixture(autouse=True)
def _family(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    only_another_login(sandbox)
    without_pauses(monkeypatch)
    both: list[dict[str, Any]] = [
        {"email": {"email": OWNER}},
        {"email": {"email": PARTNER}},
    ]
    access_of(sandbox).groups["family"] = AccessGroup("Family", both, id="family")


@with_group
async def test_single_answer_without_groups(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nobody is logged out, of other applications of the account least of all."""
    await look(hass, loaded_entry)
    groups = dict(access_of(sandbox).groups)
    access_of(sandbox).groups.clear()
    await look(hass, loaded_entry)
    access_of(sandbox).groups.update(groups)
    await look(hass, loaded_entry)
    assert ended(sandbox) == []
