"""A client of the Supervisor and of metrics servers, and the options of an app."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPMethod
import json
from typing import Any

from aiohttp import ClientSession

from sandbox import Sandbox
from sandbox.state import DnsRecord
from sandbox.supervisor import Cloudflared

from ..helpers import HOME, NAS

MOBILE = "mobile.example.com"
OPTIONS: Mapping[str, Any] = {
    "external_hostname": HOME,
    "additional_hosts": [{"hostname": NAS, "service": "http://192.168.1.20:5000"}],
    "tunnel_name": "home",
}
WITH_MOBILE: Mapping[str, Any] = {
    **OPTIONS,
    "additional_hosts": [
        *OPTIONS["additional_hosts"],
        {"hostname": MOBILE, "service": "http://homeassistant:8123"},
    ],
}


@dataclass(frozen=True)
class Answer:
    """An answer of the Supervisor: HTTP status and body."""

    status: int
    body: Any

    @property
    def data(self) -> Any:
        """Return the data of a successful answer."""
        assert self.body["result"] == "ok", self.body
        return self.body["data"]


@dataclass(frozen=True)
class Client:
    """A client of the Supervisor."""

    session: ClientSession
    url: str
    token: str

    async def get(self, path: str) -> Answer:
        """Send a GET request."""
        return await self._send(HTTPMethod.GET, path, None)

    async def post(self, path: str, body: Any = None) -> Answer:
        """Send a POST request."""
        return await self._send(HTTPMethod.POST, path, body)

    async def _send(self, method: HTTPMethod, path: str, body: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.request(
            method, f"{self.url}{path}", json=body, headers=headers
        ) as response:
            text = await response.text()
            if response.content_type != "application/json":
                return Answer(response.status, text)
            return Answer(response.status, json.loads(text))


async def metrics(client: Client, app: Cloudflared, path: str = "/config") -> Answer:
    """Ask the metrics server of an app, at the address that its document tells."""
    document = (await client.get(f"/addons/{app.slug}/info")).data
    url = f"http://{document['hostname']}:{app.metrics_port}{path}"
    async with client.session.get(url) as response:
        assert response.content_type == "text/plain"
        return Answer(response.status, json.loads(await response.text()))


async def served(client: Client, app: Cloudflared) -> dict[str, str]:
    """Return the hostnames that the connector of an app serves, each with its service."""
    body = (await metrics(client, app)).body
    return {rule["hostname"]: rule["service"] for rule in body["config"]["ingress"]}


def records(sandbox: Sandbox, name: str) -> list[DnsRecord]:
    """Return the DNS records of a name."""
    zone = sandbox.state.zones[sandbox.zone_id]
    return [record for record in zone.dns_records.values() if record.name == name]
