"""What is promised, and the proof of each: in the order of the demo's output."""

from base64 import b64decode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
import json
import re

from aiohttp import ClientSession, WSServerHandshakeError

from .browser import missing
from .flow import Flow
from .home_assistant import DOMAIN, JSON, SCRIPT, User
from .leaks import find
from .phone import take
from .report import Skipped, Unmet, expect, expect_equal, until
from .stand_in import TEXT as WELCOME, stand_in
from .world import World, nonce

type Check = Callable[[World], Awaitable[None]]

CHECKS: list[tuple[str, Check]] = []

_PERMISSIONS = {"zone:read", "dns:edit", "ssl:edit", "waf:edit", "tunnel:edit"}
# What a token lacks, what it carries instead, and what the dashboard calls the former.
_LACKING = (
    ("zone:read", (), "Zone / Zone / Read"),
    ("dns:edit", (), "Zone / DNS / Edit"),
    ("ssl:edit", (), "Zone / SSL and Certificates / Edit"),
    ("waf:edit", (), "Zone / Zone WAF / Edit"),
    ("waf:edit", ("waf:read",), "Zone / Zone WAF / Edit"),
    ("tunnel:edit", (), "Account / Cloudflare Tunnel / Edit"),
)
_RESPONSE = {
    "device_id",
    "certificate_id",
    "serial_number",
    "fingerprint_sha256",
    "issued_on",
    "expires_on",
    "handover_url",
    "handover_code",
    "handover_expires_at",
}
_BLOCKED_REQUEST = {
    "time",
    "country",
    "method",
    "path",
    "user_agent",
    "rule",
    "service",
}
_DEVICE = "companion_device"
# What is written to Cloudflare, by which call, which one of those, and how much of ours precedes it.
_HELD_WRITES = (
    ("the skip rule", "POST", "*/rules", 2, {"rules": 1, "associations": 1}),
    (
        "the DNS record",
        *("POST", "*/dns_records", 1),
        {"rules": 2, "associations": 1, "ingress": 1},
    ),
)
_FRONT_END = "document.querySelector('home-assistant, ha-authorize')"
_BLOCKED = "document.body.innerText.includes('you have been blocked')"
_EVERY_HOME_HAS = "We found a custom integration"


def _promise(what: str) -> Callable[[Check], Check]:
    """Add a check to the list, with what it shows."""

    def add(check: Check) -> Check:
        CHECKS.append((what, check))
        return check

    return add


@_promise("Home Assistant and its front end run, and so does the sandbox")
async def both_run(world: World) -> None:
    """Get the front end's app, and have the sandbox verify its token."""
    page = await _page(f"{world.home.url}/")
    app = re.search(r'/frontend_latest/app\.[^"]+\.js', page)
    if app is None:
        raise Unmet(f"/ is not the front end: {page[:200]!r}")
    program = await _page(f"{world.home.url}{app[0]}")
    expect(len(program) > 10_000, f"the app has {len(program)} characters")
    # What the front end asks for before it shows anything.
    for command in ("get_states", "get_services", "get_panels", "frontend/get_themes"):
        await world.socket.command(command)
    verified = await world.cloudflare.verify_token()
    expect_equal(verified["result"]["status"], "active", "the status of the token")


@_promise("a bad token is refused with a sentence that names the permission it lacks")
async def bad_tokens_are_refused(world: World) -> None:
    """Type in an unknown token, and one for each permission that may be lacking."""
    texts = await world.texts()
    writes = await world.cloudflare.writes()
    unknown = f"cfut_{(nonce() * 3)[:40]}"
    tokens = [(unknown, "does not know this API token")]
    for lacking, instead, permission in _LACKING:
        carried = _PERMISSIONS - {lacking} | set(instead)
        token = await world.cloudflare.new_token(*sorted(carried))
        tokens.append((token, permission))
    for token, reason in tokens:
        world.typed_in.append(token)
        flow = await Flow.start(world.admin)
        await flow.submit(api_token=token)
        if flow.answer["step_id"] == "zone":
            await flow.submit()
        sentence = flow.sentence(texts)
        await flow.give_up()
        world.notes.append(sentence)
        expect(reason in sentence, f"{reason} is not in: {sentence}")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")


