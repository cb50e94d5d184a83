"""Keeping hostnames as they have to be: drift, repairs, the switch, and Home Assistant killed."""

from collections.abc import Awaitable, Callable

from ..account import (
    entity_id,
    refresh,
    sync_hostnames,
    turn_switch,
    until_all_is_stored,
)
from ..browser import missing
from ..expectations import (
    expect_anonymous_diagnostics,
    expect_blocked,
    expect_in_sync,
    expect_no_repair,
)
from ..home_assistant import JSON
from ..other_application import answered_by_another
from ..promise import promise
from ..remote import block_rule, expect_ours_once, expect_rest_unchanged, ours
from ..repairs import (
    fix_issue,
    fix_issue_in_browser,
    ignore,
    repair_text,
    run_checks,
    until_repair,
)
from ..report import Skipped, expect, expect_equal, until
from ..world import World, nonce

# Which write is delayed, its method and path, its number, and what of ours exists before it.
_DELAYED_WRITES = (
    ("the skip rule", "POST", "*/rules", 2, {"rules": 1, "associations": 1}),
    (
        "the DNS record",
        *("POST", "*/dns_records", 1),
        {"rules": 2, "associations": 1, "ingress": 1},
    ),
)


async def leave_open(world: World) -> JSON:
    """Ignore that the browser's hostname is open, because it is meant to be; return the issue."""
    issue = await until_repair(world, "check_open_hostname")
    await ignore(world, issue)
    return issue


