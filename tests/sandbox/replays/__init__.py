"""Situations in which the sandbox has to answer as recorded; each module registers those of one resource."""

from . import (
    access,
    access_people,
    certificates,
    dns,
    edge,
    graphql,
    rulesets,
    tokens,
    tunnels,
)
from .stage import REPLAYS, Stage

__all__ = [
    "REPLAYS",
    "Stage",
    "access",
    "access_people",
    "certificates",
    "dns",
    "edge",
    "graphql",
    "rulesets",
    "tokens",
    "tunnels",
]
