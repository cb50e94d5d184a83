"""Whose sessions must end once a plan was carried out: those whom it takes away what let them in (pure)."""

from dataclasses import dataclass, replace

from ..api.access_models import AccessPolicy
from .beyond_settings import LetIn, beyond_own_policy, methods_beyond, ways_by_others
from .drift import Drift
from .plan import LoginPlan
from .settings import LoginSettings, People, shuts_out
from .steps import ApplicationStep, LoginAction, PolicyStep


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Sessions that must end.

    of_everybody: those of our application, where nobody knows who has one. emails: people whose
        sessions end at every application of the account.
    """

    of_everybody: bool = False
    emails: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return self.of_everybody or bool(self.emails)

    def __or__(self, other: Sessions) -> Sessions:
        """Return the sessions of both."""
        return Sessions(
            of_everybody=self.of_everybody or other.of_everybody,
            emails=self.emails | other.emails,
        )

    def without(self, ended: Sessions) -> Sessions:
        """Return what is left once some have ended."""
        return Sessions(
            of_everybody=self.of_everybody and not ended.of_everybody,
            emails=self.emails - ended.emails,
        )


def sessions_to_end(plan: LoginPlan, before: LoginSettings | None = None) -> Sessions:
    """Return the sessions that must end for a plan to take effect at once.

    before: the settings that are changed by it. Who loses their place in those is only known to
    have logged in here. What is compared at every request, as countries are, ends no session. A new
    application has none, and to one that is only watched we let nobody in.

    Source: Cloudflare's docs, Access sessions: who has logged in stays so until the session ends,
    whatever its policies say by then.
    """
    if plan.own.application is None or plan.settings.adopted:
        return Sessions()
    sessions = sessions_of(taken_away(plan))
    if before is None:
        return sessions
    chosen = before.who.emails if isinstance(before.who, People) else frozenset()
    return replace(sessions, emails=sessions.emails - chosen) | Sessions(
        of_everybody=shuts_out(before, plan.settings)
    )


def sessions_of(people: LetIn) -> Sessions:
    """Return the sessions that people may have: where nobody knows who they are, those of everybody."""
    return Sessions(of_everybody=bool(people.ways), emails=people.emails)


def taken_away(plan: LoginPlan) -> LetIn:
    """Return whom a plan takes away what let them in beyond the settings."""
    if plan.own.application is None or plan.settings.adopted:
        return LetIn()
    people = LetIn()
    for step in plan.steps:
        match step:
            case PolicyStep(action=LoginAction.UPDATE, found=AccessPolicy() as found):
                if step.fixes & {Drift.POLICY_OPENED, Drift.PEOPLE}:
                    people |= beyond_own_policy(found, plan.settings)
            case ApplicationStep(action=LoginAction.UPDATE):
                people |= LetIn(ways=_ways_of_application(plan, step))
    return people


def _ways_of_application(plan: LoginPlan, step: ApplicationStep) -> frozenset[str]:
    policies = step.found.policies if step.found else ()
    removed = ways_by_others(each for each in policies if each.id in step.removes)
    methods = methods_beyond(plan) if Drift.LOGIN_METHODS in step.fixes else ()
    return frozenset({*removed, *methods})
