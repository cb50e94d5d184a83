"""Measure how long plans hold the event loop where many hostnames are limited to some devices."""

from collections.abc import Callable
from dataclasses import replace
import statistics
import sys
import time
from typing import Final

from custom_components.cloudflare_mtls.engine.api.ingress import TunnelConfiguration
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import (
    Account,
    Observation,
    Ruleset,
    Zone,
)
from custom_components.cloudflare_mtls.engine.rules.meaning import evaluate
from custom_components.cloudflare_mtls.engine.rules.parser import parse
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname
from custom_components.cloudflare_mtls.engine.sync.steps import advance
from sandbox.seed import ACCOUNT_ID, SERVICE, TUNNEL_ID, ZONE_ID, ZONE_NAME

from .figures import within_budget

# A rule holds 4,096 characters, which is room for about this much in one pair of rules.
ZONES: Final = 4
HOSTNAMES: Final = 25
LIMITED: Final = 5
DEVICES: Final = 50
DEVICES_OF_A_HOSTNAME: Final = 3
ROUNDS: Final = 20
HOLD_MS: Final = 20

# Each device renews its certificate sooner or later; here none does.
ACCEPTED: Final = Accepted(
    of_device={
        f"device {number}": frozenset({f"{number:064x}"}) for number in range(DEVICES)
    }
)


def _desired(zone: int) -> DesiredZone:
    """Return a zone with hostnames for all devices, and some for a few."""
    hostnames = []
    for number in range(HOSTNAMES):
        first = (zone * LIMITED + number) * DEVICES_OF_A_HOSTNAME
        devices = frozenset(
            f"device {(first + more) % DEVICES}"
            for more in range(DEVICES_OF_A_HOSTNAME)
        )
        hostnames.append(
            ProtectedHostname(
                hostname=f"service-{number}.{ZONE_NAME}",
                tunnel_id=TUNNEL_ID,
                service=SERVICE,
                devices=devices if number < LIMITED else None,
            )
        )
    return DesiredZone(hostnames=tuple(hostnames), accepted=ACCEPTED)


def _empty() -> Observation:
    account = Account(id=ACCOUNT_ID, name="Home lab")
    configuration = TunnelConfiguration.from_raw(
        TUNNEL_ID, Fields({"ingress": [{"service": "http_status:404"}]})
    )
    return Observation(
        zone=Zone(
            id=ZONE_ID, name=ZONE_NAME, account=account, plan="free", active=True
        ),
        ruleset=Ruleset(id="rs", rules=()),
        associations=(),
        records=(),
        configurations={TUNNEL_ID: configuration},
        local_tunnels=frozenset(),
    )


def _settled(desired: DesiredZone) -> Observation:
    """Return a zone that is in sync."""
    observation, plan = _empty(), make_plan(_empty(), desired)
    assert plan.problems == ()
    for step in plan.steps:
        observation = advance(observation, step)
    assert make_plan(observation, desired).in_sync
    return observation


def _longest(plan: Callable[[], Plan], *, cold: bool) -> float:
    """Return the milliseconds of a plan; cold is the first one after a start.

    A plan waits for nothing, so its CPU time is how long it holds the event loop; what other
    programs of this machine take is not in it.
    """
    seconds = []
    for _ in range(ROUNDS):
        if cold:
            evaluate.cache_clear()
            parse.cache_clear()
        start = time.thread_time()
        plan()
        seconds.append(time.thread_time() - start)
    return statistics.median(seconds) * 1000


def main() -> bool:
    """Print how long each plan takes, and return whether all are within budget."""
    print(
        f"{ZONES} zones with {HOSTNAMES} hostnames, {LIMITED} of which are limited to "
        f"{DEVICES_OF_A_HOSTNAME} of {DEVICES} devices:"
    )
    zones = [_desired(number) for number in range(ZONES)]
    observations = [_settled(desired) for desired in zones]
    desired, observation = zones[0], observations[0]
    changed = replace(
        desired,
        accepted=ACCEPTED.with_another("device 0", "f" * 64),
    )
    room = make_plan(observation, desired).placement.room_for(f"service-0.{ZONE_NAME}")
    print(f"  room for more certificates at a limited hostname: {room}")
    figures = {
        "plan of a zone in sync": (lambda: make_plan(observation, desired), False),
        "plan of a zone in sync, for the first time": (
            lambda: make_plan(observation, desired),
            True,
        ),
        "plan of a renewed certificate": (
            lambda: make_plan(observation, changed),
            True,
        ),
        "plan of a new zone": (lambda: make_plan(_empty(), desired), True),
    }
    kept = [
        within_budget(f"  {name}", _longest(plan, cold=cold), HOLD_MS, " ms")
        for name, (plan, cold) in figures.items()
    ]
    return all(kept)


if __name__ == "__main__":
    sys.exit(not main())
