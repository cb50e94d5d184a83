"""Changes that somebody can make at Cloudflare, and that the checks find."""

from collections.abc import Callable
from typing import Any

from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import AccessApplication, AccessPolicy, Setting
from tests.common import zone_of

ZONE_WIDE = {"target": "example.com", "value": "–", "detail": "–"}
"""The placeholders of a repair that is about a whole zone."""


def change_setting(name: str, value: str) -> Callable[[Sandbox], None]:
    """Return a function that changes a setting of the zone."""

    def change(sandbox: Sandbox) -> None:
        zone_of(sandbox).settings[name] = Setting(value, now())

    return change


def bot_fight_mode(sandbox: Sandbox) -> None:
    """Switch Bot Fight Mode on, and change another setting beside it."""
    zone_of(sandbox).bot_management = {"fight_mode": True, "enable_js": False}


def config_of(sandbox: Sandbox) -> dict[str, Any]:
    """Return the configuration of the tunnel."""
    config = sandbox.state.tunnels[sandbox.tunnel_id].config
    assert config is not None
    return config


def no_catch_all(sandbox: Sandbox) -> None:
    """Remove the tunnel's last rule."""
    config_of(sandbox)["ingress"].pop()


def log_in(sandbox: Sandbox) -> None:
    """Have Access ask for a login at every hostname of the zone."""
    access = sandbox.state.accounts[sandbox.account_id].access
    policy = AccessPolicy(
        "Family", "allow", [{"email_domain": {"domain": "a.example"}}]
    )
    destinations = [{"type": "public", "uri": "*.example.com"}]
    application = AccessApplication("Everything", destinations, [policy])
    access.applications[application.id] = application
