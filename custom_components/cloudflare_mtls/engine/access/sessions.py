"""Whose sessions must end once a plan was carried out: those whom it takes away what let them in (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..api.access_models import AccessPolicy, Decision
from ..api.selectors import EmailIs
from .desired import References, policy_rules
from .drift import Drift
from .plan import LoginPlan
from .settings import LoginSettings, People, read_email, shuts_out
from .steps import ApplicationStep, LoginAction, PolicyStep

# Nobody has logged in by one of these.
_WITHOUT_SESSION = (Decision.BYPASS, Decision.DENY)


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
    sessions = Sessions()
    for each in _of_steps(plan):
        sessions |= each
    if before is None:
        return sessions
    chosen = before.who.emails if isinstance(before.who, People) else frozenset()
    return replace(sessions, emails=sessions.emails - chosen) | Sessions(
        of_everybody=shuts_out(before, plan.settings)
    )


def _of_steps(plan: LoginPlan) -> Iterator[Sessions]:
    for step in plan.steps:
        match step:
            case PolicyStep(action=LoginAction.UPDATE, found=AccessPolicy() as found):
                if step.fixes & {Drift.POLICY_OPENED, Drift.PEOPLE}:
                    yield _of_people(plan, found)
            case ApplicationStep(action=LoginAction.UPDATE):
                yield Sessions(
                    of_everybody=_takes_policies(step) or _takes_methods(plan, step)
                )


def _of_people(plan: LoginPlan, found: AccessPolicy) -> Sessions:
    """Return the sessions of those whom our policy no longer lets in."""
    if found.decision in _WITHOUT_SESSION:
        return Sessions()
    wanted = policy_rules(plan.settings, References()).include
    extra = found.rules.include - wanted
    emails = {
        email
        for each in extra
        if isinstance(each, EmailIs) and (email := read_email(each.address))
    }
    return Sessions(of_everybody=len(emails) < len(extra), emails=frozenset(emails))


def _takes_policies(step: ApplicationStep) -> bool:
    """Return whether a step takes away a policy by which somebody may have logged in."""
    return step.found is not None and any(
        each.decision not in _WITHOUT_SESSION
        for each in step.found.policies
        if each.id in step.removes
    )


def _takes_methods(plan: LoginPlan, step: ApplicationStep) -> bool:
    """Return whether people may have logged in by a method that a step no longer allows."""
    settings = plan.settings
    if Drift.LOGIN_METHODS not in step.fixes or step.found is None:
        return False
    if not settings.login_methods and not settings.one_time_pin:
        # All of the account's methods are allowed.
        return False
    return not step.found.allowed_login_methods or any(
        each.added for each in plan.differences if each.drift is Drift.LOGIN_METHODS
    )
