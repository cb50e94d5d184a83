"""Actions of Cloudflare mTLS, all for administrators."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import service

from ..const import DOMAIN
from .access import ACCESS_ACTIONS
from .certificates import CERTIFICATE_ACTIONS
from .dashboard import DASHBOARD_ACTIONS
from .hostnames import HOSTNAME_ACTIONS
from .tunnels import TUNNEL_ACTIONS


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for action in (
        *CERTIFICATE_ACTIONS,
        *HOSTNAME_ACTIONS,
        *TUNNEL_ACTIONS,
        *ACCESS_ACTIONS,
        *DASHBOARD_ACTIONS,
    ):
        service.async_register_admin_service(
            hass,
            DOMAIN,
            action.name,
            action.handler,
            action.schema,
            supports_response=action.response,
        )
