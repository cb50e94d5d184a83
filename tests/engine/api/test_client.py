"""What Cloudflare may answer, and what the client makes of it."""

from collections.abc import Awaitable, Callable
import json
from pathlib import Path
import subprocess
import sys
import traceback
from typing import Any

from aiohttp import web
import pytest

from custom_components.cloudflare_mtls.engine.api import transport
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    NotFound,
    Permission,
    PermissionMissing,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import (
    CertificateStatus,
    Ruleset,
)
from tests.engine.servers import HTML, Asked, ScriptedApi, envelope, forever, success

ROOT = Path(__file__).parents[3]
RECORDED = ROOT.parent / "shared" / "recorded"
USER_TOKEN = "cfut_secret-of-a-user"
ACCOUNT_TOKEN = "cfat_secret-of-an-account"

type Call = Callable[[CloudflareClient], Awaitable[Any]]

CALLS: dict[str, Call] = {
    "zones": lambda c: c.zones.list(),
    "zone": lambda c: c.zones.get("z"),
    "tunnels": lambda c: c.tunnels.list("a"),
    "create_tunnel": lambda c: c.tunnels.create("a", "home"),
    "connector_token": lambda c: c.tunnels.get_token("a", "t"),
    "connectors": lambda c: c.connectors.list("a", "t"),
    "tunnel_configuration": lambda c: c.tunnels.get_configuration("a", "t"),
    "tunnel_is_gone": lambda c: c.tunnels.is_gone("a", "t"),
    "put_tunnel_configuration": lambda c: c.tunnels.put_configuration("a", "t", {}),
    "dns_records": lambda c: c.dns.list("z"),
    "create_dns_record": lambda c: c.dns.create("z", {}),
    "edit_dns_record": lambda c: c.dns.edit("z", "r", {}),
    "delete_dns_record": lambda c: c.dns.delete("z", "r"),
    "client_certificates": lambda c: c.client_certificates.list("z"),
    "create_client_certificate": lambda c: c.client_certificates.create("z", "csr", 1),
    "revoke_client_certificate": lambda c: c.client_certificates.revoke("z", "c"),
    "restore_client_certificate": lambda c: c.client_certificates.restore("z", "c"),
    "hostname_associations": lambda c: c.hostname_associations.get("z"),
    "put_hostname_associations": lambda c: c.hostname_associations.put(
        "z", (), replacing=()
    ),
    "ruleset": lambda c: c.rulesets.get("z"),
    "create_ruleset": lambda c: c.rulesets.create("z", {}),
    "create_rule": lambda c: c.rulesets.create_rule("z", "rs", {}),
    "edit_rule": lambda c: c.rulesets.edit_rule("z", "rs", "r", {}),
    "delete_rule": lambda c: c.rulesets.delete_rule("z", "rs", "r"),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def client(api: ScriptedApi) -> CloudflareClient:
    """Return a client with a user's token."""
    return CloudflareClient(USER_TOKEN, base_url=api.url)


@pytest.fixture
def account_client(api: ScriptedApi) -> CloudflareClient:
    """Return a client with an account's token."""
    return CloudflareClient(ACCOUNT_TOKEN, base_url=api.url)


@pytest.fixture
def client_of_account(api: ScriptedApi) -> CloudflareClient:
    """Return a client with an account's token, that knows its account."""
    return CloudflareClient(ACCOUNT_TOKEN, account_id="a", base_url=api.url)


async def error_of(call: Awaitable[Any]) -> EngineError:
    """Return what a call raises."""
    with pytest.raises(EngineError) as caught:
        await call
    return caught.value


def failure(code: object, message: object = "no") -> dict[str, Any]:
    """Return the envelope of a failure."""
    errors = [{"code": code, "message": message}]
    return {"success": False, "errors": errors, "messages": [], "result": None}


def succeeded(result: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope of a success."""
    return {"success": True, "errors": [], "messages": [], "result": result}


# Requests


async def test_request_carries_the_token_and_nothing_of_the_environment(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Request carries the token and nothing of the environment."""
    monkeypatch.setenv("CLOUDFLARE_EMAIL", "somebody@example.com")
    monkeypatch.setenv("CLOUDFLARE_API_KEY", "global-key")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "another-token")
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "http://127.0.0.1:1")
    api.answers = lambda _: success([])
    await CloudflareClient(USER_TOKEN, base_url=api.url).zones.list()
    assert api.asked[0].headers["Authorization"] == f"Bearer {USER_TOKEN}"


