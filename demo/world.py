"""The state that the checks share: one check uses the results of earlier ones."""

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
from .phone import Phone, download, download_in_browser
from .report import CheckFailed, Skipped, expect, expect_equal, until
from .visitor import Visitor

# The action's answer contains link and code; so does the trace of a script that returns it.
_HANDOVER_PLACES = ("answers", "traces", ".storage/trace.saved_traces")

_DESK = 1280, 900


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
    flow: Flow | None = None
    before: dict[str, str] = field(default_factory=dict)
    hostname: str = ""
    entry_id: str = ""
    device: str = ""
    """The subentry id of the companion device that was added in the dialog."""
    link: str = ""
    """The link to that device's newest bundle."""
    phones: list[Phone] = field(default_factory=list)
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
    async def start(
        cls, folder: Path, cloudflare: Cloudflare, home: HomeAssistant, owner: User
    ) -> Self:
        """Start Home Assistant, point the tunnel at it, and complete the onboarding."""
        await home.start()
        hostname = _browser_hostname(cloudflare)
        await cloudflare.set_service(hostname, home.url)
        await cloudflare.set_origin(home.url, service=home.url)
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
        """Start Home Assistant again, and reconnect."""
        await self.home.start()
        await self.home.until_running(self.admin)
        await self.socket.close()
        self.socket = await _listen(self.admin)

    async def stop(self) -> None:
        """Close the connection to Home Assistant."""
        await self.socket.close()

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

    def holder(self, phone: Phone) -> Visitor:
        """Return a visitor with a phone's certificate."""
        return Visitor(self.cloudflare.facts, phone.key_file)

    async def entity_id(self, key: str, of: str | None = None) -> str:
        """Return the id of the entity with a key; `of` names its device or tunnel."""
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
        """Make Home Assistant refresh from Cloudflare now, as it does every 15 minutes."""
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
        """Wait until the entry has reloaded after a change."""

        async def is_loaded() -> bool | None:
            return True if await self.entry_states() == ["loaded"] else None

        await until("the entry is loaded", is_loaded)

    async def turn(self, state: str, entity_id: str) -> None:
        """Turn a switch on or off, and wait until the entry has reloaded."""
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
        """Return the integration's issues under Settings > Repairs."""
        listed = await self.socket.command("repairs/list_issues")
        return [issue for issue in listed["issues"] if issue["domain"] == DOMAIN]

    async def repair_text(self, issue: JSON, key: str) -> str:
        """Return one of the texts that a repair shows."""
        texts = await self.texts("issues")
        prefix = f"component.{DOMAIN}.issues.{issue['translation_key']}"
        text: str = texts[f"{prefix}.{key}"]
        return text.format(**issue["translation_placeholders"])

    async def run_checks(self) -> None:
        """Reload the entry, which runs the checks that otherwise run every six hours."""
        await self.admin.post(
            f"/api/config/config_entries/entry/{self.entry_id}/reload"
        )
        await self.until_entry_is_loaded()

    async def fix_issue_in_browser(self, issue: JSON, expected: str) -> None:
        """Open an issue under Settings > Repairs in a browser, check its text, and submit."""
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
            await tab.until_text("ha-markdown-element", expected)
            await tab.click("ha-button", "Submit")
            await tab.until_text("ha-button", "Finish")

    async def fix_issue(self, issue: JSON, expected: str) -> None:
        """Open an issue's dialog over the API, check its text, and submit."""
        flow = await Flow.repair(self.admin, issue["issue_id"])
        flow.expect_step("confirm")
        text = await self.repair_text(issue, "fix_flow.step.confirm.description")
        expect(expected in text, f"{expected} is not in: {text}")
        await flow.submit()
        expect_equal(flow.answer["type"], "create_entry", "the result of the dialog")

    async def until_all_is_stored(self) -> None:
        """Wait until the devices and the switch's state are written to storage."""
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

    async def create_certificate(self, name: str) -> JSON:
        """Perform the action `mint_certificate`."""
        created = await self.admin.act(
            f"{DOMAIN}.mint_certificate", config_entry_id=self.entry_id, name=name
        )
        self.add_secrets(created["handover_url"], created["handover_code"])
        return created

    def add_secrets(self, link: str, code: str) -> None:
        """Add a link and a code to the secrets that are searched for later."""
        self.links.append(link)
        self.codes.append(code)

    async def submit_device(self, flow: Flow, **choices: str) -> None:
        """Submit a device's dialog, and wait until it shows the QR code and the link."""
        await flow.submit(**choices)
        await flow.until_shown(self.socket)
        flow.expect_step("handover")
        shown = flow.answer["description_placeholders"]
        self.link = shown["url"]
        self.add_secrets(self.link, shown["code"])
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

    def certificate_events(self, kind: str) -> list[JSON]:
        """Return the data of the certificate events of one type."""
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

    async def download(self, link: str) -> Phone:
        """Download a bundle, and open it as a phone does."""
        phone = await download(link, self._key_file)
        self.phones.append(phone)
        return phone

    async def download_in_browser(self, link: str) -> Phone:
        """Download a bundle with the browser of a new phone, or without one if it is missing."""
        if self.lacking:
            return await self.download(link)
        facts = self.cloudflare.facts
        browser = Chromium(
            self._key_file.with_suffix(""),
            f"MAP {self.hostname} {facts['edge_host']}:{facts['edge_port']}",
        )
        await browser.trust(facts["edge_ca_file"])
        phone = await download_in_browser(link, browser, self._key_file)
        self.phones.append(phone)
        return phone

    async def run_test(self, phone: Phone) -> None:
        """Open the test page with the phone, and run the test."""
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
        """Open the protected hostname in the phone's browser; return the status, None without one."""
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
        """Return the English texts of a category, as the front end gets them."""
        answer = await self.socket.command(
            "frontend/get_translations",
            language="en",
            category=category,
            integration=DOMAIN,
        )
        texts: JSON = answer["resources"]
        return texts

    async def block_rule(self) -> JSON:
        """Return our block rule, as it is at Cloudflare."""
        rules = await self.cloudflare.rules()
        for rule in rules:
            if rule["action"] == "block" and self.hostname in rule["expression"]:
                return rule
        raise CheckFailed(f"no rule blocks {self.hostname}: {json.dumps(rules)}")

    async def ours(self) -> dict[str, list[str]]:
        """Return everything at Cloudflare for our hostname, with short names; rules by action."""
        return {
            name: [_short_name(item) for item in items if self._is_ours(item)]
            for name, items in (await self._lists()).items()
        }

    async def expect_ours_once(self) -> None:
        """Raise CheckFailed unless everything for our hostname exists exactly once."""
        wanted = {
            "rules": ["skip", "block"],
            "records": [self.hostname],
            "associations": [self.hostname],
            "ingress": [self.hostname],
        }
        expect_equal(await self.ours(), wanted, "what is ours")

    async def not_ours(self) -> dict[str, str]:
        """Return everything at Cloudflare that does not belong to our hostname."""
        configuration = await self.cloudflare.tunnel_configuration()
        parts: dict[str, object] = {
            name: [item for item in items if not self._is_ours(item)]
            for name, items in (await self._lists()).items()
        }
        parts["tunnel"] = {**configuration, "ingress": "listed separately"}
        return {name: json.dumps(part) for name, part in parts.items()}

    async def expect_rest_unchanged(self) -> None:
        """Raise CheckFailed unless everything that is not ours is unchanged, byte for byte."""
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


def _browser_hostname(cloudflare: Cloudflare) -> str:
    return f"home.{cloudflare.facts['zone_name']}"


def _short_name(item: JSON | str) -> str:
    if isinstance(item, str):
        return item
    text: str = next(item[key] for key in ("action", "hostname", "name") if key in item)
    return text


def nonce() -> str:
    """Return a random word."""
    return secrets.token_hex(8)
