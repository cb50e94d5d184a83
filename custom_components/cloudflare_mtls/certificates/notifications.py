"""Tells administrators that a device can download its certificate."""

from homeassistant.core import HomeAssistant, callback

from ..engine.certificates.companions import CompanionDevice
from ..issues import async_report, ready_issue
from ..pages.handovers import async_get_handovers


@callback
def async_report_ready(
    hass: HomeAssistant, entry_id: str, device: CompanionDevice
) -> None:
    """Open a repair whose dialog shows link and code, as long as the device can fetch its certificate.

    Every user sees notifications, and a script's trace holds what an action returns. Only
    administrators can open the dialog of a repair.
    """
    group = f"ready_{device.id}"

    @callback
    def close() -> None:
        async_report(hass, entry_id, group, [])

    if async_get_handovers(hass).call_at_end(device.id, close):
        async_report(hass, entry_id, group, [ready_issue(device)])