@every_call
@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_nothing_is_asked_twice(
    api: ScriptedApi, client: CloudflareClient, call: Call, status: int
) -> None:
    """Nothing is asked twice."""
    api.always(status, failure(None), {"x-should-retry": "true"})
    await error_of(call(client))
    assert len(api.asked) == 1


@pytest.mark.parametrize("hostile", ["../user", "a/b", "a?b=c", "a#b", "%2e%2e"])
async def test_id_is_one_segment_of_the_path(
    api: ScriptedApi, client: CloudflareClient, hostile: str
) -> None:
    """Id is one segment of the path."""
    api.answers = lambda _: success({})
    await client.client_certificates.revoke("z", hostile)
    segments = api.asked[0].path.split("/")
    assert segments[:4] == ["", "zones", "z", "client_certificates"]
    assert len(segments) == 5
    assert segments[4] not in ("", ".", "..")
    assert api.asked[0].query == {}


@pytest.mark.parametrize("hostile", ["", ".", ".."])
async def test_id_that_is_no_segment_is_not_sent(
    api: ScriptedApi, client: CloudflareClient, hostile: str
) -> None:
    """Id that is no segment is not sent."""
    raised = await error_of(client.client_certificates.revoke("z", hostile))
    assert isinstance(raised, Unavailable)
    assert api.asked == []


async def test_first_rule_makes_the_ruleset(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """First rule makes the ruleset."""
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
    """Permission to write rules is asked without writing."""
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
    """Full zone does not hide the permission."""
    api.answers = lambda _: envelope(refusal[0], code=refusal[1])
    asking = client.rulesets.dry_run("z", Ruleset(id="rs"), {"action": "block"})
    if error is None:
        await asking
    else:
        assert isinstance(await error_of(asking), error)


# Errors


@every_call
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, failure(7003), Rejected),
        (400, failure(None, "not entitled"), Rejected),
        (400, {"success": False}, Rejected),
        (400, {"success": False, "errors": None}, Rejected),
        (400, {"success": False, "errors": {"code": 1}}, Rejected),
        (400, {"success": False, "errors": ["text"]}, Rejected),
        (400, {"code": 1010, "error": "flat"}, Rejected),
        (400, failure("1", ["no text"]), Rejected),
        (400, failure(50001), QuotaExceeded),
        (400, failure(1445), QuotaExceeded),
        (400, failure(81053), Conflict),
        (400, failure(20217), Conflict),
        (409, failure(1013), Conflict),
        (400, failure(6003), TokenRejected),
        (405, failure(10000), Rejected),
        (410, failure(None), Rejected),
        (429, failure(971), RateLimited),
        (429, HTML, RateLimited),
        (408, "", Unavailable),
        (500, HTML, Unavailable),
        (500, failure(1), Unavailable),
        (520, HTML, Unavailable),
        (200, HTML, Unavailable),
        (200, [], Unavailable),
        (200, None, Unavailable),
        (200, {}, Rejected),
        (200, failure(1), Rejected),
        (200, {"success": "true", "result": {}}, Rejected),
    ],
)  # fmt: skip
async def test_errors(
    api: ScriptedApi,
    client: CloudflareClient,
    call: Call,
    status: int,
    body: object,
    error: type[EngineError],
) -> None:
    """Errors."""
    api.always(status, body)
    raised = await error_of(call(client))
    assert isinstance(raised, error)
    if error is not TokenRejected:
        assert not isinstance(raised, TokenRejected)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "delete_dns_record"])  # fmt: skip
