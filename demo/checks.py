"""What is promised, and the proof of each: in the order of the demo's output."""

from collections.abc import Awaitable, Callable
from datetime import datetime
import json
import re

from aiohttp import ClientSession, WSServerHandshakeError

from .flow import Flow
from .home_assistant import DOMAIN, SCRIPT, User
from .leaks import find
from .phone import openssl, take
from .report import Unmet, expect, expect_equal, until
from .visitor import Visitor
from .world import World, nonce

type Check = Callable[[World], Awaitable[None]]

CHECKS: list[tuple[str, Check]] = []

_PERMISSIONS = {"zone:read", "dns:edit", "ssl:edit", "waf:edit", "tunnel:edit"}
# What a token lacks, what it carries instead, and what the dashboard calls the former.
_LACKING = (
    ("zone:read", (), "Zone / Zone / Read"),
    ("dns:edit", (), "Zone / DNS / Read"),
    ("ssl:edit", (), "Zone / SSL and Certificates / Read"),
    ("waf:edit", (), "Zone / Zone WAF / Read"),
    ("waf:edit", ("waf:read",), "Zone / Zone WAF / Edit"),
    ("tunnel:edit", (), "Account / Cloudflare Tunnel / Read"),
)
_RESPONSE = {
    "device_id",
    "certificate_id",
    "serial_number",
    "fingerprint_sha256",
    "issued_on",
    "expires_on",
    "handover_url",
    "handover_expires_at",
}
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
    expect_equal(await world.cloudflare.writes(), 0, "the number of writes")


@_promise("the changes are previewed, and nothing is written before")
async def changes_are_previewed(world: World) -> None:
    """Go through the flow up to its last step."""
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
    expect_equal(await world.cloudflare.writes(), 0, "the number of writes")


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
        },
        "what Home Assistant meets",
    )
    sensor = await world.entity_id("enforced")
    expect_equal(await world.admin.state(sensor), "on", sensor)


@_promise("a bundle is handed over once, and opens with its password")
async def bundle_is_handed_over_once(world: World) -> None:
    """Mint, take the bundle, open it, and try to take it again."""
    world.minted = minted = await world.mint("Pixel")
    expect_equal(minted.keys(), _RESPONSE, "the response")
    link = minted["handover_url"]
    expect(link.startswith(f"{world.home.url}/"), "the link does not lead home")
    page = await _page(link)
    expect("<button" in page, f"the page is {page[:200]!r}")
    phone = await world.fetch(link)
    line = await openssl(
        *("x509", "-noout", "-fingerprint", "-sha256"), data=phone.certificate
    )
    fingerprint = line.decode().strip().partition("=")[2].replace(":", "").lower()
    told = minted["fingerprint_sha256"].replace(":", "").lower()
    expect_equal(told, fingerprint, "the fingerprint")
    again = await take(link)
    expect_equal(again[0], 404, "the status of a second download")
    wrong = await take(f"{link[:-8]}{nonce()[:8]}")
    expect_equal(wrong, again, "the answer to a wrong link")


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


@_promise("the expiry sensor says when the certificate ends")
async def expiry_is_known(world: World) -> None:
    """Compare the sensor with the certificate."""
    not_after = await world.phone.not_after()
    sensor = await world.entity_id("certificate_expiry", of=world.certificate_id)
    state = await world.admin.state(sensor)
    world.notes.append(f"{sensor} is {state}")
    expect_equal(datetime.fromisoformat(state), not_after, sensor)
    told = datetime.fromisoformat(world.minted["expires_on"])
    expect_equal(told, not_after, "the response's expires_on")


@_promise("a revoked certificate gets 403, although it still counts as verified")
async def revoked_means_out(world: World) -> None:
    """Revoke, and show that only a rule that tests cert_revoked keeps the phone out."""
    certificate_id = world.certificate_id
    entry = {"config_entry_id": world.entry_id}
    await world.admin.act(
        f"{DOMAIN}.revoke_certificate", **entry, certificate_id=certificate_id
    )
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"the revoked certificate gets {answer.status}")

    async def is_revoked() -> bool | None:
        listed = await world.admin.act(f"{DOMAIN}.list_certificates", **entry)
        statuses = {
            each["certificate_id"]: each["status"] for each in listed["certificates"]
        }
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


