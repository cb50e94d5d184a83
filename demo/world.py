"""What the checks share, and what one of them leaves to the next."""

from dataclasses import dataclass, field
from functools import cached_property
import json
from pathlib import Path
import secrets
from typing import Any, Self

from .cloudflare import Cloudflare
from .flow import Flow
from .home_assistant import DOMAIN, JSON, Client, HomeAssistant, Socket, User
from .leaks import Secret
from .phone import Phone, fetch
from .report import Unmet, expect, expect_equal, until
from .visitor import Visitor


@dataclass
class World:
    """A home, its Cloudflare, and what has happened so far."""

    folder: Path
    cloudflare: Cloudflare
    home: HomeAssistant
    admin: Client
    socket: Socket
    notes: list[str] = field(default_factory=list)
    """What the running check wants to be read."""
    flow: Flow | None = None
    before: dict[str, str] = field(default_factory=dict)
    hostname: str = ""
    entry_id: str = ""
    minted: JSON = field(default_factory=dict)
    phones: list[Phone] = field(default_factory=list)
    typed_in: list[str] = field(default_factory=list)
    """API tokens that were refused."""
    links: list[str] = field(default_factory=list)
    """Where bundles waited."""

    @classmethod
    async def begin(
        cls, folder: Path, cloudflare: Cloudflare, home: HomeAssistant, owner: User
    ) -> Self:
        """Start the home, lead the tunnel there, and move in."""
        await home.start()
        await cloudflare.lead_to(home.url)
        admin = await home.anonymous().onboard(owner)
        await home.until_running(admin)
        world = cls(folder, cloudflare, home, admin, await _listen(admin))
        await world.socket.command(
            "config/core/update",
            location_name="Demo",
            country="DE",
            internal_url=home.url,
        )
        return world

    async def start_home(self) -> None:
        """Start Home Assistant once more, and listen to it."""
        await self.home.start()
        await self.home.until_running(self.admin)
        await self.socket.close()
        self.socket = await _listen(self.admin)

    async def end(self) -> None:
        """Hang up."""
        await self.socket.close()

    @property
    def browser_hostname(self) -> str:
        """Return the hostname that the tunnel served before anything was set up."""
        return f"home.{self.cloudflare.facts['zone_name']}"

    @property
    def phone(self) -> Phone:
        """Return the phone that got the first certificate."""
        if not self.phones:
            raise Unmet("no phone has a certificate yet")
        return self.phones[0]

    @property
    def certificate_id(self) -> str:
        """Return the id of that phone's certificate."""
        if not self.minted:
            raise Unmet("no certificate is minted yet")
        certificate_id: str = self.minted["certificate_id"]
        return certificate_id

    @cached_property
    def stranger(self) -> Visitor:
        """Return somebody without a certificate."""
        return Visitor(self.cloudflare.facts)

    @property
    def owner(self) -> Visitor:
        """Return somebody with the phone in hand."""
        return Visitor(self.cloudflare.facts, self.phone.key_file)

    @property
    def newest_phone(self) -> Visitor:
        """Return somebody with the phone that got its certificate last."""
        return Visitor(self.cloudflare.facts, self.phones[-1].key_file)

    async def entity_id(self, key: str, of: str | None = None) -> str:
        """Return the entity with this key, perhaps of one certificate or tunnel."""
        entities = await self.socket.command("config/entity_registry/list")
        found = [
            entity["entity_id"]
            for entity in entities
            if entity["platform"] == DOMAIN
            and entity["unique_id"].endswith(f"{of or ''}_{key}")
        ]
        expect(len(found) == 1, f"{key} names the entities {found}")
        entity_id: str = found[0]
        return entity_id

    async def refresh(self) -> None:
        """Have Home Assistant look at Cloudflare now, as it does every 15 minutes."""
        sensor = await self.entity_id("drift")
        await self.admin.post(
            "/api/services/homeassistant/update_entity", {"entity_id": sensor}
        )

    async def turn(self, state: str, entity_id: str) -> None:
        """Turn a switch on or off, and wait until the entry has reloaded with it so."""
        await self.admin.post(
            f"/api/services/switch/turn_{state}", {"entity_id": entity_id}
        )

        async def is_turned() -> bool | None:
            if await self.admin.state(entity_id) != state:
                return None
            return True if await self.entry_states() == ["loaded"] else None

        await until(f"{entity_id} is {state}", is_turned)

    async def entry_states(self) -> list[str]:
        """Return the state of each of the integration's entries."""
        path = f"/api/config/config_entries/entry?domain={DOMAIN}"
        return [entry["state"] for entry in await self.admin.get(path)]

    async def until_published_is_stored(self) -> None:
        """Wait until Home Assistant has written down that the hostname is on the internet."""

        async def is_stored() -> bool | None:
            entries = self.home.stored("core.config_entries")["entries"]
            published = [
                subentry["data"]["published"]
                for entry in entries
                if entry["entry_id"] == self.entry_id
                for subentry in entry["subentries"]
            ]
            return True if published == [True] else None

        await until("the switch is stored", is_stored)

    async def sync(self, **options: bool) -> JSON:
        """Perform the action `sync`."""
        return await self.admin.act(
            f"{DOMAIN}.sync", config_entry_id=self.entry_id, **options
        )

    async def mint(self, name: str) -> JSON:
        """Perform the action `mint_certificate`."""
        minted = await self.admin.act(
            f"{DOMAIN}.mint_certificate", config_entry_id=self.entry_id, name=name
        )
        self.links.append(minted["handover_url"])
        return minted

    async def fetch(self, link: str) -> Phone:
        """Take a bundle, and open it as a phone does."""
        number = len(self.phones) + 1
        phone = await fetch(link, self.folder / f"phone-{number}.pem")
        self.phones.append(phone)
        return phone

    async def texts(self) -> JSON:
        """Return what the front end says in the config flow."""
        answer = await self.socket.command(
            "frontend/get_translations",
            language="en",
            category="config",
            integration=DOMAIN,
        )
        texts: JSON = answer["resources"]
        return texts

    async def block_rule(self) -> JSON:
        """Return our rule that blocks, as it is at Cloudflare."""
        rules = await self.cloudflare.rules()
        for rule in rules:
            if rule["action"] == "block" and self.hostname in rule["expression"]:
                return rule
        raise Unmet(f"no rule blocks {self.hostname}: {json.dumps(rules)}")

    async def ours(self) -> dict[str, list[str]]:
        """Return what there is at Cloudflare for our hostname: of rules, their actions."""
        return {
            name: [_in_short(item) for item in items if self._is_ours(item)]
            for name, items in (await self._lists()).items()
        }

    async def expect_ours_once(self) -> None:
        """Raise Unmet unless all there is to be for our hostname is there, and once."""
        wanted = {
            "rules": ["skip", "block"],
            "records": [self.hostname],
            "associations": [self.hostname],
            "ingress": [self.hostname],
        }
        expect_equal(await self.ours(), wanted, "what is ours")

    async def not_ours(self) -> dict[str, str]:
        """Return everything at Cloudflare that has nothing to do with our hostname."""
        configuration = await self.cloudflare.tunnel_configuration()
        parts: dict[str, object] = {
            name: [item for item in items if not self._is_ours(item)]
            for name, items in (await self._lists()).items()
        }
        parts["tunnel"] = {**configuration, "ingress": "see there"}
        return {name: json.dumps(part) for name, part in parts.items()}

    async def expect_all_else_untouched(self) -> None:
        """Raise Unmet unless what is not ours is what it was, to the byte."""
        for name, part in (await self.not_ours()).items():
            expect_equal(part, self.before[name], f"what is not ours of {name}")

    async def _lists(self) -> dict[str, list[Any]]:
        zone = await self.cloudflare.zone()
        configuration = await self.cloudflare.tunnel_configuration()
        return {
            "rules": await self.cloudflare.rules(),
            "records": zone["dns_records"],
            "associations": zone["associations"],
            "ingress": configuration["ingress"],
        }

    def _is_ours(self, item: object) -> bool:
        return self.hostname in json.dumps(item)

    def secrets(self) -> list[Secret]:
        """Return everything that must be nowhere, or in one place only."""
        entry_token = self.cloudflare.facts["token"]
        return [
            Secret("a private key in PEM", (b"PRIVATE KEY",)),
            Secret.of_text(
                "the API token", entry_token, ".storage/core.config_entries"
            ),
            *(Secret.of_text("an API token", token) for token in self.typed_in),
            *(Secret.of_text("a password", phone.password) for phone in self.phones),
            *(Secret.of_bytes("a bundle", phone.bundle) for phone in self.phones),
            *(
                Secret.of_bytes("a private key", phone.private_number)
                for phone in self.phones
            ),
            *(
                # Whoever minted gets the link, and so does the trace of a script that keeps it.
                Secret.of_text(
                    "a link to a bundle",
                    url.partition("#")[2],
                    "answers",
                    "traces",
                    ".storage/trace.saved_traces",
                )
                for url in self.links
            ),
        ]


async def _listen(client: Client) -> Socket:
    socket = await client.connect()
    await socket.command("subscribe_events")
    return socket


def _in_short(item: JSON | str) -> str:
    if isinstance(item, str):
        return item
    text: str = next(item[key] for key in ("action", "hostname", "name") if key in item)
    return text


def nonce() -> str:
    """Make a word that is nowhere yet."""
    return secrets.token_hex(8)
