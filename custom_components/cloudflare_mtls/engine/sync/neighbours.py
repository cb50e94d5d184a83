"""Hostnames that other Home Assistants protect through the same rules (pure)."""

from collections.abc import Mapping
from dataclasses import replace

from ..api.models import Observation
from ..rules.admissions import ANY_CERTIFICATE, Admission
from ..rules.marks import RECORD_COMMENT
from ..rules.pairs import Pair, read_pairs
from .desired import DesiredZone
from .settings import in_zone


def with_neighbours(observation: Observation, desired: DesiredZone) -> DesiredZone:
    """Return what is desired, with the hostnames of other Home Assistants as they are."""
    ours = {item.hostname for item in (*desired.hostnames, *desired.removed)}

    def of_others(admissions: Mapping[str, Admission]) -> dict[str, Admission]:
        return {
            hostname: admission
            for hostname, admission in admissions.items()
            if hostname not in ours and in_zone(hostname, observation.zone)
        }

    pairs = [
        Pair(
            number=pair.number,
            blocked=of_others(pair.blocked),
            skipping=of_others(pair.skipping),
        )
        for pair in read_pairs(observation.ruleset)
    ]
    blocked, skipping = dict[str, Admission](), dict[str, Admission]()
    for pair in reversed(pairs):
        blocked |= pair.blocked
        skipping |= pair.skipping
    marked = of_others(_with_marked_record(observation))
    return replace(
        desired,
        neighbours=tuple(_agreeing(pair, blocked) for pair in pairs),
        # Where the block rule was deleted, the skip rule still says which certificates pass.
        lost_neighbours={
            hostname: skipping.get(hostname, admission)
            for hostname, admission in marked.items()
            if hostname not in blocked
        },
    )


def _agreeing(pair: Pair, blocked: Mapping[str, Admission]) -> Pair:
    """Return a pair whose skip rule lets in nobody whom the block rules keep out."""
    known = {**pair.skipping, **blocked, **pair.blocked}
    return replace(pair, skipping={key: known[key] for key in pair.skipping})


def _with_marked_record(observation: Observation) -> dict[str, Admission]:
    """Return the hostnames whose DNS record bears our mark: known even without the rules."""
    return {
        record.name: ANY_CERTIFICATE
        for record in observation.records
        if record.comment == RECORD_COMMENT
    }
