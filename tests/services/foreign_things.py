"""Everything at Cloudflare that others made."""

import copy
from typing import Any

from sandbox import Sandbox
from tests.common import BLOCK_REF, HOSTNAME, SKIP_REF, zone_of


def foreign(sandbox: Sandbox) -> dict[str, Any]:
    """Return a copy of everything at Cloudflare that others made, in its order."""
    zone, tunnel = zone_of(sandbox), sandbox.state.tunnels[sandbox.tunnel_id]
    config = copy.deepcopy(tunnel.config)
    assert config
    config["ingress"] = [
        rule for rule in config["ingress"] if rule.get("hostname") != HOSTNAME
    ]
    return {
        "rules": [
            copy.deepcopy(rule)
            for rule in zone.rules
            if rule.ref not in (BLOCK_REF, SKIP_REF)
        ],
        "records": [
            copy.deepcopy(record)
            for record in zone.dns_records.values()
            if record.name != HOSTNAME
        ],
        "associations": [name for name in zone.associations or [] if name != HOSTNAME],
        "config": config,
        "certificates": copy.copy(zone.certificates),
    }
