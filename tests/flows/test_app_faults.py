"""Every fault at every call of the Supervisor while a hostname is added to an app: nothing opens, nothing is lost."""

from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from sandbox import Sandbox
from sandbox.supervisor import Fault, FaultKind, Supervisor
from tests.common import BLOCK_REF, submit, zone_of
from tests.supervised import OPTIONS, install_app

from .test_by_app import NAME, WITH_ENTRY, to_app

# The calls from the consent on: options, validation, write, options, restart, state.
_CALLS: Final = 6
_KINDS: Final = (
    FaultKind.UNAUTHORIZED,
    FaultKind.SERVER_ERROR,
    FaultKind.UNAVAILABLE,
    FaultKind.REFUSED,
    FaultKind.LOST,
    FaultKind.RESET_AFTER,
)


@pytest.mark.parametrize("call", range(1, _CALLS + 1))
@pytest.mark.parametrize("kind", _KINDS)
async def test_fault(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    kind: FaultKind,
    call: int,
) -> None:
    """The app runs with its old options or with the entry, behind the block rule, and the dialog says which."""
    app = await install_app(sandbox, supervisor)
    form = await to_app(hass, sandbox, app)
    # aiohttp repeats a request whose connection was cut, if that is safe.
    times = 2 if kind is FaultKind.RESET_AFTER else 1
    supervisor.faults.add(Fault(kind, first=call, times=times))

    result = await submit(hass, form, {"change_app": True})

    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    assert NAME in block.expression
    assert app.connector_id
    if result["type"] is FlowResultType.CREATE_ENTRY:
        assert app.user_options == WITH_ENTRY
    else:
        assert result["step_id"] == "by_hand"
        assert result["errors"]["base"].startswith("app_")
        assert app.user_options in (OPTIONS, WITH_ENTRY)
        assert (app.user_options == OPTIONS) or result["errors"] == {"base": "app_left"}
