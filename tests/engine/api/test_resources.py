"""What each resource sends, and what it makes of the answer."""

from typing import Any

from aiohttp import web
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    NotFound,
    PermissionMissing,
    QuotaExceeded,
    Rejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import (
    CertificateStatus,
    Ruleset,
)
from tests.engine.api.calls import error_of, failure, succeeded
from tests.engine.servers import Asked, ScriptedApi, envelope, success


async def test_first_rule_makes_the_ruleset(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """A zone that never had a rule has no ruleset to add it to."""
    api.answers = lambda _: success({"id": "rs", "rules": []})
    assert await client.rulesets.create("z", {"ref": "r"}) == Ruleset(id="rs")
    assert api.asked[0].body == {
        "name": "default",
        "kind": "zone",
        "phase": "http_request_firewall_custom",
        "rules": [{"ref": "r"}],
    }


@pytest.mark.parametrize(
    ("ruleset_id", "path"),
    [(None, "/zones/z/rulesets"), ("rs", "/zones/z/rulesets/rs/rules")],
)
async def test_permission_to_write_rules_is_asked_without_writing(
    api: ScriptedApi, client: CloudflareClient, ruleset_id: str | None, path: str
) -> None:
    """The request carries dry_run, with a ruleset and without one."""
    api.answers = lambda _: success(None)
    await client.rulesets.dry_run("z", Ruleset(id=ruleset_id), {"action": "block"})
    assert [(item.method, item.path) for item in api.asked] == [("POST", path)]
    assert api.asked[0].query == {"dry_run": "true"}


@pytest.mark.parametrize(
    ("refusal", "error"), [((400, 50001), None), ((403, 10000), PermissionMissing)]
)
async def test_full_zone_does_not_hide_the_permission(
    api: ScriptedApi,
    client: CloudflareClient,
    refusal: tuple[int, int],
    error: type[EngineError] | None,
) -> None:
    """A dry run that fails at the quota has passed the check of the permission."""
    api.answers = lambda _: envelope(refusal[0], code=refusal[1])
    asking = client.rulesets.dry_run("z", Ruleset(id="rs"), {"action": "block"})
    if error is None:
        await asking
    else:
        assert isinstance(await error_of(asking), error)


async def test_second_deletion_or_revocation(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """It succeeds; revoking an unknown certificate does not."""
    api.always(404, failure(81044))
    await client.dns.delete("z", "r")
    api.always(400, failure(1407))
    await client.client_certificates.revoke("z", "c")
    api.always(404, failure(1415))
    assert isinstance(
        await error_of(client.client_certificates.revoke("z", "c")), NotFound
    )


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(
            succeeded({"id": "c", "status": "pending_reactivation"}),
            CertificateStatus.PENDING_REACTIVATION,
            id="begun",
        ),
        pytest.param(
            succeeded({"id": "c", "status": "active"}),
            CertificateStatus.ACTIVE,
            id="done",
        ),
        pytest.param(
            {"success": True}, CertificateStatus.PENDING_REACTIVATION, id="bare"
        ),
        pytest.param(
            succeeded({"id": "c", "status": "revoked"}),
            CertificateStatus.PENDING_REACTIVATION,
            id="as it was",
        ),
    ],
)
async def test_restored_certificate(
    api: ScriptedApi,
    client: CloudflareClient,
    answer: dict[str, Any],
    status: CertificateStatus,
) -> None:
    """The restoration counts, however little the answer says about it."""
    api.always(200, answer)
    assert await client.client_certificates.restore("z", "c") is status
    (asked,) = api.asked
    assert asked.method == "PATCH"
    assert asked.path == "/zones/z/client_certificates/c"
    assert asked.body == {"reactivate": True}


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(400, None, Rejected), (400, 1445, QuotaExceeded), (404, 1415, NotFound)],
)
async def test_restoration_that_is_refused(
    api: ScriptedApi,
    client: CloudflareClient,
    status: int,
    code: int | None,
    error: type[EngineError],
) -> None:
    """The certificate is listed as before."""
    api.always(status, failure(code))
    raised = await error_of(client.client_certificates.restore("z", "c"))
    assert type(raised) is error

    listed = {"id": "c", "certificate": "pem", "status": "revoked"}
    api.answers = lambda _: success([listed])
    (certificate,) = await client.client_certificates.list("z")
    assert certificate.status is CertificateStatus.REVOKED


