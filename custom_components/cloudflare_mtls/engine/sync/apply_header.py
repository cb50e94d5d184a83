"""Writes the header rule, or deletes it."""

from ..api.client import CloudflareClient
from ..api.errors import expect_agreement
from ..api.models import Observation, Ruleset
from ..rules.header_rule import with_header_mark
from ..rules.marks import HEADER_REF
from .steps import HeaderRuleStep


async def apply_header_step(
    client: CloudflareClient, observation: Observation, step: HeaderRuleStep
) -> Ruleset:
    """Take a step and return the header rules as Cloudflare shows them then; raise EngineError."""
    rulesets, zone_id = client.header_rulesets, observation.zone.id
    ruleset = observation.header_rules or Ruleset()
    own, ruleset_id = ruleset.by_ref(HEADER_REF), ruleset.id
    if step.rule is None:
        if own and ruleset_id:
            ruleset = await rulesets.delete_rule(zone_id, ruleset_id, own.id)
        is_done = ruleset.by_ref(HEADER_REF) is None
    else:
        body = step.rule.body()
        if ruleset_id is None:
            ruleset = await rulesets.create(zone_id, body)
        elif own is None:
            ruleset = await rulesets.create_rule(zone_id, ruleset_id, body)
        else:
            ruleset = await rulesets.edit_rule(zone_id, ruleset_id, own.id, body)
        written = ruleset.by_ref(HEADER_REF)
        is_done = written is not None and step.rule.is_met_by(written)
    expect_agreement(is_done)
    return with_header_mark(ruleset)