async def test_what_is_not_there_is_not_found(
    api: ScriptedApi, client: CloudflareClient, name: str
) -> None:
    """What is not there is not found."""
    api.always(404, failure(7000))
    raised = await error_of(CALLS[name](client))
    assert isinstance(raised, NotFound)
    assert raised.code == 7000


async def test_what_is_gone_counts_as_gone(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """What is gone counts as gone."""
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
    """A revocation is taken back, however little the answer says of it."""
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
    """What Cloudflare does not restore is listed as before."""
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
    """Who revokes what was restored a moment ago, or the other way round, sees it so."""

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


async def test_zone_without_rules_and_tunnel_managed_elsewhere(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Zone without rules and tunnel managed elsewhere."""
    api.always(404, failure(10003))
    assert await client.rulesets.get("z") == Ruleset()
    for code in (1055, 1002):
        api.always(404, failure(code))
        assert await client.tunnels.get_configuration("a", "t") is None


async def test_tunnel_that_is_gone(api: ScriptedApi, client: CloudflareClient) -> None:
    """What is deleted is still answered for a while, and then no longer."""
    for deleted_at, gone in ((None, False), ("2026-11-01T10:00:00Z", True)):
        api.always(200, succeeded({"id": "t", "deleted_at": deleted_at}))
        assert await client.tunnels.is_gone("a", "t") is gone
    api.always(404, failure(1002))
    assert await client.tunnels.is_gone("a", "t")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "300"}, 300),
        ({"Retry-After": "1.5"}, 1.5),
        ({}, 300),
        ({"Retry-After": ""}, 300),
        ({"Retry-After": "0"}, 300),
        ({"Retry-After": "-5"}, 300),
        ({"Retry-After": "nan"}, 300),
        ({"Retry-After": "inf"}, 300),
        ({"Retry-After": "9999999999"}, 300),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 300),
        ({"Retry-After": "soon"}, 300),
    ],
)
async def test_pause_that_cloudflare_asks_for(
    api: ScriptedApi, client: CloudflareClient, headers: dict[str, str], seconds: float
) -> None:
    """Pause that Cloudflare asks for."""
    api.always(429, failure(10429), headers)
    raised = await error_of(client.zones.get("z"))
    assert isinstance(raised, RateLimited)
    assert raised.retry_after == seconds


async def test_message_is_fit_to_be_read(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Message is fit to be read."""
    api.always(400, failure(1056, "Bad Configuration:\x1b[2J\n\n" + "x" * 500 + "\n"))
    raised = await error_of(client.zones.get("z"))
    assert isinstance(raised, Rejected)
    assert raised.message.isprintable()
    assert len(raised.message) <= 200
    assert raised.code == 1056


@pytest.mark.parametrize("code", [0, None, "9109"])
async def test_code_is_a_number_or_none(
    api: ScriptedApi, client: CloudflareClient, code: object
) -> None:
    """Code is a number or none."""
    api.always(400, failure(code))
    raised = await error_of(client.zones.get("z"))
    assert isinstance(raised, Rejected)
    assert raised.code == (code if isinstance(code, int) else None)


# Whose fault is a refusal?


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once, as often as usual."""
    pauses = (0,) * len(transport.UNKNOWN_YET_PAUSES)
    monkeypatch.setattr(transport, "UNKNOWN_YET_PAUSES", pauses)


def unknown_yet() -> web.StreamResponse:
    """Return what servers say that do not know a new token yet."""
    return envelope(403, code=10001, message="Unable to authenticate request")


@pytest.mark.usefixtures("no_pauses")
@every_call
async def test_new_token_is_tried_again_until_it_is_known(
    api: ScriptedApi, client: CloudflareClient, call: Call
) -> None:
    """Nobody judged the request, so that nothing was done: writing is sent again as well."""
    api.answers = lambda _: (
        unknown_yet() if len(api.asked) < 3 else envelope(400, code=1)
    )
    assert isinstance(await error_of(call(client)), Rejected)
    assert len(api.asked) == 3
    assert len({(item.method, item.path) for item in api.asked}) == 1


@pytest.mark.usefixtures("no_pauses")
async def test_verification_of_a_new_token_is_tried_again(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """A token that is not known everywhere is no bad one."""
    answers = [success({"id": "t", "status": "active"}), unknown_yet(), unknown_yet()]
    api.verifies = lambda: answers.pop()
    await client.verify_token()
    assert answers == []


@pytest.mark.usefixtures("no_pauses")
async def test_new_token_that_never_gets_known(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """It is said to be neither bad nor without a permission, and not tried for ever."""
    api.answers = lambda _: unknown_yet()
    assert isinstance(await error_of(client.zones.get("z")), Unavailable)
    assert len(api.asked) == 5
    api.verifies = unknown_yet
    assert isinstance(await error_of(client.verify_token()), Unavailable)


@every_call
@pytest.mark.parametrize("status", [401, 403])
async def test_good_token_that_is_refused_lacks_a_permission(
    api: ScriptedApi, client: CloudflareClient, call: Call, status: int
) -> None:
    """Good token that is refused lacks a permission."""
    api.always(status, failure(10000, "Authentication error"))
    raised = await error_of(call(client))
    assert isinstance(raised, PermissionMissing)
    assert raised.permission in Permission


PERMISSIONS = {
    "zones": Permission.ZONE_READ,
    "tunnels": Permission.TUNNEL_EDIT,
    "create_tunnel": Permission.TUNNEL_EDIT,
    "connector_token": Permission.TUNNEL_EDIT,
    "put_tunnel_configuration": Permission.TUNNEL_EDIT,
    "dns_records": Permission.DNS_EDIT,
    "create_dns_record": Permission.DNS_EDIT,
    "client_certificates": Permission.CERTIFICATES_EDIT,
    "revoke_client_certificate": Permission.CERTIFICATES_EDIT,
    "restore_client_certificate": Permission.CERTIFICATES_EDIT,
    "put_hostname_associations": Permission.CERTIFICATES_EDIT,
    "ruleset": Permission.RULES_EDIT,
    "create_rule": Permission.RULES_EDIT,
}


@pytest.mark.parametrize(("name", "permission"), PERMISSIONS.items())
async def test_missing_permission_is_named(
    api: ScriptedApi, client: CloudflareClient, name: str, permission: Permission
) -> None:
    """Missing permission is named."""
    api.always(403, failure(None, "request is not authorized"))
    raised = await error_of(CALLS[name](client))
    assert isinstance(raised, PermissionMissing)
    assert raised.permission is permission
    assert permission in str(raised)


@every_call
async def test_dead_token_is_rejected_wherever_it_is_refused(
    api: ScriptedApi, client: CloudflareClient, call: Call
) -> None:
    """Dead token is rejected wherever it is refused."""
    api.always(403, failure(9109, "Invalid access token"))
    api.verifies = lambda: envelope(401, code=1000, message="Invalid API Token")
    raised = await error_of(call(client))
    assert isinstance(raised, TokenRejected)
    assert raised.problem is TokenProblem.INVALID


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("disabled", TokenProblem.DISABLED),
        ("expired", TokenProblem.EXPIRED),
        ("odd", TokenProblem.INVALID),
        (None, TokenProblem.INVALID),
    ],
)
async def test_verification_tells_why(
    api: ScriptedApi,
    client: CloudflareClient,
    status: str | None,
    problem: TokenProblem,
) -> None:
    """Verification tells why."""
    api.always(403, failure(10000))
    api.verifies = lambda: success({"id": "t", "status": status})
    for call in (client.zones.get("z"), client.verify_token()):
        raised = await error_of(call)
        assert isinstance(raised, TokenRejected)
        assert raised.problem is problem


async def test_use_from_elsewhere_is_said_as_such(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Use from elsewhere is said as such."""
    message = "Cannot use the access token from location: 203.0.113.7"
    api.always(403, failure(9109, message))
    api.verifies = lambda: envelope(403, code=9109, message=message)
    for call in (client.zones.get("z"), client.verify_token()):
        raised = await error_of(call)
        assert isinstance(raised, TokenRejected)
        assert raised.problem is TokenProblem.LOCATION
        assert "203.0.113.7" not in str(raised)


@pytest.mark.parametrize(
    ("verification", "error"),
    [
        (lambda: envelope(429, headers={"Retry-After": "7"}), RateLimited),
        (lambda: envelope(500), Unavailable),
        (lambda: success(None), Unavailable),
    ],
)
async def test_verification_that_fails_accuses_nobody(
    api: ScriptedApi,
    client: CloudflareClient,
    verification: Callable[[], Any],
    error: type[EngineError],
) -> None:
    """Verification that fails accuses nobody."""
    api.always(403, failure(10000))
    api.verifies = verification
    assert isinstance(await error_of(client.zones.get("z")), error)


async def test_tokens_are_verified_where_they_belong(
    api: ScriptedApi,
    client: CloudflareClient,
    account_client: CloudflareClient,
    client_of_account: CloudflareClient,
) -> None:
    """Tokens are verified where they belong."""
    await client.verify_token()
    await account_client.verify_token()
    await client_of_account.verify_token()
    assert [item.path for item in api.asked] == [
        "/user/tokens/verify",
        "/accounts/a/tokens/verify",
    ]


async def test_account_token_is_verified_at_its_account(
    api: ScriptedApi, client_of_account: CloudflareClient
) -> None:
    """Account token is verified at its account."""
    api.always(403, failure(10000))
    assert isinstance(
        await error_of(client_of_account.zones.get("z")), PermissionMissing
    )
    assert api.asked[-1].path == "/accounts/a/tokens/verify"
    api.verifies = lambda: envelope(401, code=1000)
    assert isinstance(await error_of(client_of_account.zones.get("z")), TokenRejected)


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (10000, "Authentication error", PermissionMissing),
        (None, "request is not authorized", PermissionMissing),
        (9109, "Invalid access token", TokenRejected),
        # Recorded of a good token: au-03.
        (9109, "Unauthorized to access requested resource", PermissionMissing),
    ],
)
async def test_account_token_at_a_zone_is_judged_by_what_is_said(
    api: ScriptedApi,
    account_client: CloudflareClient,
    code: int | None,
    message: str,
    error: type[EngineError],
) -> None:
    """Account token at a zone is judged by what is said."""
    api.always(403, failure(code, message))
    assert isinstance(await error_of(account_client.zones.get("z")), error)


