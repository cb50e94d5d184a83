"""Writing for hostnames that different tunnels serve."""

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.sync.apply import apply_plan
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from sandbox import Sandbox
from tests.engine.builders import (
    ACCOUNT_ID,
    OTHER,
    TUNNEL_ID,
    ZONE_ID,
    protected,
    wanting,
)


async def test_hostnames_of_two_tunnels_are_built_up_and_taken_down_at_once(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A look at one tunnel forgets nothing of the other, so the zone is still as planned."""
    cabin = sandbox.state.add_tunnel("cabin")
    both = (protected(), protected(OTHER, tunnel_id=cabin.id))
    for desired in (wanting(*both), wanting(removed=both)):
        observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID, cabin.id])
        plan = make_plan(observation, desired)
        outcome = await apply_plan(client, observation, plan)
        assert outcome.error is None
        assert outcome.applied == plan.steps
        configurations = outcome.observation.configurations
        assert configurations.keys() == {TUNNEL_ID, cabin.id}
