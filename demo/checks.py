"""The promises of the integration and the check of each, in the order of the demo's output."""

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
from .phone import request_bundle
from .report import CheckFailed, Skipped, expect, expect_equal, until
from .stand_in import TEXT as WELCOME, stand_in
from .world import World, nonce

type Check = Callable[[World], Awaitable[None]]

CHECKS: list[tuple[str, Check]] = []

_PERMISSIONS = {"zone:read", "dns:edit", "ssl:edit", "waf:edit", "tunnel:edit"}
# The permission that a token lacks, what it has instead, and the dashboard's name of the former.
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
# Which write is delayed, its method and path, its number, and what of ours exists before it.
_DELAYED_WRITES = (
    ("the skip rule", "POST", "*/rules", 2, {"rules": 1, "associations": 1}),
    (
        "the DNS record",
        *("POST", "*/dns_records", 1),
        {"rules": 2, "associations": 1, "ingress": 1},
    ),
)
_FRONT_END = "document.querySelector('home-assistant, ha-authorize')"
_BLOCKED = "document.body.innerText.includes('you have been blocked')"
_EXPECTED_WARNING = "We found a custom integration"


def _promise(what: str) -> Callable[[Check], Check]:
    """Add a check to the list, with the promise that it checks."""

    def add(check: Check) -> Check:
        CHECKS.append((what, check))
        return check

    return add


@_promise("Home Assistant, its front end and the sandbox are running")
async def both_run(world: World) -> None:
    """Load the front end's app, and verify the sandbox's token."""
    page = await _page(f"{world.home.url}/")
    app = re.search(r'/frontend_latest/app\.[^"]+\.js', page)
    if app is None:
        raise CheckFailed(f"/ is not the front end: {page[:200]!r}")
    program = await _page(f"{world.home.url}{app[0]}")
    expect(len(program) > 10_000, f"the app has {len(program)} characters")
    # The front end needs these before it shows anything.
    for command in ("get_states", "get_services", "get_panels", "frontend/get_themes"):
        await world.socket.command(command)
    verified = await world.cloudflare.verify_token()
    expect_equal(verified["result"]["status"], "active", "the status of the token")


@_promise("a bad API token is refused, and the error names the missing permission")
async def bad_tokens_are_refused(world: World) -> None:
    """Enter an unknown token, and one token for each permission that can be missing."""
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
        error_text = flow.error_text(texts)
        await flow.close()
        world.notes.append(error_text)
        expect(reason in error_text, f"{reason} is not in: {error_text}")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")


@_promise("the changes are previewed before anything is written")
async def changes_are_previewed(world: World) -> None:
    """Go through the dialog up to its last step."""
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
    "after the setup, the tunnel is healthy, the hostname in sync, all else unchanged"
)
async def hostname_is_in_sync(world: World) -> None:
    """Create the entry, and compare everything that is not ours with the state before."""
    flow = world.flow
    if flow is None:
        raise CheckFailed("there is no dialog to continue")
    await flow.submit()
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["type"], "create_entry", "the end of the flow")
    world.entry_id = flow.answer["result"]["entry_id"]
    await _expect_in_sync(world)
    await world.expect_rest_unchanged()
    zone = await world.cloudflare.zone()
    expect(world.hostname in zone["associations"], "the hostname is not associated")


@_promise("without a certificate, requests get 403 and none reaches Home Assistant")
async def visitors_without_certificate_are_blocked(world: World) -> None:
    """Try every form of the hostname without a certificate; HA's log must show no attempt."""
    ours, other = world.hostname, world.browser_hostname
    hosts = [ours, f"{ours}:8443", f"{ours}:443", f"{ours}.", f"{ours}.:8443"]
    attempts = [(ours, host) for host in (*hosts, ours.upper())]
    # The connection names a hostname without protection, the request names ours.
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
            raise CheckFailed("a WebSocket could be opened")
    except WSServerHandshakeError as error:
        expect_equal(error.status, 403, "the status of the WebSocket")
    # Show that the log works: a last request that does reach Home Assistant is in it.
    control = nonce()
    await world.stranger.get(other, f"/manifest.json?visit={control}")
    await world.home.until_logged(control)
    log = world.home.log()
    expect(not any(word in log for word in words), "a request reached Home Assistant")
    world.notes.append(f"{len(words)} requests, each with 403; none of them in the log")


@_promise("Home Assistant sees that its own visits are blocked, on another port too")
async def home_sees_itself_blocked(world: World) -> None:
    """Perform the action `verify`, and compare its result and the sensor."""
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


