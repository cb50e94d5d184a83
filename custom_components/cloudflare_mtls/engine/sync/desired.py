"""What must be at Cloudflare for the settings that a person chose (pure)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..api.models import TUNNEL_DOMAIN, Rule
from ..rules.admissions import NOBODY, Admission
from ..rules.adoption import MadeByHand
from ..rules.marks import block_description, skip_description
from ..rules.pairs import Pair
from ..rules.parser import same_expression
from ..rules.placement import Placement
from ..rules.skippable import Skippable, skip_parameters
from .accepted import Accepted
from .settings import Layout, ProtectedHostname


@dataclass(frozen=True, kw_only=True)
class DesiredRule:
    """A custom rule as it must be, whole: the API replaces rules, it never merges them."""

    ref: str
    action: str
    expression: str
    description: str
    action_parameters: Mapping[str, Any]

    def body(self) -> dict[str, Any]:
        """Return the rule as the Rulesets API takes it."""
        body: dict[str, Any] = {
            "ref": self.ref,
            "action": self.action,
            "expression": self.expression,
            "description": self.description,
            "enabled": True,
        }
        if self.action_parameters:
            body["action_parameters"] = dict(self.action_parameters)
        return body

    def is_met_by(self, rule: Rule) -> bool:
        """Return whether an observed rule does what this one must do."""
        return (
            rule.enabled
            and not rule.lost_mark
            and not rule.has_other_conditions
            and rule.action == self.action
            and same_expression(rule.expression, self.expression)
            and _sorted_lists(rule.action_parameters)
            == _sorted_lists(self.action_parameters)
        )


def _sorted_lists(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: sorted(value, key=repr) if isinstance(value, list) else value
        for key, value in parameters.items()
    }


@dataclass(frozen=True, kw_only=True)
class DesiredZone:
    """One zone as it must be.

    hostnames: the ones to protect.
    removed: the ones that we take down.
    former: settings that a hostname had before; another tunnel may still serve it.
    files: the local tunnels that were seen to serve a hostname, present or removed, whose files
        may still name it.
    released: hostnames that a tunnel's file does not name any more, as a person said, with that tunnel.
    in_files: the removed ones that files may still name, with the tunnels of those; nobody gets in
        there.
    opened: the removed ones that everybody is to reach again, as a person said.
    marked: hostnames whose DNS record was seen with our mark, though another tool may have taken
        it away since.
    accepted: the certificates that pass, at hostnames for all devices and at limited ones.
    skipped: what Cloudflare lets this zone's skip rules skip.
    takes_over: what was made by hand and becomes ours, because a person agreed; None where
        nobody is asked.
    header_mark: the mark of a header rule that is written; None where Cloudflare takes none.
    neighbours: what each pair of rules names for other Home Assistants; they keep what they have.
    lost_neighbours: hostnames of theirs that no block rule names, and who passes there.
    held: the removed ones that something of others still leads to an origin; without a block rule,
        everybody would get in there.
    placement: which pair of rules protects which hostname.
    """

    hostnames: tuple[ProtectedHostname, ...] = ()
    removed: tuple[ProtectedHostname, ...] = ()
    former: tuple[ProtectedHostname, ...] = ()
    files: Mapping[str, Collection[str]] = field(default_factory=dict)
    released: frozenset[tuple[str, str]] = frozenset()
    in_files: Mapping[str, Collection[str]] = field(default_factory=dict)
    opened: frozenset[str] = frozenset()
    marked: frozenset[str] = frozenset()
    accepted: Accepted = field(default_factory=Accepted)
    skipped: frozenset[Skippable] = frozenset(Skippable)
    takes_over: frozenset[MadeByHand] | None = None
    header_mark: str | None = None
    neighbours: tuple[Pair, ...] = ()
    lost_neighbours: Mapping[str, Admission] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    placement: Placement = field(default_factory=Placement)

    def admission(self, item: ProtectedHostname) -> Admission:
        """Return who passes at one of our own hostnames: nobody where it is off the internet.

        What leads to it may be somebody else's, so that only the rule keeps visitors out.
        """
        if not item.published or item.hostname in self.in_files:
            return NOBODY
        return Admission(exempt_paths=item.exempt_paths, pinned=self.accepted.at(item))

    @property
    def to_place(self) -> Mapping[str, Admission]:
        """Return the hostnames that need a pair of rules, and who passes there."""
        own = {item.hostname: self.admission(item) for item in self.hostnames}
        return {**self.lost_neighbours, **dict.fromkeys(self.in_files, NOBODY), **own}

    @property
    def skipping(self) -> frozenset[str]:
        """Return our own hostnames where devices skip the zone's other rules."""
        return frozenset(
            item.hostname
            for item in self.hostnames
            if item.layout is Layout.SKIP_AND_BLOCK
        )

    @property
    def blocked(self) -> Mapping[str, Admission]:
        """Return the hostnames that block rules must name, and who passes there."""
        theirs = dict[str, Admission]()
        for pair in reversed(self.neighbours):
            theirs |= pair.blocked
        return {**theirs, **self.to_place}

    @property
    def admissions(self) -> Mapping[str, Admission]:
        """Return who passes at every hostname that a change of this zone could expose."""
        removed = {item.hostname: self.admission(item) for item in self.removed}
        return {**self.blocked, **removed}

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Return the pairs of rules that there must be, with what is held, the first one first."""
        return self.placement.pairs

    def has_rules(self, item: ProtectedHostname) -> bool:
        """Return whether there is a pair of rules for a hostname."""
        return any(item.hostname in pair.blocked for pair in self.pairs)

    def skip_rule(self, pair: Pair) -> DesiredRule | None:
        """Return the rule by which a pair's verified devices skip the zone's other rules."""
        if not pair.skip_expression:
            return None
        return DesiredRule(
            ref=pair.skip_ref,
            action="skip",
            expression=pair.skip_expression,
            description=skip_description(pair.number),
            action_parameters=skip_parameters(self.skipped),
        )


def block_rule(pair: Pair) -> DesiredRule:
    """Return the rule that keeps out everyone without a good certificate at a pair's hostnames."""
    return DesiredRule(
        ref=pair.block_ref,
        action="block",
        expression=pair.block_expression,
        description=block_description(pair.number),
        action_parameters={},
    )


def record_content(tunnel_id: str) -> str:
    """Return the content of a CNAME record that leads to the tunnel.

    Source: developers.cloudflare.com, Tunnel DNS records.
    """
    return f"{tunnel_id}.{TUNNEL_DOMAIN}"