@promise("another hostname that leads to the same Home Assistant, unlocked, is told")
async def open_hostname_is_told(world: World) -> None:
    """Find the browser's hostname in a repair, and ignore it, because it is meant to be open."""
    issue = await leave_open(world)
    text = await repair_text(world, issue, "description")
    for named in (world.browser_hostname, world.hostname):
        expect(named in text, f"{named} is not in: {text}")
    answer = await world.stranger.get(world.browser_hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status without a certificate")
    await expect_no_repair(world)
    world.notes.append(await repair_text(world, issue, "title"))


@promise(
    "a problem at Cloudflare is shown under Settings > System > Repairs, and fixed there"
)
async def problem_is_fixed(world: World) -> None:
    """Switch WebSockets off at Cloudflare, and switch them on with the repair."""

    async def has_read_setting() -> bool | None:
        return await world.cloudflare.was_called("GET", "/settings/websockets") or None

    await until("Home Assistant has read the setting", has_read_setting)
    await expect_no_repair(world)
    await world.cloudflare.change_setting("websockets", "off")
    await run_checks(world)
    issue = await until_repair(world, "check_websockets_off")
    # Home Assistant adds the repairs to the diagnostics.
    await expect_anonymous_diagnostics(world)
    title = await repair_text(world, issue, "title")
    missing_programs = missing("chromium")
    fix = fix_issue if missing_programs else fix_issue_in_browser
    writes = await world.cloudflare.writes()
    await fix(world, issue, "from off to on")
    expect_equal(await world.cloudflare.setting("websockets"), "on", "the setting")
    expect_equal(await world.cloudflare.writes(), writes + 1, "the number of writes")
    await expect_no_repair(world)
    world.notes.append(f"“{title}”: off, then on; no repair is left")
    if missing_programs:
        raise Skipped("no browser; fixed over the API instead")


@promise("visitors whom an IP Access rule lets past every custom rule are told of")
async def way_around_is_told(world: World) -> None:
    """Allow a country at Cloudflare: a repair names it, and the entity says so."""
    sensor = await entity_id(world, "enforced")
    await expect_no_repair(world)
    rule_id = await world.cloudflare.allow_country("AT")
    await run_checks(world)
    issue = await until_repair(world, "check_ip_access_allow")
    text = await repair_text(world, issue, "description")
    for named in ("AT", world.hostname):
        expect(named in text, f"{named} is not in: {text}")
    expect_equal(await world.admin.state(sensor), "off", "the state of the sensor")
    await world.cloudflare.delete_access_rule(rule_id)
    await run_checks(world)
    await expect_no_repair(world)
    world.notes.append(await repair_text(world, issue, "title"))


@promise(
    "a foreign rule that lets visitors past is shown within a refresh, and overtaken"
)
async def foreign_rules_are_overtaken(world: World) -> None:
    """Put a skip rule, and one that executes another ruleset, ahead of all others."""
    skip = {
        "action": "skip",
        "expression": "ssl",
        "action_parameters": {"ruleset": "current"},
        "description": "Rule of another tool",
    }
    await _expect_overtaken(world, "a skip rule", skip)
    skip_phase = {**skip, "action_parameters": {"phase": "current"}}
    ruleset_id = await world.cloudflare.add_ruleset(skip_phase)
    execute = {
        "action": "execute",
        "expression": "ssl",
        "action_parameters": {"id": ruleset_id},
        "description": "Rules of another tool",
    }
    await _expect_overtaken(world, "a rule that executes others", execute)
    await world.cloudflare.delete_ruleset(ruleset_id)
    await expect_rest_unchanged(world)


async def _expect_overtaken(world: World, what: str, rule: JSON) -> None:
    """Put a rule ahead of all others; expect a refresh to show that, and to move ours ahead."""
    sensor = await entity_id(world, "drift")
    seen = len(world.socket.states_of(sensor))
    rule_id = await world.cloudflare.put_rule_first(**rule)
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    await refresh(world)

    async def is_fixed() -> bool | None:
        states = world.socket.states_of(sensor)[seen:]
        return True if "on" in states and states[-1] == "off" else None

    await until(f"{what}: it is shown, and ours stand ahead of it", is_fixed)
    await expect_blocked(world)
    rules = [item["id"] for item in await world.cloudflare.rules()]
    expect(rule_id in rules, f"{what} is gone")
    await world.cloudflare.delete_rule(rule_id)
    await refresh(world)
    world.notes.append(f"{what}: {answer.status}; after a refresh 403")


@promise("a second sync writes nothing; drift is shown and fixed automatically")
async def drift_is_fixed(world: World) -> None:
    """Sync again, then change each part at Cloudflare, and wait until Home Assistant fixes it."""
    writes = await world.cloudflare.writes()
    synced = await sync_hostnames(world)
    expect_equal(synced["steps"], [], "the steps of the second sync")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")

    dashboard = world.cloudflare
    other = f'http.host eq "other.{world.hostname}"'
    await _expect_fixed(
        world,
        "the block rule is edited",
        lambda rule_id: dashboard.edit_rule(rule_id, expression=other),
        meanwhile=200,
    )
    await _expect_fixed(
        world,
        "the block rule is disabled",
        lambda rule_id: dashboard.edit_rule(rule_id, enabled=False),
        meanwhile=200,
    )
    await _expect_fixed(
        world, "the block rule is deleted", dashboard.delete_rule, meanwhile=200
    )
    await _expect_fixed(
        world,
        "the association is removed",
        lambda _: dashboard.dissociate(world.hostname),
        meanwhile=403,
    )
    issue = await until_repair(world, "opened_again")
    world.notes.append(await repair_text(world, issue, "title"))
    await ignore(world, issue)


async def _expect_fixed(
    world: World,
    what: str,
    do: Callable[[str], Awaitable[None]],
    *,
    meanwhile: int,
) -> None:
    """Change something at Cloudflare; expect a refresh to show the drift and to fix it."""
    await expect_blocked(world)
    rule = await block_rule(world)
    sensor = await entity_id(world, "drift")
    seen = len(world.socket.states_of(sensor))
    await do(rule["id"])
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, meanwhile, f"the status while {what}")
    writes = await world.cloudflare.writes()
    await refresh(world)

    async def is_fixed() -> bool | None:
        states = world.socket.states_of(sensor)[seen:]
        return True if "on" in states and states[-1] == "off" else None

    await until(f"{what}: the drift is shown and fixed", is_fixed)
    await expect_blocked(world)
    fixed = await block_rule(world)
    changing = {"id", "version", "last_updated"}
    for key in (fixed.keys() | rule.keys()) - changing:
        expect_equal(fixed.get(key), rule.get(key), f"{key} of the fixed rule")
    await expect_ours_once(world)
    await expect_rest_unchanged(world)
    written = await world.cloudflare.writes() - writes
    world.notes.append(f"{what}: {meanwhile}; after a refresh 403, writes: {written}")


