"""What the checks share, and what one of them leaves to the next."""

from base64 import b64encode
from dataclasses import dataclass, field
from functools import cached_property
import json
from pathlib import Path
import secrets
from typing import Any, Self
from urllib.parse import urlencode

from .browser import ANDROID, Chromium, missing_for_certificates
from .cloudflare import Cloudflare
from .flow import Flow
from .home_assistant import DOMAIN, JSON, Client, HomeAssistant, Socket, User
from .leaks import Secret
from .phone import Phone, fetch, fetch_in_browser
from .report import Skipped, Unmet, expect, expect_equal, until
from .visitor import Visitor

# Whoever mints is told how to fetch, and so is the trace of a script that keeps it.
_MINTED = ("answers", "traces", ".storage/trace.saved_traces")

_DESK = 1280, 900


@dataclass
class World:
    """A home, its Cloudflare, and what has happened so far."""

    folder: Path
    cloudflare: Cloudflare
    home: HomeAssistant
    admin: Client
    socket: Socket
    user: User
    notes: list[str] = field(default_factory=list)
    """What the running check wants to be read."""
    flow: Flow | None = None
    before: dict[str, str] = field(default_factory=dict)
    hostname: str = ""
    entry_id: str = ""
    device: str = ""
    """The subentry of the companion device that was added in the dialog."""
    link: str = ""
    """Where that device's bundle waits."""
    phones: list[Phone] = field(default_factory=list)
    phone: Phone | None = None
    """That device, with the certificate that it got last."""
    typed_in: list[str] = field(default_factory=list)
    """API tokens that were refused."""
    links: list[str] = field(default_factory=list)
    """Where bundles waited."""
    codes: list[str] = field(default_factory=list)
    """What gives them out together with a link that is no secret."""
    connector_tokens: list[str] = field(default_factory=list)
    """What runs tunnels that were made here, and is shown in a dialog only."""

    @classmethod
    async def begin(
        cls, folder: Path, cloudflare: Cloudflare, home: HomeAssistant, owner: User
    ) -> Self:
        """Start the home, lead the tunnel there, and move in."""
        await home.start()
        hostname = _browser_hostname(cloudflare)
        await cloudflare.serve(hostname, home.url)
        await cloudflare.lead_to(home.url, service=home.url)
        admin = await home.anonymous().onboard(owner)
        await home.until_running(admin)
        world = cls(folder, cloudflare, home, admin, await _listen(admin), owner)
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
        return _browser_hostname(self.cloudflare)

    @cached_property
    def lacking(self) -> list[str]:
        """Return what keeps browsers from showing certificates on this machine."""
        return missing_for_certificates()

    def expect_browser(self) -> None:
        """Raise Skipped unless a browser did what only a browser can."""
        if self.lacking:
            raise Skipped(f"no browser, missing: {', '.join(self.lacking)}")

    @cached_property
    def stranger(self) -> Visitor:
        """Return somebody without a certificate."""
        return Visitor(self.cloudflare.facts)

    def expect_phone(self) -> Phone:
        """Return the device that was added in the dialog, once it has a certificate."""
        if self.phone is None:
            raise Unmet("no phone has a certificate yet")
        return self.phone

    @property
    def owner(self) -> Visitor:
        """Return somebody with the device that was added in the dialog."""
        return self.holder(self.expect_phone())

    @property
    def newest_phone(self) -> Visitor:
        """Return somebody with the phone that got its certificate last."""
        expect(bool(self.phones), "no phone has a certificate yet")
        return self.holder(self.phones[-1])

    def holder(self, phone: Phone) -> Visitor:
        """Return somebody with a phone in hand."""
        return Visitor(self.cloudflare.facts, phone.key_file)

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

    async def certificates(self) -> list[JSON]:
        """Perform the action `list_certificates`."""
        answer = await self.admin.act(
            f"{DOMAIN}.list_certificates", config_entry_id=self.entry_id
        )
        certificates: list[JSON] = answer["certificates"]
        return certificates

    async def until_entry_is_loaded(self) -> None:
        """Wait until the entry has reloaded with what was changed."""

        async def is_loaded() -> bool | None:
            return True if await self.entry_states() == ["loaded"] else None

        await until("the entry is loaded", is_loaded)

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

    async def repairs(self) -> list[JSON]:
        """Return what the integration shows under Settings > Repairs."""
        listed = await self.socket.command("repairs/list_issues")
        return [issue for issue in listed["issues"] if issue["domain"] == DOMAIN]

    async def repair_text(self, issue: JSON, key: str) -> str:
        """Return one of the texts that a repair shows."""
        texts = await self.texts("issues")
        prefix = f"component.{DOMAIN}.issues.{issue['translation_key']}"
        text: str = texts[f"{prefix}.{key}"]
        return text.format(**issue["translation_placeholders"])

    async def look_around(self) -> None:
        """Have Home Assistant look at once at what it checks every six hours."""
        await self.admin.post(
            f"/api/config/config_entries/entry/{self.entry_id}/reload"
        )
        await self.until_entry_is_loaded()

    async def put_right_in_browser(self, issue: JSON, told: str) -> None:
        """Select a repair under Settings > Repairs, read what it tells, and submit."""
        browser = Chromium(self.folder / "desk", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        state = {"hassUrl": self.home.url, "clientId": f"{self.home.url}/"}
        query = urlencode(
            {
                "auth_callback": 1,
                "code": await self.home.anonymous().authorize(self.user),
                "state": b64encode(json.dumps(state).encode()).decode(),
            }
        )
        async with browser.tab(size=_DESK) as tab:
            await tab.open(f"{self.home.url}/config/repairs?{query}", "true")
            title = await self.repair_text(issue, "title")
            await tab.click("ha-list-item-button", title)
            await tab.until_said("ha-markdown-element", told)
            await tab.click("ha-button", "Submit")
            await tab.until_said("ha-button", "Finish")

    async def fix_finding(self, issue: JSON, told: str) -> None:
        """Do the same without a browser."""
        flow = await Flow.repair(self.admin, issue["issue_id"])
        flow.expect_step("confirm")
        text = await self.repair_text(issue, "fix_flow.step.confirm.description")
        expect(told in text, f"{told} is not in: {text}")
        await flow.submit()
        expect_equal(flow.answer["type"], "create_entry", "the end of the dialog")

    async def until_all_is_stored(self) -> None:
        """Wait until Home Assistant has written down the devices, and that the hostname is on."""
        subentries = await self.socket.command(
            "config_entries/subentries/list", entry_id=self.entry_id
        )
        titles = {subentry["title"] for subentry in subentries}

        async def is_stored() -> bool | None:
            [stored] = [
                entry["subentries"]
                for entry in self.home.stored("core.config_entries")["entries"]
                if entry["entry_id"] == self.entry_id
            ]
            published = [
                subentry["data"]["published"]
                for subentry in stored
                if subentry["subentry_type"] == "protected_hostname"
            ]
            known = {subentry["title"] for subentry in stored}
            return True if (known, published) == (titles, [True]) else None

        await until("the devices and the switch are stored", is_stored)

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
        self.keep_secret(minted["handover_url"], minted["handover_code"])
        return minted

    def keep_secret(self, link: str, code: str) -> None:
        """Look for what gives a bundle out, later."""
        self.links.append(link)
        self.codes.append(code)

    async def choose(self, flow: Flow, **choices: str) -> None:
        """Submit a dialog's choices, and wait for its QR code and its link."""
        await flow.submit(**choices)
        await flow.until_shown(self.socket)
        flow.expect_step("handover")
        shown = flow.answer["description_placeholders"]
        self.link = shown["url"]
        self.keep_secret(self.link, shown["code"])
        [code] = flow.answer["data_schema"]
        expect_equal(code["selector"]["qr_code"]["data"], self.link, "the QR code")

    async def subentry_of(self, title: str) -> JSON:
        """Return the account's companion device of this name."""
        subentries = await self.socket.command(
            "config_entries/subentries/list", entry_id=self.entry_id
        )
        found = [item for item in subentries if item["title"] == title]
        expect(len(found) == 1, f"{title} names the subentries {found}")
        subentry: JSON = found[0]
        return subentry

    def told_of(self, kind: str) -> list[JSON]:
        """Return what automations were told of certificates, of one kind."""
        return [
            event["data"]
            for event in self.socket.events
            if event["event_type"] == f"{DOMAIN}_certificate"
            and event["data"]["type"] == kind
        ]

    async def until_state(self, key: str, of: str, wanted: str) -> None:
        """Wait until an entity has a state."""
        entity_id = await self.entity_id(key, of=of)

        async def is_so() -> bool | None:
            return True if await self.admin.state(entity_id) == wanted else None

        await until(f"{entity_id} is {wanted}", is_so)

    async def fetch(self, link: str) -> Phone:
        """Take a bundle, and open it as a phone does."""
        phone = await fetch(link, self._key_file)
        self.phones.append(phone)
        return phone

    async def fetch_in_browser(self, link: str) -> Phone:
        """Take a bundle in the browser of a new phone, where there is one."""
        if self.lacking:
            return await self.fetch(link)
        facts = self.cloudflare.facts
        browser = Chromium(
            self._key_file.with_suffix(""),
            f"MAP {self.hostname} {facts['edge_host']}:{facts['edge_port']}",
        )
        await browser.trust(facts["edge_ca_file"])
        phone = await fetch_in_browser(link, browser, self._key_file)
        self.phones.append(phone)
        return phone

    async def prove(self, phone: Phone) -> None:
        """Open the test with the phone, and run it."""
        if phone.browser is None:
            url, _, certificate_id = phone.test_url.partition("#")
            path = url.removeprefix(f"https://{self.hostname}")
            answer = await self.holder(phone).request(
                "POST", self.hostname, path, body=certificate_id
            )
            expect_equal(answer.status, 200, "the status of the test")
            return
        async with phone.browser.tab(
            user_agent=ANDROID, identify_at=self.hostname
        ) as tab:
            await tab.open(phone.test_url)
            await tab.tap("#test")
            await tab.until("document.querySelector('#result.good')")

    async def visit(self, phone: Phone, shown: str) -> int | None:
        """Open the protected hostname in the phone's browser, and return the status."""
        if phone.browser is None:
            return None
        url = f"https://{self.hostname}/"
        async with phone.browser.tab(
            user_agent=ANDROID, identify_at=self.hostname
        ) as tab:
            await tab.open(url, shown)
            return tab.statuses[url]

    @property
    def _key_file(self) -> Path:
        return self.folder / f"phone-{len(self.phones) + 1}.pem"

    async def texts(self, category: str = "config") -> JSON:
        """Return what the front end says, in the config flow for one."""
        answer = await self.socket.command(
            "frontend/get_translations",
            language="en",
            category=category,
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
                Secret.of_text("a link to a bundle", url.partition("#")[2], *_MINTED)
                for url in self.links
            ),
            *(
                Secret.of_text("a connector's token", token)
                for token in self.connector_tokens
            ),
            *(Secret.of_number("a code", code, *_MINTED) for code in self.codes),
        ]


async def _listen(client: Client) -> Socket:
    socket = await client.connect()
    await socket.command("subscribe_events")
    return socket


def _browser_hostname(cloudflare: Cloudflare) -> str:
    return f"home.{cloudflare.facts['zone_name']}"


def _in_short(item: JSON | str) -> str:
    if isinstance(item, str):
        return item
    text: str = next(item[key] for key in ("action", "hostname", "name") if key in item)
    return text


def nonce() -> str:
    """Make a word that is nowhere yet."""
    return secrets.token_hex(8)