@_promise("the changes are previewed, and nothing is written before")
async def changes_are_previewed(world: World) -> None:
    """Go through the flow up to its last step."""
    writes = await world.cloudflare.writes()
    world.flow = flow = await Flow.start(world.admin)
    flow.expect_step("user")
    await flow.submit(api_token=world.cloudflare.facts["token"])
    flow.expect_step("zone")
    await flow.submit()
    flow.expect_step("hostname")
    world.hostname = flow.defaults["hostname"]
    world.before = await world.not_ours()
    await flow.submit()
    flow.expect_step("preview")
    changes = flow.answer["description_placeholders"]["changes"]
    world.notes += changes.splitlines()
    expect(changes.count("\n") >= 4, f"the changes are {changes!r}")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")


@_promise(
    "after Create the tunnel is healthy, the hostname in sync, all else untouched"
)
async def hostname_is_in_sync(world: World) -> None:
    """Create the entry, and compare what is not ours with what was there before."""
    flow = world.flow
    if flow is None:
        raise Unmet("there is no flow to go on with")
    await flow.submit()
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["type"], "create_entry", "the end of the flow")
    world.entry_id = flow.answer["result"]["entry_id"]
    await _expect_all_is_well(world)
    await world.expect_all_else_untouched()
    zone = await world.cloudflare.zone()
    expect(world.hostname in zone["associations"], "the hostname is not associated")


@_promise("without a certificate: 403, and nothing reaches Home Assistant")
async def strangers_are_blocked(world: World) -> None:
    """Try every door without a certificate, and look for the attempts in HA's request log."""
    ours, other = world.hostname, world.browser_hostname
    hosts = [ours, f"{ours}:8443", f"{ours}:443", f"{ours}.", f"{ours}.:8443"]
    attempts = [(ours, host) for host in (*hosts, ours.upper())]
    # The connection is for a hostname that needs no certificate, the request for ours.
    attempts.append((other, ours))
    words = []
    for server_name, host in attempts:
        for method, path in (("GET", "/manifest.json"), ("POST", "/api/webhook/any")):
            words.append(nonce())
            answer = await world.stranger.request(
                method, server_name, f"{path}?visit={words[-1]}", host=host
            )
            expect(answer.blocked, f"{method} {host}{path}: {answer.status}")
    words.append(nonce())
    try:
        path = f"/api/websocket?visit={words[-1]}"
        async with world.stranger.websocket(ours, path):
            raise Unmet("a WebSocket opens")
    except WSServerHandshakeError as error:
        expect_equal(error.status, 403, "the status of the WebSocket")
    # What does reach Home Assistant is in the log, and it came last.
    control = nonce()
    await world.stranger.get(other, f"/manifest.json?visit={control}")
    await world.home.until_logged(control)
    log = world.home.log()
    expect(not any(word in log for word in words), "a request reached Home Assistant")
    world.notes.append(f"{len(words)} requests, each with 403; none of them in the log")


@_promise("Home Assistant sees for itself that it is blocked, on another port too")
async def home_sees_itself_blocked(world: World) -> None:
    """Have it visit the hostname, and read what it makes of that."""
    refused = {"status": 403, "verdict": "blocked"}
    met = await world.admin.act(
        f"{DOMAIN}.verify", config_entry_id=world.entry_id, hostname=world.hostname
    )
    expect_equal(
        met,
        {
            "without_certificate": refused,
            "other_ports": {"8443": refused},
            "enforced": True,
            "exposed_to": [],
        },
        "what Home Assistant meets",
    )
    sensor = await world.entity_id("enforced")
    expect_equal(await world.admin.state(sensor), "on", sensor)