# Answers that are not what they should be


@pytest.mark.parametrize(
    "name", [name for name in CALLS if not name.startswith(("delete_dns", "revoke", "restore", "connectors"))]
)  # fmt: skip
async def test_null_is_no_empty_result(
    api: ScriptedApi, client: CloudflareClient, name: str
) -> None:
    """Null is no empty result."""
    api.answers = lambda _: success(None)
    assert isinstance(await error_of(CALLS[name](client)), Unavailable)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("zones", [{"id": "z"}]),
        ("zones", {"id": "z"}),
        ("zone", {"id": 1, "name": "a", "account": {"id": "a"}}),
        ("tunnels", [{}]),
        ("tunnels", [None]),
        ("create_tunnel", {"name": "home"}),
        ("connector_token", ""),
        ("connector_token", {"token": "t"}),
        ("connectors", [{"id": "c", "conns": [1]}]),
        ("tunnel_configuration", []),
        ("tunnel_configuration", {"config": []}),
        ("tunnel_configuration", {"config": {"ingress": {}}}),
        ("tunnel_configuration", {"config": {"ingress": [{"hostname": "a"}]}}),
        ("tunnel_configuration", {}),
        ("dns_records", [{"id": "r", "name": "a", "type": "A", "proxied": "yes"}]),
        ("client_certificates", [{"id": "c"}]),
        ("hostname_associations", []),
        ("hostname_associations", {"hostnames": "a"}),
        ("hostname_associations", {"hostnames": [1]}),
        ("ruleset", {"rules": []}),
        ("ruleset", {"id": "rs", "rules": [{"id": "r"}]}),
        ("ruleset", {"id": "rs", "rules": [{"id": "r", "action": "block", "enabled": 1}]}),
    ],
)  # fmt: skip
async def test_malformed_results_are_unavailable(
    api: ScriptedApi, client: CloudflareClient, name: str, result: object
) -> None:
    """Malformed results are unavailable."""
    api.answers = lambda _: success(result)
    assert isinstance(await error_of(CALLS[name](client)), Unavailable)


