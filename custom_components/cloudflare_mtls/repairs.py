"""Repairs: what only a person can put right."""

from collections.abc import Collection

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DASHBOARD_URL, DOMAIN
from .edge.errors import Permission


@callback
def async_report_missing(
    hass: HomeAssistant,
    entry: ConfigEntry,
    watched: Collection[Permission],
    missing: Collection[Permission],
) -> None:
    """Open an issue for each permission that the token lacks, and close the others."""
    for permission in watched:
        issue_id = f"permission_missing_{entry.entry_id}_{permission.name.lower()}"
        if permission not in missing:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
            continue
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key="permission_missing",
            translation_placeholders={
                "account": entry.title,
                "permission": permission.value,
            },
            learn_more_url=f"{DASHBOARD_URL}/profile/api-tokens",
        )