@_promise("it tells whom our rule blocked, without an address")
async def blocked_requests_are_told(world: World) -> None:
    """Visit without a certificate, and find the visit among what Cloudflare blocked."""
    path = f"/auth/{nonce()}"
    answer = await world.stranger.get(world.hostname, f"{path}?visit={nonce()}")
    expect(answer.blocked, f"the visit gets {answer.status}")
    told = await world.admin.act(
        f"{DOMAIN}.get_blocked_requests",
        config_entry_id=world.entry_id,
        hostname=world.hostname,
    )
    [visit] = [request for request in told["requests"] if request["path"] == path]
    expect_equal(visit.keys(), _BLOCKED_REQUEST, "what is told of a request")
    rule = await world.block_rule()
    who = visit["method"], visit["rule"], visit["service"]
    wanted = "GET", rule["description"], "Custom rules"
    expect_equal(who, wanted, "who blocked what")
    expect_equal(told["total"], len(told["requests"]), "how many there are")
    since = datetime.fromisoformat(told["since"])
    expect(since < datetime.fromisoformat(visit["time"]), f"since {since}")
    # Cloudflare does know where the visitors came from.
    addresses = {request["ip"] for request in await world.cloudflare.blocked()}
    expect(bool(addresses) and all(addresses), f"the addresses are {addresses}")
    shown = json.dumps(told)
    expect(not any(each in shown for each in addresses), "an address is told")
    world.notes.append(f"{told['total']} requests, by “{visit['rule']}”")
    entities = await world.socket.command("config/entity_registry/list")
    [sensor] = [
        each for each in entities if each["unique_id"].endswith("_blocked_requests")
    ]
    expect_equal(sensor["disabled_by"], "integration", "who disabled the sensor")


@_promise("a trouble at Cloudflare shows under Settings > Repairs, and is fixed there")
async def trouble_is_put_right(world: World) -> None:
    """Show that all is well, switch WebSockets off, and have the repair switch them on."""

    async def has_looked() -> bool | None:
        return await world.cloudflare.has_asked("GET", "/settings/websockets") or None

    await until("Home Assistant has read the setting", has_looked)
    await _expect_no_repair(world)
    await world.cloudflare.change_setting("websockets", "off")
    await world.look_around()

    async def is_shown() -> JSON | None:
        return next(iter(await world.repairs()), None)

    issue = await until("a repair is shown", is_shown)
    # Home Assistant adds the repairs to what somebody may attach to a report.
    await _expect_anonymous_diagnostics(world)
    title = await world.repair_text(issue, "title")
    expect_equal(issue["translation_key"], "check_websockets_off", "the repair")
    lacking = missing("chromium")
    fix_finding = world.fix_finding if lacking else world.put_right_in_browser
    writes = await world.cloudflare.writes()
    await fix_finding(issue, "from off to on")
    expect_equal(await world.cloudflare.setting("websockets"), "on", "the setting")
    expect_equal(await world.cloudflare.writes(), writes + 1, "the number of writes")
    await _expect_no_repair(world)
    world.notes.append(f"“{title}”: off, then on; no repair is left")
    if lacking:
        raise Skipped("no browser, fixed over the API instead")


@_promise("a companion device is added in a dialog, which shows where its bundle waits")
async def device_is_added(world: World) -> None:
    """Go through the dialog, and find the device with its entities."""
    flow = await Flow.add(world.admin, world.entry_id, _DEVICE)
    flow.expect_step("new")
    await world.choose(flow, name="Pixel")
    expect(world.link.startswith(f"{world.home.url}/"), "the link does not lead home")
    await flow.submit()
    expect_equal(flow.answer["type"], "create_entry", "the end of the dialog")
    world.device = (await world.subentry_of("Pixel"))["subentry_id"]
    await world.until_entry_is_loaded()
    await world.until_state("certificate_status", world.device, "active")
    await world.until_state("handover", world.device, "waiting")


@_promise("the handover page gives a bundle away once, and it opens with its password")
async def bundle_is_handed_over_once(world: World) -> None:
    """Take the bundle in a browser of a phone's size, open it, and try to take it again."""
    link = world.link
    world.phone = phone = await world.fetch_in_browser(link)
    await world.until_state("handover", world.device, "taken")
    listed = await world.certificates()
    told = [item["fingerprint_sha256"].replace(":", "").lower() for item in listed]
    expect(await phone.fingerprint() in told, "it is another certificate")
    again = await take(link)
    expect_equal(again[0], 404, "the status of a second download")
    wrong = await take(f"{link[:-8]}{nonce()[:8]}")
    expect_equal(wrong, again, "the answer to a wrong link")
    world.expect_browser()


