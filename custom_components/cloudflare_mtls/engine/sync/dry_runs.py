"""Finds out by dry runs what a zone's skip rules may skip: no documentation says what a plan takes."""

import asyncio

from ..api.client import CloudflareClient
from ..api.errors import PermissionMissing, Rejected
from ..api.json_fields import Fields
from ..api.models import Rule, Ruleset
from ..rules.marks import is_skip_ref
from ..rules.skippable import Skippable, skip_parameters

_EVERYTHING = frozenset(Skippable)


class SkipDryRuns:
    """What a skip rule may skip in each zone, asked once and remembered."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._found: dict[str, frozenset[Skippable]] = {}

    async def find_skippable(
        self, client: CloudflareClient, zone_id: str, ruleset: Ruleset
    ) -> frozenset[Skippable]:
        """Return what a skip rule of the zone may skip; nothing is written.

        Cloudflare is asked neither for what our rule already skips, nor again for what it
        refused. Raises EngineError.

        Source: ?dry_run=true of the Rulesets API.
        """
        known = frozenset[Skippable]().union(
            *(_skipped_by(rule) for rule in _skip_rules(ruleset))
        )
        if known == _EVERYTHING:
            self._found[zone_id] = known
        if zone_id not in self._found:
            try:
                found = await _ask(client, zone_id, ruleset, known)
            except PermissionMissing:
                # A read-only token cannot do dry runs: assume that the rule skips all it may,
                # so that no drift is reported.
                return known or _EVERYTHING
            self._found[zone_id] = found
        return self._found[zone_id] | known


async def _ask(
    client: CloudflareClient,
    zone_id: str,
    ruleset: Ruleset,
    known: frozenset[Skippable],
) -> frozenset[Skippable]:
    if await _takes(client, zone_id, ruleset, _EVERYTHING):
        return _EVERYTHING
    unknown = sorted(_EVERYTHING - known)
    taken = await asyncio.gather(
        *(_takes(client, zone_id, ruleset, known | {item}) for item in unknown)
    )
    return known.union(
        item for item, is_taken in zip(unknown, taken, strict=True) if is_taken
    )


async def _takes(
    client: CloudflareClient,
    zone_id: str,
    ruleset: Ruleset,
    skipped: frozenset[Skippable],
) -> bool:
    rule = {"action": "skip", "action_parameters": skip_parameters(skipped)}
    try:
        await client.rulesets.dry_run(
            zone_id, ruleset, rule, replacing=next(iter(_skip_rules(ruleset)), None)
        )
    except Rejected:
        return False
    return True


def _skip_rules(ruleset: Ruleset) -> list[Rule]:
    """Return our skip rules; all of them are to skip the same."""
    return [rule for rule in ruleset.rules if is_skip_ref(rule.ref)]


def _skipped_by(rule: Rule) -> frozenset[Skippable]:
    """Return which of the skippable things an observed rule skips."""
    parameters = Fields(rule.action_parameters)
    return frozenset(
        item for item in Skippable if item.value in parameters.texts(item.key)
    )