async def test_never_associated_is_empty(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Never associated is empty."""
    api.answers = lambda _: success({"hostnames": None})
    assert await client.hostname_associations.get("z") == ()


@pytest.mark.parametrize("nothing", [[], None])
async def test_tunnel_without_connectors(
    api: ScriptedApi, client: CloudflareClient, nothing: object
) -> None:
    """No connectors are none, and so is null."""
    api.answers = lambda _: success(nothing)
    assert await client.connectors.list("a", "t") == ()


async def test_new_tunnel_is_managed_remotely(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Of the answer, which holds the connector's secrets, nothing but the tunnel is kept."""
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
    """A limit is told from a name that is taken, and from a name that is none."""
    api.always(status, failure(code, message))
    raised = await error_of(client.tunnels.create("a", "home"))
    assert type(raised) is error


async def test_token_of_a_connector(api: ScriptedApi, client: CloudflareClient) -> None:
    """It is read with a request of its own, and nothing prints it."""
    api.answers = lambda _: success("eyJhIjoiYiJ9")
    token = await client.tunnels.get_token("a", "t")
    assert token.secret == "eyJhIjoiYiJ9"
    assert "eyJ" not in repr(token)
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("GET", "/accounts/a/cfd_tunnel/t/token")


@every_call
async def test_connection_that_is_cut(
    api: ScriptedApi, client: CloudflareClient, call: Call
) -> None:
    """Connection that is cut."""
    api.hangs_up = True
    assert isinstance(await error_of(call(client)), Unavailable)
    assert len(api.asked) == 1


async def test_connection_that_is_refused(socket_enabled: None) -> None:
    """Connection that is refused."""
    client = CloudflareClient(USER_TOKEN, base_url="http://127.0.0.1:9")
    assert isinstance(await error_of(client.zones.get("z")), Unavailable)


async def test_answer_that_never_comes(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answer that never comes."""
    monkeypatch.setattr(
        "custom_components.cloudflare_mtls.engine.api.transport._TIMEOUT", 0.2
    )
    api.pause = forever
    client = CloudflareClient(USER_TOKEN, base_url=api.url)
    assert isinstance(await error_of(client.zones.get("z")), Unavailable)
    assert len(api.asked) == 1


@pytest.mark.parametrize("token", [USER_TOKEN, f"{USER_TOKEN}\n", f"{USER_TOKEN}ä"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
async def test_no_error_holds_the_token(
    api: ScriptedApi, token: str, status: int
) -> None:
    """No error holds the token."""
    api.always(status, failure(1, "no"))
    client = CloudflareClient(token, base_url=api.url)
    raised = await error_of(client.zones.get("z"))
    assert USER_TOKEN not in "".join(traceback.format_exception(raised))


# Pages


def records(first: int, count: int) -> list[dict[str, str]]:
    """Return DNS records."""
    return [
        {"id": str(n), "name": f"h{n}.example.com", "type": "A"}
        for n in range(first, first + count)
    ]


async def test_every_page_is_read(api: ScriptedApi, client: CloudflareClient) -> None:
    """Every page is read."""

    def page(asked: Asked) -> Any:
        number, size = int(asked.query["page"]), int(asked.query["per_page"])
        everything = records(0, 2 * size + 1)
        return success(everything[(number - 1) * size : number * size])

    api.answers = page
    found = await client.dns.list("z")
    assert len({item.id for item in found}) == len(found) > 100
    assert len(api.asked) == 3


async def test_server_with_smaller_pages_than_asked_for_is_read_to_the_end(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """The envelope says how many pages there are."""

    def page(asked: Asked) -> Any:
        number = int(asked.query["page"])
        info = {"page": number, "per_page": 20, "count": 20, "total_count": 40, "total_pages": 2}  # fmt: skip
        items = records((number - 1) * 20, 20) if number <= 2 else []
        return success(items, result_info=info)

    api.answers = page
    assert len(await client.dns.list("z")) == 40


async def test_server_that_knows_no_pages_ends(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Server that knows no pages ends."""
    api.answers = lambda asked: success(records(0, int(asked.query["per_page"])))
    try:
        found = await client.dns.list("z")
    except Unavailable:
        found = ()
    assert len(api.asked) <= 100
    assert len({item.id for item in found}) == len(found)


async def test_certificates_are_asked_for_revoked_or_not(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Certificates are asked for revoked or not."""
    api.answers = lambda _: success([])
    await client.client_certificates.list("z")
    await client.tunnels.list("a")
    assert api.asked[0].query["status"] == "all"
    assert api.asked[1].query["is_deleted"] == "false"


# Recorded answers


def recorded(name: str) -> dict[str, Any]:
    """Return a recorded exchange."""
    if not RECORDED.exists():
        pytest.skip("the recorded answers do not lie beside the repository")
    found: dict[str, Any] = json.loads(next(RECORDED.glob(f"{name}*.json")).read_text())
    assert found["response"] is not None, "nobody recorded the body"
    return found


@pytest.mark.parametrize(
    ("name", "call", "error", "code"),
    [
        ("au-01", "zones", TokenRejected, None),
        ("au-03", "zone", PermissionMissing, None),
        ("au-04", "tunnels", PermissionMissing, None),
        ("au-05", "zones", PermissionMissing, None),
        ("ac-03", "zones", PermissionMissing, None),
        ("cc-08", "revoke_client_certificate", NotFound, 1415),
        ("dn-01", "create_dns_record", Conflict, 81053),
        ("dn-02", "create_dns_record", Conflict, 81057),
        ("dn-03", "create_dns_record", Conflict, 81058),
        ("dn-05", "create_dns_record", Rejected, 1004),
        ("ha-03", "put_hostname_associations", PermissionMissing, None),
        ("rl-01", "zones", RateLimited, None),
        ("rl-03", "zones", RateLimited, None),
        ("rs-07", "create_ruleset", Rejected, None),
        ("rs-08", "create_ruleset", Conflict, 20217),
        ("rs-09a", "create_rule", Rejected, None),
        ("rs-10", "ruleset", PermissionMissing, None),
        ("rs-12", "edit_rule", Rejected, 20125),
        ("rs-13", "create_rule", Rejected, ...),
        ("rs-17", "put_tunnel_configuration", Rejected, 10000),
        ("rs-18", "ruleset", Rejected, ...),
        ("sx-02", "create_dns_record", Unavailable, None),
        ("tk-04", "zones", TokenRejected, None),
        ("tn-10", "put_tunnel_configuration", Rejected, 1056),
        ("tn-18", "create_tunnel", Conflict, 1013),
    ],
)  # fmt: skip
async def test_recorded_errors(
    api: ScriptedApi,
    client: CloudflareClient,
    name: str,
    call: str,
    error: type[EngineError],
    code: object,
) -> None:
    """Recorded errors."""
    exchange = recorded(name)
    api.always(exchange["status"], exchange["response"])
    raised = await error_of(CALLS[call](client))
    assert type(raised) is error
    if isinstance(raised, Rejected) and code is not ...:
        assert raised.code == code


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("tn-16", "tunnel_configuration"),
        ("rs-05", "ruleset"),
    ],
)
async def test_recorded_answers_that_are_no_errors(
    api: ScriptedApi, client: CloudflareClient, name: str, call: str
) -> None:
    """Recorded answers that are no errors."""
    exchange = recorded(name)
    api.always(exchange["status"], exchange["response"])
    assert await CALLS[call](client) in (None, Ruleset())


async def test_recorded_revocation(api: ScriptedApi, client: CloudflareClient) -> None:
    """Recorded revocation says nothing but that it succeeded."""
    exchange = recorded("cc-03")
    api.always(exchange["status"], exchange["response"])
    status = await CALLS["revoke_client_certificate"](client)
    assert status is CertificateStatus.PENDING_REVOCATION


async def test_recorded_configurations_keep_every_key(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Recorded configurations keep every key."""
    for name in ("tn-06", "tn-07", "tn-08", "tn-20"):
        exchange = recorded(name)
        api.always(200, exchange["response"])
        read = await client.tunnels.get_configuration("a", "t")
        assert read is not None
        assert read.raw == exchange["response"]["result"]["config"]
        assert read.ingress[-1].hostname is None


async def test_recorded_tunnel_answers(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Recorded tunnel answers."""
    api.always(200, recorded("tn-03")["response"])
    (connector,) = await client.connectors.list("a", "t")
    assert (connector.version, connector.connections) == ("2025.11.1", 4)
    assert connector.locations == {"khh01", "tpe01"}
    api.always(200, recorded("tn-22")["response"])
    (connector,) = await client.connectors.list("a", "t")
    assert connector.connections == 1
    api.always(200, recorded("tn-15")["response"])
    assert await client.tunnels.list("a") == ()
    api.always(200, recorded("tn-19")["response"])
    assert all(item.id for item in await client.tunnels.list("a"))


async def test_recorded_rules_certificates_and_records(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Recorded rules certificates and records."""
    api.always(200, recorded("rs-03")["response"])
    assert (await client.rulesets.get("z")).rules == ()
    api.always(201, recorded("cc-01")["response"])
    certificate = await client.client_certificates.create("z", "csr", 3650)
    assert certificate.status is not None
    api.always(200, recorded("ha-02")["response"])
    assert await client.hostname_associations.put("z", (), replacing=()) == (
        "api.REDACTED.example",
    )
    api.always(200, recorded("dn-06")["response"])
    assert await client.dns.list("z")
    api.verifies = lambda: success(recorded("tk-01")["response"]["result"])
    await client.verify_token()


# The SDK


def test_client_loads_the_verbs_of_the_sdk_and_nothing_else() -> None:
    """No resource, and no type that the bare package does not import itself."""
    program = """
import asyncio, sys
import homeassistant
import cloudflare
def heavy():
    return {name for name in sys.modules
            if name.startswith(("cloudflare.resources.", "cloudflare.types."))}
package = heavy()
import custom_components
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
client = CloudflareClient("token", base_url="http://127.0.0.1:9")
try:
    asyncio.run(client.zones.get("z"))
except Unavailable:
    pass
else:
    sys.exit("nobody should have answered")
print(sorted(heavy() - package), [name for name in heavy() if "resources" in name])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] []"


async def test_null_for_a_tunnel_that_runs(
    client: CloudflareClient, api: ScriptedApi
) -> None:
    """Whoever runs has connectors, so that null would be an invented zero."""
    api.answers = lambda _: success(None)
    with pytest.raises(Unavailable):
        await client.connectors.list("a", "t", running=True)