@_promise("with the certificate: 200, Home Assistant's own manifest, a WebSocket")
async def phone_gets_in(world: World) -> None:
    """Ask for HA's manifest through the edge and directly, and open a WebSocket."""
    word = nonce()
    path = f"/manifest.json?visit={word}"
    answer = await world.owner.get(world.hostname, path)
    expect_equal(answer.status, 200, "the status")
    manifest = await _page(f"{world.home.url}/manifest.json")
    expect_equal(json.loads(answer.text), json.loads(manifest), "the manifest")
    await world.home.until_logged(word)
    async with world.owner.websocket(world.hostname, "/api/websocket") as connection:
        greeting = await connection.receive_json()
    expect_equal(greeting["type"], "auth_required", "the greeting")


@_promise("the browser hostname works without a certificate, as before")
async def browsers_still_work(world: World) -> None:
    """Open the front end at the hostname that was there before."""
    answer = await world.stranger.get(world.browser_hostname, "/")
    expect_equal(answer.status, 200, "the status")
    expect("<home-assistant>" in answer.text, f"the page is {answer.text[:200]!r}")


@_promise("a browser with it reaches Home Assistant, and the test page shows it to HA")
async def certificate_is_proven(world: World) -> None:
    """Open the front end and the test page through the edge, and see what HA makes of it."""
    phone = world.expect_phone()
    status = await world.visit(phone, _FRONT_END)
    expect(status in (200, None), f"the status of the front end is {status}")
    await world.prove(phone)
    await world.until_state("handover", world.device, "proven")
    world.expect_browser()


@_promise("the sensors say when the certificate ends")
async def expiry_is_known(world: World) -> None:
    """Compare the device's sensor and the account's with the certificate."""
    not_after = await world.expect_phone().not_after()
    for key, of in (
        ("certificate_expiry", world.device),
        ("next_certificate_expiry", None),
    ):
        sensor = await world.entity_id(key, of=of)
        state = await world.admin.state(sensor)
        world.notes.append(f"{sensor} is {state}")
        expect_equal(datetime.fromisoformat(state), not_after, sensor)
    [told] = world.told_of("created")
    expires_on = datetime.fromisoformat(told["expires_on"])
    expect_equal(expires_on, not_after, "the event's expires_on")


@_promise("renewed in the dialog: the old one is good until the new one is proven")
async def certificate_is_renewed(world: World) -> None:
    """Renew, fetch and prove; then the old certificate is revoked, and refused at the edge."""
    old = world.expect_phone()
    flow = await Flow.reconfigure(world.admin, world.entry_id, _DEVICE, world.device)
    flow.expect_step("reconfigure")
    await world.choose(flow)
    await flow.submit()
    expect_equal(
        (flow.answer["type"], flow.answer["reason"]),
        ("abort", "reconfigure_successful"),
        "the end of the dialog",
    )
    await world.until_entry_is_loaded()
    world.phone = new = await world.fetch_in_browser(world.link)
    for phone in (old, new):
        answer = await world.holder(phone).get(world.hostname, "/manifest.json")
        expect_equal(answer.status, 200, "the status before the proof")
    await world.prove(new)
    await world.until_state("handover", world.device, "proven")

    async def is_refused() -> bool | None:
        answer = await world.holder(old).get(world.hostname, "/manifest.json")
        return answer.blocked or None

    await until("the old certificate is refused", is_refused)
    status = await world.visit(old, _BLOCKED)
    expect(status in (403, None), f"the old certificate gets {status} in a browser")
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the new certificate")

    async def is_told() -> bool | None:
        return bool(world.told_of("renewed") and world.told_of("revoked")) or None

    await until("automations are told", is_told)
    world.notes.append("old: 200, then 403; new: 200; events: renewed, revoked")
    world.expect_browser()


