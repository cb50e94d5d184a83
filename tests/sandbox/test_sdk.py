"""The sandbox with Cloudflare's own SDK."""

from typing import Any

from cloudflare import AsyncCloudflare, BadRequestError
import pytest

from sandbox import Sandbox
from sandbox.seed import FOREIGN_RULE_ID
from sandbox.state import FIREWALL_PHASE

from .helpers import HOME, csr_text, new_csr


async def test_official_sdk(sandbox: Sandbox) -> None:
    """Cloudflare's SDK understands the sandbox's answers."""
    _, csr = new_csr("SDK")
    zone = {"zone_id": sandbox.zone_id}
    account = {"account_id": sandbox.account_id}
    # Any, because the SDK's types say that every value may be missing.
    official: Any = AsyncCloudflare(
        api_token=sandbox.token, base_url=sandbox.api_url, max_retries=0
    )
    async with official as client:
        assert (await client.user.tokens.verify()).status == "active"
        assert [found.name async for found in client.zones.list()] == ["example.com"]
        tunnels = client.zero_trust.tunnels.cloudflared
        assert [found.name async for found in tunnels.list(**account)] == ["home"]
        configuration = await tunnels.configurations.get(sandbox.tunnel_id, **account)
        assert configuration.config.ingress[0].hostname == HOME
        connectors = await tunnels.connections.get(sandbox.tunnel_id, **account)
        assert len(connectors.result[0].conns) == 4

        created = await client.client_certificates.create(
            csr=csr_text(csr), validity_days=30, **zone
        )
        listed = [each.id async for each in client.client_certificates.list(**zone)]
        assert listed == [created.id]
        await client.client_certificates.delete(created.id, **zone)
        associations = client.certificate_authorities.hostname_associations
        await associations.update(hostnames=[HOME], **zone)
        assert (await associations.get(**zone)).hostnames == [HOME]

        ruleset = await client.rulesets.phases.get(FIREWALL_PHASE, **zone)
        assert ruleset.rules[0].id == FOREIGN_RULE_ID
        changed = await client.rulesets.rules.create(
            ruleset.id, action="block", expression="ssl", **zone
        )
        assert len(changed["rules"]) == 2
        with pytest.raises(BadRequestError) as refusal:
            await client.rulesets.rules.create(
                ruleset.id, action="block", expression="(", dry_run=True, **zone
            )
        assert refusal.value.errors[0].code == 20127
        records = [each.name async for each in client.dns.records.list(**zone)]
        assert len(records) == 5
