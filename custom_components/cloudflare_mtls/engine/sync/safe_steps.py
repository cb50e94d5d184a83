"""Takes the steps that expose no hostname, and no others (pure)."""

from collections.abc import Collection, Iterable, Mapping

from ..api.models import Observation
from ..rules.admissions import Admission
from ..rules.exposure import Exposure, exposed
from .problems import Problem, ProblemCode
from .steps import (
    AssociationStep,
    HeaderRuleStep,
    IngressStep,
    RecordStep,
    RuleStep,
    Step,
    advance,
)


class SafeSteps:
    """Steps of which no prefix exposes a hostname that was not, or to visitors with less.

    The state is what will be observed, and the exposures are what will be exposed, once all
    steps so far are done. Admissions name every hostname that is watched, and who may pass
    there.
    """

    def __init__(
        self, observation: Observation, admissions: Mapping[str, Admission]
    ) -> None:
        """Begin with what is observed, and no steps."""
        self._admissions = admissions
        self.state = observation
        self.exposures = self._exposed(observation, admissions)
        self.steps: list[Step] = []
        self.problems: list[Problem] = []

    def add(self, step: Step, may_open: Collection[str] = ()) -> None:
        """Add a step; if it would expose a hostname that it may not open, add a problem instead."""
        state = advance(self.state, step)
        exposures = self._exposures_after(step, state)
        if opened := self._opened_by(exposures).difference(may_open):
            for hostname in sorted(opened):
                self.add_problem(ProblemCode.WOULD_EXPOSE, hostname, step.kind)
            return
        self.state, self.exposures = state, exposures
        self.steps.append(step)

    def add_way_in(self, step: IngressStep | RecordStep) -> None:
        """Add a step that leads visitors to a hostname, unless the rules fail to close it."""
        if step.target not in self.exposures:
            self.add(step)

    def opened_by(self, step: Step) -> frozenset[str]:
        """Return the hostnames that the step would expose more than they are exposed now."""
        return self._opened_by(self._exposures_after(step, advance(self.state, step)))

    def add_problem(self, code: ProblemCode, target: str, detail: str) -> None:
        """Add a problem, once."""
        problem = Problem(code=code, target=target, detail=detail)
        if problem not in self.problems:
            self.problems.append(problem)

    def _opened_by(self, exposures: Mapping[str, Exposure]) -> frozenset[str]:
        return frozenset(
            hostname
            for hostname, exposure in exposures.items()
            if exposure.is_wider_than(self.exposures.get(hostname))
        )

    def _exposures_after(self, step: Step, state: Observation) -> dict[str, Exposure]:
        touched = self._touched_by(step)
        untouched = {
            hostname: exposure
            for hostname, exposure in self.exposures.items()
            if hostname not in touched
        }
        return untouched | self._exposed(state, touched)

    def _touched_by(self, step: Step) -> frozenset[str]:
        """Return the hostnames whose exposure the step can change."""
        match step:
            case AssociationStep() | HeaderRuleStep():
                return frozenset()
            case IngressStep() | RecordStep():
                return frozenset({step.target})
            case RuleStep():
                return frozenset(self._admissions)

    def _exposed(
        self, state: Observation, hostnames: Iterable[str]
    ) -> dict[str, Exposure]:
        """Return those of the hostnames that are exposed in a state."""
        return {
            hostname: exposure
            for hostname in hostnames
            if (exposure := exposed(state, hostname, self._admissions[hostname]))
        }