@_promise("a revoked certificate gets 403, although it still counts as verified")
async def revoked_means_out(world: World) -> None:
    """Revoke, and show that only a rule that tests cert_revoked keeps the phone out."""
    [told] = world.told_of("renewed")
    certificate_id = told["certificate_id"]
    entry = {"config_entry_id": world.entry_id}
    await world.admin.act(
        f"{DOMAIN}.revoke_certificate", **entry, certificate_id=certificate_id
    )
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"the revoked certificate gets {answer.status}")

    async def is_revoked() -> bool | None:
        listed = await world.certificates()
        statuses = {each["certificate_id"]: each["status"] for each in listed}
        return True if statuses[certificate_id] == "revoked" else None

    await until("the certificate is listed as revoked", is_revoked)
    rule = await world.block_rule()
    naive = f'http.host eq "{world.hostname}" and not cf.tls_client_auth.cert_verified'
    await world.cloudflare.edit_rule(rule["id"], expression=naive)
    answer = await world.owner.get(world.hostname, "/manifest.json")
    await world.cloudflare.edit_rule(rule["id"], expression=rule["expression"])
    expect_equal(answer.status, 200, "the status where only cert_verified is tested")
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"in the end the revoked certificate gets {answer.status}")


@_promise("a second sync writes nothing; drift is shown, and mended by itself")
async def drift_is_mended(world: World) -> None:
    """Sync twice, then open the door behind HA's back in every way, and wait for it to close."""
    writes = await world.cloudflare.writes()
    synced = await world.sync()
    expect_equal(synced["steps"], [], "what the second sync did")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")

    dashboard = world.cloudflare
    other = f'http.host eq "other.{world.hostname}"'
    await _expect_mended(
        world,
        "the block rule is edited",
        lambda rule_id: dashboard.edit_rule(rule_id, expression=other),
        meanwhile=200,
    )
    await _expect_mended(
        world,
        "the block rule is disabled",
        lambda rule_id: dashboard.edit_rule(rule_id, enabled=False),
        meanwhile=200,
    )
    await _expect_mended(
        world, "the block rule is deleted", dashboard.delete_rule, meanwhile=200
    )
    await _expect_mended(
        world,
        "the association is removed",
        lambda _: dashboard.dissociate(world.hostname),
        meanwhile=403,
    )


async def _expect_mended(
    world: World,
    what: str,
    do: Callable[[str], Awaitable[None]],
    *,
    meanwhile: int,
) -> None:
    """Do something behind HA's back; expect that it shows, and is as before after a refresh."""
    await _expect_closed(world)
    rule = await world.block_rule()
    sensor = await world.entity_id("drift")
    seen = len(world.socket.states_of(sensor))
    await do(rule["id"])
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, meanwhile, f"the status while {what}")
    writes = await world.cloudflare.writes()
    await world.refresh()

    async def is_mended() -> bool | None:
        states = world.socket.states_of(sensor)[seen:]
        return True if "on" in states and states[-1] == "off" else None

    await until(f"{what}: the drift is shown and mended", is_mended)
    await _expect_closed(world)
    mended = await world.block_rule()
    changing = {"id", "version", "last_updated"}
    for key in (mended.keys() | rule.keys()) - changing:
        expect_equal(mended.get(key), rule.get(key), f"{key} of the mended rule")
    await world.expect_ours_once()
    await world.expect_all_else_untouched()
    written = await world.cloudflare.writes() - writes
    world.notes.append(f"{what}: {meanwhile}; after a refresh 403, writes: {written}")


@_promise("a bundle is not handed over through Cloudflare")
async def bundle_stays_at_home(world: World) -> None:
    """Open a link to a bundle through Cloudflare, then at home."""
    minted = await world.mint("Laptop")
    expect_equal(minted.keys(), _RESPONSE, "the response")
    link = minted["handover_url"]
    url, _, token = link.partition("#")
    answer = await world.stranger.request(
        "POST", world.browser_hostname, url.removeprefix(world.home.url), body=token
    )
    expect_equal(answer.status, 403, "the status")
    expect(not answer.blocked, "the edge answers, not Home Assistant")
    world.notes.append(json.loads(answer.text)["message"])
    await world.fetch(link)
    answer = await world.newest_phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")


