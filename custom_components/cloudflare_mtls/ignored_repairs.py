"""Keeps repairs that can be fixed from being ignored by anybody but the administrator in their dialog.

Home Assistant lets every user ignore a repair, but lets only administrators open the dialog of one.
"""

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

_IGNORED: HassKey[set[str]] = HassKey(f"{DOMAIN}_ignored_repairs")


@callback
def async_setup_ignored_repairs(hass: HomeAssistant) -> None:
    """Watch which repairs are ignored, from before the first one is reported."""
    hass.data[_IGNORED] = {
        issue_id
        for (domain, issue_id), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.dismissed_version
    }
    hass.bus.async_listen(
        ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED,
        callback(lambda event: _check(hass, event)),
    )


@callback
def async_ignore(hass: HomeAssistant, issue_id: str) -> None:
    """Ignore a repair, as an administrator chose in its dialog."""
    hass.data[_IGNORED].add(issue_id)
    ir.async_ignore_issue(hass, DOMAIN, issue_id, ignore=True)


@callback
def _check(hass: HomeAssistant, event: Event[ir.EventIssueRegistryUpdatedData]) -> None:
    """Show a repair again that was ignored on another way."""
    if event.data["domain"] != DOMAIN:
        return
    issue_id = event.data["issue_id"]
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if issue is None or not issue.dismissed_version:
        hass.data[_IGNORED].discard(issue_id)
    elif issue.is_fixable and issue_id not in hass.data[_IGNORED]:
        ir.async_ignore_issue(hass, DOMAIN, issue_id, ignore=False)
