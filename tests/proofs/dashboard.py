"""What an owner does in the dashboard, by hand or by accident."""

from collections.abc import Callable
from typing import Any, Final

from custom_components.cloudflare_mtls.engine.rules.marks import (
    BLOCK_REF,
    RECORD_COMMENT,
    SKIP_REF,
)
from sandbox.api.rules import QUOTAS
from sandbox.seed import TUNNEL_ID, ZONE_NAME
from sandbox.state import DnsRecord, Rule

from .cloud import OWN_REFS, SERVICE, Cloud

HOME: Final = f"home-mobile.{ZONE_NAME}"
CABIN: Final = f"cabin-mobile.{ZONE_NAME}"
BOAT: Final = f"boat-mobile.{ZONE_NAME}"
GHOST: Final = f"ghost-mobile.{ZONE_NAME}"
NAS: Final = f"nas.{ZONE_NAME}"
WILDCARD: Final = f"*.{ZONE_NAME}"
FOREIGN_SERVICE: Final = "http://192.168.1.20:5000"
TARGET: Final = f"{TUNNEL_ID}.cfargotunnel.com"
PUBLIC: Final = (HOME, CABIN, BOAT, GHOST)

# The number picks a place, a hostname or a thing, where there is a choice.
type Edit = Callable[[Cloud, int], None]

EDITS: Final[list[Edit]] = []

_ENDS: Final[dict[str, Any]] = {"ruleset": "current"}
_FOREIGN_RULES: Final[tuple[tuple[str, str, dict[str, Any] | None], ...]] = (
    ("skip", "ssl", _ENDS),
    ("skip", f'http.host contains "{CABIN}"', _ENDS),
    ("skip", 'ip.src.country eq "DE"', _ENDS),
    ("skip", f'http.host eq "{NAS}"', _ENDS),
    ("skip", "ssl", {"phase": "current"}),
    ("skip", "ssl", {"products": ["bic"]}),
    ("skip", 'http.request.uri.path eq "/api/x"', _ENDS),
    ("skip", f'http.host wildcard "*.{ZONE_NAME}*"', _ENDS),
    ("block", f'http.host eq "{NAS}"', None),
    ("block", 'not ip.src.country in {"DE"}', None),
    ("block", f'http.host contains "{BOAT}"', None),
    ("managed_challenge", "ssl", None),
    ("log", "ssl", None),
)
_FOREIGN_INGRESS: Final[tuple[dict[str, Any], ...]] = (
    {"hostname": WILDCARD, "service": FOREIGN_SERVICE},
    {"hostname": WILDCARD, "service": SERVICE, "originRequest": {"noTLSVerify": True}},
    {"hostname": WILDCARD, "service": FOREIGN_SERVICE, "path": "^/api"},
    {"hostname": WILDCARD, "service": "http_status:418", "path": "^/x"},
    {"hostname": HOME, "service": FOREIGN_SERVICE, "path": "^/api"},
    {"hostname": CABIN, "service": "http_status:403", "path": "^/local", "id": "7"},
    {"hostname": f"tv.{ZONE_NAME}", "service": FOREIGN_SERVICE, "x-note": {"b": 1, "a": 2}},
)  # fmt: skip
_FOREIGN_RECORDS: Final = (
    ("CNAME", WILDCARD, TARGET, True),
    ("CNAME", WILDCARD, TARGET, False),
    ("A", f"tv.{ZONE_NAME}", "192.0.2.1", False),
    ("TXT", HOME, '"x"', False),
    ("A", CABIN, "192.0.2.1", False),
    ("A", CABIN, "192.0.2.1", True),
    ("CNAME", HOME, TARGET, True),
)


def _edit(function: Edit) -> Edit:
    EDITS.append(function)
    return function


# Rules


@_edit
def delete_block(cloud: Cloud, _: int) -> None:
    """Delete the rule that keeps strangers out."""
    _keep_rules(cloud, lambda rule: rule.ref != BLOCK_REF)


