"""Login hostnames of which somebody else writes something between the look and the write."""

from custom_components.cloudflare_mtls.engine.access.apply import apply_login_plan
from custom_components.cloudflare_mtls.engine.access.observation import OwnIds, find_own
from custom_components.cloudflare_mtls.engine.access.plan import (
    LoginPlan,
    Occasion,
    make_login_plan,
)
from custom_components.cloudflare_mtls.engine.access.set_up import set_up_login
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import Conflict
from sandbox import Sandbox
from sandbox.state import Access
from sandbox.state.access import IdentityProvider
from tests.engine.access.helpers import OWNER, Home, settings
from tests.engine.builders import ACCOUNT_ID, TUNNEL_ID

CODE = "onetimepin"


async def test_login_by_code_that_somebody_created_first(
    home: Home, client: CloudflareClient, access: Access
) -> None:
    """It is used; there can be only one."""
    access.identity_providers[:] = [IdentityProvider("cloudflare")]
    seen = await home.look()
    plan = make_login_plan(
        seen,
        find_own(seen, settings(OWNER), OwnIds()),
        settings(OWNER),
        Occasion.SET_UP,
    )
    access.identity_providers.append(IdentityProvider(CODE))
    done = await set_up_login(client, ACCOUNT_ID, seen, plan)
    assert done.outcome.error is None
    assert [item.type for item in access.identity_providers].count(CODE) == 1


async def test_open_path_that_somebody_closed(home: Home, access: Access) -> None:
    """It is opened again by the application that is there."""
    path = "/api/webhook/"
    chosen = settings(OWNER, open_paths=frozenset({path}))
    assert (await home.set_up(chosen)).outcome.error is None
    before = set(access.applications)
    (own,) = [
        item
        for item in access.applications.values()
        if any(path in str(each) for each in item.destinations)
    ]
    own.policies.clear()
    assert not (await home.plan(chosen, Occasion.CHANGE)).in_sync
    assert (await home.apply(chosen)).error is None
    assert set(access.applications) == before
    assert (await home.plan(chosen)).in_sync


async def _plan_with_connector(home: Home) -> LoginPlan:
    chosen = settings(OWNER, connector_of=TUNNEL_ID)
    return await home.plan(chosen, Occasion.CHANGE)


async def test_hostname_that_the_tunnel_serves_no_more(
    sandbox: Sandbox, home: Home, client: CloudflareClient, access: Access
) -> None:
    """Nothing is written into a configuration that is another one by now."""
    assert (await home.set_up(settings(OWNER))).outcome.error is None
    plan, seen = await _plan_with_connector(home), await home.look()
    tunnel = sandbox.state.tunnels[TUNNEL_ID]
    assert tunnel.config is not None
    tunnel.config["ingress"] = tunnel.config["ingress"][-1:]
    sandbox.journal.clear()
    outcome = await apply_login_plan(client, ACCOUNT_ID, seen, plan)
    assert isinstance(outcome.error, Conflict)
    assert not sandbox.journal.writes


async def test_token_that_cloudflared_demands_already(
    sandbox: Sandbox, home: Home, client: CloudflareClient, access: Access
) -> None:
    """A second run of the same plan writes nothing."""
    assert (await home.set_up(settings(OWNER))).outcome.error is None
    plan, seen = await _plan_with_connector(home), await home.look()
    assert (await apply_login_plan(client, ACCOUNT_ID, seen, plan)).error is None
    sandbox.journal.clear()
    assert (await apply_login_plan(client, ACCOUNT_ID, seen, plan)).error is None
    assert not sandbox.journal.writes
