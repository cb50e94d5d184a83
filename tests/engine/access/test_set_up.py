"""Login hostnames against the sandbox: set up, changed, kept and taken away."""

from copy import deepcopy
from typing import Any

from custom_components.cloudflare_mtls.engine.access.marks import TAG
from custom_components.cloudflare_mtls.engine.access.plan import Occasion
from sandbox import Sandbox
from sandbox.state import Access
from tests.engine.access.helpers import OWNER, PARTNER, Home, kinds, settings


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


async def test_set_up_then_nothing_then_removal(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """Each thing is created once, then nothing is written, and in the end nothing is left."""
    before = contents(access)
    chosen = settings(
        OWNER,
        PARTNER,
        countries=frozenset({"DE", "AT"}),
        open_paths=frozenset({"/api/webhook/", "/auth/token"}),
    )

    done = await home.set_up(chosen)

    assert done.outcome.error is None
    assert kinds(done.outcome.applied) == [
        "create access_tag",
        "create access_group",
        "create access_policy",
        "create path_application",
        "create path_application",
        "create access_application",
    ]
    application = access.applications[home.stored.application or ""]
    assert [policy.id for policy in application.policies] == [home.stored.policy]
    assert application.options["tags"] == [TAG]
    assert done.outcome.own.application is not None
    assert done.outcome.own.application.audience == application.aud

    sandbox.journal.clear()
    plan = await home.plan(chosen, Occasion.CHANGE)
    assert plan.in_sync
    assert plan.problems == ()
    assert plan.steps == ()
    lost_store = Home(home.client)
    assert (await lost_store.plan(chosen)).in_sync
    assert not sandbox.journal.writes

    removed = await home.remove(chosen)
    assert removed.is_done
    assert kinds(removed.outcome.applied) == [
        "delete access_application",
        "delete path_application",
        "delete path_application",
        "delete access_policy",
        "delete access_group",
        "delete access_tag",
    ]
    assert contents(access) == before
    assert home.stored.application is None
