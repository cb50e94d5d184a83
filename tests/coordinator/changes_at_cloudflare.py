"""Changes at Cloudflare that entities and repairs show, each with what undoes it."""

from collections.abc import Callable
from typing import Any

from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import (
    Access,
    AccessApplication,
    Connection,
    Connector,
    IpAccessRule,
    Setting,
    TunnelStatus,
    WorkerRoute,
)
from tests.common import CERTIFICATE_ID, HOSTNAME, blocked_request, zone_of


def attribute(thing: Any, name: str, value: Any) -> Callable[[], object]:
    """Change an attribute, and return the function that changes it back."""
    before = getattr(thing, name)
    setattr(thing, name, value)
    return lambda: setattr(thing, name, before)


def degrade(sandbox: Sandbox) -> Callable[[], object]:
    """Let the tunnel be degraded."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    return attribute(tunnel, "status", TunnelStatus.DEGRADED)


def disconnect(sandbox: Sandbox) -> Callable[[], object]:
    """Let one connector with two connections be left."""
    connectors = [Connector([Connection("fra06"), Connection("ams01")])]
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    return attribute(tunnel, "connectors", connectors)


def unrecord(sandbox: Sandbox) -> Callable[[], object]:
    """Delete the hostname's record."""
    records = zone_of(sandbox).dns_records
    kept = {key: item for key, item in records.items() if item.name != HOSTNAME}
    return attribute(zone_of(sandbox), "dns_records", kept)


def unrule(sandbox: Sandbox) -> Callable[[], object]:
    """Disable the skip rule."""
    rule = next(item for item in zone_of(sandbox).rules if item.action == "skip")
    return attribute(rule, "enabled", False)


def unassociate(sandbox: Sandbox) -> Callable[[], object]:
    """Empty the list of associated hostnames."""
    return attribute(zone_of(sandbox), "associations", [])


def unserve(sandbox: Sandbox) -> Callable[[], object]:
    """Delete the hostname's ingress rule."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    assert tunnel.config
    return attribute(
        tunnel,
        "config",
        {
            **tunnel.config,
            "ingress": [
                rule
                for rule in tunnel.config["ingress"]
                if rule.get("hostname") != HOSTNAME
            ],
        },
    )


def rename_status(sandbox: Sandbox) -> Callable[[], object]:
    """Give the device's certificate a status that nobody knows; one that is revoked does not come back."""
    certificate = zone_of(sandbox).certificates[CERTIFICATE_ID]
    return attribute(certificate, "status", "sleepy")


def close_websockets(sandbox: Sandbox) -> Callable[[], object]:
    """Turn WebSockets off."""
    setting = Setting("off", now())
    return attribute(zone_of(sandbox), "settings", {"websockets": setting})


def fight_bots(sandbox: Sandbox) -> Callable[[], object]:
    """Turn Bot Fight Mode on."""
    return attribute(zone_of(sandbox), "bot_management", {"fight_mode": True})


def ask_for_a_login(sandbox: Sandbox) -> Callable[[], object]:
    """Put a login of Access before the hostname."""
    destinations = [{"type": "public", "uri": HOSTNAME}]
    login = AccessApplication("Login", destinations)
    account = sandbox.state.accounts[sandbox.account_id]
    access = Access(team="home", applications={login.id: login})
    return attribute(account, "access", access)


def allow(sandbox: Sandbox) -> Callable[[], object]:
    """Allow a country past the custom rules."""
    rule = IpAccessRule("whitelist", "country", "AT")
    return attribute(zone_of(sandbox), "ip_access_rules", [rule])


def run_a_worker(sandbox: Sandbox) -> Callable[[], object]:
    """Run a Worker at another hostname of the zone."""
    route = WorkerRoute("blog.example.com/*", "blog")
    return attribute(zone_of(sandbox), "worker_routes", [route])


def block(sandbox: Sandbox) -> Callable[[], object]:
    """Let a request be blocked."""
    return attribute(sandbox.state, "blocked", [blocked_request()])