@_edit
def delete_skip(cloud: Cloud, _: int) -> None:
    """Delete the rule that lets devices in."""
    _keep_rules(cloud, lambda rule: rule.ref != SKIP_REF)


@_edit
def disable_own_rule(cloud: Cloud, number: int) -> None:
    """Disable one of ours."""
    if rule := cloud.own_rule(OWN_REFS[number % 2]):
        rule.enabled = False


@_edit
def forget_revocation(cloud: Cloud, number: int) -> None:
    """Let revoked certificates pass one of our rules."""
    if rule := cloud.own_rule(OWN_REFS[number % 2]):
        rule.expression = rule.expression.replace(
            " or cf.tls_client_auth.cert_revoked", ""
        ).replace(" and not cf.tls_client_auth.cert_revoked", "")


@_edit
def challenge_only(cloud: Cloud, _: int) -> None:
    """Let strangers in who solve a challenge."""
    if rule := cloud.own_rule(BLOCK_REF):
        rule.action = "managed_challenge"


@_edit
def match_exactly(cloud: Cloud, _: int) -> None:
    """Leave a way around our block rule: a port."""
    if rule := cloud.own_rule(BLOCK_REF):
        rule.expression = (
            f'http.host eq "{HOME}" and not cf.tls_client_auth.cert_verified'
        )


@_edit
def skip_everything(cloud: Cloud, _: int) -> None:
    """Let everybody past, by our own rule."""
    if rule := cloud.own_rule(SKIP_REF):
        rule.expression = "ssl"


@_edit
def describe(cloud: Cloud, number: int) -> None:
    """Give one of our rules another description, which changes nothing."""
    if rule := cloud.own_rule(OWN_REFS[number % 2]):
        rule.description = "do not touch!"


@_edit
def add_rule(cloud: Cloud, number: int) -> None:
    """Add a rule, anywhere."""
    rules = cloud.zone.rules
    if len(rules) < QUOTAS[cloud.zone.plan]:
        action, expression, parameters = _picked(_FOREIGN_RULES, number)
        rule = Rule(
            action,
            expression,
            description=f"Rule {number}",
            enabled=number % 5 != 0,
            action_parameters=dict(parameters) if parameters else None,
        )
        rules.insert(number % (len(rules) + 1), rule)


@_edit
def remove_rule(cloud: Cloud, number: int) -> None:
    """Remove a foreign rule."""
    others = [rule for rule in cloud.zone.rules if rule.ref not in OWN_REFS]
    if others:
        cloud.zone.rules.remove(_picked(others, number))


@_edit
def turn_rule_around(cloud: Cloud, number: int) -> None:
    """Enable a foreign rule that is disabled, or the other way round."""
    others = [rule for rule in cloud.zone.rules if rule.ref not in OWN_REFS]
    if others:
        rule = _picked(others, number)
        rule.enabled = not rule.enabled