@_promise("blocked requests are listed, without IP addresses")
async def blocked_requests_are_listed(world: World) -> None:
    """Visit without a certificate, and find the visit among the blocked requests."""
    path = f"/auth/{nonce()}"
    answer = await world.stranger.get(world.hostname, f"{path}?visit={nonce()}")
    expect(answer.blocked, f"the visit gets {answer.status}")
    response = await world.admin.act(
        f"{DOMAIN}.get_blocked_requests",
        config_entry_id=world.entry_id,
        hostname=world.hostname,
    )
    [visit] = [request for request in response["requests"] if request["path"] == path]
    expect_equal(visit.keys(), _BLOCKED_REQUEST, "the keys of a blocked request")
    rule = await world.block_rule()
    who = visit["method"], visit["rule"], visit["service"]
    wanted = "GET", rule["description"], "Custom rules"
    expect_equal(who, wanted, "the blocked method, the rule and the service")
    expect_equal(response["total"], len(response["requests"]), "the total")
    since = datetime.fromisoformat(response["since"])
    expect(since < datetime.fromisoformat(visit["time"]), f"since {since}")
    # Cloudflare does know the addresses of the visitors.
    addresses = {request["ip"] for request in await world.cloudflare.blocked()}
    expect(bool(addresses) and all(addresses), f"the addresses are {addresses}")
    shown = json.dumps(response)
    expect(not any(each in shown for each in addresses), "an address is listed")
    world.notes.append(f"{response['total']} requests, by “{visit['rule']}”")
    entities = await world.socket.command("config/entity_registry/list")
    [sensor] = [
        each for each in entities if each["unique_id"].endswith("_blocked_requests")
    ]
    expect_equal(sensor["disabled_by"], "integration", "who disabled the sensor")


@_promise("a problem at Cloudflare is shown under Settings > Repairs, and fixed there")
async def problem_is_fixed(world: World) -> None:
    """Switch WebSockets off at Cloudflare, and switch them on with the repair."""

    async def has_read_setting() -> bool | None:
        return await world.cloudflare.was_called("GET", "/settings/websockets") or None

    await until("Home Assistant has read the setting", has_read_setting)
    await _expect_no_repair(world)
    await world.cloudflare.change_setting("websockets", "off")
    await world.run_checks()

    async def is_shown() -> JSON | None:
        return next(iter(await world.repairs()), None)

    issue = await until("a repair is shown", is_shown)
    # Home Assistant adds the repairs to the diagnostics.
    await _expect_anonymous_diagnostics(world)
    title = await world.repair_text(issue, "title")
    expect_equal(issue["translation_key"], "check_websockets_off", "the repair")
    missing_programs = missing("chromium")
    fix_issue = world.fix_issue if missing_programs else world.fix_issue_in_browser
    writes = await world.cloudflare.writes()
    await fix_issue(issue, "from off to on")
    expect_equal(await world.cloudflare.setting("websockets"), "on", "the setting")
    expect_equal(await world.cloudflare.writes(), writes + 1, "the number of writes")
    await _expect_no_repair(world)
    world.notes.append(f"“{title}”: off, then on; no repair is left")
    if missing_programs:
        raise Skipped("no browser; fixed over the API instead")


@_promise("a companion device is added in a dialog, which shows the link to its bundle")
async def device_is_added(world: World) -> None:
    """Go through the dialog, and check the new device's entities."""
    flow = await Flow.add(world.admin, world.entry_id, _DEVICE)
    flow.expect_step("new")
    await world.submit_device(flow, name="Pixel")
    expect(world.link.startswith(f"{world.home.url}/"), "the link is not to this HA")
    await flow.submit()
    expect_equal(flow.answer["type"], "create_entry", "the end of the dialog")
    world.device = (await world.subentry_of("Pixel"))["subentry_id"]
    await world.until_entry_is_loaded()
    await world.until_state("certificate_status", world.device, "active")
    await world.until_state("handover", world.device, "waiting")


@_promise("a bundle can be downloaded only once, and its password opens it")
async def bundle_is_downloaded_once(world: World) -> None:
    """Download the bundle in a phone's browser, open it, and try to download it again."""
    link = world.link
    world.phone = phone = await world.download_in_browser(link)
    await world.until_state("handover", world.device, "taken")
    listed = await world.certificates()
    fingerprints = [
        item["fingerprint_sha256"].replace(":", "").lower() for item in listed
    ]
    expect(await phone.fingerprint() in fingerprints, "the certificate is not listed")
    again = await request_bundle(link)
    expect_equal(again[0], 404, "the status of a second download")
    wrong = await request_bundle(f"{link[:-8]}{nonce()[:8]}")
    expect_equal(wrong, again, "the answer to a wrong link")
    world.expect_browser()


