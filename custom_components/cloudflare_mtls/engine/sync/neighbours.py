"""Hostnames that other Home Assistants protect through the same two rules (pure)."""

from dataclasses import replace

from ..api.models import Observation
from ..rules.admissions import ANY_CERTIFICATE, Admission, read_admissions
from ..rules.marks import BLOCK_REF, RECORD_COMMENT, SKIP_REF
from .desired import DesiredZone
from .settings import in_zone


def with_neighbours(observation: Observation, desired: DesiredZone) -> DesiredZone:
    """Return what is desired, with the hostnames of other Home Assistants as they are."""
    ours = {item.hostname for item in (*desired.hostnames, *desired.removed)}

    def of_others(admissions: dict[str, Admission]) -> dict[str, Admission]:
        return {
            hostname: admission
            for hostname, admission in admissions.items()
            if hostname not in ours and in_zone(hostname, observation.zone)
        }

    skipping = of_others(_named_by(observation, SKIP_REF))
    marked = of_others(_with_marked_record(observation))
    # Where the block rule was deleted, the skip rule still says which certificates pass.
    listed = {key: item for key, item in skipping.items() if key in marked}
    neighbours = marked | listed | of_others(_named_by(observation, BLOCK_REF))
    # Where both rules name a hostname, the block rule says who passes.
    blocked = {key: item for key, item in neighbours.items() if key in skipping}
    return replace(
        desired, neighbours=neighbours, skipping_neighbours=skipping | blocked
    )


def _with_marked_record(observation: Observation) -> dict[str, Admission]:
    """Return the hostnames whose DNS record bears our mark: known even without the rules."""
    return {
        record.name: ANY_CERTIFICATE
        for record in observation.records
        if record.comment == RECORD_COMMENT
    }


def _named_by(observation: Observation, ref: str) -> dict[str, Admission]:
    """Return the hostnames that one of our two rules names, and who passes there."""
    rule = observation.ruleset.by_ref(ref)
    return read_admissions(rule.expression) if rule else {}
