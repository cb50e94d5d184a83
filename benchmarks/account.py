"""The config entry of an account of ours, and what is done with it."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine import moment
from custom_components.cloudflare_mtls.engine.access.settings import (
    LoginSettings,
    People,
)
from custom_components.cloudflare_mtls.subentries import login_data
from demo.cloudflare import Cloudflare
from sandbox.seed import SERVICE

from .crowd import Place


@contextmanager
def ahead(passed: timedelta) -> Generator[None]:
    """Let the integration believe that so much time has passed."""
    then = time.monotonic() + passed.total_seconds()
    with patch.object(moment, "time", SimpleNamespace(monotonic=lambda: then)):
        yield


def account(
    cloudflare: Cloudflare,
    places: Iterable[Place],
    *,
    keep_in_sync: bool,
    login: str | None = None,
) -> MockConfigEntry:
    """Return an account's config entry with protected hostnames; it is not set up yet.

    login: a hostname that asks for a login, if there is one.
    """
    facts = cloudflare.facts
    logins = [_login(facts["zone_id"], login)] if login else []
    return MockConfigEntry(
        domain=DOMAIN,
        title="Home lab",
        unique_id=facts["account_id"],
        data={"api_token": facts["token"], "account_id": facts["account_id"]},
        subentries_data=[
            ConfigSubentryDataWithId(
                subentry_id=f"01JHOSTNAME{number:015}",
                subentry_type="protected_hostname",
                title=place.hostname,
                unique_id=place.hostname,
                data={
                    "hostname": place.hostname,
                    "zone_id": place.zone_id,
                    "tunnel_id": place.tunnel_id,
                    "service": SERVICE,
                    "layout": "skip_and_block",
                    "exempt_paths": [],
                    "published": True,
                    "keep_in_sync": keep_in_sync,
                    # Each device is added to one of the limited hostnames later.
                    "devices": [] if place.is_limited else None,
                },
            )
            for number, place in enumerate(places)
        ]
        + logins,
    )


def _login(zone_id: str, hostname: str) -> ConfigSubentryDataWithId:
    settings = LoginSettings(
        hostname=hostname,
        zone_id=zone_id,
        who=People(frozenset({"owner@example.com", "partner@example.com"})),
        countries=frozenset({"AT", "DE"}),
        one_time_pin=True,
        open_paths=frozenset({"/auth/token"}),
    )
    return ConfigSubentryDataWithId(
        subentry_id="01JLOGIN000000000000000001",
        subentry_type="login_hostname",
        title=hostname,
        unique_id=hostname,
        data=login_data(settings),
    )


async def act(
    hass: HomeAssistant, entry: MockConfigEntry, action: str, **fields: Any
) -> None:
    """Perform an action of the integration."""
    await hass.services.async_call(
        DOMAIN,
        action,
        {"config_entry_id": entry.entry_id, **fields},
        blocking=True,
        return_response=True,
    )
