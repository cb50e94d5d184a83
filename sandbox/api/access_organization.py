"""An account's Zero Trust organization and its identity providers."""

from typing import Any

from sandbox.state import IdentityProvider

from ..envelope import Answer
from .access_policies import enabled
from .paging import Paging
from .routing import Call, Routes

routes = Routes()

_PAGING = Paging(default=1000, minimum=1, maximum=1000)


@routes.get("/accounts/{account_id}/access/organizations")
async def get_organization(call: Call) -> Answer:
    """Return the organization."""
    access = enabled(call)
    return Answer(
        {
            "name": call.account.name,
            "auth_domain": access.auth_domain,
            "is_ui_read_only": False,
            "auto_redirect_to_identity": False,
            "session_duration": "24h",
        }
    )


@routes.get("/accounts/{account_id}/access/identity_providers")
async def list_identity_providers(call: Call) -> Answer:
    """List the identity providers."""
    providers = enabled(call).identity_providers
    return _PAGING.answer(call.query, providers, _provider_json)


def _provider_json(provider: IdentityProvider) -> dict[str, Any]:
    return {
        "id": provider.id,
        "name": provider.name,
        "type": provider.type,
        "config": provider.config,
    }