@_promise("one switch takes the hostname off the internet, and puts it back")
async def switch_takes_it_off(world: World) -> None:
    """Turn it off and on, and knock each time: with a certificate and without."""
    switch = await world.entity_id("published")
    phone, stranger = world.newest_phone, world.stranger
    visit = f"/manifest.json?visit={nonce()}"
    await world.turn("off", switch)
    left = await world.ours()
    kept = {"rules": ["skip", "block"], "associations": [world.hostname]}
    expect_equal(left, {**kept, "records": [], "ingress": []}, "what is left of ours")
    statuses = [
        (await visitor.get(world.hostname, visit)).status
        for visitor in (phone, stranger)
    ]
    expect_equal(statuses, [530, 403], "the statuses of phone and stranger")
    found = await world.sync(dry_run=True)
    expect(found["in_sync"], f"a dry run would put it back: {found['steps']}")
    await world.expect_all_else_untouched()
    control = nonce()
    await stranger.get(world.browser_hostname, f"/manifest.json?visit={control}")
    await world.home.until_logged(control)
    expect(visit not in world.home.log(), "a request reached Home Assistant")
    world.notes.append(
        "off: phone 530, for there is no record; stranger 403, for the rules stay"
    )

    await world.turn("on", switch)
    await world.expect_ours_once()
    answer = await phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")
    await _expect_closed(world)
    await _expect_all_is_well(world)
    await world.expect_all_else_untouched()
    world.notes.append("on: phone 200, stranger 403")


@_promise("a tunnel is created by an action, which keeps its token to itself")
async def tunnel_is_created(world: World) -> None:
    """Create it, and look for its token wherever somebody might read it."""
    writes = await world.cloudflare.writes()
    made = await world.admin.act(
        f"{DOMAIN}.create_tunnel", config_entry_id=world.entry_id, name="cabin"
    )
    tunnel_id = made["tunnel_id"]
    wanted = {"tunnel_id": tunnel_id, "name": "cabin", "status": "inactive"}
    expect_equal(made, wanted, "the response")
    # The tunnel, and that it answers nothing yet.
    expect_equal(await world.cloudflare.writes(), writes + 2, "the number of writes")
    await world.until_state("tunnel_status", tunnel_id, "inactive")
    token = await world.cloudflare.connector_token(tunnel_id)
    secret = json.loads(b64decode(token))["s"]
    # Later, all else that Home Assistant keeps is searched for them too.
    world.connector_tokens += [token, secret]
    for each in (token, secret):
        expect(each not in json.dumps(made), "the response holds the token")
        expect(each not in world.home.log(), "the log holds the token")
    again = await world.admin.refusal(
        f"{DOMAIN}.create_tunnel", config_entry_id=world.entry_id, name="cabin"
    )
    expect_equal(again, 400, "the status for the same name again")


@_promise("killed in mid-sync, HA comes back to a closed door and finishes the work")
async def killing_opens_nothing(world: World) -> None:
    """Delete all that is ours, kill HA while it builds up, and let it begin again."""
    await world.until_all_is_stored()
    # While HA is down, an open door would otherwise look like one that leads nowhere.
    async with (
        _stand_in(world),
        world.stranger.knocking(world.hostname) as statuses,
    ):
        for what, method, path, number, stands in _HELD_WRITES:
            await world.cloudflare.tear_down(world.hostname)
            expect_equal(await _standing(world), {}, "what is left of ours")
            await world.cloudflare.hold(method, path, number=number, seconds=2)
            await world.refresh()
            await _kill_while_held(world, what)
            expect_equal(await _standing(world), stands, f"what precedes {what}")
            await _expect_closed(world)
            written = await _take_effect_and_start(world, what)
            world.notes.append(
                f"killed while it writes {what}: 403; "
                f"started again, it writes {written} more and is in sync"
            )
    got_through = statuses.keys() - {403, 530}
    expect(not got_through, f"strangers got {dict(statuses)}")
    counts = ", ".join(f"{count} x {status}" for status, count in statuses.items())
    world.notes.append(f"strangers knocked all the while: {counts}")
    answer = await world.newest_phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")
    await _expect_closed(world)


