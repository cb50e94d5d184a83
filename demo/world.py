"""The state that the checks share: one check uses the results of earlier ones."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
import secrets
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import urlsplit

from .app import App
from .browser import missing_for_certificates
from .cloudflare import Cloudflare
from .config_file import ConfigFile
from .flow import Flow
from .home_assistant import Client, HomeAssistant, Socket, User
from .leaks import Secret
from .phone import Phone
from .report import CheckFailed, Skipped, expect, say
from .services import Services
from .visitor import Visitor

# Dialogs show link and code.
_HANDOVER_PLACES = ("answers",)


@dataclass
class World:
    """A Home Assistant, its Cloudflare, and the results of the checks so far."""

    folder: Path
    cloudflare: Cloudflare
    home: HomeAssistant
    admin: Client
    socket: Socket
    user: User
    notes: list[str] = field(default_factory=list)
    """Lines to print after the running check."""
    config_file: ConfigFile | None = None
    """The file of the tunnel, in a world where it has one."""
    app: App | None = None
    """The app that runs the tunnel, in a world where it does."""
    services: Services = field(default_factory=Services)
    """What runs beside Home Assistant, in a world where something does."""
    lines: str = ""
    """What a dialog showed for that file."""
    flow: Flow | None = None
    before: dict[str, str] = field(default_factory=dict)
    hostname: str = ""
    second_token: str = ""
    """An API token for the account that nobody has set up yet."""
    entry_id: str = ""
    device: str = ""
    """The subentry id of the companion device that was added in the dialog."""
    link: str = ""
    """The link to that device's newest bundle."""
    phones: list[Phone] = field(default_factory=list)
    guest: User | None = None
    """A user who is not an administrator."""
    phone: Phone | None = None
    """That device, with its newest certificate."""
    typed_in: list[str] = field(default_factory=list)
    """API tokens that were refused."""
    links: list[str] = field(default_factory=list)
    """All links to bundles."""
    codes: list[str] = field(default_factory=list)
    """The codes that are needed with a link that is not secret."""
    connector_tokens: list[str] = field(default_factory=list)
    """Tokens of tunnels that the demo created; only a dialog may show them."""

    @classmethod
    @asynccontextmanager
    async def run(
        cls, owner: User, *, supervised: bool = False, language: str = "en"
    ) -> AsyncGenerator[Self]:
        """Run the sandbox and Home Assistant in a temporary folder, with a Supervisor if asked.

        language: of what Home Assistant names once; it speaks English after that.
        """
        with TemporaryDirectory(prefix="demo-") as name:
            folder = Path(name)
            say("# starting the sandbox")
            async with Cloudflare.run(folder) as cloudflare:
                environment = cloudflare.environment
                if supervised:
                    environment |= await cloudflare.start_supervisor()
                say(
                    "# starting Home Assistant; the first start installs its requirements"
                )
                async with HomeAssistant(folder, environment) as home:
                    world = await cls._start(folder, cloudflare, home, owner, language)
                    try:
                        yield world
                    finally:
                        await world.socket.close()

    @classmethod
    async def _start(
        cls,
        folder: Path,
        cloudflare: Cloudflare,
        home: HomeAssistant,
        owner: User,
        language: str,
    ) -> Self:
        """Start Home Assistant, point the tunnel at it, and complete the onboarding."""
        await home.start()
        hostname = _browser_hostname(cloudflare)
        await cloudflare.set_service(hostname, home.url)
        await cloudflare.set_origin(home.url, service=home.url)
        admin = await home.anonymous().onboard(owner, language)
        await home.until_running(admin)
        world = cls(folder, cloudflare, home, admin, await _listen(admin), owner)
        await world.socket.command(
            "config/core/update",
            location_name="Demo",
            language="en",
            country="DE",
            internal_url=home.local_url,
        )
        for service in await _proposed_services(world):
            await cloudflare.set_origin(home.url, service=service)
        return world

    async def run_from_file(self) -> None:
        """Have a config.yml manage the tunnel, as one of the usual guides does."""
        facts = self.cloudflare.facts
        path = self.folder / "config.yml"
        self.config_file = ConfigFile(path, self.cloudflare, facts["tunnel_id"])
        configured = await self.cloudflare.tunnel_configuration()
        self.config_file.create(configured["ingress"])
        await self.config_file.restart()

    async def run_from_app(self) -> None:
        """Have the app Cloudflared run the tunnel, as people with Home Assistant OS do."""
        facts = self.cloudflare.facts
        service = self.home_in_app_network
        await self.cloudflare.set_origin(self.home.url, service=service)
        options = {
            "external_hostname": self.browser_hostname,
            "additional_hosts": [],
            "tunnel_name": "home",
        }
        self.app = App(self.cloudflare)
        await self.app.install(facts["tunnel_id"], options, service)

    async def start_home(self) -> None:
        """Start Home Assistant again, and reconnect."""
        await self.home.start()
        await self.home.until_running(self.admin)
        await self.socket.close()
        self.socket = await _listen(self.admin)

    @property
    def home_in_app_network(self) -> str:
        """Return how the Supervisor's apps reach Home Assistant."""
        return f"http://homeassistant:{urlsplit(self.home.url).port}"

    @property
    def browser_hostname(self) -> str:
        """Return the hostname that the tunnel served before anything was set up."""
        return _browser_hostname(self.cloudflare)

    @cached_property
    def lacking(self) -> list[str]:
        """Return what is missing on this machine for browsers to use certificates."""
        return missing_for_certificates()

    def expect_browser(self) -> None:
        """Raise Skipped if no browser could be used for a check."""
        if self.lacking:
            raise Skipped(f"no browser, missing: {', '.join(self.lacking)}")

    @cached_property
    def stranger(self) -> Visitor:
        """Return a visitor without a certificate."""
        return Visitor(self.cloudflare.facts)

    def expect_phone(self) -> Phone:
        """Return the device that was added in the dialog; raise CheckFailed if it has no certificate."""
        if self.phone is None:
            raise CheckFailed("no phone has a certificate yet")
        return self.phone

    @property
    def owner(self) -> Visitor:
        """Return a visitor with the device that was added in the dialog."""
        return self.holder(self.expect_phone())

    @property
    def newest_phone(self) -> Visitor:
        """Return a visitor with the phone that got a certificate last."""
        expect(bool(self.phones), "no phone has a certificate yet")
        return self.holder(self.phones[-1])

    def hostname_of(self, label: str) -> str:
        """Return the hostname in the zone that begins with a label."""
        return f"{label}.{self.cloudflare.facts['zone_name']}"

    def holder(self, phone: Phone) -> Visitor:
        """Return a visitor with a phone's certificate."""
        return Visitor(self.cloudflare.facts, phone.key_file)

    @property
    def key_file(self) -> Path:
        """Return the file for the key of the next phone."""
        return self.folder / f"phone-{len(self.phones) + 1}.pem"

    def secrets(self) -> list[Secret]:
        """Return all secrets, each with the places where it may be."""
        entry_token = self.cloudflare.facts["token"]
        return [
            Secret("a private key in PEM", (b"PRIVATE KEY",)),
            Secret.of_text(
                "the API token", entry_token, ".storage/core.config_entries"
            ),
            *(Secret.of_text("an API token", token) for token in self.typed_in),
            *(Secret.of_text("a password", phone.password) for phone in self.phones),
            *(
                Secret.of_bytes("a bundle", bundle)
                for phone in self.phones
                for bundle in phone.bundles
            ),
            *(
                Secret.of_bytes("a private key", phone.private_number)
                for phone in self.phones
            ),
            *(
                Secret.of_text(
                    "a link to a bundle", url.partition("#")[2], *_HANDOVER_PLACES
                )
                for url in self.links
            ),
            *(
                Secret.of_text("a connector's token", token)
                for token in self.connector_tokens
            ),
            *(
                Secret.of_number("a code", code, *_HANDOVER_PLACES)
                for code in self.codes
            ),
        ]


async def _listen(client: Client) -> Socket:
    socket = await client.connect()
    await socket.command("subscribe_events")
    return socket


async def _proposed_services(world: World) -> list[str]:
    """Return where a dialog may say that Home Assistant is: it listens to this machine alone."""
    adapters = (await world.socket.command("network"))["adapters"]
    port = urlsplit(world.home.url).port
    return [
        f"http://{each['address']}:{port}"
        for adapter in adapters
        for each in adapter["ipv4"]
    ]


def _browser_hostname(cloudflare: Cloudflare) -> str:
    return f"home.{cloudflare.facts['zone_name']}"


def nonce() -> str:
    """Return a random word."""
    return secrets.token_hex(8)
