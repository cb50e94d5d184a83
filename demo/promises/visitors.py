"""What visitors get, and users who are not administrators."""

from datetime import datetime
import json

from aiohttp import WSServerHandshakeError

from ..account import entity_id, list_certificates, subentry_of
from ..home_assistant import DOMAIN
from ..promise import promise
from ..remote import block_rule
from ..report import CheckFailed, expect, expect_equal
from ..show import add_guest
from ..world import World, nonce

_BLOCKED_REQUEST = {
    "time",
    "country",
    "method",
    "path",
    "user_agent",
    "rule",
    "service",
}


@promise("without a certificate, requests get 403 and none reaches Home Assistant")
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


@promise("Home Assistant sees that its own visits are blocked, on another port too")
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
            "stranger_at": None,
            "exposed_to": [],
            "reaches_home_assistant": None,
            "with_certificate": None,
        },
        "what Home Assistant meets",
    )
    sensor = await entity_id(world, "enforced")
    expect_equal(await world.admin.state(sensor), "on", sensor)


@promise("blocked requests are listed, without IP addresses")
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
    rule = await block_rule(world)
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


@promise("the browser hostname works without a certificate, as before")
async def browsers_still_work(world: World) -> None:
    """Open the front end at the hostname that existed before the setup."""
    answer = await world.stranger.get(world.browser_hostname, "/")
    expect_equal(answer.status, 200, "the status")
    expect("<home-assistant>" in answer.text, f"the page is {answer.text[:200]!r}")


@promise("only administrators can use actions, buttons and the switch")
async def actions_need_an_administrator(world: World) -> None:
    """Log in as a user who is not an administrator, and try everything."""
    client = await world.home.anonymous().log_in(await add_guest(world))
    expect_equal((await client.get("/api/config"))["state"], "RUNNING", "the state")
    writes = await world.cloudflare.writes()
    entry = {"config_entry_id": world.entry_id}
    which = {"certificate_id": (await list_certificates(world))[0]["certificate_id"]}
    actions: list[tuple[str, dict[str, str]]] = [
        ("mint_certificate", {**entry, "name": "Guest"}),
        ("renew_certificate", {**entry, **which}),
        ("revoke_certificate", {**entry, **which}),
        ("restore_certificate", {**entry, **which}),
        ("list_certificates", entry),
        ("sync", entry),
        ("verify", {**entry, "hostname": world.hostname}),
        ("remove_hostname", {"device_id": "any"}),
        ("create_tunnel", {**entry, "name": "Guest"}),
        ("get_blocked_requests", {**entry, "hostname": world.hostname}),
        ("protect_with_access", {**entry, "hostname": world.browser_hostname}),
        ("get_access_logins", {"device_id": "any"}),
        ("get_dashboard", entry),
    ]
    for action, data in actions:
        status = await client.refusal(f"{DOMAIN}.{action}", data)
        expect_equal(status, 401, f"the status of {action}")
    hostname = await subentry_of(world, world.hostname)
    for action, key, of in (
        ("button.press", "renew", world.device),
        ("button.press", "revoke", world.device),
        ("switch.turn_off", "published", hostname["subentry_id"]),
    ):
        entity = await entity_id(world, key, of=of)
        status = await client.refusal(action, {"entity_id": entity}, returns=False)
        expect_equal(status, 401, f"the status of {action} for {entity}")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")
