"""Adding the account and its first hostname, and a tunnel from nothing."""

from base64 import b64decode
import json
import re

from ..account import translations, until_state
from ..expectations import expect_in_sync, fetch_page
from ..flow import Flow
from ..home_assistant import DOMAIN
from ..processes import REPOSITORY
from ..promise import promise
from ..remote import expect_rest_unchanged, not_ours
from ..report import CheckFailed, expect, expect_equal
from ..world import World, nonce

_PERMISSIONS = {"zone:read", "dns:edit", "ssl:edit", "waf:edit", "tunnel:edit"}


_ICONS = REPOSITORY / "custom_components" / DOMAIN / "icons.json"

# The permission that a token lacks, what it has instead, and the dashboard's name of the former.
_LACKING = (
    ("zone:read", (), "Zone / Zone / Read"),
    ("dns:edit", (), "Zone / DNS / Edit"),
    ("ssl:edit", (), "Zone / SSL and Certificates / Edit"),
    ("waf:edit", (), "Zone / Zone WAF / Edit"),
    ("waf:edit", ("waf:read",), "Zone / Zone WAF / Edit"),
    ("tunnel:edit", (), "Account / Cloudflare Tunnel / Edit"),
)


@promise("Home Assistant, its front end and the sandbox are running")
async def both_run(world: World) -> None:
    """Load the front end's app, and verify the sandbox's token."""
    page = await fetch_page(f"{world.home.url}/")
    app = re.search(r'/frontend_latest/app\.[^"]+\.js', page)
    if app is None:
        raise CheckFailed(f"/ is not the front end: {page[:200]!r}")
    program = await fetch_page(f"{world.home.url}{app[0]}")
    expect(len(program) > 10_000, f"the app has {len(program)} characters")
    # The front end needs these before it shows anything.
    for command in ("get_states", "get_services", "get_panels", "frontend/get_themes"):
        await world.socket.command(command)
    verified = await world.cloudflare.verify_token()
    expect_equal(verified["result"]["status"], "active", "the status of the token")


@promise("every icon that the integration names is one of the front end's")
async def icons_exist(world: World) -> None:
    """Load the front end's icons as a browser does: one that it lacks is not shown at all."""
    icons = f"{world.home.url}/static/mdi"
    index = json.loads(await fetch_page(f"{icons}/iconMetadata.json"))
    known: set[str] = set()
    for part in index["parts"]:
        known |= json.loads(await fetch_page(f"{icons}/{part['file']}.json")).keys()
    named = set(re.findall(r"mdi:([a-z0-9-]+)", _ICONS.read_text()))
    expect_equal(named - known, set(), "what the front end lacks")


@promise("a bad API token is refused, and the error names the missing permission")
async def bad_tokens_are_refused(world: World) -> None:
    """Enter an unknown token, and one token for each permission that can be missing."""
    texts = await translations(world)
    writes = await world.cloudflare.writes()
    unknown = f"cfut_{(nonce() * 3)[:40]}"
    tokens = [(unknown, "doesn't know this API token")]
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


@promise("the changes are previewed before anything is written")
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
    world.before = await not_ours(world)
    await flow.submit()
    flow.expect_step("preview")
    changes = flow.answer["description_placeholders"]["changes"]
    world.notes += changes.splitlines()
    expect(changes.count("\n") >= 4, f"the changes are {changes!r}")
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")


@promise(
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
    await expect_in_sync(world)
    await expect_rest_unchanged(world)
    zone = await world.cloudflare.zone()
    expect(world.hostname in zone["associations"], "the hostname is not associated")


@promise("an action creates a tunnel, and does not reveal its token")
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
    await until_state(world, "tunnel_status", tunnel_id, "inactive")
    token = await world.cloudflare.connector_token(tunnel_id)
    secret = json.loads(b64decode(token))["s"]
    # A later check also searches everything that Home Assistant stores.
    world.connector_tokens += [token, secret]
    for each in (token, secret):
        expect(each not in json.dumps(made), "the response holds the token")
        expect(each not in world.home.log(), "the log holds the token")
    again = await world.admin.refusal(
        f"{DOMAIN}.create_tunnel",
        {"config_entry_id": world.entry_id, "name": "cabin"},
    )
    expect_equal(again, 400, "the status for the same name again")
