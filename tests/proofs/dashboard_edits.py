"""Edits that an owner may make in the dashboard, on purpose or by accident."""

from collections.abc import Callable
from typing import Any, Final

from custom_components.cloudflare_mtls.engine.rules.marks import (
    BLOCK_REF,
    RECORD_COMMENT,
    SKIP_REF,
)
from sandbox.api.rules import QUOTAS
from sandbox.seed import SERVICE, ZONE_NAME
from sandbox.state import DnsRecord, Rule

from .hostnames import BOAT, CABIN, FOREIGN_SERVICE, HOME, NAS, TUNNEL_ADDRESS, WILDCARD
from .resettable_sandbox import OWN_REFS, ResettableSandbox

# Where an edit has a choice, of a position, a hostname or a resource, the number decides.
type Edit = Callable[[ResettableSandbox, int], None]

EDITS: Final[list[Edit]] = []

_SKIPS_LATER_RULES: Final[dict[str, Any]] = {"ruleset": "current"}
_FOREIGN_RULES: Final[tuple[tuple[str, str, dict[str, Any] | None], ...]] = (
    ("skip", "ssl", _SKIPS_LATER_RULES),
    ("skip", f'http.host contains "{CABIN}"', _SKIPS_LATER_RULES),
    ("skip", 'ip.src.country eq "DE"', _SKIPS_LATER_RULES),
    ("skip", f'http.host eq "{NAS}"', _SKIPS_LATER_RULES),
    ("skip", "ssl", {"phase": "current"}),
    ("skip", "ssl", {"products": ["bic"]}),
    ("skip", 'http.request.uri.path eq "/api/x"', _SKIPS_LATER_RULES),
    ("skip", f'http.host wildcard "*.{ZONE_NAME}*"', _SKIPS_LATER_RULES),
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
    ("CNAME", WILDCARD, TUNNEL_ADDRESS, True),
    ("CNAME", WILDCARD, TUNNEL_ADDRESS, False),
    ("A", f"tv.{ZONE_NAME}", "192.0.2.1", False),
    ("TXT", HOME, '"x"', False),
    ("A", CABIN, "192.0.2.1", False),
    ("A", CABIN, "192.0.2.1", True),
    ("CNAME", HOME, TUNNEL_ADDRESS, True),
)


def _edit(function: Edit) -> Edit:
    EDITS.append(function)
    return function


# Rules


@_edit
def delete_block(sandbox: ResettableSandbox, _: int) -> None:
    """Delete our block rule."""
    _keep_rules(sandbox, lambda rule: rule.ref != BLOCK_REF)


@_edit
def delete_skip(sandbox: ResettableSandbox, _: int) -> None:
    """Delete our skip rule."""
    _keep_rules(sandbox, lambda rule: rule.ref != SKIP_REF)


@_edit
def disable_own_rule(sandbox: ResettableSandbox, number: int) -> None:
    """Disable one of our rules."""
    if rule := sandbox.own_rule(OWN_REFS[number % 2]):
        rule.enabled = False


@_edit
def accept_revoked_certificates(sandbox: ResettableSandbox, number: int) -> None:
    """Remove the condition about revoked certificates from one of our rules."""
    if rule := sandbox.own_rule(OWN_REFS[number % 2]):
        rule.expression = rule.expression.replace(
            " or cf.tls_client_auth.cert_revoked", ""
        ).replace(" and not cf.tls_client_auth.cert_revoked", "")


@_edit
def challenge_instead_of_block(sandbox: ResettableSandbox, _: int) -> None:
    """Let our block rule show a challenge, which people can solve."""
    if rule := sandbox.own_rule(BLOCK_REF):
        rule.action = "managed_challenge"


@_edit
def match_hostname_exactly(sandbox: ResettableSandbox, _: int) -> None:
    """Let our block rule miss hostnames with a port."""
    if rule := sandbox.own_rule(BLOCK_REF):
        rule.expression = (
            f'http.host eq "{HOME}" and not cf.tls_client_auth.cert_verified'
        )


@_edit
def skip_everything(sandbox: ResettableSandbox, _: int) -> None:
    """Let our skip rule match every request."""
    if rule := sandbox.own_rule(SKIP_REF):
        rule.expression = "ssl"


@_edit
def change_description(sandbox: ResettableSandbox, number: int) -> None:
    """Change the description of one of our rules, which has no effect."""
    if rule := sandbox.own_rule(OWN_REFS[number % 2]):
        rule.description = "do not touch!"


@_edit
def add_foreign_rule(sandbox: ResettableSandbox, number: int) -> None:
    """Add a foreign rule at any position."""
    rules = sandbox.zone.rules
    if len(rules) < QUOTAS[sandbox.zone.plan]:
        action, expression, parameters = _pick(_FOREIGN_RULES, number)
        rule = Rule(
            action,
            expression,
            description=f"Rule {number}",
            enabled=number % 5 != 0,
            action_parameters=dict(parameters) if parameters else None,
        )
        rules.insert(number % (len(rules) + 1), rule)


@_edit
def delete_foreign_rule(sandbox: ResettableSandbox, number: int) -> None:
    """Delete a foreign rule."""
    others = [rule for rule in sandbox.zone.rules if rule.ref not in OWN_REFS]
    if others:
        sandbox.zone.rules.remove(_pick(others, number))


@_edit
def toggle_foreign_rule(sandbox: ResettableSandbox, number: int) -> None:
    """Disable a foreign rule, or enable it if it is disabled."""
    others = [rule for rule in sandbox.zone.rules if rule.ref not in OWN_REFS]
    if others:
        rule = _pick(others, number)
        rule.enabled = not rule.enabled


