"""The local Cloudflare in its own process, with what a user of the dashboard can see and do."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from pathlib import Path
import sys
from typing import Any, Self

from aiohttp import ClientSession

from .processes import Program
from .report import expect

JSON = dict[str, Any]


class Cloudflare:
    """A client of the sandbox's API and of its control routes."""

    def __init__(self, facts: JSON, session: ClientSession) -> None:
        """Create a client from the facts in the sandbox's ready file."""
        self.facts = facts
        self._session = session

    @classmethod
    @asynccontextmanager
    async def run(cls, folder: Path) -> AsyncGenerator[Self]:
        """Run the sandbox and yield a client."""
        ready_file = folder / "sandbox.json"

        async def read_facts() -> JSON | None:
            facts: JSON | None = None
            if ready_file.exists():
                facts = json.loads(ready_file.read_text())
            return facts

        program = Program(
            "the sandbox",
            *(sys.executable, "-m", "sandbox", "--ready-file", str(ready_file)),
            output=folder / "sandbox.log",
        )
        async with program, ClientSession() as session:
            await program.start()
            cloudflare = cls(await program.until_ready(read_facts, seconds=60), session)
            # The checks do within minutes what else happens within weeks.
            await cloudflare.control("POST", "budget", {"limit": 5000})
            yield cloudflare

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that makes Home Assistant use the sandbox as Cloudflare."""
        return {
            "CLOUDFLARE_BASE_URL": self.facts["api_url"],
            "CLOUDFLARE_MTLS_EDGE": f"{self.facts['edge_host']}:{self.facts['edge_port']}",
            "CLOUDFLARE_MTLS_EDGE_CA": self.facts["edge_ca_file"],
        }

    async def start_supervisor(self) -> dict[str, str]:
        """Start the Supervisor, and return the environment that makes Home Assistant use it."""
        facts = await self.control("POST", "supervisor", {"ready": True})
        return {
            "SUPERVISOR": facts["supervisor"],
            "SUPERVISOR_TOKEN": facts["supervisor_token"],
            # Home Assistant leaves its log to the Supervisor otherwise.
            "HA_DUPLICATE_LOG_FILE": "1",
        }

    async def set_service(self, hostname: str, service: str) -> None:
        """Change the service of a hostname in the tunnel's configuration."""
        config = await self.tunnel_configuration()
        ingress = [
            rule | {"service": service} if rule.get("hostname") == hostname else rule
            for rule in config["ingress"]
        ]
        await self._configure(config | {"ingress": ingress})

    async def serve(self, hostname: str, service: str) -> None:
        """Have the tunnel serve a hostname, as a person does in the dashboard."""
        config = await self.tunnel_configuration()
        rule = {"hostname": hostname, "service": service}
        await self._configure(config | {"ingress": [rule, *config["ingress"]]})
        record = {
            "type": "CNAME",
            "name": hostname,
            "content": f"{self.facts['tunnel_id']}.cfargotunnel.com",
            "proxied": True,
        }
        await self.api("POST", f"/zones/{self.facts['zone_id']}/dns_records", record)

    async def ways_to(self, hostname: str) -> JSON:
        """Return all that leads visitors to a hostname: DNS records and ingress rules."""
        zone, config = await self.zone(), await self.tunnel_configuration()
        return {
            "records": [
                item for item in zone["dns_records"] if item["name"] == hostname
            ],
            "ingress": [
                rule for rule in config["ingress"] if rule.get("hostname") == hostname
            ],
        }

    async def stop_serving(self, hostname: str) -> None:
        """Take a hostname out of the tunnel's configuration."""
        config = await self.tunnel_configuration()
        ingress = [
            rule for rule in config["ingress"] if rule.get("hostname") != hostname
        ]
        await self._configure(config | {"ingress": ingress})

    async def set_origin(self, url: str, *, service: str) -> None:
        """Set the real address of a service of the tunnel."""
        await self.control("POST", "origin", {"url": url, "service": service})

    async def add_zone(self, name: str) -> str:
        """Add a zone to the account, and return its id."""
        zone_id: str = (await self.control("POST", "zones", {"name": name}))["id"]
        return zone_id

    async def delete_zone(self, zone_id: str) -> None:
        """Delete a zone without Home Assistant, as in the dashboard."""
        await self.control("DELETE", f"zones/{zone_id}")

    async def edit_record(self, name: str, **changes: str) -> None:
        """Change the DNS record of a name without Home Assistant, as another tool does."""
        zone = await self.zone()
        [record] = [item for item in zone["dns_records"] if item["name"] == name]
        path = f"/zones/{zone['id']}/dns_records/{record['id']}"
        await self.api("PATCH", path, changes)

    async def verify_token(self) -> JSON:
        """Verify the token at the API."""
        return await self.api("GET", "/user/tokens/verify")

    async def add_empty_account(self, zone: str) -> str:
        """Add an account that has only a zone and a tunnel that runs; return an API token for it."""
        account = await self.control("POST", "accounts", {"name": "Second home"})
        added = {"name": zone, "account": account["id"]}
        zone_id = (await self.control("POST", "zones", added))["id"]
        tunnels = f"/accounts/{account['id']}/cfd_tunnel"
        tunnel = {"name": "second", "config_src": "cloudflare"}
        tunnel_id = (await self.api("POST", tunnels, tunnel))["result"]["id"]
        path = f"tunnels/{tunnel_id}/connectors"
        await self.control("POST", path, {"connectors": 1})
        token: str = (await self.control("POST", "tokens", {"zones": [zone_id]}))[
            "token"
        ]
        return token

    async def new_token(self, *permissions: str) -> str:
        """Create an API token with these permissions, or with all."""
        body = {"permissions": permissions} if permissions else {}
        answer = await self.control("POST", "tokens", body)
        token: str = answer["token"]
        return token

    async def writes(self) -> int:
        """Return how many write requests were made, refused ones included."""
        count: int = (await self.control("GET", "journal"))["writes"]
        return count

    async def zone(self) -> JSON:
        """Return the whole state of the zone."""
        zones: JSON = (await self.control("GET", "state"))["zones"]
        zone: JSON = zones[self.facts["zone_name"]]
        return zone

    async def tunnel_configuration(self) -> JSON:
        """Return the configuration of the tunnel."""
        tunnels: JSON = (await self.control("GET", "state"))["tunnels"]
        config: JSON = tunnels[self.facts["tunnel_id"]]["config"]
        return config

    async def rules(self) -> list[JSON]:
        """Return the zone's custom rules."""
        return await self._rules_of("http_request_firewall_custom")

    async def header_rules(self) -> list[JSON]:
        """Return the zone's rules that change the headers of requests."""
        return await self._rules_of("http_request_late_transform")

    async def edit_rule(self, rule_id: str, **changes: str | bool) -> None:
        """Change a rule without Home Assistant, as in the dashboard."""
        await self.control("POST", f"rules/{rule_id}", changes)

    async def delete_rule(self, rule_id: str) -> None:
        """Delete a rule without Home Assistant, as in the dashboard."""
        await self.control("DELETE", f"rules/{rule_id}")

    async def put_rule_first(self, **rule: Any) -> str:
        """Add a rule ahead of all others without Home Assistant, and return its id."""
        ruleset = f"{self._rulesets}/phases/http_request_firewall_custom/entrypoint"
        found = (await self.api("GET", ruleset))["result"]
        added = await self.api(
            "POST",
            f"{self._rulesets}/{found['id']}/rules",
            {**rule, "position": {"before": ""}},
        )
        rule_id: str = added["result"]["rules"][0]["id"]
        return rule_id

    async def add_ruleset(self, *rules: JSON) -> str:
        """Add a custom ruleset, which only a rule executes, and return its id."""
        ruleset = {
            "name": "Rules of another tool",
            "kind": "custom",
            "phase": "http_request_firewall_custom",
            "rules": list(rules),
        }
        added = await self.api("POST", self._rulesets, ruleset)
        ruleset_id: str = added["result"]["id"]
        return ruleset_id

    async def delete_ruleset(self, ruleset_id: str) -> None:
        """Delete a custom ruleset."""
        path = f"{self._rulesets}/{ruleset_id}"
        await self._request(
            "DELETE", f"{self.facts['api_url']}{path}", headers=self._authorization
        )

    async def dissociate(self, hostname: str) -> None:
        """Remove a hostname's association, so that the edge asks for no certificate there."""
        zone = await self.zone()
        others = [name for name in zone["associations"] if name != hostname]
        await self.api(
            "PUT",
            f"/zones/{zone['id']}/certificate_authorities/hostname_associations",
            {"hostnames": others},
        )

    async def setting(self, name: str) -> str:
        """Return a setting of the zone."""
        value: str = (await self.api("GET", self._setting(name)))["result"]["value"]
        return value

    async def change_setting(self, name: str, value: str) -> None:
        """Change a setting of the zone without Home Assistant, as in the dashboard."""
        await self.api("PATCH", self._setting(name), {"value": value})

    async def allow_country(self, country: str) -> str:
        """Let visitors of a country past all custom rules, and return the rule's id."""
        configuration = {"target": "country", "value": country}
        body = {"mode": "whitelist", "configuration": configuration}
        created = await self.api("POST", self._access_rules, body)
        rule_id: str = created["result"]["id"]
        return rule_id

    async def delete_access_rule(self, rule_id: str) -> None:
        """Delete an IP Access rule."""
        await self.api("DELETE", f"{self._access_rules}/{rule_id}")

    async def connector_token(self, tunnel_id: str) -> str:
        """Return the token that a tunnel's connector runs with."""
        token: str = (await self.api("GET", f"{self._tunnel(tunnel_id)}/token"))[
            "result"
        ]
        return token

    async def was_called(self, method: str, path: str) -> bool:
        """Return whether a call was made whose path ends with a text."""
        requests = (await self.control("GET", "journal"))["requests"]
        return any(
            each["method"] == method and each["path"].endswith(path)
            for each in requests
        )

    async def blocked(self) -> list[JSON]:
        """Return the requests that the edge blocked, with their visitors' addresses."""
        requests: list[JSON] = (await self.control("GET", "state"))["blocked"]
        return requests

    async def tear_down(self, hostname: str) -> None:
        """Delete everything that belongs to a hostname; DNS records and ingress rules first."""
        zone = await self.zone()
        for record in zone["dns_records"]:
            if record["name"] == hostname:
                await self.api(
                    "DELETE", f"/zones/{zone['id']}/dns_records/{record['id']}"
                )
        await self.stop_serving(hostname)
        await self.dissociate(hostname)
        for rule in await self.rules():
            if hostname in rule["expression"]:
                await self.delete_rule(rule["id"])

    async def delay_call(
        self, method: str, path: str, *, number: int, seconds: float
    ) -> None:
        """Delay one call to the API, the n-th that matches; it takes effect after the delay."""
        fault = {"method": method, "path": path, "first": number, "seconds": seconds}
        await self.control("POST", "faults", {"kind": "delay", **fault})

    async def has_delayed_call(self) -> bool:
        """Return whether the call to delay has arrived."""
        [fault] = await self.control("GET", "faults")
        has_arrived: bool = fault["calls"] >= fault["first"]
        return has_arrived

    async def clear_delays(self) -> None:
        """Answer all calls without delay again."""
        await self.control("DELETE", "faults")

    async def _rules_of(self, phase: str) -> list[JSON]:
        return [
            rule
            for ruleset in (await self.zone())["rulesets"]
            if ruleset["phase"] == phase
            for rule in ruleset.get("rules", ())
        ]

    async def _configure(self, config: JSON) -> None:
        path = f"{self._tunnel(self.facts['tunnel_id'])}/configurations"
        await self.api("PUT", path, {"config": config})

    def _tunnel(self, tunnel_id: str) -> str:
        return f"/accounts/{self.facts['account_id']}/cfd_tunnel/{tunnel_id}"

    def _setting(self, name: str) -> str:
        return f"/zones/{self.facts['zone_id']}/settings/{name}"

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.facts['token']}"}

    @property
    def _rulesets(self) -> str:
        return f"/zones/{self.facts['zone_id']}/rulesets"

    @property
    def _access_rules(self) -> str:
        return f"/zones/{self.facts['zone_id']}/firewall/access_rules/rules"

    @property
    def control_url(self) -> str:
        """Return the address below which the sandbox's control routes are."""
        return f"{self.facts['api_url'].removesuffix('/client/v4')}/sandbox"

    async def api(self, method: str, path: str, body: JSON | None = None) -> JSON:
        """Send a request to Cloudflare's API."""
        answer: JSON = await self._request(
            method,
            f"{self.facts['api_url']}{path}",
            json=body,
            headers=self._authorization,
        )
        return answer

    async def control(self, method: str, path: str, body: JSON | None = None) -> Any:
        """Send a request to one of the sandbox's control routes."""
        return await self._request(method, f"{self.control_url}/{path}", json=body)

    async def _request(self, method: str, url: str, **options: Any) -> Any:
        async with self._session.request(method, url, **options) as response:
            text = await response.text()
            expect(response.ok, f"{method} {url}: {response.status} {text}")
            return json.loads(text) if text else None
