"""Recorded answers of the real API: the sandbox has to give the same, the engine to read them."""

from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from aiohttp import web
from cloudflare import DefaultAsyncHttpxClient
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    NotFound,
    PermissionMissing,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import (
    CertificateStatus,
    Connector,
    Ruleset,
    TunnelStatus,
)
from sandbox import Sandbox
from sandbox.clock import now
from sandbox.seed import FOREIGN_RULE_ID, SERVICE
from sandbox.state import ALL_PERMISSIONS, FIREWALL_PHASE, Plan, Tunnel, Zone

from .helpers import HOME, Api, create_certificate, csr_text, new_csr, visitor
from .recordings import FOLDER, Answered, Comparison, Recording, read_all

RECORDED = read_all()

pytestmark = pytest.mark.skipif(
    not RECORDED, reason=f"the recorded answers are not here: {FOLDER} is missing"
)


@dataclass(frozen=True)
class Stage:
    """A sandbox for the situation of a recording."""

    sandbox: Sandbox
    api: Api
    folder: Path

    @property
    def zone(self) -> Zone:
        """Return the seeded zone."""
        return self.sandbox.state.zones[self.sandbox.zone_id]

    @property
    def tunnel(self) -> Tunnel:
        """Return the seeded tunnel."""
        return self.sandbox.state.tunnels[self.sandbox.tunnel_id]

    def token_without(self, *permissions: str) -> str:
        """Return a token without the permissions of some resources, neither read nor edit."""
        return self.sandbox.state.add_token(
            permissions={
                each
                for each in ALL_PERMISSIONS
                if each.partition(":")[0] not in permissions
            }
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Answered:
        """Send a request to the API; {zone}, {account} and {tunnel} stand for the seeded ids."""
        path = path.format(
            zone=self.sandbox.zone_id,
            account=self.sandbox.account_id,
            tunnel=self.sandbox.tunnel_id,
        )
        if headers is None:
            headers = {"Authorization": f"Bearer {token or self.api.token}"}
        async with self.api.session.request(
            method,
            f"{self.sandbox.api_url}{path}",
            json=body,
            params=query,
            headers=headers,
        ) as response:
            return Answered(response.status, response.headers, await response.json())

    async def visit(
        self, method: str, host: str, path: str = "/", **headers: str
    ) -> Answered:
        """Send a request to the edge, without a certificate."""
        async with visitor(self.sandbox, self.folder) as somebody:
            response = await somebody.request(method, host, path, headers=headers)
            is_json = response.content_type == "application/json"
            body = await (response.json() if is_json else response.text())
            return Answered(response.status, response.headers, body)


type Situation = Callable[[Stage], Awaitable[Answered]]


@dataclass(frozen=True)
class Replay:
    """The situation that reproduces a recording, and the allowed differences."""

    situation: Situation
    comparison: Comparison = field(default_factory=Comparison)


REPLAYS: dict[str, Replay] = {}


def replay(number: str, **comparison: Any) -> Callable[[Situation], Situation]:
    """Register a function that reproduces the situation of a recording."""

    def register(situation: Situation) -> Situation:
        REPLAYS[number] = Replay(situation, Comparison(**comparison))
        return situation

    return register


NOT_REPLAYED: Mapping[str, str] = {
    "ax-01": "the sandbox has no Access groups",
    "ax-05": "the sandbox has no service tokens",
    "ax-07": "the sandbox's organization has only the fields that a new one has",
    "ax-09": "the sandbox has no mTLS settings of Access",
    "ax-12": "an old application without the fields that the sandbox always sends",
    "ax-14": "the sandbox returns all options that were sent, Cloudflare only some",
    "ax-17": "the sandbox refuses it with another text",
    "ax-18": "the sandbox has the code of unknown applications for unknown policies too",
    "ax-19": "another status and a longer text than in ac-06, which is replayed",
    "ax-20": "the sandbox creates no identity providers",
    "ax-21": "the sandbox only has self-hosted applications",
    "ax-22": "the sandbox refuses it with another text",
    "ax-24": "the sandbox has no policies below an application's path",
    "ax-25": "the sandbox has no tags of Access, and accepts every name",
    "ax-27": "the sandbox's organization can only be read",
    "ax-30": "the sandbox has no certificates of Access",
    "ax-32": "the sandbox has no Access groups",
    "ax-34": "the sandbox answers an empty list, as for applications",
    "ax-35": "the sandbox refuses it with the code of ax-17",
    "ax-37": "the sandbox answers a path without an account with 7000 alone",
    "ax-39": "the sandbox does not check oauth_configuration",
    "ax-40": "the sandbox has no log of logins",
    "ax-45": "the sandbox has no login pages, so no keys of a team",
    "dn-02": "81057 is the older code of the refusal in dn-03",
    "ed-07": "the edge has no rate limits",
    "gq-03": "the older wording of the error in gq-04",
    "rl-03": "another service's code for the refusal in rl-01",
    "rs-03": "another phase; without rules the sandbox leaves out the key, as in rs-19",
    "rs-04": "rulesets of phases that the sandbox does not have",
    "rs-07": "the older form of the error in rs-08",
    "rs-09c": "the phase of rate limits is not emulated",
    "rs-09d": "the phase of rate limits is not emulated",
    "tn-22": "another path, /tunnels, that cloudflared used in 2021",
}
"""Recordings, other than prose, that are not replayed, with the reason."""

_TUNNELS = "/accounts/{account}/cfd_tunnel"
_TUNNEL = f"{_TUNNELS}/{{tunnel}}"
_CONFIGURATION = f"{_TUNNEL}/configurations"
_RECORDS = "/zones/{zone}/dns_records"
_CERTIFICATES = "/zones/{zone}/client_certificates"
_ASSOCIATIONS = "/zones/{zone}/certificate_authorities/hostname_associations"
_RULESETS = "/zones/{zone}/rulesets"
_ENTRYPOINT = f"{_RULESETS}/phases/{FIREWALL_PHASE}/entrypoint"
_ACCESS = "/accounts/{account}/access"
_APPLICATIONS = f"{_ACCESS}/apps"
_VERIFY = "/user/tokens/verify"


# Tokens and their permissions


@replay("tk-01")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", _VERIFY)


@replay("tk-02")
async def _(stage: Stage) -> Answered:
    day = timedelta(days=1)
    token = stage.sandbox.state.add_token(
        not_before=now() - day, expires_on=now() + day
    )
    return await stage.ask("GET", _VERIFY, token=token)


@replay("tk-04")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", _VERIFY, token='"quoted"')


@replay("tk-05")
async def _(stage: Stage) -> Answered:
    headers = {"X-Auth-Key": stage.api.token, "X-Auth-Email": "me@example.com"}
    return await stage.ask("GET", "/zones", headers=headers)


@replay("tk-06")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", _VERIFY, headers={})


@replay("au-01", words={"REDACTED-IP": "127.0.0.1"})
async def _(stage: Stage) -> Answered:
    token = stage.sandbox.state.add_token(networks=["192.0.2.0/24"])
    return await stage.ask("GET", "/zones", token=token)


@replay("au-03")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("settings")
    return await stage.ask("GET", "/zones/{zone}/settings", token=token)


@replay("au-04")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", _TUNNELS, token=stage.token_without("tunnel"))


@replay("au-05", words={"46f9…": "…"})
async def _(stage: Stage) -> Answered:
    stage.sandbox.state.switches.refuses_zone_list = True
    return await stage.ask("GET", "/zones", token=stage.token_without("zone"))


@replay("rl-01")
async def _(stage: Stage) -> Answered:
    stage.sandbox.state.budget.limit = 0
    return await stage.ask("GET", "/zones/{zone}")


@replay("rl-04")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", _TUNNELS)


# Client certificates and hostname associations


@replay(
    "cc-01",
    allowed={"result.status: not recorded": "12: added after 2020"},
)
async def _(stage: Stage) -> Answered:
    body = {"csr": csr_text(new_csr()[1]), "validity_days": 3650}
    answered = await stage.ask("POST", _CERTIFICATES, body)
    result = answered.body["result"]
    assert result["serial_number"].isdecimal()
    assert result["certificate_authority"]["name"].startswith(
        "Cloudflare Managed CA for account "
    )
    assert result["issued_on"].endswith(":00Z")
    assert set(result["fingerprint_sha256"]) <= set("0123456789abcdef")
    return answered


@replay("cc-08")
async def _(stage: Stage) -> Answered:
    unknown = "7bf7f70c-7600-42e1-81c4-e4c0da9aa515"
    return await stage.ask("GET", f"{_CERTIFICATES}/{unknown}")


@replay("cc-09", partial=True)
async def _(stage: Stage) -> Answered:
    certificate, _ = await create_certificate(stage.api)
    path = f"{_CERTIFICATES}/{certificate['id']}"
    assert (await stage.ask("DELETE", path)).status == 200
    return await stage.ask("DELETE", path)


@replay(
    "ha-02",
    allowed={
        "errors: not recorded": "left out of the recording",
        "messages: not recorded": "left out of the recording",
    },
)
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("PUT", _ASSOCIATIONS, {"hostnames": [HOME]})
    assert answered.body["result"]["hostnames"] == [HOME]
    return answered


@replay("ha-03")
async def _(stage: Stage) -> Answered:
    body = {"hostnames": [HOME]}
    return await stage.ask("PUT", _ASSOCIATIONS, body, token=stage.token_without("ssl"))


# DNS


def _record(type_: str, name: str, content: str) -> dict[str, Any]:
    return {"type": type_, "name": name, "content": content, "ttl": 1}


@replay("dn-01")
async def _(stage: Stage) -> Answered:
    clash = _record("CNAME", "vpn.example.com", "elsewhere.example.net")
    return await stage.ask("POST", _RECORDS, clash)


@replay("dn-03")
async def _(stage: Stage) -> Answered:
    again = _record("A", "vpn.example.com", "198.51.100.7")
    return await stage.ask("POST", _RECORDS, again)


@replay("dn-05")
async def _(stage: Stage) -> Answered:
    return await stage.ask(
        "POST", _RECORDS, _record("A", "new.example.com", "nonsense")
    )


_NOT_ALWAYS_SENT = "38: not always sent"


@replay(
    "dn-06",
    allowed={
        "result[].zone_id: missing": _NOT_ALWAYS_SENT,
        "result[].zone_name: missing": _NOT_ALWAYS_SENT,
        "result[].meta.auto_added: missing": _NOT_ALWAYS_SENT,
        "result[].meta.managed_by_apps: missing": _NOT_ALWAYS_SENT,
        "result[].meta.managed_by_argo_tunnel: missing": _NOT_ALWAYS_SENT,
        "result[].meta.email_routing: missing": _NOT_ALWAYS_SENT,
        "result[].meta.read_only: missing": _NOT_ALWAYS_SENT,
    },
)
async def _(stage: Stage) -> Answered:
    types = {"A", "CNAME", "MX"}
    for id_, record in list(stage.zone.dns_records.items()):
        if record.type not in types:
            del stage.zone.dns_records[id_]
    answered = await stage.ask("GET", _RECORDS)
    assert {record["type"] for record in answered.body["result"]} == types
    return answered


# Rulesets


async def _rules(stage: Stage) -> str:
    [ruleset] = stage.zone.rulesets
    return f"{_RULESETS}/{ruleset}/rules"


@replay("rs-01")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", _RULESETS)
    assert answered.body["result"][0]["source"] == "firewall_custom"
    return answered


@replay("rs-05")
async def _(stage: Stage) -> Answered:
    stage.zone.rulesets.clear()
    return await stage.ask("GET", _ENTRYPOINT)


@replay("rs-08", words={"http_ratelimit": FIREWALL_PHASE})
async def _(stage: Stage) -> Answered:
    body = {"kind": "zone", "name": "default", "phase": FIREWALL_PHASE, "rules": []}
    return await stage.ask("POST", _RULESETS, body)


@replay("rs-09a")
async def _(stage: Stage) -> Answered:
    body = {"action": "block", "expression": 'http.host matches "^a"'}
    return await stage.ask("POST", await _rules(stage), body, query={"dry_run": "true"})


@replay("rs-10")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", _ENTRYPOINT, token=stage.token_without("waf"))


@replay("rs-12")
async def _(stage: Stage) -> Answered:
    body = {"action": "skip", "action_parameters": {"ruleset": "current"}}
    return await stage.ask("PATCH", f"{await _rules(stage)}/{FOREIGN_RULE_ID}", body)


@replay("rs-13")
async def _(stage: Stage) -> Answered:
    body = {"action": "block", "expression": "URI Path contains /"}
    return await stage.ask("POST", await _rules(stage), body)


@replay("rs-14")
async def _(stage: Stage) -> Answered:
    return await stage.ask("PUT", _ENTRYPOINT, RECORDED["rs-14"].request["body"])


@replay("rs-16", partial=True)
async def _(stage: Stage) -> Answered:
    [ruleset] = stage.zone.rulesets
    body: dict[str, Any] = {"rules": []}
    return await stage.ask("PUT", f"{_RULESETS}/{ruleset}", body)


@replay("rs-17")
async def _(stage: Stage) -> Answered:
    path = f"/accounts/{32 * '0'}/cfd_tunnel/wrong/configurations"
    return await stage.ask("PUT", path, {"config": {}})


@replay("rs-18")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", "/zones/{zone}/firewall/rules")


# Tunnels


@replay("tn-02")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", f"{_TUNNEL}/token")
    assert json.loads(b64decode(answered.body["result"])).keys() == {"a", "s", "t"}
    return answered


@replay("tn-03")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", f"{_TUNNEL}/connections")
    [connector] = answered.body["result"]
    assert len(connector["conns"]) == 4
    assert {conn["client_id"] for conn in connector["conns"]} == {connector["id"]}
    return answered


@replay(
    "tn-04",
    allowed={"result.connections: nothing in the list": "34: empty since 2026-10-05"},
)
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", _TUNNEL)
    assert answered.body["result"]["status"] == "healthy"
    return answered


async def _configured(stage: Stage, number: str) -> Answered:
    answered = await stage.ask("PUT", _CONFIGURATION, RECORDED[number].request["body"])
    recorded = RECORDED[number].response["result"]["config"]
    assert answered.body["result"]["config"] == recorded
    return answered


def _never_configured(stage: Stage) -> None:
    stage.tunnel.config, stage.tunnel.version = None, 0


@replay("tn-06")
async def _(stage: Stage) -> Answered:
    _never_configured(stage)
    answered = await _configured(stage, "tn-06")
    assert answered.body["result"]["version"] == 1
    return answered


@replay("tn-07")
async def _(stage: Stage) -> Answered:
    _never_configured(stage)
    put = await _configured(stage, "tn-06")
    got = await stage.ask("GET", _CONFIGURATION)
    assert got.body == put.body
    return got


@replay("tn-08")
async def _(stage: Stage) -> Answered:
    _never_configured(stage)
    await _configured(stage, "tn-06")
    answered = await _configured(stage, "tn-08")
    assert answered.body["result"]["version"] == 2
    return answered


@replay("tn-10")
async def _(stage: Stage) -> Answered:
    return await stage.ask("PUT", _CONFIGURATION, RECORDED["tn-10"].request["body"])


@replay("tn-11")
async def _(stage: Stage) -> Answered:
    return await stage.ask("DELETE", _TUNNEL)


@replay("tn-12")
async def _(stage: Stage) -> Answered:
    stage.tunnel.disconnect()
    answered = await stage.ask("GET", _TUNNEL)
    assert answered.body["result"]["status"] == "down"
    return answered


async def _deleted(stage: Stage) -> None:
    stage.tunnel.disconnect()
    assert (await stage.ask("DELETE", _TUNNEL)).status == 200


@replay("tn-14")
async def _(stage: Stage) -> Answered:
    await _deleted(stage)
    answered = await stage.ask("GET", _TUNNEL)
    result = answered.body["result"]
    assert (result["status"], result["remote_config"]) == ("down", False)
    return answered


@replay("tn-15")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask(
        "GET", _TUNNELS, query=RECORDED["tn-15"].request["query"]
    )
    recorded = RECORDED["tn-15"].response["result_info"]
    assert answered.body["result_info"] == recorded
    return answered


@replay("tn-16")
async def _(stage: Stage) -> Answered:
    await _deleted(stage)
    return await stage.ask("GET", _CONFIGURATION)


@replay("tn-18")
async def _(stage: Stage) -> Answered:
    return await stage.ask("POST", _TUNNELS, {"name": "home"})


@replay("tn-19")
async def _(stage: Stage) -> Answered:
    tunnel = stage.sandbox.state.add_tunnel("never ran")
    path = f"{_TUNNELS}/{tunnel.id}"
    assert (await stage.ask("DELETE", path)).status == 200
    answered = await stage.ask("GET", _TUNNELS, query={"is_deleted": "true"})
    [result] = answered.body["result"]
    assert result["status"] == "inactive"
    return answered


@replay("tn-20")
async def _(stage: Stage) -> Answered:
    config = RECORDED["tn-20"].response["result"]["config"]
    assert (await stage.ask("PUT", _CONFIGURATION, {"config": config})).status == 200
    answered = await stage.ask("GET", _CONFIGURATION)
    assert answered.body["result"]["config"] == config
    return answered


# Access


@replay("ac-01")
async def _(stage: Stage) -> Answered:
    body = {"type": "self_hosted", "name": "Home", "domain": HOME}
    assert (await stage.ask("POST", _APPLICATIONS, body)).status in (200, 201)
    return await stage.ask("GET", _APPLICATIONS)


@replay("ac-02")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("access_apps")
    answered = await stage.ask("GET", _APPLICATIONS, token=token)
    assert answered.body["result"] == []
    return answered


@replay("ac-03")
async def _(stage: Stage) -> Answered:
    body = {"type": "self_hosted", "name": "Home", "domain": HOME}
    token = stage.token_without("access_apps")
    answered = await stage.ask("POST", _APPLICATIONS, body, token=token)
    assert answered.body == RECORDED["ac-03"].response
    return answered


@replay("ac-05")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", _APPLICATIONS, query={"per_page": "200"})
    assert answered.body == RECORDED["ac-05"].response
    return answered


@replay("ac-06")
async def _(stage: Stage) -> Answered:
    stage.sandbox.state.accounts[stage.sandbox.account_id].access.team = None
    return await stage.ask("GET", f"{_ACCESS}/organizations")


_NOT_YET = "the sandbox does not send it yet"


@replay(
    "ax-02",
    allowed={
        "result[].uid: missing": _NOT_YET,
        "result[].version: missing": _NOT_YET,
        "result[].config.redirect_url: missing": _NOT_YET,
    },
)
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", f"{_ACCESS}/identity_providers")


@replay("ax-03", allowed={"result[].uid: missing": _NOT_YET})
async def _(stage: Stage) -> Answered:
    policy = {
        "name": "from the loopback",
        "decision": "non_identity",
        "include": [{"ip": {"ip": "127.0.0.1/32"}}],
        "session_duration": "24h",
    }
    # Names of policies are not unique.
    for _ in range(2):
        created = await stage.ask("POST", f"{_ACCESS}/policies", policy)
        assert created.status == 201
    return await stage.ask("GET", f"{_ACCESS}/policies")


@replay("ax-11")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", f"{_ACCESS}/identity_providers")


_CUT = "the recording ends before this key"


@replay(
    "ax-16",
    allowed={
        "result.self_hosted_domains: missing": _NOT_YET,
        "result.http_only_cookie_attribute: not recorded": _CUT,
        "result.options_preflight_bypass: not recorded": _CUT,
    },
)
async def _(stage: Stage) -> Answered:
    destinations = [
        {"type": "public", "uri": hostname} for hostname in (HOME, "nas.example.com")
    ]
    body = {"type": "self_hosted", "name": "Two hosts", "destinations": destinations}
    created = await stage.ask("POST", _APPLICATIONS, body)
    path = f"{_APPLICATIONS}/{created.body['result']['id']}"
    answered = await stage.ask("GET", path)
    assert answered.body["result"]["domain"] == HOME
    return answered


@replay("ax-33")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("access_organization")
    answered = await stage.ask("GET", f"{_ACCESS}/identity_providers", token=token)
    assert answered.body["result"] == []
    return answered


# GraphQL

_EVENTS = """query($zone: string!, $filter: FirewallEventsAdaptiveFilter_InputObject!) {
  viewer { zones(filter: {zoneTag: $zone}) {
    firewallEventsAdaptive(filter: $filter, limit: 5) { action ruleId } } } }"""


async def _graphql(
    stage: Stage, query: str, token: str | None = None, **variables: Any
) -> Answered:
    body = {"query": query, "variables": {"zone": stage.sandbox.zone_id, **variables}}
    return await stage.ask("POST", "/graphql", body, token=token)


@replay("gq-02")
async def _(stage: Stage) -> Answered:
    stage.zone.plan = Plan.BUSINESS
    answered = await _graphql(
        stage,
        "query($zone: string!) { viewer { zones(filter: {zoneTag: $zone}) { settings {"
        " firewallEventsAdaptive { enabled maxDuration maxNumberOfFields maxPageSize"
        " notOlderThan } } } } }",
    )
    assert answered.body == RECORDED["gq-02"].response
    return answered


_TIMESTAMP = "left out of the recording; gq-03 has it"


@replay(
    "gq-04",
    words={"1w1d": "1d"},
    allowed={
        "errors[].path: not recorded": _TIMESTAMP,
        "errors[].extensions.timestamp: not recorded": _TIMESTAMP,
    },
)
async def _(stage: Stage) -> Answered:
    longest_ago = (now() - timedelta(days=30)).isoformat()
    return await _graphql(stage, _EVENTS, filter={"datetime_geq": longest_ago})


@replay(
    "gq-06",
    words={"0aa6db79…": Sandbox.zone_id},
    allowed={
        "errors[].path: not recorded": _TIMESTAMP,
        "errors[].extensions: not recorded": _TIMESTAMP,
    },
)
async def _(stage: Stage) -> Answered:
    groups = _EVENTS.replace("Adaptive(", "AdaptiveGroups(").replace(
        "action ruleId", "count"
    )
    return await _graphql(stage, groups, filter={})


@replay("gq-07")
async def _(stage: Stage) -> Answered:
    token = stage.sandbox.state.add_token(zones=())
    answered = await _graphql(stage, _EVENTS, token, filter={})
    assert answered.body == RECORDED["gq-07"].response
    return answered


@replay("gq-08")
async def _(stage: Stage) -> Answered:
    answered = await _graphql(stage, _EVENTS, "cfut_" + 40 * "x", filter={})
    assert "data" not in answered.body
    return answered


# The edge


def _block(stage: Stage, host: str) -> None:
    stage.zone.associations = [host]
    rule = stage.zone.rules[0]
    rule.expression = f'http.host eq "{host}" and not cf.tls_client_auth.cert_verified'


@replay("ed-01")
async def _(stage: Stage) -> Answered:
    _block(stage, HOME)
    return await stage.visit("GET", HOME)


@replay("ed-06", words={"Error 1020: Access denied": "…"}, status=530)
async def _(stage: Stage) -> Answered:
    stage.tunnel.disconnect()
    return await stage.visit("GET", HOME, Accept="application/json")


@replay("ed-08", words={"Response status code: 403": ""})
async def _(stage: Stage) -> Answered:
    _block(stage, HOME)
    _, identity = await create_certificate(stage.api)
    async with _created_at_the_origin(stage):
        async with visitor(stage.sandbox, stage.folder, identity) as device:
            assert (await device.request("POST", HOME, "/temps")).status == 201
        return await stage.visit("POST", HOME, "/temps")


@replay(
    "ax-42",
    allowed={
        "header cache-control: missing": _NOT_YET,
        "header content-type: missing": _NOT_YET,
    },
)
async def _(stage: Stage) -> Answered:
    body = {"type": "self_hosted", "name": "Home", "domain": HOME}
    created = await stage.ask("POST", _APPLICATIONS, body)
    async with visitor(stage.sandbox, stage.folder) as somebody:
        response = await somebody.request("GET", HOME, allow_redirects=False)
        location = response.headers["location"]
        assert f"/cdn-cgi/access/login/{HOME}?kid=" in location
        assert created.body["result"]["aud"] in location
        return Answered(response.status, response.headers, await response.text())


@replay(
    "sx-02",
    words={
        "520: Web server is returning an unknown error": "502: Bad gateway",
        "defender-api.openzeppelin.com": HOME,
    },
    status=502,
)
async def _(stage: Stage) -> Answered:
    return await stage.visit("POST", HOME)


@asynccontextmanager
async def _created_at_the_origin(stage: Stage) -> AsyncIterator[None]:
    """Run an origin that answers 201 to every request."""

    async def create(_: web.BaseRequest) -> web.Response:
        return web.Response(status=201)

    async with _serving(create) as url:
        stage.sandbox.state.origins[SERVICE] = url
        yield


@asynccontextmanager
async def _serving(
    handler: Callable[[web.BaseRequest], Awaitable[web.Response]],
) -> AsyncIterator[str]:
    server = web.Server(handler, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("number", REPLAYS)
async def test_replay(sandbox: Sandbox, api: Api, tmp_path: Path, number: str) -> None:
    """In the same situation, the sandbox answers with the same status, codes, texts and shape."""
    replayed = REPLAYS[number]
    answered = await replayed.situation(Stage(sandbox, api, tmp_path))
    comparison = replayed.comparison
    differences = comparison.differences(RECORDED[number], answered)
    assert sorted(differences - comparison.allowed.keys()) == []
    assert sorted(comparison.allowed.keys() - differences) == [], "no longer needed"


async def test_wrong_method(api: Api) -> None:
    """A wrong method gets 10000 although the token is valid, as rs-17 recorded elsewhere."""
    reply = await api.request("POST", _ENTRYPOINT, {"rules": []})
    assert (reply.status, reply.code) == (405, 10000)
    assert (
        reply.message
        == "POST method not allowed for the api_token authentication scheme"
    )


def test_every_recording_is_accounted_for(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each recording is replayed, listed with a reason, or prose."""
    prose = {number for number, each in RECORDED.items() if not each.is_replayable}
    assert not REPLAYS.keys() & NOT_REPLAYED
    assert REPLAYS.keys() | NOT_REPLAYED.keys() | prose == RECORDED.keys()
    lines = [
        f"{len(RECORDED)} recordings: {len(REPLAYS)} replayed, {len(NOT_REPLAYED)} are "
        f"not, {len(prose)} are prose",
        f"  replayed: {' '.join(sorted(REPLAYS))}",
        *(f"  not: {number}, {why}" for number, why in NOT_REPLAYED.items()),
        f"  prose: {' '.join(sorted(prose))}",
    ]
    terminal = request.config.pluginmanager.get_plugin("terminalreporter")
    assert terminal is not None
    with capsys.disabled():
        terminal.write_line("")
        for line in lines:
            terminal.write_line(line)


# Reading of the recordings by the engine


@dataclass(frozen=True)
class Raises:
    """The error that the engine has to raise for an answer, with its attributes."""

    kind: type[EngineError]
    facts: Mapping[str, Any] = field(default_factory=dict)


type Use = Callable[[CloudflareClient], Awaitable[Any]]


@dataclass(frozen=True)
class Reading:
    """The engine's call that reads a recording, and the expected result or error.

    If the engine does not use an error's endpoint, the error answers another call: its meaning
    does not depend on the path.
    """

    use: Use
    expected: Raises | Callable[[Any], bool]
    as_list: bool = False
    """Whether to put the result into a list, because the engine reads a list."""
    status: int = 400
    """The status to use if none was recorded."""


def _zones(client: CloudflareClient) -> Awaitable[Any]:
    return client.zones.list()


def _verify(client: CloudflareClient) -> Awaitable[Any]:
    return client.verify_token()


def _tunnels(client: CloudflareClient) -> Awaitable[Any]:
    return client.tunnels.list("account")


def _ruleset(client: CloudflareClient) -> Awaitable[Any]:
    return client.rulesets.get("zone")


def _create_rule(client: CloudflareClient) -> Awaitable[Any]:
    return client.rulesets.create_rule("zone", "ruleset", {"action": "block"})


def _edit_rule(client: CloudflareClient) -> Awaitable[Any]:
    return client.rulesets.edit_rule("zone", "ruleset", "rule", {"action": "block"})


def _create_record(client: CloudflareClient) -> Awaitable[Any]:
    return client.dns.create("zone", {"type": "CNAME"})


def _create_certificate(client: CloudflareClient) -> Awaitable[Any]:
    return client.client_certificates.create("zone", "csr", 365)


def _revoke(client: CloudflareClient) -> Awaitable[Any]:
    return client.client_certificates.revoke("zone", "certificate")


def _associate(client: CloudflareClient) -> Awaitable[Any]:
    return client.hostname_associations.put("zone", ("a.example.com",), replacing=())


def _connectors(client: CloudflareClient) -> Awaitable[Any]:
    return client.connectors.list("account", "tunnel")


def _configuration(client: CloudflareClient) -> Awaitable[Any]:
    return client.tunnels.get_configuration("account", "tunnel")


def _is_gone(client: CloudflareClient) -> Awaitable[Any]:
    return client.tunnels.is_gone("account", "tunnel")


def _configure(client: CloudflareClient) -> Awaitable[Any]:
    return client.tunnels.put_configuration("account", "tunnel", {"ingress": []})


def _applications(client: CloudflareClient) -> Awaitable[Any]:
    return client.access_applications.list("account")


def _covers(*uris: str) -> Any:
    """Return a check for one application that covers these addresses and lets nobody pass."""

    def check(applications: Any) -> bool:
        [application] = applications
        return (application.uris, application.lets_all_pass) == (uris, False)

    return check


def _tunnel(status: TunnelStatus, remote: bool, since: str | None) -> Any:
    """Return a check for one tunnel."""

    def check(tunnels: Any) -> bool:
        [tunnel] = tunnels
        began = tunnel.connected_since
        return (
            (tunnel.status, tunnel.remotely_managed) == (status, remote)
            and (began and began.isoformat()) == since
            and tunnel.name == "flare-spike-vpc-1"
        )

    return check


def _configured_as(number: str, *hostnames: str | None) -> Any:
    """Return a check for a configuration that is kept unchanged, with unknown keys."""

    def check(configuration: Any) -> bool:
        recorded = RECORDED[number].response["result"]["config"]
        found = tuple(rule.hostname for rule in configuration.ingress)
        return bool(configuration.raw == recorded and found == hostnames)

    return check


def _certificate(certificate: Any) -> bool:
    return bool(
        certificate.id == "7bf7f70c-7600-42e1-81c4-e4c0da9aa515"
        and certificate.pem.startswith("-----BEGIN CERTIFICATE-----")
        # 12: in 2020 certificates had no status; such a certificate counts as active.
        and certificate.status is CertificateStatus.ACTIVE
    )


def _four_records(records: Any) -> bool:
    facts = [
        (each.type, each.content, each.proxied, each.comment, each.tunnel_id)
        for each in records
    ]
    return facts == [
        ("HTTPS", '1 . alpn="h2"', False, None, None),
        ("A", "1.1.1.1", False, None, None),
        ("CNAME", "example.com", False, None, None),
        ("MX", "mx.record.example.com", False, None, None),
    ]


def _nothing(result: Any) -> bool:
    return result is None


def _is_revoked(result: Any) -> bool:
    return result is CertificateStatus.REVOKED


def _rejected(code: int | None, kind: type[EngineError] = Rejected) -> Raises:
    return Raises(kind, {"code": code})


_PERMISSION = Raises(PermissionMissing)
_TOKEN = Raises(TokenRejected, {"problem": TokenProblem.INVALID})
# No Retry-After was recorded; Cloudflare blocks for five minutes.
_LIMITED = Raises(RateLimited, {"retry_after": 300})
_A = "a.flare-spike-vpc.invalid"

READINGS: Mapping[str, Reading] = {
    "ac-01": Reading(_applications, _covers("gpfqbfyfcx.terraform.cfapi.net")),
    "ac-02": Reading(_applications, lambda found: found == ()),
    "ac-03": Reading(_create_record, _PERMISSION),
    "ac-05": Reading(_tunnels, _rejected(None)),
    "ac-06": Reading(_tunnels, _rejected(9999)),
    "au-01": Reading(_zones, Raises(TokenRejected, {"problem": TokenProblem.LOCATION})),
    "au-03": Reading(_ruleset, _PERMISSION),
    "au-04": Reading(_tunnels, _PERMISSION),
    "au-05": Reading(_zones, _PERMISSION),
    "ax-14": Reading(_applications, _covers("home.example.com"), as_list=True),
    "ax-16": Reading(
        _applications, _covers("home.example.com", "home-ui.pages.dev"), as_list=True
    ),
    "ax-17": Reading(_create_record, _rejected(11010, Conflict)),
    "ax-18": Reading(_create_record, _rejected(12135, NotFound)),
    "ax-20": Reading(_create_record, _rejected(12132, Conflict)),
    "ax-21": Reading(_create_record, _rejected(12130)),
    "ax-22": Reading(_create_record, _rejected(12130)),
    "ax-24": Reading(_create_record, _rejected(12130)),
    "ax-25": Reading(_create_record, _rejected(12130)),
    "ax-27": Reading(_create_record, _rejected(11004)),
    "ax-30": Reading(_create_record, _rejected(12130)),
    "ax-32": Reading(_create_record, _rejected(11020, NotFound)),
    "ax-34": Reading(_create_record, _PERMISSION),
    "ax-35": Reading(_create_record, _rejected(12132, Conflict)),
    "ax-37": Reading(_create_record, _rejected(7003)),
    "ax-39": Reading(_create_record, _rejected(12130)),
    "cc-01": Reading(_create_certificate, _certificate, status=201),
    "cc-08": Reading(_revoke, _rejected(1415, NotFound)),
    "cc-09": Reading(_revoke, _is_revoked),
    "dn-01": Reading(_create_record, _rejected(81053, Conflict)),
    "dn-02": Reading(_create_record, _rejected(81057, Conflict)),
    "dn-03": Reading(_create_record, _rejected(81058, Conflict)),
    "dn-05": Reading(_create_record, _rejected(1004)),
    "dn-06": Reading(lambda client: client.dns.list("zone"), _four_records),
    "ha-02": Reading(_associate, lambda names: names == ("api.REDACTED.example",)),
    "ha-03": Reading(_associate, _PERMISSION),
    "rl-01": Reading(_zones, _LIMITED),
    "rl-03": Reading(_tunnels, _LIMITED),
    "rs-03": Reading(
        _ruleset, lambda found: found == Ruleset(id="a624c23f94c84994815636e827d17937")
    ),
    "rs-05": Reading(_ruleset, lambda found: found == Ruleset()),
    "rs-07": Reading(_create_rule, _rejected(None)),
    "rs-08": Reading(_create_rule, _rejected(20217, Conflict)),
    "rs-09a": Reading(_create_rule, _rejected(None)),
    "rs-09c": Reading(_create_rule, _rejected(None)),
    "rs-09d": Reading(_create_rule, _rejected(None)),
    "rs-10": Reading(_ruleset, _PERMISSION),
    "rs-12": Reading(_edit_rule, _rejected(20125)),
    "rs-13": Reading(_create_rule, _rejected(None)),
    "rs-14": Reading(_create_rule, _rejected(None)),
    "rs-17": Reading(_configure, _rejected(10000)),
    "rs-18": Reading(_ruleset, _rejected(None)),
    "sx-02": Reading(_create_record, Raises(Unavailable)),
    "tk-01": Reading(_verify, _nothing),
    "tk-02": Reading(_verify, _nothing),
    "tk-04": Reading(_verify, _TOKEN),
    "tk-05": Reading(_zones, _TOKEN),
    "tk-06": Reading(_verify, _rejected(1001)),
    "tn-03": Reading(
        _connectors,
        lambda found: (
            found
            == (
                Connector(
                    id="b51d9d55-5121-4116-a420-fb571c6e335a",
                    version="2025.11.1",
                    connections=4,
                    locations=frozenset({"khh01", "tpe01"}),
                ),
            )
        ),
    ),
    "tn-04": Reading(
        _tunnels,
        _tunnel(TunnelStatus.HEALTHY, True, "2026-09-29T06:58:12.155536+00:00"),
        as_list=True,
    ),
    "tn-06": Reading(
        _configure, _configured_as("tn-06", _A, "b.flare-spike-vpc.invalid", None)
    ),
    "tn-07": Reading(
        _configuration, _configured_as("tn-07", _A, "b.flare-spike-vpc.invalid", None)
    ),
    "tn-08": Reading(
        _configure, _configured_as("tn-08", "c.flare-spike-vpc.invalid", None)
    ),
    "tn-10": Reading(_configure, _rejected(1056)),
    "tn-11": Reading(_revoke, _rejected(1022)),
    "tn-12": Reading(_tunnels, _tunnel(TunnelStatus.DOWN, True, None), as_list=True),
    "tn-14": Reading(_is_gone, lambda gone: gone is True),
    "tn-15": Reading(_tunnels, lambda found: found == ()),
    "tn-16": Reading(_configuration, _nothing),
    "tn-18": Reading(_create_record, _rejected(1013, Conflict)),
    "tn-19": Reading(
        _tunnels,
        lambda found: (
            [
                (each.status, each.remotely_managed, each.connected_since)
                for each in found
            ]
            == 3 * [(TunnelStatus.INACTIVE, False, None)]
        ),
    ),
    "tn-20": Reading(_configuration, _configured_as("tn-20", "foo", "bar", None)),
    "tn-22": Reading(
        _connectors,
        lambda found: (
            [(each.version, each.connections) for each in found] == [("2021.2.5", 1)]
        ),
    ),
}

NOT_READ: Mapping[str, str] = {
    "ax-01": "the engine does not read Access groups",
    "ax-02": "the engine does not read identity providers",
    "ax-03": "the engine does not read reusable policies",
    "ax-05": "the engine does not read service tokens",
    "ax-07": "the engine does not read the organization",
    "ax-09": "the engine does not read the mTLS settings of Access",
    "ax-11": "the engine does not read identity providers",
    "ax-12": "an old application without a type: the engine finds no address in it",
    "ax-19": "9999 with a 403: the engine takes it for a missing permission",
    "ax-33": "the engine does not read identity providers",
    "ax-40": "the engine does not read the log of logins",
    "ax-42": "an answer of the edge, not of the API",
    "ax-45": "an answer of the team's login pages, not of the API",
    "ed-01": "an answer of the edge, not of the API",
    "ed-06": "an answer of the edge, not of the API",
    "ed-07": "an answer of the edge, not of the API",
    "ed-08": "an answer of the edge, not of the API",
    "gq-02": "no test reads GraphQL recordings yet",
    "gq-03": "no test reads GraphQL recordings yet",
    "gq-04": "no test reads GraphQL recordings yet",
    "gq-06": "no test reads GraphQL recordings yet",
    "gq-07": "no test reads GraphQL recordings yet",
    "gq-08": "no test reads GraphQL recordings yet",
    "rl-04": "headers only, no body",
    "rs-01": "the engine does not list rulesets: it reads the one of the phase",
    "rs-04": "the engine does not list rulesets: it reads the one of the phase",
    "rs-16": "the recording is incomplete",
    "tn-02": "no test reads connectors' tokens yet",
}
"""Recordings, other than prose, that the engine does not read, with the reason."""


@asynccontextmanager
async def _recorded_api(
    reading: Reading, recording: Recording
) -> AsyncIterator[CloudflareClient]:
    """Run an API that answers as recorded, and yield the engine's client of it."""

    async def answer(request: web.BaseRequest) -> web.Response:
        source = recording
        if request.path == _VERIFY and recording.request["path"] != _VERIFY:
            source = RECORDED["tk-01"]
        status = source.status or reading.status
        if isinstance(source.response, str):
            return web.Response(
                status=status, text=source.response, content_type="text/html"
            )
        body = source.response
        if reading.as_list:
            body = {**body, "result": [body["result"]]}
        return web.json_response(body, status=status)

    async with _serving(answer) as url, DefaultAsyncHttpxClient() as http_client:
        yield CloudflareClient(
            "cfut_" + 40 * "x", base_url=url, http_client=http_client
        )


@pytest.mark.parametrize("number", READINGS)
async def test_reading(number: str) -> None:
    """The engine returns the expected model or raises the expected error."""
    reading = READINGS[number]
    async with _recorded_api(reading, RECORDED[number]) as client:
        if not isinstance(reading.expected, Raises):
            assert reading.expected(await reading.use(client))
            return
        with pytest.raises(reading.expected.kind) as raised:
            await reading.use(client)
    assert type(raised.value) is reading.expected.kind
    for fact, value in reading.expected.facts.items():
        assert getattr(raised.value, fact) == value
    assert "REDACTED-IP" not in str(raised.value), "8: the error contains an address"


@pytest.mark.parametrize("status", [400, 404, 409])
async def test_already_revoked(status: int) -> None:
    """1407 means that the certificate is revoked, whatever the status: DIFFERENCES 17."""
    reading = Reading(_revoke, _is_revoked, status=status)
    async with _recorded_api(reading, RECORDED["cc-09"]) as client:
        assert _is_revoked(await reading.use(client))


async def test_reason_of_a_refused_record() -> None:
    """The reason of a refused record is taken from its error chain: DIFFERENCES 3."""
    reading = READINGS["dn-05"]
    async with _recorded_api(reading, RECORDED["dn-05"]) as client:
        with pytest.raises(Rejected) as raised:
            await reading.use(client)
    assert "Must be a valid IPv4 address" in raised.value.message


def test_every_recording_is_read_or_not() -> None:
    """Each recording that is not prose is read or listed with a reason."""
    replayable = {number for number, each in RECORDED.items() if each.is_replayable}
    assert not READINGS.keys() & NOT_READ
    assert READINGS.keys() | NOT_READ.keys() == replayable
