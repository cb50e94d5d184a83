"""What is at Cloudflare: ours, and everything else."""

import json
from typing import Any

from .home_assistant import JSON
from .report import CheckFailed, expect_equal
from .world import World


async def block_rule(world: World) -> JSON:
    """Return our block rule, as it is at Cloudflare."""
    rules = await world.cloudflare.rules()
    for rule in rules:
        if rule["action"] == "block" and world.hostname in rule["expression"]:
            return rule
    raise CheckFailed(f"no rule blocks {world.hostname}: {json.dumps(rules)}")


async def ours(world: World) -> dict[str, list[str]]:
    """Return everything at Cloudflare for our hostname, with short names; rules by action."""
    return {
        name: [_short_name(item) for item in items if _is_ours(world, item)]
        for name, items in (await _read_lists(world)).items()
    }


async def expect_ours_once(world: World) -> None:
    """Raise CheckFailed unless everything for our hostname exists exactly once."""
    wanted = {
        "rules": ["skip", "block"],
        "records": [world.hostname],
        "associations": [world.hostname],
        "ingress": [world.hostname],
    }
    expect_equal(await ours(world), wanted, "what is ours")


async def not_ours(world: World) -> dict[str, str]:
    """Return everything at Cloudflare that does not belong to our hostname."""
    configuration = await world.cloudflare.tunnel_configuration()
    parts: dict[str, object] = {
        name: [item for item in items if not _is_ours(world, item)]
        for name, items in (await _read_lists(world)).items()
    }
    parts["tunnel"] = {**configuration, "ingress": "listed separately"}
    return {name: json.dumps(part) for name, part in parts.items()}


async def expect_rest_unchanged(world: World) -> None:
    """Raise CheckFailed unless everything that is not ours is unchanged, byte for byte."""
    for name, part in (await not_ours(world)).items():
        expect_equal(part, world.before[name], f"what is not ours of {name}")


async def _read_lists(world: World) -> dict[str, list[Any]]:
    zone = await world.cloudflare.zone()
    configuration = await world.cloudflare.tunnel_configuration()
    return {
        "rules": await world.cloudflare.rules(),
        "records": zone["dns_records"],
        "associations": zone["associations"],
        "ingress": configuration["ingress"],
    }


def _is_ours(world: World, item: object) -> bool:
    return world.hostname in json.dumps(item)


def _short_name(item: JSON | str) -> str:
    if isinstance(item, str):
        return item
    text: str = next(item[key] for key in ("action", "hostname", "name") if key in item)
    return text