@promise("a switch takes the hostname off the internet, and puts it back")
async def switch_unpublishes_hostname(world: World) -> None:
    """Turn the switch off and on, and visit each time: with a certificate and without."""
    switch = await entity_id(world, "published")
    phone, stranger = world.newest_phone, world.stranger
    visit = f"/manifest.json?visit={nonce()}"
    await turn_switch(world, "off", switch)
    left = await ours(world)
    kept = {"rules": ["block"], "associations": [world.hostname]}
    expect_equal(left, {**kept, "records": [], "ingress": []}, "the rest that is ours")
    statuses = [
        (await visitor.get(world.hostname, visit)).status
        for visitor in (phone, stranger)
    ]
    expect_equal(statuses, [403, 403], "the statuses with and without a certificate")
    found = await sync_hostnames(world, dry_run=True)
    expect(found["in_sync"], f"a sync would change something: {found['steps']}")
    await expect_rest_unchanged(world)
    control = nonce()
    await stranger.get(world.browser_hostname, f"/manifest.json?visit={control}")
    await world.home.until_logged(control)
    expect(visit not in world.home.log(), "a request reached Home Assistant")
    world.notes.append("off: 403, with a certificate and without one")

    await turn_switch(world, "on", switch)
    await expect_ours_once(world)
    answer = await phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")
    await expect_blocked(world)
    await expect_in_sync(world)
    await expect_rest_unchanged(world)
    await expect_no_repair(world)
    world.notes.append("on: with a certificate 200, without one 403")


@promise("a DNS record whose mark another tool took away is still known, and goes")
async def lost_mark_comes_back(world: World) -> None:
    """Take the comment of our record away, and turn *Published* off: nothing leads home."""
    switch = await entity_id(world, "published")
    await world.cloudflare.edit_record(world.hostname, comment="")
    await turn_switch(world, "off", switch)
    left = await ours(world)
    expect_equal((left["records"], left["ingress"]), ([], []), "what leads home")
    answer = await world.newest_phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 403, "the status with a certificate")
    await turn_switch(world, "on", switch)
    await world.cloudflare.edit_record(world.hostname, comment="")
    await refresh(world)

    async def has_mark() -> bool | None:
        zone = await world.cloudflare.zone()
        comments = [
            item["comment"]
            for item in zone["dns_records"]
            if item["name"] == world.hostname
        ]
        return True if all(comments) else None

    await until("the record has its mark again", has_mark)
    await expect_in_sync(world)
    await expect_no_repair(world)
    await expect_rest_unchanged(world)


@promise("killed during a sync, HA leaves nothing open, and finishes after a restart")
async def killing_exposes_nothing(world: World) -> None:
    """Delete everything that is ours, kill HA while it syncs, and start it again."""
    await until_all_is_stored(world)
    # While HA is down, a stand-in answers; otherwise an exposed hostname would only show 502.
    async with (
        answered_by_another(world),
        world.stranger.visiting(world.hostname) as statuses,
    ):
        for what, method, path, number, existing in _DELAYED_WRITES:
            await world.cloudflare.tear_down(world.hostname)
            expect_equal(await _count_ours(world), {}, "the rest that is ours")
            await world.cloudflare.delay_call(method, path, number=number, seconds=2)
            await refresh(world)
            await _kill_during_delay(world, what)
            expect_equal(
                await _count_ours(world), existing, f"what exists before {what}"
            )
            await expect_blocked(world)
            written = await _take_effect_and_start(world, what)
            world.notes.append(
                f"killed while writing {what}: 403; "
                f"started again: in sync after {written} more writes"
            )
    got_through = statuses.keys() - {403, 530}
    expect(not got_through, f"visitors without a certificate got {dict(statuses)}")
    counts = ", ".join(f"{count} x {status}" for status, count in statuses.items())
    world.notes.append(f"meanwhile, visitors without a certificate got: {counts}")
    answer = await world.newest_phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")
    await expect_blocked(world)


async def _count_ours(world: World) -> dict[str, int]:
    return {name: len(items) for name, items in (await ours(world)).items() if items}


async def _kill_during_delay(world: World, what: str) -> None:
    async def has_delayed_call() -> bool | None:
        return await world.cloudflare.has_delayed_call() or None

    await until(f"{what} is being written", has_delayed_call)
    await world.home.kill()


async def _take_effect_and_start(world: World, what: str) -> int:
    """Let the delayed write take effect, start HA, and return how many more writes it made."""
    cloudflare = world.cloudflare
    writes = await cloudflare.writes()

    async def is_written() -> bool | None:
        return True if await cloudflare.writes() > writes else None

    await until(f"{what} is written after HA was killed", is_written)
    await cloudflare.clear_delays()
    await world.start_home()
    await expect_in_sync(world)
    await expect_ours_once(world)
    await expect_rest_unchanged(world)
    return await cloudflare.writes() - writes - 1
