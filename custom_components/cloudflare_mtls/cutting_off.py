"""Asks once more before somebody takes away the hostname that they came by."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.http import current_request
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .engine.moment import Moment
from .requested_host import requested_host
from .wording import Message, raise_translated_error

_TIME_TO_REPEAT: Final = timedelta(minutes=1)

# When each person was asked, by their id, about each hostname: one's answer is not another's.
_ASKED: HassKey[dict[tuple[str, str], Moment]] = HassKey(
    f"{DOMAIN}_asked_before_cutting_off"
)


def arrived_by(hostnames: Collection[str]) -> str | None:
    """Return by which of these hostnames the request came that is being answered, if by one."""
    request = current_request.get()
    if request is None:
        return None
    host = requested_host(request)
    return host if host in hostnames else None


@callback
def async_ask_before_cutting_off(
    hass: HomeAssistant, hostnames: Collection[str], context: Context | None
) -> None:
    """Raise HomeAssistantError if a person is about to take away their own way in.

    A person who does the same again within a minute is sure. Automations are not asked: the
    request that set one off may have come by anything.
    """
    if context is None or context.user_id is None:
        return
    hostname = arrived_by(hostnames)
    if hostname is None:
        return
    asked = hass.data.setdefault(_ASKED, {})
    question = context.user_id, hostname
    asked_on = asked.pop(question, None)
    if asked_on and asked_on.age < _TIME_TO_REPEAT:
        return
    asked[question] = Moment.now()
    raise_translated_error(Message("cuts_off", {"hostname": hostname}))
