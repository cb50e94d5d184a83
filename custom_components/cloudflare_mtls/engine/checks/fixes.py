"""Fixes a finding once a person has agreed: changes one thing, and nothing else."""

from collections.abc import Mapping
from typing import Any

from ..api.client import CloudflareClient
from ..api.errors import Conflict
from ..api.ingress import TunnelConfiguration
from ..api.json_fields import Fields
from ..sync.steps import CATCH_ALL
from .finding import Finding
from .specs import SPECS, Check, FixedIn, SettingSpec


async def fix_finding(
    client: CloudflareClient, account_id: str, finding: Finding
) -> None:
    """Look whether a finding still holds, and if so change the one thing that fixes it.

    Raises EngineError; Conflict where the thing is gone, or is not fixed afterwards.

    Source: PATCH /zones/{zone_id}/settings/{setting_id}, PUT /zones/{zone_id}/bot_management,
    PUT /accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations.
    """
    spec = SPECS[finding.check]
    match spec.fixed_in, spec.setting:
        case FixedIn.BOT_FIGHT_MODE, _:
            await _turn_off_bot_fight_mode(client, finding.place)
        case FixedIn.TUNNEL, _:
            await _change_tunnel(client, account_id, finding)
        case FixedIn.SETTING, SettingSpec() as setting:
            await _change_setting(client, finding.place, setting)
        case _:
            raise ValueError(f"{finding.check} is for a person to fix")


async def _change_setting(
    client: CloudflareClient, zone_id: str, spec: SettingSpec
) -> None:
    if await client.zone_settings.get(zone_id, spec.setting) != spec.wrong:
        return
    value = await client.zone_settings.edit(zone_id, spec.setting, spec.right)
    _expect_fixed(value == spec.right)


async def _turn_off_bot_fight_mode(client: CloudflareClient, zone_id: str) -> None:
    if await client.bot_management.get_fight_mode(zone_id):
        is_on = await client.bot_management.put_fight_mode(zone_id, enabled=False)
        _expect_fixed(not is_on)


async def _change_tunnel(
    client: CloudflareClient, account_id: str, finding: Finding
) -> None:
    """Change one thing in a tunnel's configuration, and send back the rest as it came."""
    present = await client.tunnels.get_configuration(account_id, finding.place)
    if present is None:
        raise Conflict(None, "the tunnel is gone or managed locally")
    rules = _fixed_ingress(present, finding)
    if rules == [rule.raw for rule in present.ingress]:
        return
    written = await client.tunnels.put_configuration(
        account_id, {**present.raw, "ingress": rules}, replacing=present
    )
    # Cloudflare may add keys to the rules, so compare with what would still be left to fix.
    _expect_fixed(
        _fixed_ingress(written, finding) == [rule.raw for rule in written.ingress]
    )


def _fixed_ingress(
    present: TunnelConfiguration, finding: Finding
) -> list[Mapping[str, Any]]:
    """Return the ingress rules without the finding; raise Conflict where it cannot be fixed."""
    rules = [rule.raw for rule in present.ingress]
    if finding.check is Check.NO_CATCH_ALL:
        return rules if present.has_catch_all else [*rules, dict(CATCH_ALL)]
    own = present.rule_for(finding.target)
    if own is None or own.service != finding.value:
        raise Conflict(None, "the hostname's ingress rule is not what it was")
    settings = Fields(own.raw).object("originRequest") or Fields({})
    trusting = {**settings.raw(), "noTLSVerify": True}
    return [
        {**rule.raw, "originRequest": trusting} if rule is own else rule.raw
        for rule in present.ingress
    ]


def _expect_fixed(is_fixed: bool) -> None:
    """Raise Conflict where a write did not fix the finding."""
    if not is_fixed:
        raise Conflict(None, "somebody else changed it at the same time")
