"""Bodies and queries of example requests, and a sandbox in which all of them work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sandbox import Sandbox
from sandbox.clock import now
from sandbox.seed import FOREIGN_RULE_ID
from sandbox.state import (
    FIREWALL_PHASE,
    AccessUser,
    ApplicationSession,
    IpAccessRule,
    LoginRow,
    LoginSession,
    WorkerRoute,
)

from .helpers import HOME, NAS, Api, create_certificate


@dataclass(frozen=True)
class Request:
    """An example request; `ids` replace ids of the prepared sandbox."""

    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A sandbox in which every example works, with the ids that examples use."""

    sandbox: Sandbox
    ids: Mapping[str, str]
    empty_zone: str
    idle_tunnel: str
    revoked_certificate: str
    unused_policy: str
    seat: str
    own_policy: Mapping[str, str]
    """An application and a policy that is its own."""
    account_token: str


type Example = Callable[[Prepared], Request]

SKIP = {
    "action": "skip",
    "action_parameters": {
        "ruleset": "current",
        "phases": ["http_ratelimit", "http_request_firewall_managed"],
        "products": ["bic", "hot", "rateLimit", "securityLevel", "uaBlock"],
    },
    "logging": {"enabled": False},
    "expression": "cf.tls_client_auth.cert_verified",
    "description": "Let devices in",
    "enabled": True,
    "ref": "let-devices-in",
}
BLOCK = {"action": "block", "expression": f'http.host eq "{HOME}"', "ref": "ours"}
RECORD_BODY = {
    "type": "CNAME",
    "name": f"new.{Sandbox.zone_name}",
    "content": HOME,
    "proxied": True,
    "ttl": 1,
    "comment": "Ours",
}
CONFIG = {
    "config": {
        "ingress": [
            {
                "hostname": HOME,
                "path": "^/api",
                "service": "http://127.0.0.1:8123",
                "originRequest": {"connectTimeout": 10, "noTLSVerify": True},
            },
            {"hostname": "", "service": "http_status:404"},
        ],
        "originRequest": {"http2Origin": True},
    }
}
ALLOWED = {
    "mode": "whitelist",
    "configuration": {"target": "ip", "value": "203.0.113.24"},
}
POLICY_BODY = {
    "name": "Family",
    "decision": "allow",
    "include": [{"email": {"email": "me@example.com"}}],
    "require": [{"geo": {"country_code": "DE"}}],
    "exclude": [{"ip": {"ip": "192.0.2.0/24"}}],
    "session_duration": "24h",
}


GROUP_BODY = {
    "name": "Countries",
    "include": [{"geo": {"country_code": "DE"}}, {"geo": {"country_code": "AT"}}],
    "require": [],
    "exclude": [],
}


def application_body(host: str, policy_id: str) -> dict[str, Any]:
    """Return the body of an application that one policy decides on."""
    return {
        "type": "self_hosted",
        "name": "Home Assistant",
        "domain": host,
        "destinations": [{"type": "public", "uri": host}],
        "session_duration": "720h",
        "app_launcher_visible": False,
        "allowed_idps": [],
        "tags": ["home-assistant"],
        "http_only_cookie_attribute": True,
        "same_site_cookie_attribute": "lax",
        "policies": [{"id": policy_id, "precedence": 1}],
    }


def pages(**more: str) -> Example:
    """Return an example that asks for the first page of a list."""
    return lambda _: Request(query={"page": "1", "per_page": "5", **more})


