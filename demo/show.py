"""What there is to see and to try while the demo stays."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
import json
import os
from typing import Final

from .account import refresh, subentries_of, subentry_of, until_state
from .home_assistant import DOMAIN, JSON, LONG_AGO, User
from .phone import Phone
from .remote import block_rule
from .repairs import ALARM
from .report import CheckFailed, say, until
from .world import World

_DASHBOARD: Final = "cloudflare-mtls"
_GUESTS: Final = "system-users"
_EMPTY_ZONE: Final = "second.example"
_SECONDS_BETWEEN_LOOKS: Final = 5
# Home Assistant shows integrations no requests but those to their own pages, and logins.
_NOTICED: Final = f"/api/{DOMAIN}/proof"
_QUIET: Final = "curl --silent --output /dev/null"
# The next line of a command.
_MORE: Final = " \\\n  "


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
    """Leave nothing of the checks that looks like an attack, as if a day had passed since."""
    await world.admin.post(
        "/api/services/persistent_notification/dismiss",
        {"notification_id": "http-login"},
    )
    await world.cloudflare.control("DELETE", "access/log")
    listed = (await world.socket.command("repairs/list_issues"))["issues"]
    if not any(issue["translation_key"] == ALARM for issue in listed):
        return

    def end_alarms(alarms: JSON) -> None:
        alarms["last"] = dict.fromkeys(alarms["last"], LONG_AGO)

    await world.home.stop()
    world.home.change_stored(f"{DOMAIN}.{world.entry_id}.alarms", end_alarms)
    await world.start_home()
    # If a check failed, strangers may still get in; then the alarm is right.
    with suppress(CheckFailed):
        hostname = await subentry_of(world, world.hostname)
        await until_state(world, "enforced", hostname["subentry_id"], "on")


async def forget_removed_devices(world: World) -> None:
    """Wait until Home Assistant has seen that no certificate of a removed device is left.

    Until then it has to revoke them: who removes the account would read of devices that only
    the checks know.
    """

    async def is_done() -> bool | None:
        devices = world.home.stored(f"{DOMAIN}.{world.entry_id}")["devices"]
        if not any(device["removed_at"] for device in devices.values()):
            return True
        await refresh(world)
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        return None

    # If a check failed, some may stay; everything else is there to be seen all the same.
    with suppress(CheckFailed):
        await until("removed devices are forgotten", is_done, seconds=150)


async def second_token(world: World) -> str:
    """Return an API token for an account that nobody has set up, which this adds at the first call."""
    if not world.second_token:
        world.second_token = await world.cloudflare.add_empty_account(_EMPTY_ZONE)
    return world.second_token


def browser_command(world: World) -> str:
    """Return a command that opens a browser for which every address of the demo works."""
    facts = world.cloudflare.facts
    edge = f"{facts['edge_host']}:{facts['edge_port']}"
    names = (facts["zone_name"], _EMPTY_ZONE, "cloudflareaccess.com")
    rules = ",\n    ".join(
        [*(f"MAP *.{name} {edge}" for name in names), world.home.mapping]
    )
    options = [
        'chromium --user-data-dir="$(mktemp -d)" --no-first-run --no-proxy-server',
        # Only the sandbox vouches for its edge.
        "--disable-quic --ignore-certificate-errors",
        f"--host-resolver-rules='{rules}'",
    ]
    if os.geteuid() == 0:
        # Chromium refuses to run as root in its sandbox.
        options.insert(1, "--no-sandbox")
    return _MORE.join(options)


async def proposals(world: World) -> AsyncGenerator[Proposal]:
    """Yield the commands that work now."""
    yield Proposal(
        "Read the login codes that Cloudflare would mail, the newest last:",
        f"curl --silent {world.cloudflare.control_url}/access/pins",
        "[",
    )
    if world.hostname not in await subentries_of(world):
        return
    facts = world.cloudflare.facts
    where = f"{world.hostname}:{facts['edge_port']}"
    visit = _MORE.join(
        [
            f"{_QUIET} --write-out '%{{http_code}}\\n'",
            f"--resolve {where}:{facts['edge_host']}",
            f"--cacert {facts['edge_ca_file']}",
            f"https://{where}{_NOTICED}",
        ]
    )
    yield Proposal("Be a stranger, and be blocked (403):", visit, "403")
    if phone := await _phone_that_gets_in(world):
        command = f"{visit}{_MORE}--cert {phone.key_file}"
        yield Proposal("Be a phone with a certificate (200):", command, "200")
    rule = await block_rule(world)
    change = json.dumps({"enabled": False})
    rule_url = f"{world.cloudflare.control_url}/rules/{rule['id']}"
    yield Proposal(
        "Be somebody who turns off the block rule at Cloudflare, then the stranger again: the first\n"
        "request gets in (200). Home Assistant notices it, as it would notice a login: Repairs shows\n"
        "an alarm, and a few seconds later the hostname is closed again (403). To do it once more\n"
        "within 15 minutes, press Sync on the hostname's page after that.",
        f"{_QUIET} --json '{change}'{_MORE}{rule_url}",
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
    """Print where to log in, what to look at, and what to try, step by step."""
    steps = [step async for step in _steps(world, owner)]
    for number, step in enumerate(steps, 1):
        first, *others = step.splitlines()
        say(f"\n{number}. {first}")
        for line in others:
            say(f"   {line}".rstrip())
    say("\nPress Ctrl-C to stop.")


async def _steps(world: World, owner: User) -> AsyncGenerator[str]:
    """Yield what to do, in an order in which each step has what it needs."""
    guest, dashboard = await add_guest(world), await add_dashboard(world)
    url = world.home.url
    yield f"""\
