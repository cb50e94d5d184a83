"""What the tests of login hostnames share: settings, and runs against the sandbox."""

from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access import checked_writes, set_up
from custom_components.cloudflare_mtls.engine.access.apply import (
    LoginOutcome,
    apply_login_plan,
)
from custom_components.cloudflare_mtls.engine.access.observation import (
    AccessObservation,
    OwnIds,
    find_own,
)
from custom_components.cloudflare_mtls.engine.access.observe import observe_access
from custom_components.cloudflare_mtls.engine.access.plan import (
    LoginPlan,
    Occasion,
    make_login_plan,
)
from custom_components.cloudflare_mtls.engine.access.set_up import (
    LoginRemoval,
    LoginSetUp,
    remove_login,
    set_up_login,
)
from custom_components.cloudflare_mtls.engine.access.settings import (
    LoginSettings,
    People,
)
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from sandbox.seed import ACCOUNT_ID, TUNNEL_ID, ZONE_ID, ZONE_NAME
from sandbox.state import Access

HOME = f"home.{ZONE_NAME}"
MOBILE = f"home-mobile.{ZONE_NAME}"
OWNER = "owner@example.com"
PARTNER = "partner@example.com"
STRANGER = "stranger@example.org"


def settings(*emails: str, **more: Any) -> LoginSettings:
    """Return the settings of a login hostname that a code by e-mail lets these people in."""
    who = People(frozenset(emails or {OWNER}))
    chosen: dict[str, Any] = {
        "hostname": HOME,
        "zone_id": ZONE_ID,
        "who": who,
        "one_time_pin": True,
        **more,
    }
    return LoginSettings(**chosen)


@dataclass
class Home:
    """A home that remembers the ids of what is its own."""

    client: CloudflareClient
    stored: OwnIds = field(default_factory=OwnIds)
    mobile: Collection[str] = (MOBILE,)

    async def look(self) -> AccessObservation:
        """Read Access and the tunnel."""
        return await observe_access(
            self.client, ACCOUNT_ID, stored=(self.stored,), tunnel_ids=(TUNNEL_ID,)
        )

    async def plan(
        self, chosen: LoginSettings, occasion: Occasion = Occasion.KEEP
    ) -> LoginPlan:
        """Return what there is to do."""
        seen = await self.look()
        own = find_own(seen, chosen, self.stored)
        return make_login_plan(seen, own, chosen, occasion, self.mobile)

    async def set_up(self, chosen: LoginSettings) -> LoginSetUp:
        """Set up, or undo."""
        seen = await self.look()
        own = find_own(seen, chosen, self.stored)
        plan = make_login_plan(seen, own, chosen, Occasion.SET_UP, self.mobile)
        done = await set_up_login(self.client, ACCOUNT_ID, seen, plan)
        last = done.undoing if isinstance(done.undoing, LoginRemoval) else done
        self.stored = last.outcome.own.ids
        return done

    async def apply(
        self, chosen: LoginSettings, occasion: Occasion = Occasion.CHANGE
    ) -> LoginOutcome:
        """Apply settings to what is there."""
        seen = await self.look()
        own = find_own(seen, chosen, self.stored)
        plan = make_login_plan(seen, own, chosen, occasion, self.mobile)
        outcome = await apply_login_plan(self.client, ACCOUNT_ID, seen, plan)
        self.stored = outcome.own.ids
        return outcome

    async def remove(self, chosen: LoginSettings) -> LoginRemoval:
        """Take the login away."""
        done = await remove_login(
            self.client, ACCOUNT_ID, chosen, self.stored, tunnel_ids=(TUNNEL_ID,)
        )
        self.stored = done.outcome.own.ids
        return done


def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait before a refused write is repeated, nor for lists after a lost answer."""
    monkeypatch.setattr(checked_writes, "REFUSAL_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(checked_writes, "POLICY_PAUSES", 3 * (0.0,))
    monkeypatch.setattr(set_up, "LIST_LAG", timedelta())


def kinds(steps: Collection[Any]) -> list[str]:
    """Return the action and the kind of each step."""
    return [f"{step.action} {step.kind}" for step in steps]


def contents(access: Access) -> Any:
    """Return a copy of everything that plans may change."""
    return deepcopy(
        (
            access.applications,
            access.policies,
            access.groups,
            access.tags,
            access.identity_providers,
        )
    )
