"""Passes on what the edge told of a request, wherever Home Assistant lets a request be seen."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from aiohttp import web
from homeassistant.components import persistent_notification
from homeassistant.components.http.ban import NOTIFICATION_ID_LOGIN
from homeassistant.components.websocket_api.const import SIGNAL_WEBSOCKET_CONNECTED
from homeassistant.const import (
    CONF_WEBHOOK_ID,
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import (
    async_dispatcher_connect,
    async_dispatcher_send,
)
from homeassistant.helpers.http import current_request
from homeassistant.util.signal_type import SignalType

from .const import DOMAIN
from .identity import Identity, identity_of

_MOBILE_APP: Final = "mobile_app"
_WEBHOOKS: Final = "/api/webhook/"


class ToldRequest(NamedTuple):
    """A request of which the edge told something that can be believed.

    path: what was asked for, as the edge's rules see it: an escaped path is not exempt.
    app_id: the device, in Home Assistant, whose companion app sent it; None where nobody knows.
    """

    identity: Identity
    path: str
    app_id: str | None


SIGNAL_TOLD = SignalType[ToldRequest](f"{DOMAIN}_told")


@callback
def async_watch_requests(hass: HomeAssistant) -> None:
    """Pass on requests in which somebody logs in, fails to, or an app sends what it measures.

    Home Assistant shows integrations no requests but those to their own pages. These are the moments
    at which it calls others while it answers one.
    """

    @callback
    def connected() -> None:
        _async_pass_on_current(hass)

    @callback
    def notified(
        change: persistent_notification.UpdateType,
        notifications: Mapping[str, persistent_notification.Notification],
    ) -> None:
        if NOTIFICATION_ID_LOGIN in notifications:
            _async_pass_on_current(hass)

    @callback
    def state_written(event: Event[Any]) -> None:
        entity = er.async_get(hass).async_get(event.data["entity_id"])
        if entity and entity.platform == _MOBILE_APP:
            _async_pass_on_current(hass, entity)

    async_dispatcher_connect(hass, SIGNAL_WEBSOCKET_CONNECTED, connected)
    persistent_notification.async_register_callback(hass, notified)
    for event_type in (EVENT_STATE_CHANGED, EVENT_STATE_REPORTED):
        hass.bus.async_listen(event_type, state_written, event_filter=_is_in_webhook)


@callback
def async_pass_on(
    hass: HomeAssistant, request: web.Request, app: er.RegistryEntry | None = None
) -> None:
    """Pass on what the edge told of a request, if it told anything.

    app: an entity of a companion app that was written meanwhile.
    """
    if identity := identity_of(hass, request):
        app_id = app.device_id if app and _is_sent_by(hass, request, app) else None
        told = ToldRequest(identity, request.rel_url.raw_path, app_id)
        async_dispatcher_send(hass, SIGNAL_TOLD, told)


@callback
def _async_pass_on_current(
    hass: HomeAssistant, app: er.RegistryEntry | None = None
) -> None:
    if request := current_request.get():
        async_pass_on(hass, request, app)


def _is_sent_by(
    hass: HomeAssistant, request: web.Request, app: er.RegistryEntry
) -> bool:
    """Return whether a request came from an app itself: others may lead to it being written, too."""
    entry_id = app.config_entry_id
    entry = hass.config_entries.async_get_entry(entry_id) if entry_id else None
    return (
        entry is not None
        and request.path == f"{_WEBHOOKS}{entry.data.get(CONF_WEBHOOK_ID)}"
    )


@callback
def _is_in_webhook(data: object) -> bool:
    """Return whether a request of an app is being answered, or of what works as apps do."""
    request = current_request.get()
    return request is not None and request.path.startswith(_WEBHOOKS)