@asynccontextmanager
async def _stand_in(world: World) -> AsyncGenerator[None]:
    """Have somebody else answer in HA's place."""
    service = world.home.url
    async with stand_in() as url:
        await world.cloudflare.lead_to(url, service=service)
        try:
            answer = await world.stranger.get(world.browser_hostname, "/")
            expect_equal(answer.text, WELCOME, "the answer in HA's place")
            yield
        finally:
            await world.cloudflare.lead_to(service, service=service)


async def _standing(world: World) -> dict[str, int]:
    return {name: len(items) for name, items in (await world.ours()).items() if items}


async def _kill_while_held(world: World, what: str) -> None:
    async def is_holding() -> bool | None:
        return await world.cloudflare.is_holding() or None

    await until(f"{what} is being written", is_holding)
    await world.home.kill()


async def _take_effect_and_start(world: World, what: str) -> int:
    """Let the held write take effect, start HA, and return how many more it needed."""
    cloudflare = world.cloudflare
    writes = await cloudflare.writes()

    async def is_written() -> bool | None:
        return True if await cloudflare.writes() > writes else None

    await until(f"{what} is written, and nobody learns of it", is_written)
    await cloudflare.hold_nothing()
    await world.start_home()
    await _expect_all_is_well(world)
    await world.expect_ours_once()
    await world.expect_all_else_untouched()
    return await cloudflare.writes() - writes - 1


@_promise("no secret in log, storage, states, traces, events, answers and diagnostics")
async def secrets_stay_secret(world: World) -> None:
    """Have a script mint too, stop HA so that it writes all it ever writes, and search."""
    minted = await world.admin.act(f"script.{SCRIPT}", config_entry_id=world.entry_id)
    world.keep_secret(minted["handover_url"], minted["handover_code"])
    await world.fetch(minted["handover_url"])
    traces = []
    for trace in await world.socket.command("trace/list", domain="script"):
        which = {key: trace[key] for key in ("domain", "item_id", "run_id")}
        traces.append(await world.socket.command("trace/get", **which))
    expect(len(traces) == 1, f"there are {len(traces)} traces")
    diagnostics = await _expect_anonymous_diagnostics(world)
    states = json.dumps(await world.admin.get("/api/states"))
    await world.home.stop()
    places = {
        str(path.relative_to(world.home.folder)): path.read_bytes()
        for path in world.home.folder.rglob("*")
        if path.is_file()
    } | {
        "answers": "\n".join(world.home.heard.answers).encode(),
        "diagnostics": diagnostics.encode(),
        "events": "\n".join(world.home.heard.events).encode(),
        "logs": "\n".join(world.home.logs()).encode(),
        "states": states.encode(),
        "traces": json.dumps(traces).encode(),
        "the console": world.home.console.read_bytes(),
    }
    secrets = world.secrets()
    for secret in secrets:
        # What is where it belongs shows that the search finds things.
        at_home = [p for p in secret.at_home_in if secret.is_in(places.get(p, b""))]
        expect(bool(at_home or not secret.at_home_in), f"{secret.name} is nowhere")
    found = find(secrets, places)
    expect(not found, ", ".join(found))
    world.notes.append(f"{len(secrets)} secrets, {len(places)} places")


@_promise(
    "after a restart all is found again, without a write or a complaint in the log"
)
async def restart_changes_nothing(world: World) -> None:
    """Start HA again, and find everything as it was."""
    writes = await world.cloudflare.writes()
    await world.start_home()
    expect_equal(await world.entry_states(), ["loaded"], "the entries' states")
    await _expect_all_is_well(world)
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")
    logs = world.home.logs()
    complaints = [
        line
        for log in logs
        for line in log.splitlines()
        if (" ERROR " in line or " WARNING " in line)
        and DOMAIN in line
        and _EVERY_HOME_HAS not in line
    ]
    expect(not complaints, "the log has complaints: " + "; ".join(complaints))
    traces = [
        line.strip()
        for log in logs
        for line in log.splitlines()
        if f"custom_components/{DOMAIN}/" in line
    ]
    expect(not traces, "the log has a traceback: " + "; ".join(traces))
    await _expect_no_repair(world)