@_edit
def move_rule(sandbox: ResettableSandbox, number: int) -> None:
    """Move any rule to another position."""
    rules = sandbox.zone.rules
    if rules:
        rule = rules.pop(number % len(rules))
        rules.insert(number // 7 % (len(rules) + 1), rule)


@_edit
def use_all_rules(sandbox: ResettableSandbox, number: int) -> None:
    """Add rules until the plan allows no more."""
    rules = sandbox.zone.rules
    for count in range(QUOTAS[sandbox.zone.plan] - len(rules)):
        rules.append(Rule("log", f'http.host eq "x{number}-{count}"'))


# Records


@_edit
def delete_own_record(sandbox: ResettableSandbox, number: int) -> None:
    """Delete one of our DNS records."""
    if records := _own_records(sandbox):
        del sandbox.zone.dns_records[_pick(records, number).id]


@_edit
def unproxy_own_record(sandbox: ResettableSandbox, number: int) -> None:
    """Let one of our DNS records bypass Cloudflare's edge."""
    if records := _own_records(sandbox):
        _pick(records, number).proxied = False


@_edit
def repoint_own_record(sandbox: ResettableSandbox, number: int) -> None:
    """Point one of our DNS records to another tunnel."""
    if records := _own_records(sandbox):
        other = "7e000000-0000-4000-8000-00000000dead.cfargotunnel.com"
        _pick(records, number).content = other


@_edit
def change_own_records_comment(sandbox: ResettableSandbox, number: int) -> None:
    """Replace the comment that marks a DNS record as ours."""
    if records := _own_records(sandbox):
        _pick(records, number).comment = "mine now"


@_edit
def add_foreign_record(sandbox: ResettableSandbox, number: int) -> None:
    """Add a foreign DNS record, unless Cloudflare would refuse it."""
    kind, name, content, proxied = _pick(_FOREIGN_RECORDS, number)
    types = {
        item.type for item in sandbox.zone.dns_records.values() if item.name == name
    }
    if not types or (kind == "TXT" and types.isdisjoint({"CNAME", "TXT"})):
        sandbox.zone.add_dns_record(DnsRecord(kind, name, content, proxied=proxied))


@_edit
def delete_foreign_record(sandbox: ResettableSandbox, number: int) -> None:
    """Delete a foreign DNS record."""
    others = [
        item
        for item in sandbox.zone.dns_records.values()
        if item.comment != RECORD_COMMENT
    ]
    if others:
        del sandbox.zone.dns_records[_pick(others, number).id]


# Ingress


@_edit
def add_foreign_ingress_rule(sandbox: ResettableSandbox, number: int) -> None:
    """Add a foreign ingress rule before the catch-all rule."""
    rules = sandbox.tunnel.ingress
    rules.insert(number % len(rules), dict(_pick(_FOREIGN_INGRESS, number)))


@_edit
def delete_ingress_rule(sandbox: ResettableSandbox, number: int) -> None:
    """Delete any ingress rule but the catch-all rule."""
    rules = sandbox.tunnel.ingress
    if len(rules) > 1:
        rules.pop(number % (len(rules) - 1))


@_edit
def move_ingress_rule(sandbox: ResettableSandbox, number: int) -> None:
    """Move any ingress rule but the catch-all rule."""
    rules = sandbox.tunnel.ingress
    if len(rules) > 1:
        rule = rules.pop(number % (len(rules) - 1))
        rules.insert(number // 7 % len(rules), rule)


@_edit
def change_ingress_service(sandbox: ResettableSandbox, number: int) -> None:
    """Point any ingress rule but the catch-all rule to another service."""
    if others := sandbox.tunnel.ingress[:-1]:
        rule = _pick(others, number)
        rule["service"] = FOREIGN_SERVICE
        rule["originRequest"] = {"httpHostHeader": "x"}


@_edit
def change_tunnel_configuration(sandbox: ResettableSandbox, number: int) -> None:
    """Change a key of the tunnel's configuration other than the ingress rules."""
    assert sandbox.tunnel.config is not None
    sandbox.tunnel.config[f"x-{number % 3}"] = {"z": number, "a": [None, True, "ä"]}


# Associations


@_edit
def remove_association(sandbox: ResettableSandbox, number: int) -> None:
    """Remove a hostname from the associations: it asks for no certificate any more."""
    if sandbox.zone.associations:
        sandbox.zone.associations.pop(number % len(sandbox.zone.associations))


@_edit
def add_association(sandbox: ResettableSandbox, number: int) -> None:
    """Add a hostname to the associations: it asks for a certificate from now on."""
    names = sandbox.zone.associations = sandbox.zone.associations or []
    name = _pick((f"tv.{ZONE_NAME}", f"vpn.{ZONE_NAME}", HOME), number)
    if name not in names:
        names.insert(number % (len(names) + 1), name)


def _keep_rules(sandbox: ResettableSandbox, keeps: Callable[[Rule], bool]) -> None:
    if entrypoint := sandbox.zone.entrypoint():
        entrypoint.rules = [rule for rule in entrypoint.rules if keeps(rule)]


def _own_records(sandbox: ResettableSandbox) -> list[DnsRecord]:
    records = sandbox.zone.dns_records.values()
    return [record for record in records if record.comment == RECORD_COMMENT]


def _pick[T](things: tuple[T, ...] | list[T], number: int) -> T:
    return things[number % len(things)]