@_promise("with the certificate, requests and WebSockets reach Home Assistant")
async def phone_gets_in(world: World) -> None:
    """Get HA's manifest through the edge and directly, and open a WebSocket."""
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
    """Open the front end at the hostname that existed before the setup."""
    answer = await world.stranger.get(world.browser_hostname, "/")
    expect_equal(answer.status, 200, "the status")
    expect("<home-assistant>" in answer.text, f"the page is {answer.text[:200]!r}")


@_promise("a browser with the certificate gets in, and the test page tells HA so")
async def certificate_is_tested(world: World) -> None:
    """Open the front end and the test page through the edge, and check the device's state."""
    phone = world.expect_phone()
    status = await world.visit(phone, _FRONT_END)
    expect(status in (200, None), f"the status of the front end is {status}")
    await world.run_test(phone)
    await world.until_state("handover", world.device, "proven")
    world.expect_browser()


@_promise("sensors show when the certificate expires")
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
    [event] = world.certificate_events("created")
    expires_on = datetime.fromisoformat(event["expires_on"])
    expect_equal(expires_on, not_after, "the event's expires_on")


@_promise("after a renewal, the old certificate works until the new one is tested")
async def certificate_is_renewed(world: World) -> None:
    """Renew, download and test; the old certificate is then revoked, and the edge blocks it."""
    old = world.expect_phone()
    flow = await Flow.reconfigure(world.admin, world.entry_id, _DEVICE, world.device)
    flow.expect_step("reconfigure")
    await world.submit_device(flow)
    await flow.submit()
    expect_equal(
        (flow.answer["type"], flow.answer["reason"]),
        ("abort", "reconfigure_successful"),
        "the end of the dialog",
    )
    await world.until_entry_is_loaded()
    world.phone = new = await world.download_in_browser(world.link)
    for phone in (old, new):
        answer = await world.holder(phone).get(world.hostname, "/manifest.json")
        expect_equal(answer.status, 200, "the status before the test")
    await world.run_test(new)
    await world.until_state("handover", world.device, "proven")

    async def is_blocked() -> bool | None:
        answer = await world.holder(old).get(world.hostname, "/manifest.json")
        return answer.blocked or None

    await until("the old certificate is refused", is_blocked)
    status = await world.visit(old, _BLOCKED)
    expect(status in (403, None), f"the old certificate gets {status} in a browser")
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the new certificate")

    async def are_events_sent() -> bool | None:
        return (
            bool(
                world.certificate_events("renewed")
                and world.certificate_events("revoked")
            )
            or None
        )

    await until("the events are sent", are_events_sent)
    world.notes.append("old: 200, then 403; new: 200; events: renewed, revoked")
    world.expect_browser()


@_promise("a revoked certificate gets 403, although Cloudflare still verifies it")
async def revoked_certificate_is_blocked(world: World) -> None:
    """Revoke the certificate; show that only a rule with cert_revoked blocks the phone."""
    [event] = world.certificate_events("renewed")
    certificate_id = event["certificate_id"]
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
    expect_equal(answer.status, 200, "the status if only cert_verified is checked")
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect(
        answer.blocked, f"with our rule, the revoked certificate gets {answer.status}"
    )


@_promise("a second sync writes nothing; drift is shown and fixed automatically")
async def drift_is_fixed(world: World) -> None:
    """Sync again, then change each part at Cloudflare, and wait until Home Assistant fixes it."""
    writes = await world.cloudflare.writes()
    synced = await world.sync()
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


async def _expect_fixed(
    world: World,
    what: str,
    do: Callable[[str], Awaitable[None]],
    *,
    meanwhile: int,
) -> None:
    """Change something at Cloudflare; expect a refresh to show the drift and to fix it."""
    await _expect_blocked(world)
    rule = await world.block_rule()
    sensor = await world.entity_id("drift")
    seen = len(world.socket.states_of(sensor))
    await do(rule["id"])
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, meanwhile, f"the status while {what}")
    writes = await world.cloudflare.writes()
    await world.refresh()

    async def is_fixed() -> bool | None:
        states = world.socket.states_of(sensor)[seen:]
        return True if "on" in states and states[-1] == "off" else None

    await until(f"{what}: the drift is shown and fixed", is_fixed)
    await _expect_blocked(world)
    fixed = await world.block_rule()
    changing = {"id", "version", "last_updated"}
    for key in (fixed.keys() | rule.keys()) - changing:
        expect_equal(fixed.get(key), rule.get(key), f"{key} of the fixed rule")
    await world.expect_ours_once()
    await world.expect_rest_unchanged()
    written = await world.cloudflare.writes() - writes
    world.notes.append(f"{what}: {meanwhile}; after a refresh 403, writes: {written}")


