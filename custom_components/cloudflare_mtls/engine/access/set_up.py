"""Sets a login hostname up as a whole or not at all, and takes it down."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from ..api.client import CloudflareClient
from ..api.errors import EngineError, Unavailable
from .apply import LoginOutcome, apply_login_plan
from .observation import AccessObservation, OwnIds, find_own
from .observe import LIST_LAG, observe_access
from .plan import LoginPlan, plan_login_removal
from .settings import LoginSettings


@dataclass(frozen=True, kw_only=True)
class LoginRemoval:
    """How the removal of a login hostname ended; what is left is removed by another one."""

    outcome: LoginOutcome
    plan: LoginPlan

    @property
    def is_done(self) -> bool:
        """Return whether nothing of ours is left."""
        return self.outcome.error is None and not self.plan.problems


@dataclass(frozen=True, kw_only=True)
class LoginSetUp:
    """How a set-up ended; a failed one was undone, unless the undoing failed as well.

    undoing: what came of the undoing, None where nothing had to be undone; an error, where not even
        what is left could be seen.
    """

    outcome: LoginOutcome
    undoing: LoginRemoval | EngineError | None = None

    @property
    def is_undone(self) -> bool:
        """Return whether the set-up failed and nothing of it is left."""
        return isinstance(self.undoing, LoginRemoval) and self.undoing.is_done


async def set_up_login(
    client: CloudflareClient,
    account_id: str,
    observation: AccessObservation,
    plan: LoginPlan,
) -> LoginSetUp:
    """Apply the plan of a new login hostname; where a step fails, remove all of it again.

    A login method that was created stays: it may be used elsewhere by then. So does everything
    where an application of ours stood before: without it, the hostname would be open.
    """
    outcome = await apply_login_plan(client, account_id, observation, plan)
    if outcome.error is None or plan.own.application is not None:
        return LoginSetUp(outcome=outcome)
    if isinstance(outcome.error, Unavailable):
        # What a write without an answer has created is not listed before.
        await asyncio.sleep(LIST_LAG.total_seconds())
    undoing: LoginRemoval | EngineError
    try:
        undoing = await remove_login(
            client,
            account_id,
            plan.settings,
            outcome.own.ids,
            tunnel_ids=observation.configurations.keys(),
        )
    except EngineError as err:
        undoing = err
    return LoginSetUp(outcome=outcome, undoing=undoing)


async def remove_login(
    client: CloudflareClient,
    account_id: str,
    settings: LoginSettings,
    stored: OwnIds,
    *,
    tunnel_ids: Collection[str] = (),
) -> LoginRemoval:
    """Look for everything of ours for a hostname, and remove it; raise EngineError if unseen.

    tunnel_ids: the tunnels whose cloudflared may demand the token.
    """
    seen = await observe_access(
        client, account_id, stored=(stored,), tunnel_ids=tunnel_ids
    )
    own = find_own(seen, settings, stored)
    plan = plan_login_removal(seen, own, settings)
    outcome = await apply_login_plan(client, account_id, seen, plan)
    return LoginRemoval(outcome=outcome, plan=plan)
