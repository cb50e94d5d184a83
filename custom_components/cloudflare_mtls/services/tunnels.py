"""The action that creates a tunnel."""

from typing import Final

from homeassistant.const import ATTR_NAME
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import probatio

from ..const import DOMAIN
from ..engine.api.errors import Conflict
from ..engine.tunnels.new_tunnel import MAX_NAME_LENGTH, NewTunnel
from ..quoting import shown
from ..wording import raise_translated
from .action import ENTRY_SCHEMA, Action, entry_of

_CREATE_SCHEMA: Final = ENTRY_SCHEMA.extend(
    {
        probatio.Required(ATTR_NAME): probatio.All(
            cv.string, str.strip, probatio.Length(min=1, max=MAX_NAME_LENGTH)
        )
    }
)


async def _create(call: ServiceCall) -> ServiceResponse:
    """Create a tunnel; its token is shown in the dialog only, never in a response."""
    data, name = entry_of(call).runtime_data, call.data[ATTR_NAME]
    with raise_translated():
        try:
            tunnel = await NewTunnel(
                data.client, data.tunnels.account_id, name
            ).create()
        except Conflict as err:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="tunnel_name_taken",
                translation_placeholders=shown({"name": name}),
            ) from err
    await data.tunnels.async_refresh()
    return {"tunnel_id": tunnel.id, ATTR_NAME: tunnel.name, "status": tunnel.status}


TUNNEL_ACTIONS: Final = (
    Action(name="create_tunnel", handler=_create, schema=_CREATE_SCHEMA),
)