Log in: {url}
as the administrator: user {owner.name}, password {owner.password}
without the rights of one: user {guest.name}, password {guest.password}"""
    yield f"""\
Look around.
The dashboard: {url}{dashboard}
The integration: {url}/config/integrations/integration/{DOMAIN}
Repairs: {url}/config/repairs
Activity: {url}/logbook
History: {url}/history
Activity and history also show what the checks tried, attacks included."""
    yield f"""\
Open a second browser, which stands for the phone. It finds the demo's hostnames, such as
https://{world.browser_hostname}. It has to be Chrome or Chromium; where its program has another
name, such as google-chrome, change the first word.

{browser_command(world)}{_MORE}{url}"""
    yield f"""\
Add a device: on the page of the integration, choose Add companion device.
As its system, choose the one of this machine, such as Linux.
Open the link in the browser of step 3. It begins with {world.home.local_url};
any other browser needs {url} instead.
Download the file, import it in the browser of step 3 as the page says, then choose Open the
test.
The dashboard shows the devices that there were when it was made. For the new one, run
Get dashboard (Settings > Tools > Actions) again, and paste the answer into the dashboard."""
    if not (world.config_file or world.app):
        yield """\
Protect one more hostname: on the page of the integration, choose Add protected hostname.
What the dialog proposes works at once, for the device of step 4."""
    yield f"""\
Have Cloudflare ask for a login: on the page of the integration, choose Add login hostname,
and {world.browser_hostname}. Any invented e-mail address will do: no mail is sent.
At the end, open the link of Open website in the browser of step 3, and log in; only that
counts. The first command of the last step shows the code."""
    yield f"""\
See the setup from its beginning: on the page of the integration, choose Add service, and
enter this API token, which works only in this demo. It belongs to a second
account: its domain {_EMPTY_ZONE} is empty, so the list of changes is full, and the account
that you looked at stays as it is.

{await second_token(world)}

To replace the API token of the first account, choose Reconfigure in its menu, and enter the
one below. To set that account up again with it, first take away what is there: select the gear
beside the account, then Remove everything, and delete the account.

{await world.cloudflare.new_token()}"""
    tried = [proposal async for proposal in proposals(world)]
    yield "\n\n".join(
        [
            "Try these commands.",
            *(f"{each.sentence}\n\n{each.command}" for each in tried),
        ]
    )