async def test_last_write_holds_while_lists_lag(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """A certificate that was just restored can be revoked, and the other way round."""

    def listed(status: str) -> None:
        item = {"id": "c", "certificate": "pem", "status": status}
        api.answers = lambda asked: (
            success([item])
            if asked.method == "GET"
            else web.json_response({"success": True})
        )

    listed("revoked")
    await client.client_certificates.restore("z", "c")
    (certificate,) = await client.client_certificates.list("z")
    assert certificate.status is CertificateStatus.PENDING_REACTIVATION

    listed("pending_reactivation")
    await client.client_certificates.revoke("z", "c")
    (certificate,) = await client.client_certificates.list("z")
    assert certificate.status is CertificateStatus.PENDING_REVOCATION

    await client.client_certificates.restore("z", "c")
    api.always(400, failure(1407))
    await client.client_certificates.revoke("z", "c")
    listed("revoked")
    (certificate,) = await client.client_certificates.list("z")
    assert certificate.status is CertificateStatus.REVOKED


async def test_refused_revocation(api: ScriptedApi, client: CloudflareClient) -> None:
    """The certificate is not taken for revoked."""
    api.always(400, failure(1))
    raised = await error_of(client.client_certificates.revoke("z", "c"))
    assert type(raised) is Rejected

    listed = {"id": "c", "certificate": "pem", "status": "active"}
    api.answers = lambda _: success([listed])
    (certificate,) = await client.client_certificates.list("z")
    assert certificate.status is CertificateStatus.ACTIVE


async def test_zone_with_thousands_of_certificates(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Known ones that are revoked are asked for one by one; another zone's is not among the answers."""

    def certificate(certificate_id: str, status: str) -> dict[str, str]:
        return {"id": certificate_id, "certificate": "pem", "status": status}

    def answer(asked: Asked) -> web.Response:
        match asked.path.rpartition("/")[2], asked.query.get("status"):
            case "client_certificates", "all":
                return success([], result_info={"page": 1, "total_pages": 21})
            case "client_certificates", "active":
                return success([certificate("active", "active")])
            case "client_certificates", _:
                return success([])
            case "revoked", _:
                return success(certificate("revoked", "revoked"))
        return envelope(404, code=1415)

    api.answers = answer
    known = {"active", "revoked", "of another zone"}
    found = await client.client_certificates.list("z", known)
    assert {item.id: item.status for item in found} == {
        "active": CertificateStatus.ACTIVE,
        "revoked": CertificateStatus.REVOKED,
    }


async def test_lists_include_revoked_certificates_but_no_deleted_tunnels(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Revoked certificates are requested, deleted tunnels are not."""
    api.answers = lambda _: success([])
    await client.client_certificates.list("z")
    await client.tunnels.list("a")
    assert api.asked[0].query["status"] == "all"
    assert api.asked[1].query["is_deleted"] == "false"


async def test_zone_without_rules_and_tunnel_managed_elsewhere(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Cloudflare answers both with 404, and neither raises an error."""
    api.always(404, failure(10003))
    assert await client.rulesets.get("z") == Ruleset()
    for code in (1055, 1002):
        api.always(404, failure(code))
        assert await client.tunnels.get_configuration("a", "t") is None


async def test_tunnel_that_is_gone(api: ScriptedApi, client: CloudflareClient) -> None:
    """Cloudflare still returns a deleted tunnel for a while."""
    api.always(200, succeeded({"id": "t", "deleted_at": None}))
    found = await client.tunnels.find("a", "t")
    assert found
    assert found.id == "t"
    api.always(200, succeeded({"id": "t", "deleted_at": "2026-11-01T10:00:00Z"}))
    assert await client.tunnels.find("a", "t") is None
    api.always(404, failure(1002))
    assert await client.tunnels.find("a", "t") is None


async def test_never_associated_is_empty(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """A zone that never had an association has null in place of the list."""
    api.answers = lambda _: success({"hostnames": None})
    assert await client.hostname_associations.get("z") == ()


@pytest.mark.parametrize("nothing", [[], None])
async def test_tunnel_without_connectors(
    api: ScriptedApi, client: CloudflareClient, nothing: object
) -> None:
    """An empty list and null both mean no connectors."""
    api.answers = lambda _: success(nothing)
    assert await client.connectors.list("a", "t") == ()


async def test_null_for_a_tunnel_that_runs(
    client: CloudflareClient, api: ScriptedApi
) -> None:
    """A running tunnel has connectors, so null cannot mean that there are none."""
    api.answers = lambda _: success(None)
    with pytest.raises(Unavailable):
        await client.connectors.list("a", "t", running=True)


async def test_new_tunnel_is_managed_remotely(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """The answer also holds the connector's secrets; only the tunnel is kept."""
    api.always(
        200,
        succeeded(
            {
                "id": "t",
                "name": "home",
                "status": "inactive",
                "remote_config": True,
                "credentials_file": {"TunnelSecret": "secret"},
                "token": "secret",
            }
        ),
    )
    tunnel = await client.tunnels.create("a", "home")
    assert (tunnel.id, tunnel.name, tunnel.never_connected) == ("t", "home", True)
    assert "secret" not in repr(tunnel)
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("POST", "/accounts/a/cfd_tunnel")
    assert asked.body == {"name": "home", "config_src": "cloudflare"}


@pytest.mark.parametrize(
    ("status", "code", "message", "error"),
    [
        (400, 1003, "Invalid tunnel name", Rejected),
        (400, None, "You have reached the limit of 1000 tunnels", QuotaExceeded),
        (403, None, "You have reached the limit", PermissionMissing),
        (400, 1, "The maximum number of tunnels is reached", QuotaExceeded),
        (409, 1013, "You already have a tunnel with this name", Conflict),
        (409, 1013, "The limit", Conflict),
    ],
)
async def test_tunnel_that_is_refused(
    api: ScriptedApi,
    client: CloudflareClient,
    status: int,
    code: int | None,
    message: str,
    error: type[EngineError],
) -> None:
    """A quota, a name that is in use and an invalid name have different errors."""
    api.always(status, failure(code, message))
    raised = await error_of(client.tunnels.create("a", "home"))
    assert type(raised) is error


async def test_token_of_a_connector(api: ScriptedApi, client: CloudflareClient) -> None:
    """The token is read with a separate request, and is never printed."""
    api.answers = lambda _: success("eyJhIjoiYiJ9")
    token = await client.tunnels.get_token("a", "t")
    assert token.secret == "eyJhIjoiYiJ9"
    assert "eyJ" not in repr(token)
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("GET", "/accounts/a/cfd_tunnel/t/token")


async def test_rules_that_let_visitors_past_all_others(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """The zone's list has those of account and user too; what only stops visitors is left out."""
    api.answers = lambda _: success(
        [
            {
                "id": f"{mode}-{scope}",
                "mode": mode,
                "configuration": {"target": "asn", "value": "AS64500"},
                "scope": {"type": scope},
            }
            for mode in ("whitelist", "block", "managed_challenge")
            for scope in ("zone", "organization", "user")
        ]
    )
    found = await client.ip_access_rules.list_allowing("z")
    assert {rule.value for rule in found} == {"AS64500"}
    assert [rule.id.partition("-")[2] for rule in found] == [
        "zone",
        "organization",
        "user",
    ]
    (asked,) = api.asked
    assert asked.path == "/zones/z/firewall/access_rules/rules"
    assert asked.query["mode"] == "whitelist"


async def test_routes_at_which_workers_run(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """A route without a script only makes an exception."""
    api.answers = lambda _: success(
        [
            {"id": "1", "pattern": "*example.com/*", "script": "worker"},
            {"id": "2", "pattern": "example.com/no/*"},
            {"id": "3", "pattern": "example.com/nothing/*", "script": None},
        ]
    )
    [route] = await client.worker_routes.list("z")
    assert (route.pattern, route.script) == ("*example.com/*", "worker")


async def test_names_of_the_certificates_of_the_edge(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Those of all packs that are listed, in the form that DNS has; one on order has no certificates."""
    api.answers = lambda _: success(
        [
            {
                "id": "1",
                "type": "universal",
                "hosts": ["mås-hem.example", "*.MÅS-HEM.example"],
                "status": "active",
                "certificates": [{"id": "2", "hosts": ["mås-hem.example"]}],
            },
            {"id": "3", "type": "advanced", "hosts": ["*.lab.example.com"]},
        ]
    )

    assert await client.certificate_packs.list_names("z") == {
        "xn--ms-hem-iua.example",
        "*.xn--ms-hem-iua.example",
        "*.lab.example.com",
    }
    (asked,) = api.asked
    assert asked.path == "/zones/z/ssl/certificate_packs"
    assert "status" not in asked.query
