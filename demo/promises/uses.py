"""What the edge tells of devices: when they came, with which certificate, and that somebody had none."""

import asyncio
from datetime import UTC, datetime, timedelta

from aiohttp import ClientSession, TCPConnector

from ..account import entity_id, list_certificates, until_state
from ..devices import connect_app
from ..promise import promise
from ..remote import block_rule
from ..repairs import ALARM, ignore, list_repairs, until_repair
from ..report import expect, expect_equal, until
from ..world import World, nonce

# Any page of the integration is seen by it.
_PAGE = "/api/cloudflare_mtls/proof"
# Another machine at home: nobody trusts it as a proxy.
_ELSEWHERE = "127.0.0.2"
_SECONDS_UNTIL_RULES_ARE_EVERYWHERE = 60


async def _last_seen(world: World) -> str:
    return await world.admin.state(await entity_id(world, "last_seen", of=world.device))


@promise("a phone's visit moves *last seen*, and names its certificate")
async def visit_is_noticed(world: World) -> None:
    """Open the app on the phone, and look at the phone's sensors."""
    before = datetime.now(UTC)
    await connect_app(world, world.expect_phone())

    async def is_seen() -> str | None:
        state = await _last_seen(world)
        is_date = state not in ("unknown", "unavailable")
        return state if is_date and datetime.fromisoformat(state) else None

    seen = await until("the phone was seen", is_seen)
    # It is written once a minute.
    expect(
        datetime.fromisoformat(seen) > before - timedelta(minutes=1, seconds=1),
        f"last seen is {seen}",
    )
    await until_state(world, "certificate_in_use", world.device, "newest")
    fingerprint = await world.expect_phone().fingerprint()
    [used] = [
        each for each in await list_certificates(world) if each["last_seen"] is not None
    ]
    shown = used["fingerprint_sha256"].replace(":", "").lower()
    expect_equal(shown, fingerprint, "the certificate that was used")
    world.notes.append(f"last seen: {seen}")


@promise("headers that somebody forges change nothing")
async def forged_headers_change_nothing(world: World) -> None:
    """Send what the edge would tell: as a stranger, by another hostname, and from home."""
    before, phone = await _last_seen(world), world.expect_phone()
    [rule] = await world.cloudflare.header_rules()
    changes = rule["action_parameters"]["headers"]
    [(mark, written)] = [item for item in changes.items() if "value" in item[1]]
    [fingerprint] = changes.keys() - {mark}
    # Only the owner of the account can read the mark; even then, it is worth nothing elsewhere.
    forged = {mark: written["value"], fingerprint: await phone.fingerprint()}
    stranger, ours, other = world.stranger, world.hostname, world.browser_hostname
    answer = await stranger.request("GET", ours, _PAGE, headers=forged)
    expect(answer.blocked, f"a stranger gets {answer.status}")
    answer = await stranger.request("GET", other, _PAGE, headers=forged)
    expect_equal(answer.status, 200, "the status by another hostname")
    connector = TCPConnector(local_addr=(_ELSEWHERE, 0))
    async with (
        ClientSession(connector=connector) as session,
        session.get(
            f"{world.home.url}{_PAGE}", headers={"Host": ours, **forged}
        ) as response,
    ):
        expect_equal(response.status, 200, "the status at home")
    # The phone cannot tell another certificate than its own.
    answer = await world.owner.request(
        "GET", ours, _PAGE, headers={fingerprint: "0a" * 32}
    )
    expect_equal(answer.status, 200, "the status of the phone")
    expect_equal(await _last_seen(world), before, "last seen")
    expect_equal(await list_repairs(world), [], "the repairs")


@promise("a rule that is switched off by hand raises an alarm at the first request")
async def switched_off_rule_is_told(world: World) -> None:
    """Switch the block rule off, send one request without a certificate, and wait."""
    await asyncio.sleep(_SECONDS_UNTIL_RULES_ARE_EVERYWHERE)
    rule = await block_rule(world)
    await world.cloudflare.edit_rule(rule["id"], enabled=False)
    answer = await world.stranger.get(world.hostname, f"{_PAGE}?visit={nonce()}")
    expect_equal(answer.status, 200, "the status of the stranger")
    issue = await until_repair(world, ALARM, seconds=2)
    world.notes.append(str(issue["translation_placeholders"]))

    async def is_on_again() -> bool | None:
        return (await block_rule(world))["enabled"] or None

    await until("the rule is on again", is_on_again)
    answer = await world.stranger.get(world.hostname, _PAGE)
    expect(answer.blocked, f"the stranger still gets {answer.status}")
    await ignore(world, issue)