@_promise("a bundle cannot be downloaded through Cloudflare")
async def bundle_needs_the_home_network(world: World) -> None:
    """Open a link to a bundle through Cloudflare, then in the home network."""
    created = await world.create_certificate("Laptop")
    expect_equal(created.keys(), _RESPONSE, "the response")
    link = created["handover_url"]
    url, _, token = link.partition("#")
    answer = await world.stranger.request(
        "POST", world.browser_hostname, url.removeprefix(world.home.url), body=token
    )
    expect_equal(answer.status, 403, "the status")
    expect(not answer.blocked, "the edge blocked the request, not Home Assistant")
    world.notes.append(json.loads(answer.text)["message"])
    await world.download(link)
    answer = await world.newest_phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")


@_promise("a switch takes the hostname off the internet, and puts it back")
async def switch_unpublishes_hostname(world: World) -> None:
    """Turn the switch off and on, and visit each time: with a certificate and without."""
    switch = await world.entity_id("published")
    phone, stranger = world.newest_phone, world.stranger
    visit = f"/manifest.json?visit={nonce()}"
    await world.turn("off", switch)
    left = await world.ours()
    kept = {"rules": ["skip", "block"], "associations": [world.hostname]}
    expect_equal(left, {**kept, "records": [], "ingress": []}, "the rest that is ours")
    statuses = [
        (await visitor.get(world.hostname, visit)).status
        for visitor in (phone, stranger)
    ]
    expect_equal(statuses, [530, 403], "the statuses with and without a certificate")
    found = await world.sync(dry_run=True)
    expect(found["in_sync"], f"a sync would change something: {found['steps']}")
    await world.expect_rest_unchanged()
    control = nonce()
    await stranger.get(world.browser_hostname, f"/manifest.json?visit={control}")
    await world.home.until_logged(control)
    expect(visit not in world.home.log(), "a request reached Home Assistant")
    world.notes.append(
        "off: with a certificate 530 (no DNS record); without one 403 (the rules stay)"
    )

    await world.turn("on", switch)
    await world.expect_ours_once()
    answer = await phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")
    await _expect_blocked(world)
    await _expect_in_sync(world)
    await world.expect_rest_unchanged()
    world.notes.append("on: with a certificate 200, without one 403")


@_promise("an action creates a tunnel, and does not reveal its token")
async def tunnel_is_created(world: World) -> None:
    """Create a tunnel, and search for its token in the response and the log."""
    writes = await world.cloudflare.writes()
    made = await world.admin.act(
        f"{DOMAIN}.create_tunnel", config_entry_id=world.entry_id, name="cabin"
    )
    tunnel_id = made["tunnel_id"]
    wanted = {"tunnel_id": tunnel_id, "name": "cabin", "status": "inactive"}
    expect_equal(made, wanted, "the response")
    # Two writes: the tunnel, and a configuration that answers 404.
    expect_equal(await world.cloudflare.writes(), writes + 2, "the number of writes")
    await world.until_state("tunnel_status", tunnel_id, "inactive")
    token = await world.cloudflare.connector_token(tunnel_id)
    secret = json.loads(b64decode(token))["s"]
    # A later check also searches everything that Home Assistant stores.
    world.connector_tokens += [token, secret]
    for each in (token, secret):
        expect(each not in json.dumps(made), "the response holds the token")
        expect(each not in world.home.log(), "the log holds the token")
    again = await world.admin.refusal(
        f"{DOMAIN}.create_tunnel", config_entry_id=world.entry_id, name="cabin"
    )
    expect_equal(again, 400, "the status for the same name again")