async def prepare(api: Api) -> Prepared:
    """Create in a sandbox everything that the examples need."""
    sandbox = api.sandbox
    certificate, _ = await create_certificate(api)
    revoked, _ = await create_certificate(api)
    revoked_path = f"/zones/{{zone}}/client_certificates/{revoked['id']}"
    assert (await api.request("DELETE", revoked_path)).status == 200
    [ruleset] = (await api.get("/zones/{zone}/rulesets")).result
    records = (await api.get("/zones/{zone}/dns_records", name=HOME)).result
    access = "/accounts/{account}/access"
    await api.request("POST", f"{access}/tags", {"name": "home-assistant"})
    await api.request("POST", f"{access}/tags", {"name": "unused"})
    group = (await api.request("POST", f"{access}/groups", GROUP_BODY)).result
    used, unused = [
        (await api.request("POST", f"{access}/policies", POLICY_BODY)).result["id"]
        for _ in range(2)
    ]
    application = await api.request(
        "POST", f"{access}/apps", application_body(NAS, used)
    )
    own = await api.request(
        "POST",
        f"{access}/apps",
        {
            **application_body(f"own.{sandbox.zone_name}", used),
            "policies": [POLICY_BODY],
        },
    )
    tested = {"policies": [used]}
    session = _logged_in(sandbox, application.result["id"])
    test = (await api.request("POST", f"{access}/policy-tests", tested)).result
    providers = (await api.get(f"{access}/identity_providers")).result
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    zone = sandbox.state.zones[sandbox.zone_id]
    allowed = IpAccessRule("whitelist", "country", "DE")
    zone.ip_access_rules.append(allowed)
    route = WorkerRoute("nas.example.com/*", "nas")
    zone.worker_routes.append(route)
    return Prepared(
        sandbox,
        {
            "account_id": sandbox.account_id,
            "zone_id": sandbox.zone_id,
            "tunnel_id": sandbox.tunnel_id,
            "certificate_id": certificate["id"],
            "record_id": records[0]["id"],
            "ruleset_id": ruleset["id"],
            "rule_id": FOREIGN_RULE_ID,
            "phase": FIREWALL_PHASE,
            "version": ruleset["version"],
            "connector_id": tunnel.connectors[0].id,
            "setting_id": "security_level",
            "application_id": application.result["id"],
            "policy_id": used,
            "own_policy_id": used,
            "group_id": group["id"],
            "provider_id": providers[0]["id"],
            "tag_name": "unused",
            "user_id": session.user_id,
            "nonce": session.nonce,
            "test_id": test["id"],
            "access_rule_id": allowed.id,
            "route_id": route.id,
        },
        empty_zone=sandbox.state.add_zone("empty.example").id,
        idle_tunnel=sandbox.state.add_tunnel("idle").id,
        revoked_certificate=revoked["id"],
        unused_policy=unused,
        seat=sandbox.state.accounts[sandbox.account_id]
        .access.people.users[session.user_id]
        .seat_uid,
        own_policy={
            "application_id": own.result["id"],
            "own_policy_id": own.result["policies"][0]["id"],
        },
        account_token=sandbox.state.add_token("account"),
    )


def _logged_in(sandbox: Sandbox, application_id: str) -> LoginSession:
    """Have a person logged in to an application, and one refused."""
    people = sandbox.state.accounts[sandbox.account_id].access.people
    user = AccessUser("me@example.com", access_seat=True, last_successful_login=now())
    people.users[user.id] = user
    tomorrow = now() + timedelta(days=1)
    session = LoginSession(
        user_id=user.id,
        email=user.email,
        provider_id="unknown",
        provider_type="onetimepin",
        country="DE",
        ip="203.0.113.24",
        expires_at=tomorrow,
    )
    session.applications.append(
        ApplicationSession(
            token="unknown",
            application_id=application_id,
            application_name="Home Assistant",
            hostname=NAS,
            policy_id="unknown",
            expires_at=tomorrow,
        )
    )
    people.sessions[session.nonce] = session
    people.log += [
        LoginRow(
            allowed=allowed,
            app_uid=application_id,
            app_name="Home Assistant",
            app_domain=f"{NAS}/",
            connection="onetimepin",
            user_email=user.email,
            user_id=user.id,
            country="DE",
            ip_address="203.0.113.24",
        )
        for allowed in (True, False)
    ]
    return session
