"""Set-ups of login hostnames on bad days: lists that lag, permissions that are missing, others who write."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access import checked_writes
from custom_components.cloudflare_mtls.engine.access.apply import apply_login_plan
from custom_components.cloudflare_mtls.engine.access.observation import find_own
from custom_components.cloudflare_mtls.engine.access.plan import (
    Occasion,
    make_login_plan,
    plan_login_removal,
)
from custom_components.cloudflare_mtls.engine.access.settings import LoginSettings
from custom_components.cloudflare_mtls.engine.api.access_models import (
    AccessApplication as AccessApplicationSeen,
)
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    PermissionMissing,
    PolicyUnknownYet,
    Unavailable,
    ZeroTrustNotSetUp,
)
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from sandbox.state import ALL_PERMISSIONS, Access
from tests.engine.access.helpers import (
    OWNER,
    PARTNER,
    STRANGER,
    Home,
    contents,
    settings,
)
from tests.engine.access.reach import NOBODY, reach
from tests.engine.builders import ACCOUNT_ID


async def test_lists_that_lag(sandbox: Sandbox, home: Home, access: Access) -> None:
    """What was just created is read by its id, so that it is not created twice."""
    sandbox.state.delays.access_list = 30
    chosen = settings(OWNER, countries=frozenset({"DE", "AT"}))
    assert (await home.set_up(chosen)).outcome.error is None
    sandbox.journal.clear()
    assert (await home.plan(chosen)).in_sync
    assert not sandbox.journal.writes
    assert (await home.remove(chosen)).is_done
    assert (await home.plan(chosen)).steps


async def test_policy_that_is_not_known_everywhere_yet(
    sandbox: Sandbox, home: Home, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application is asked for again until its policy is known."""
    monkeypatch.setattr(checked_writes, "POLICY_PAUSES", 30 * (0.1,))
    sandbox.state.delays.access_policy = 0.3
    done = await home.set_up(settings(OWNER))
    assert done.outcome.error is None
    assert [entry.status for entry in sandbox.journal.writes].count(400) >= 1


async def test_policy_that_never_gets_known(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """A set-up that cannot end is taken back as a whole."""
    before = contents(access)
    sandbox.state.delays.access_policy = 3600
    done = await home.set_up(settings(OWNER, open_paths=frozenset({"/auth/token"})))
    assert isinstance(done.outcome.error, PolicyUnknownYet)
    assert done.is_undone
    assert contents(access) == before


@pytest.mark.parametrize(
    ("lacks", "chosen"),
    [
        ("access_apps:edit", settings(OWNER)),
        (
            "access_organization:edit",
            settings(OWNER, countries=frozenset({"DE", "AT"})),
        ),
    ],
)
async def test_permission_missing(
    sandbox: Sandbox, access: Access, lacks: str, chosen: LoginSettings
) -> None:
    """A token that may only read leaves everything as it was, and the permission is named."""
    before = contents(access)
    reads = lacks.replace("edit", "read")
    token = sandbox.state.add_token(permissions=(ALL_PERMISSIONS - {lacks}) | {reads})
    home = Home(CloudflareClient(token, base_url=sandbox.api_url))
    done = await home.set_up(chosen)
    assert isinstance(done.outcome.error, PermissionMissing)
    assert contents(access) == before


@pytest.mark.parametrize("lacks", ["access_apps:edit", "access_organization:edit"])
async def test_empty_lists_of_a_token_that_may_not_look(
    sandbox: Sandbox, lacks: str
) -> None:
    """An empty list is no proof that there is nothing."""
    token = sandbox.state.add_token(permissions=ALL_PERMISSIONS - {lacks})
    home = Home(CloudflareClient(token, base_url=sandbox.api_url))
    with pytest.raises(PermissionMissing):
        await home.look()


async def test_no_login_method(
    sandbox: Sandbox, client: CloudflareClient, access: Access
) -> None:
    """That there is none is believed only of a token that may see the organization."""
    access.identity_providers.clear()
    assert await client.access_identity_providers.list(ACCOUNT_ID) == ()
    token = sandbox.state.add_token(
        permissions=ALL_PERMISSIONS - {"access_organization:edit"}
    )
    blind = CloudflareClient(token, base_url=sandbox.api_url)
    with pytest.raises(PermissionMissing):
        await blind.access_identity_providers.list(ACCOUNT_ID)


async def test_zero_trust_was_never_set_up(sandbox: Sandbox, home: Home) -> None:
    """Only a person can do that."""
    sandbox.state.accounts[ACCOUNT_ID].access.team = None
    with pytest.raises(ZeroTrustNotSetUp):
        await home.look()


async def test_somebody_changes_it_at_the_same_time(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """A plan that is older than somebody's change is not carried out."""
    await home.set_up(settings(OWNER))
    seen = await home.look()
    own = find_own(seen, settings(OWNER), home.stored)
    plan = make_login_plan(seen, own, settings(OWNER, PARTNER), Occasion.CHANGE)
    policy = access.policies[home.stored.policy or ""]
    policy.include.append({"email": {"email": STRANGER}})
    sandbox.journal.clear()

    outcome = await apply_login_plan(home.client, ACCOUNT_ID, seen, plan)

    assert isinstance(outcome.error, Conflict)
    assert not sandbox.journal.writes


async def test_somebody_changes_the_application_at_the_same_time(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """Neither is an application written, nor deleted, that is not as it was planned for."""
    await home.set_up(settings(OWNER))
    seen = await home.look()
    own = find_own(seen, settings(OWNER), home.stored)
    longer = settings(OWNER, session=timedelta(days=30))
    change = make_login_plan(seen, own, longer, Occasion.CHANGE)
    removal = plan_login_removal(seen, own, longer)
    application = access.applications[home.stored.application or ""]
    application.destinations.append({"type": "public", "uri": "nas2.example.com"})
    sandbox.journal.clear()

    for plan in (change, removal):
        outcome = await apply_login_plan(home.client, ACCOUNT_ID, seen, plan)
        assert isinstance(outcome.error, Conflict)
    assert not sandbox.journal.writes


async def test_policy_that_was_dropped_without_an_error(
    home: Home, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that came without its policy would let nobody in, so it does not stay."""
    before = contents(access)
    create = home.client.access_applications.create

    async def create_and_drop(account_id: str, body: Any) -> AccessApplicationSeen:
        created = await create(account_id, body)
        access.applications[created.id].policies.clear()
        return created

    monkeypatch.setattr(home.client.access_applications, "create", create_and_drop)
    done = await home.set_up(settings(OWNER))
    assert isinstance(done.outcome.error, Unavailable)
    assert done.is_undone
    assert contents(access) == before


async def test_failed_set_up_of_what_is_there_already(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """A home that lost its store sets up again; where that fails, the hostname stays closed."""
    await home.set_up(settings(OWNER))
    forgetful = Home(home.client)
    sandbox.faults.add(
        Fault(FaultKind.SERVER_ERROR, method="PUT", path="*/access/apps/*", times=None)
    )

    done = await forgetful.set_up(settings(OWNER, session=timedelta(days=30)))

    assert done.outcome.error is not None
    assert done.undoing is None
    assert (NOBODY, "DE", "/") not in reach(access)
    assert (OWNER, "DE", "/") in reach(access)
