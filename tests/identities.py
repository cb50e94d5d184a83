"""Requests as the edge sends them on, with what its header rule tells, for the tests."""

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from custom_components.cloudflare_mtls.engine.rules.header_rule import (
    CERTIFICATE_HEADER,
    MARK_HEADER,
)
from custom_components.cloudflare_mtls.identity import identity_of
from sandbox import Sandbox
from sandbox.state import TRANSFORM_PHASE
from tests.common import zone_of
from tests.dialogs import THROUGH_CLOUDFLARE

PATH = "/api/identity"


class IdentityView(HomeAssistantView):
    """Answers with what is believed of a request."""

    url = PATH
    name = "api:identity"
    requires_auth = False

    async def get(self, request: web.Request) -> web.Response:
        """Return the hostname and the fingerprint, or nothing."""
        identity = identity_of(request.app[KEY_HASS], request)
        told = [identity.hostname, identity.fingerprint] if identity else None
        return self.json(told)


def mark_at(sandbox: Sandbox) -> str:
    """Return the mark that the edge's rule sets."""
    [rule] = zone_of(sandbox).rules_of(TRANSFORM_PHASE)
    assert rule.action_parameters is not None
    mark: str = rule.action_parameters["headers"][MARK_HEADER]["value"]
    return mark


def told_headers(sandbox: Sandbox, fingerprint: str | None) -> dict[str, str]:
    """Return the headers of a request through the tunnel, with a certificate or without one."""
    certificate = {CERTIFICATE_HEADER: fingerprint} if fingerprint else {}
    return {**THROUGH_CLOUDFLARE, MARK_HEADER: mark_at(sandbox), **certificate}


def register(hass: HomeAssistant) -> None:
    """Register the view; once a client is connected, that is not possible any more."""
    hass.http.register_view(IdentityView())
