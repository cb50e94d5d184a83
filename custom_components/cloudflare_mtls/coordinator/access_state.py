"""What the coordinator of Access saw; entities and dialogs read it (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..engine.access.login_visit import AskedBy
from ..engine.access.observation import AccessObservation
from ..engine.access.plan import LoginPlan
from ..engine.access.problems import LoginProblem
from ..engine.access.settings import LoginSettings
from ..engine.rules.truth import Truth, combine, negate


@dataclass(frozen=True, kw_only=True)
class LoginState:
    """A login hostname: what a person chose, and what is known; None where nothing is.

    plan: what there is to do that nobody asked for. asked_by: who asks visitors to log in.
    strangers_pass: whether a policy lets others pass than the visitor who showed that.
    """

    settings: LoginSettings
    plan: LoginPlan | None = None
    asked_by: AskedBy | None = None
    strangers_pass: Truth = False

    @property
    def login_required(self) -> bool | None:
        """Return whether our application asks visitors to log in, as a visit and its policies show."""
        if self.asked_by in (None, AskedBy.UNCLEAR, AskedBy.SOMEBODY):
            return None
        return combine(
            "and", (self.asked_by is AskedBy.OURS, negate(self.strangers_pass))
        )

    @property
    def differs(self) -> bool | None:
        """Return whether Cloudflare's settings differ from what a person chose."""
        return bool(self.plan.differences) if self.plan else None


@dataclass(frozen=True, kw_only=True)
class AccessState:
    """What was last seen of Access.

    logins: by hostname. observation: None where nothing was read, as without a login hostname.
    problem: why Access cannot be read at all, if only a person can solve that.
    """

    logins: Mapping[str, LoginState] = MappingProxyType({})
    observation: AccessObservation | None = None
    problem: LoginProblem | None = None

    def is_opened(self, hostname: str) -> bool:
        """Return whether a login hostname was seen to be open at Cloudflare."""
        login = self.logins.get(hostname)
        differences = login.plan.differences if login and login.plan else ()
        return any(each.opens for each in differences)
