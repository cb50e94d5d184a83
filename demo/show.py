"""What there is to see and to try while the demo stays."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
import json
from typing import Final

from .account import subentries_of
from .home_assistant import DOMAIN, User
from .phone import Phone
from .remote import block_rule
from .report import say
from .world import World

_DASHBOARD: Final = "cloudflare-mtls"
_GUESTS: Final = "system-users"
_STATUS_ONLY: Final = "curl --silent --output /dev/null --write-out '%{http_code}\\n'"


@dataclass(frozen=True)
class Proposal:
    """A command to try: what it stands for, and what it prints."""

    sentence: str
    command: str
    prints: str


async def add_guest(world: World) -> User:
    """Return the user who is not an administrator, whom this adds at the first call."""
    if world.guest is None:
        guest = User("guest")
        made = await world.socket.command(
            "config/auth/create", name="Guest", group_ids=[_GUESTS]
        )
        await world.socket.command(
            "config/auth_provider/homeassistant/create",
            user_id=made["user"]["id"],
            username=guest.name,
            password=guest.password,
        )
        world.guest = guest
    return world.guest


async def add_dashboard(world: World) -> str:
    """Add the dashboard that the integration proposes, as it is now, and return its path."""
    present = await world.socket.command("lovelace/dashboards/list")
    if _DASHBOARD not in (item["url_path"] for item in present):
        await world.socket.command(
            "lovelace/dashboards/create",
            url_path=_DASHBOARD,
            title="Cloudflare",
            icon="mdi:shield-lock",
            mode="storage",
            show_in_sidebar=True,
        )
    config = await world.admin.act(
        f"{DOMAIN}.get_dashboard", config_entry_id=world.entry_id
    )
    await world.socket.command(
        "lovelace/config/save", url_path=_DASHBOARD, config=config
    )
    return f"/{_DASHBOARD}"


async def speak(world: World, language: str) -> None:
    """Have Home Assistant speak a language, to the owner and by itself."""
    await world.socket.command("config/core/update", language=language)
    await world.socket.command(
        "frontend/set_user_data", key="language", value={"language": language}
    )
    # Entities of all integrations get their names as they are added.
    await world.home.stop()
    await world.start_home()


async def clear_traces(world: World) -> None:
    """Remove what the checks left for people to see: that somebody failed to log in."""
    await world.admin.post(
        "/api/services/persistent_notification/dismiss",
        {"notification_id": "http-login"},
    )


def browser_command(world: World) -> str:
    """Return a command that opens a browser for which every address of the demo works."""
    facts = world.cloudflare.facts
    edge = f"{facts['edge_host']}:{facts['edge_port']}"
    names = (facts["zone_name"], "cloudflareaccess.com")
    rules = ", ".join([*(f"MAP *.{name} {edge}" for name in names), world.home.mapping])
    return (
        'chromium --user-data-dir="$(mktemp -d)" --no-first-run --no-proxy-server '
        # Only the sandbox vouches for its edge.
        "--disable-quic --ignore-certificate-errors "
        f"--host-resolver-rules='{rules}'"
    )


async def proposals(world: World) -> AsyncGenerator[Proposal]:
    """Yield the commands that work now."""
    if world.hostname not in await subentries_of(world):
        return
    facts = world.cloudflare.facts
    where = f"{world.hostname}:{facts['edge_port']}"
    visit = (
        f"{_STATUS_ONLY} --resolve {where}:{facts['edge_host']} "
        f"--cacert {facts['edge_ca_file']} https://{where}/manifest.json"
    )
    yield Proposal("Be a stranger, and be blocked:", visit, "403")
    if phone := await _phone_that_gets_in(world):
        command = f"{visit} --cert {phone.key_file}"
        yield Proposal("Be a phone with a certificate:", command, "200")
    yield Proposal(
        "Read the login codes that Cloudflare would mail, the newest last:",
        f"curl --silent {world.cloudflare.control_url}/access/pins",
        "[",
    )
    rule = await block_rule(world)
    yield Proposal(
        "Be somebody who turns off the block rule at Cloudflare. The stranger gets in, until Home Assistant notices: "
        "within 15 minutes, or as soon as you press Sync on the hostname's page.",
        f"curl --silent --json '{json.dumps({'enabled': False})}' {world.cloudflare.control_url}/rules/{rule['id']}",
        "",
    )


async def _phone_that_gets_in(world: World) -> Phone | None:
    """Return the newest phone whose certificate is good: others were revoked or removed."""
    for phone in reversed(world.phones):
        answer = await world.holder(phone).get(world.hostname, "/manifest.json")
        if answer.status == 200:
            return phone
    return None


async def print_show(world: World, owner: User) -> None:
    """Print where to log in, what to look at, and what to try."""
    guest, dashboard = await add_guest(world), await add_dashboard(world)
    url = world.home.url
    say("")
    say(f"Home Assistant: {url}")
    say(f"  as the administrator: user {owner.name}, password {owner.password}")
    say(f"  without the rights of one: user {guest.name}, password {guest.password}")
    say(f"The dashboard: {url}{dashboard}")
    say(f"The integration: {url}/config/integrations/integration/{DOMAIN}")
    say(
        f"  Add companion device there. Its link begins with {world.home.local_url}: "
        f"open it in the browser below, or with {url} instead."
    )
    say(
        "An API token, good for nothing but this demo. With it, change the account under Reconfigure; "
        "or delete the account, and add it with Add service:"
    )
    say(f"  {await world.cloudflare.new_token()}")
    say(
        f"A browser that finds the hostnames, such as https://{world.browser_hostname}, and the pages of Access:"
    )
    say(f"  {browser_command(world)} {url}")
    say(f"Repairs: {url}/config/repairs")
    say(f"Activity and history: {url}/logbook, {url}/history")
    async for proposal in proposals(world):
        say(proposal.sentence)
        say(f"  {proposal.command}")
    say("Press Ctrl-C to stop.")
