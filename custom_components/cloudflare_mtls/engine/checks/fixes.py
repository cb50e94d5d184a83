"""Puts right, once a person agreed, what is in a companion device's way; changes nothing else."""

from collections.abc import Mapping
from typing import Any

from ..api.client import CloudflareClient
from ..api.errors import Conflict
from ..api.models import Setting, TunnelConfiguration
from ..sync.steps import CATCH_ALL
from .finding import Finding
from .specs import SPECS, Check, FixedIn, SettingSpec


async def fix_finding(
    client: CloudflareClient, account_id: str, finding: Finding
) -> None:
    """Look again whether a finding still stands, and if so change the one thing that ends it.

    Raises EngineError; Conflict where the thing is gone, or did not become what it must be.

    Source: PATCH /zones/{zone_id}/settings/{setting_id}, PUT /zones/{zone_id}/bot_management,
    PUT /accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations.
    """
    spec = SPECS[finding.check]
    match spec.fixed_in, spec.setting:
        case FixedIn.BOT_FIGHT_MODE, _:
            await _end_bot_fight_mode(client, finding.place)
        case FixedIn.TUNNEL, _:
            await _change_tunnel(client, account_id, finding)
        case FixedIn.SETTING, SettingSpec(setting=setting, wrong=wrong, right=right):
            await _change_setting(client, finding.place, setting, wrong, right)
        case _:
            raise ValueError(f"{finding.check} is for a person to fix")


async def _change_setting(
    client: CloudflareClient, zone_id: str, setting: Setting, wrong: str, right: str
) -> None:
    if await client.zone_settings.get(zone_id, setting) != wrong:
        return
    _confirm(await client.zone_settings.edit(zone_id, setting, right) == right)


async def _end_bot_fight_mode(client: CloudflareClient, zone_id: str) -> None:
    if await client.bot_management.get_fight_mode(zone_id):
        _confirm(not await client.bot_management.put_fight_mode(zone_id, enabled=False))


async def _change_tunnel(
    client: CloudflareClient, account_id: str, finding: Finding
) -> None:
    """Change one thing of a tunnel's configuration; all that is foreign goes back as it came."""
    present = await client.tunnels.get_configuration(account_id, finding.place)
    if present is None:
        raise Conflict(None, "the tunnel is gone or managed locally")
    rules = _rules_after(present, finding)
    if rules == [rule.raw for rule in present.ingress]:
        return
    written = await client.tunnels.put_configuration(
        account_id, finding.place, {**present.raw, "ingress": rules}
    )
    # Nothing is left to do, whatever Cloudflare has added to the rules.
    _confirm(_rules_after(written, finding) == [rule.raw for rule in written.ingress])


def _rules_after(
    present: TunnelConfiguration, finding: Finding
) -> list[Mapping[str, Any]]:
    rules = [rule.raw for rule in present.ingress]
    if finding.check is Check.NO_CATCH_ALL:
        return rules if present.has_catch_all else [*rules, dict(CATCH_ALL)]
    own = present.rule_for(finding.target)
    if own is None or own.service != finding.value:
        raise Conflict(None, "the hostname's ingress rule is not what it was")
    trusting = {**(own.raw.get("originRequest") or {}), "noTLSVerify": True}
    return [
        {**rule.raw, "originRequest": trusting} if rule is own else rule.raw
        for rule in present.ingress
    ]


def _confirm(holds: bool) -> None:
    if not holds:
        raise Conflict(None, "somebody else changed it at the same time")