@_promise("killed during a sync, HA leaves nothing open, and finishes after a restart")
async def killing_exposes_nothing(world: World) -> None:
    """Delete everything that is ours, kill HA while it syncs, and start it again."""
    await world.until_all_is_stored()
    # While HA is down, a stand-in answers; otherwise an exposed hostname would only show 502.
    async with (
        _stand_in(world),
        world.stranger.visiting(world.hostname) as statuses,
    ):
        for what, method, path, number, existing in _DELAYED_WRITES:
            await world.cloudflare.tear_down(world.hostname)
            expect_equal(await _count_ours(world), {}, "the rest that is ours")
            await world.cloudflare.delay_call(method, path, number=number, seconds=2)
            await world.refresh()
            await _kill_during_delay(world, what)
            expect_equal(
                await _count_ours(world), existing, f"what exists before {what}"
            )
            await _expect_blocked(world)
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
    await _expect_blocked(world)


@asynccontextmanager
async def _stand_in(world: World) -> AsyncGenerator[None]:
    """Let a stand-in answer in place of Home Assistant."""
    service = world.home.url
    async with stand_in() as url:
        await world.cloudflare.set_origin(url, service=service)
        try:
            answer = await world.stranger.get(world.browser_hostname, "/")
            expect_equal(answer.text, WELCOME, "the answer of the stand-in")
            yield
        finally:
            await world.cloudflare.set_origin(service, service=service)


async def _count_ours(world: World) -> dict[str, int]:
    return {name: len(items) for name, items in (await world.ours()).items() if items}


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
    await _expect_in_sync(world)
    await world.expect_ours_once()
    await world.expect_rest_unchanged()
    return await cloudflare.writes() - writes - 1


@_promise("no secret in log, storage, states, traces, events, answers or diagnostics")
async def secrets_stay_secret(world: World) -> None:
    """Let a script create a certificate, stop HA so that it writes everything, and search."""
    created = await world.admin.act(f"script.{SCRIPT}", config_entry_id=world.entry_id)
    world.add_secrets(created["handover_url"], created["handover_code"])
    await world.download(created["handover_url"])
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
        "answers": "\n".join(world.home.received.answers).encode(),
        "diagnostics": diagnostics.encode(),
        "events": "\n".join(world.home.received.events).encode(),
        "logs": "\n".join(world.home.logs()).encode(),
        "states": states.encode(),
        "traces": json.dumps(traces).encode(),
        "the console": world.home.console.read_bytes(),
    }
    secrets = world.secrets()
    for secret in secrets:
        # A secret found where it is allowed shows that the search works.
        seen = [p for p in secret.allowed_in if secret.is_in(places.get(p, b""))]
        expect(bool(seen or not secret.allowed_in), f"{secret.name} is nowhere")
    found = find(secrets, places)
    expect(not found, ", ".join(found))
    world.notes.append(f"{len(secrets)} secrets, {len(places)} places")


@_promise("a restart writes nothing to Cloudflare, and logs no warning")
async def restart_changes_nothing(world: World) -> None:
    """Start HA again, and compare states, writes, logs and repairs."""
    writes = await world.cloudflare.writes()
    await world.start_home()
    expect_equal(await world.entry_states(), ["loaded"], "the entries' states")
    await _expect_in_sync(world)
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")
    logs = world.home.logs()
    complaints = [
        line
        for log in logs
        for line in log.splitlines()
        if (" ERROR " in line or " WARNING " in line)
        and DOMAIN in line
        and _EXPECTED_WARNING not in line
    ]
    expect(not complaints, "the log has warnings: " + "; ".join(complaints))
    traces = [
        line.strip()
        for log in logs
        for line in log.splitlines()
        if f"custom_components/{DOMAIN}/" in line
    ]
    expect(not traces, "the log has a traceback: " + "; ".join(traces))
    await _expect_no_repair(world)


@_promise("a removed device is blocked at once")
async def removed_device_is_blocked(world: World) -> None:
    """Remove the device that got its certificate last, and try to get in with it."""
    phone = world.newest_phone
    answer = await phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status before")
    subentry = await world.subentry_of("Tablet")
    await world.socket.command(
        "config_entries/subentries/delete",
        entry_id=world.entry_id,
        subentry_id=subentry["subentry_id"],
    )

    async def is_blocked() -> bool | None:
        answer = await phone.get(world.hostname, "/manifest.json")
        return answer.blocked or None

    await until("the device is blocked", is_blocked)
    await world.until_entry_is_loaded()


@_promise("only administrators can use the actions")
async def actions_need_an_administrator(world: World) -> None:
    """Log in as a user who is not an administrator, and try every action."""
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


async def _expect_blocked(world: World) -> None:
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
    except CheckFailed as error:
        shown = [issue["issue_id"] for issue in await world.repairs()]
        raise CheckFailed(f"{error}: {shown}") from None


async def _expect_in_sync(world: World) -> None:
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