@_promise("a second sync writes nothing; drift is shown, and mended")
async def drift_is_mended(world: World) -> None:
    """Sync twice, then open the door behind HA's back and wait for it to close."""
    writes = await world.cloudflare.writes()
    synced = await world.sync()
    expect_equal(synced["steps"], [], "what the second sync did")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")

    rule = await world.block_rule()
    sensor = await world.entity_id("drift")
    seen = len(world.socket.states_of(sensor))
    await world.cloudflare.edit_rule(
        rule["id"], expression=f'http.host eq "other.{world.hostname}"'
    )
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status while the door is open")
    await world.admin.post(
        "/api/services/homeassistant/update_entity", {"entity_id": sensor}
    )

    async def is_mended() -> bool | None:
        states = world.socket.states_of(sensor)[seen:]
        return True if "on" in states and states[-1] == "off" else None

    await until("the drift is shown and mended", is_mended)
    mended = await world.block_rule()
    changing = {"version", "last_updated"}
    for key in (mended.keys() | rule.keys()) - changing:
        expect_equal(mended.get(key), rule.get(key), f"{key} of the mended rule")
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"without a certificate: {answer.status}")
    await world.expect_all_else_untouched()


@_promise("no secret in log, storage, states, traces, events, answers and diagnostics")
async def secrets_stay_secret(world: World) -> None:
    """Have a script mint too, stop HA so that it writes all it ever writes, and search."""
    minted = await world.admin.act(f"script.{SCRIPT}", config_entry_id=world.entry_id)
    world.links.append(minted["handover_url"])
    await world.fetch(minted["handover_url"])
    traces = []
    for trace in await world.socket.command("trace/list", domain="script"):
        which = {key: trace[key] for key in ("domain", "item_id", "run_id")}
        traces.append(await world.socket.command("trace/get", **which))
    expect(len(traces) == 1, f"there are {len(traces)} traces")
    diagnostics = json.dumps(
        await world.admin.get(f"/api/diagnostics/config_entry/{world.entry_id}")
    )
    for key in ("account_id", "zone_id", "zone_name", "tunnel_id"):
        expect(world.cloudflare.facts[key] not in diagnostics, f"{key} in diagnostics")
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
    await world.restart()
    entry = await world.admin.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
    expect_equal([each["state"] for each in entry], ["loaded"], "the entries' states")
    await _expect_all_is_well(world)
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")
    logs = [world.home.log(), world.home.log(".1")]
    complaints = [
        line
        for log in logs
        for line in log.splitlines()
        if (" ERROR " in line or " WARNING " in line)
        and DOMAIN in line
        and _EVERY_HOME_HAS not in line
    ]
    expect(not complaints, "the log has complaints: " + "; ".join(complaints))
    expect(
        not any(f"custom_components/{DOMAIN}/" in log for log in logs),
        "the log has a traceback",
    )


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
    which = {"certificate_id": world.certificate_id}
    actions: list[tuple[str, dict[str, str]]] = [
        ("mint_certificate", {**entry, "name": "Guest"}),
        ("revoke_certificate", {**entry, **which}),
        ("list_certificates", entry),
        ("sync", entry),
        ("verify", {**entry, "hostname": world.hostname}),
    ]
    for action, data in actions:
        status = await client.refusal(f"{DOMAIN}.{action}", **data)
        expect_equal(status, 401, f"the status of {action}")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")


@_promise("a bundle is not handed over through Cloudflare")
async def bundle_stays_at_home(world: World) -> None:
    """Open a link to a bundle through Cloudflare, then at home."""
    minted = await world.mint("Laptop")
    link = minted["handover_url"]
    url, _, token = link.partition("#")
    answer = await world.stranger.request(
        "POST", world.browser_hostname, url.removeprefix(world.home.url), body=token
    )
    expect_equal(answer.status, 403, "the status")
    expect(not answer.blocked, "the edge answers, not Home Assistant")
    world.notes.append(json.loads(answer.text)["message"])
    phone = await world.fetch(link)
    visitor = Visitor(world.cloudflare.facts, phone.key_file)
    answer = await visitor.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")


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
