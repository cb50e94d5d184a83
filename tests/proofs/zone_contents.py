"""What a zone and its tunnel contain: what is foreign, what is ours, and how often."""

from collections.abc import Collection, Iterable
from typing import Any

from custom_components.cloudflare_mtls.engine.rules.marks import RECORD_COMMENT, pair_of
from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname
from sandbox import firewall, ingress
from sandbox.api.dns import record_json
from sandbox.api.rulesets import ruleset_json

from .exposure import UnauthorizedRequest
from .hostnames import DEVICES
from .resettable_sandbox import ResettableSandbox


def foreign_contents(
    sandbox: ResettableSandbox,
    hostnames: Iterable[str],
    adopted: Collection[str] = (),
    unmarked: Collection[str] = (),
) -> dict[str, Any]:
    """Return everything that is not ours, as JSON of the API and in its order.

    Of the hostnames that a home adopted, the ingress rules are their owner's. Records are ours by
    their comments, or by their ids where somebody took these away.
    """
    zone, ours = sandbox.zone, set(hostnames)
    entrypoint = zone.entrypoint()
    rules = ruleset_json(entrypoint).get("rules", []) if entrypoint else []
    config = sandbox.tunnel.config or {}
    return {
        "rules": [rule for rule in rules if not pair_of(rule["ref"])],
        "records": [
            record_json(record)
            for record in zone.dns_records.values()
            if record.name not in ours
            or (record.comment != RECORD_COMMENT and record.id not in unmarked)
        ],
        "associations": [name for name in zone.associations or () if name not in ours],
        "ingress": [
            rule
            for rule in sandbox.tunnel.ingress
            if rule.get("hostname") not in ours.difference(adopted) or rule.get("path")
        ],
        "configuration": [item for item in config.items() if item[0] != "ingress"],
    }


def duplicates(sandbox: ResettableSandbox, hostnames: Iterable[str]) -> list[str]:
    """Return what of ours is there more than once."""
    zone = sandbox.zone
    ours = set(hostnames)
    things = [
        *(f"rule {rule.ref}" for rule in sandbox.own_rules()),
        *(
            f"record {record.name}"
            for record in zone.dns_records.values()
            if record.name in ours and record.comment == RECORD_COMMENT
        ),
        *(f"association {name}" for name in zone.associations or () if name in ours),
        *(
            f"ingress {rule['hostname']}"
            for rule in sandbox.tunnel.ingress
            if rule.get("hostname") in ours and not rule.get("path")
        ),
    ]
    return sorted({thing for thing in things if things.count(thing) > 1})


def rules_naming(sandbox: ResettableSandbox, hostname: str) -> list[str]:
    """Return the custom rules that name a hostname."""
    return [rule.ref for rule in sandbox.zone.rules if hostname in rule.expression]


def locks_of(sandbox: ResettableSandbox, hostname: str) -> list[str]:
    """Return what stands in front of a hostname, or asks its visitors for a certificate."""
    names = sandbox.zone.associations or ()
    return [
        *rules_naming(sandbox, hostname),
        *(f"association {name}" for name in names if name == hostname),
    ]


def contents_of(sandbox: ResettableSandbox, hostname: str) -> list[str]:
    """Return what of ours is there for a hostname."""
    return [
        *locks_of(sandbox, hostname),
        *(
            f"record {record.name}"
            for record in sandbox.zone.dns_records.values()
            if record.name == hostname and record.comment == RECORD_COMMENT
        ),
        *(
            f"ingress {hostname}"
            for rule in sandbox.tunnel.ingress
            if rule.get("hostname") == hostname and not rule.get("path")
        ),
    ]


def devices_get_in(sandbox: ResettableSandbox, hostname: ProtectedHostname) -> bool:
    """Return whether a device with a good certificate passes our rules and the tunnel.

    Also true for a hostname that is not published, or for no device: nobody need get in there.
    """
    name, zone = hostname.hostname, sandbox.zone
    devices = DEVICES.keys() if hostname.devices is None else hostname.devices
    if not hostname.published or not devices:
        return True
    request = UnauthorizedRequest(name, name, "/", "DE", revoked=False).fields
    request["cf.tls_client_auth.cert_verified"] = True
    request["cf.tls_client_auth.cert_fingerprint_sha256"] = DEVICES[min(devices)]
    service = ingress.route(sandbox.state, zone, name, "/")
    return (
        zone.associates(name)
        and firewall.judge(sandbox.own_rules(), request).stopped_by is None
        and isinstance(service, ingress.Service)
        and service.name == hostname.service
    )