@_edit
def reorder_rules(cloud: Cloud, number: int) -> None:
    """Move a rule somewhere else."""
    rules = cloud.zone.rules
    if rules:
        rule = rules.pop(number % len(rules))
        rules.insert(number // 7 % (len(rules) + 1), rule)


@_edit
def fill_rules_up(cloud: Cloud, number: int) -> None:
    """Use every rule that is left."""
    rules = cloud.zone.rules
    for count in range(QUOTAS[cloud.zone.plan] - len(rules)):
        rules.append(Rule("log", f'http.host eq "x{number}-{count}"'))


# Records


@_edit
def delete_own_record(cloud: Cloud, number: int) -> None:
    """Delete a record of ours."""
    if records := _own_records(cloud):
        del cloud.zone.dns_records[_picked(records, number).id]


@_edit
def grey_own_record(cloud: Cloud, number: int) -> None:
    """Lead visitors past Cloudflare."""
    if records := _own_records(cloud):
        _picked(records, number).proxied = False


@_edit
def repoint_own_record(cloud: Cloud, number: int) -> None:
    """Lead visitors to another tunnel."""
    if records := _own_records(cloud):
        other = "7e000000-0000-4000-8000-00000000dead.cfargotunnel.com"
        _picked(records, number).content = other


@_edit
def take_own_record_over(cloud: Cloud, number: int) -> None:
    """Make a record of ours one's own, by its comment."""
    if records := _own_records(cloud):
        _picked(records, number).comment = "mine now"


@_edit
def add_record(cloud: Cloud, number: int) -> None:
    """Add a record, as far as Cloudflare lets one."""
    kind, name, content, proxied = _picked(_FOREIGN_RECORDS, number)
    types = {item.type for item in cloud.zone.dns_records.values() if item.name == name}
    if not types or (kind == "TXT" and types.isdisjoint({"CNAME", "TXT"})):
        cloud.zone.add_dns_record(DnsRecord(kind, name, content, proxied=proxied))


@_edit
def remove_record(cloud: Cloud, number: int) -> None:
    """Remove a foreign record."""
    others = [
        item
        for item in cloud.zone.dns_records.values()
        if item.comment != RECORD_COMMENT
    ]
    if others:
        del cloud.zone.dns_records[_picked(others, number).id]


# Ingress


@_edit
def add_ingress(cloud: Cloud, number: int) -> None:
    """Add an ingress rule, anywhere but last."""
    rules = cloud.tunnel.ingress
    rules.insert(number % len(rules), dict(_picked(_FOREIGN_INGRESS, number)))


@_edit
def remove_ingress(cloud: Cloud, number: int) -> None:
    """Remove an ingress rule, anybody's but the last."""
    rules = cloud.tunnel.ingress
    if len(rules) > 1:
        rules.pop(number % (len(rules) - 1))


@_edit
def reorder_ingress(cloud: Cloud, number: int) -> None:
    """Move an ingress rule somewhere else, but not behind the last."""
    rules = cloud.tunnel.ingress
    if len(rules) > 1:
        rule = rules.pop(number % (len(rules) - 1))
        rules.insert(number // 7 % len(rules), rule)


@_edit
def redirect_ingress(cloud: Cloud, number: int) -> None:
    """Lead visitors of an ingress rule elsewhere."""
    if others := cloud.tunnel.ingress[:-1]:
        rule = _picked(others, number)
        rule["service"] = FOREIGN_SERVICE
        rule["originRequest"] = {"httpHostHeader": "x"}


@_edit
def configure(cloud: Cloud, number: int) -> None:
    """Change what else the tunnel is told."""
    assert cloud.tunnel.config is not None
    cloud.tunnel.config[f"x-{number % 3}"] = {"z": number, "a": [None, True, "ä"]}


# Associations


@_edit
def remove_association(cloud: Cloud, number: int) -> None:
    """Stop asking visitors of a hostname for a certificate."""
    if cloud.zone.associations:
        cloud.zone.associations.pop(number % len(cloud.zone.associations))


@_edit
def add_association(cloud: Cloud, number: int) -> None:
    """Ask visitors of a hostname for a certificate."""
    names = cloud.zone.associations = cloud.zone.associations or []
    name = _picked((f"tv.{ZONE_NAME}", f"vpn.{ZONE_NAME}", HOME), number)
    if name not in names:
        names.insert(number % (len(names) + 1), name)


def _keep_rules(cloud: Cloud, keeps: Callable[[Rule], bool]) -> None:
    if entrypoint := cloud.zone.entrypoint():
        entrypoint.rules = [rule for rule in entrypoint.rules if keeps(rule)]


def _own_records(cloud: Cloud) -> list[DnsRecord]:
    records = cloud.zone.dns_records.values()
    return [record for record in records if record.comment == RECORD_COMMENT]


def _picked[T](things: tuple[T, ...] | list[T], number: int) -> T:
    return things[number % len(things)]
