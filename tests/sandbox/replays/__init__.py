"""Situations in which the sandbox has to answer as recorded; each module registers those of one resource."""

from . import access, certificates, dns, edge, graphql, rulesets, tokens, tunnels
from .stage import REPLAYS, Stage

__all__ = [
    "REPLAYS",
    "Stage",
    "access",
    "certificates",
    "dns",
    "edge",
    "graphql",
    "rulesets",
    "tokens",
    "tunnels",
]