@_promise("a device that is removed is out at once")
async def removed_means_out(world: World) -> None:
    """Remove the device that got its certificate last, and let it try."""
    phone = world.newest_phone
    answer = await phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status before")
    subentry = await world.subentry_of("Tablet")
    await world.socket.command(
        "config_entries/subentries/delete",
        entry_id=world.entry_id,
        subentry_id=subentry["subentry_id"],
    )

    async def is_refused() -> bool | None:
        answer = await phone.get(world.hostname, "/manifest.json")
        return answer.blocked or None

    await until("the device is refused", is_refused)
    await world.until_entry_is_loaded()


@_promise("only administrators may act")
async def others_may_not_act(world: World) -> None:
    """Log in as somebody who is no administrator, and try every action."""
    guest = User("guest")
    made = await world.socket.command(
        "config/auth/create", name="Guest", group_ids=["system-users"]
    )
    await world.socket.command(
        "config/auth_provider/homeassistant/create",
        user_id=made["user"]["id"],
        username=guest.name,
        password=guest.password,
    )
    client = await world.home.anonymous().log_in(guest)
    expect_equal((await client.get("/api/config"))["state"], "RUNNING", "the state")
    writes = await world.cloudflare.writes()
    entry = {"config_entry_id": world.entry_id}
    which = {"certificate_id": (await world.certificates())[0]["certificate_id"]}
    actions: list[tuple[str, dict[str, str]]] = [
        ("mint_certificate", {**entry, "name": "Guest"}),
        ("renew_certificate", {**entry, **which}),
        ("revoke_certificate", {**entry, **which}),
        ("restore_certificate", {**entry, **which}),
        ("list_certificates", entry),
        ("sync", entry),
        ("verify", {**entry, "hostname": world.hostname}),
        ("create_tunnel", {**entry, "name": "Guest"}),
        ("get_blocked_requests", {**entry, "hostname": world.hostname}),
    ]
    for action, data in actions:
        status = await client.refusal(f"{DOMAIN}.{action}", **data)
        expect_equal(status, 401, f"the status of {action}")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")


async def _expect_closed(world: World) -> None:
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"without a certificate: {answer.status}")


async def _expect_anonymous_diagnostics(world: World) -> str:
    path = f"/api/diagnostics/config_entry/{world.entry_id}"
    devices = [
        device["id"]
        for device in await world.socket.command("config/device_registry/list")
        if world.entry_id in device["config_entries"]
    ]
    diagnostics = json.dumps(
        [
            await world.admin.get(path),
            *[await world.admin.get(f"{path}/device/{each}") for each in devices],
        ]
    )
    for key in ("account_id", "zone_id", "zone_name", "tunnel_id"):
        expect(world.cloudflare.facts[key] not in diagnostics, f"{key} in diagnostics")
    return diagnostics


async def _expect_no_repair(world: World) -> None:
    async def is_there_none() -> bool | None:
        return None if await world.repairs() else True

    try:
        await until("no repair is shown", is_there_none)
    except Unmet as error:
        shown = [issue["issue_id"] for issue in await world.repairs()]
        raise Unmet(f"{error}: {shown}") from None


async def _expect_all_is_well(world: World) -> None:
    tunnel_id = world.cloudflare.facts["tunnel_id"]
    status = await world.entity_id("tunnel_status", of=tunnel_id)
    drift = await world.entity_id("drift")

    async def is_as_wanted() -> bool | None:
        states = await world.admin.state(status), await world.admin.state(drift)
        return True if states == ("healthy", "off") else None

    await until(f"{status} is healthy and {drift} off", is_as_wanted)
    found = await world.sync(dry_run=True)
    expect_equal(
        found,
        {"in_sync": True, "exposed": False, "steps": [], "problems": []},
        "what a dry run finds",
    )


async def _page(url: str) -> str:
    async with ClientSession() as session, session.get(url) as response:
        expect_equal(response.status, 200, f"the status of {url}")
        return await response.text()
