"""Refused requests: an invalid token, a missing permission, or a token that is too new."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
import pytest

from custom_components.cloudflare_mtls.engine.api import transport
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    EngineError,
    Permission,
    PermissionMissing,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
    Unavailable,
)
from tests.engine.api.calls import CALLS, Call, error_of, every_call, failure
from tests.engine.servers import ScriptedApi, envelope, success


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once, as often as usual."""
    pauses = (0,) * len(transport.UNKNOWN_YET_PAUSES)
    monkeypatch.setattr(transport, "UNKNOWN_YET_PAUSES", pauses)


def unknown_yet() -> web.StreamResponse:
    """Return the answer of a server that does not know a new token yet."""
    return envelope(403, code=10001, message="Unable to authenticate request")


@pytest.mark.usefixtures("no_pauses")
@every_call
async def test_new_token_is_tried_again_until_it_is_known(
    api: ScriptedApi, client: CloudflareClient, call: Call
) -> None:
    """The refused request had no effect, so writes can be repeated as well."""
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
    """A token that not every server knows yet is not invalid."""
    answers = [success({"id": "t", "status": "active"}), unknown_yet(), unknown_yet()]
    api.verifies = lambda: answers.pop()
    await client.verify_token()
    assert answers == []


@pytest.mark.usefixtures("no_pauses")
async def test_new_token_that_stays_unknown(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """It is reported neither as invalid nor as lacking a permission, and the retries end."""
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
    """The verification says that the token is active."""
    api.always(status, failure(10000, "Authentication error"))
    raised = await error_of(call(client))
    assert isinstance(raised, PermissionMissing)
    assert raised.permission in Permission


PERMISSIONS = {
    "zones.list": Permission.ZONE_READ,
    "tunnels.list": Permission.TUNNEL_EDIT,
    "tunnels.create": Permission.TUNNEL_EDIT,
    "tunnels.get_token": Permission.TUNNEL_EDIT,
    "tunnels.put_configuration": Permission.TUNNEL_EDIT,
    "dns.list": Permission.DNS_EDIT,
    "dns.create": Permission.DNS_EDIT,
    "client_certificates.list": Permission.CERTIFICATES_EDIT,
    "client_certificates.revoke": Permission.CERTIFICATES_EDIT,
    "client_certificates.restore": Permission.CERTIFICATES_EDIT,
    "hostname_associations.put": Permission.CERTIFICATES_EDIT,
    "rulesets.get": Permission.RULES_EDIT,
    "rulesets.create_rule": Permission.RULES_EDIT,
    "header_rulesets.get": Permission.HEADER_RULES_EDIT,
}


@pytest.mark.parametrize(("name", "permission"), PERMISSIONS.items())
async def test_missing_permission_is_named(
    api: ScriptedApi, client: CloudflareClient, name: str, permission: Permission
) -> None:
    """The error names the permission that the refused call needs."""
    api.always(403, failure(None, "request is not authorized"))
    raised = await error_of(CALLS[name](client))
    assert isinstance(raised, PermissionMissing)
    assert raised.permission is permission
    assert permission in str(raised)


async def test_refusal_with_a_link_to_the_documentation(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Since August 2026, most refusals have one; nobody is shown it."""
    error = {
        "code": 10000,
        "message": "Forbidden",
        "documentation_url": "https://developers.cloudflare.com/api/x",
    }
    api.always(403, {"success": False, "errors": [error], "result": None})
    raised = await error_of(client.zones.get("z"))
    assert isinstance(raised, PermissionMissing)
    assert "http" not in str(raised)


@every_call
async def test_dead_token_is_rejected_wherever_it_is_refused(
    api: ScriptedApi, client: CloudflareClient, call: Call
) -> None:
    """The verification says that the token is invalid."""
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
    """A disabled token is told apart from an expired one."""
    api.always(403, failure(10000))
    api.verifies = lambda: success({"id": "t", "status": status})
    for call in (client.zones.get("z"), client.verify_token()):
        raised = await error_of(call)
        assert isinstance(raised, TokenRejected)
        assert raised.problem is problem


async def test_token_used_from_a_forbidden_location(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """The error does not show the address."""
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
async def test_verification_that_fails(
    api: ScriptedApi,
    client: CloudflareClient,
    verification: Callable[[], Any],
    error: type[EngineError],
) -> None:
    """A failed verification proves neither an invalid token nor a missing permission."""
    api.always(403, failure(10000))
    api.verifies = verification
    assert isinstance(await error_of(client.zones.get("z")), error)


async def test_tokens_are_verified_where_they_belong(
    api: ScriptedApi,
    client: CloudflareClient,
    account_client: CloudflareClient,
    client_of_account: CloudflareClient,
) -> None:
    """An account's token cannot be verified before its account is known."""
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
    """The endpoint for users' tokens does not know it."""
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
        # Recorded with a valid token: au-03.
        (9109, "Unauthorized to access requested resource", PermissionMissing),
    ],
)
async def test_account_token_at_a_zone_is_judged_by_the_message(
    api: ScriptedApi,
    account_client: CloudflareClient,
    code: int | None,
    message: str,
    error: type[EngineError],
) -> None:
    """Before its account is known, only Cloudflare's message shows that the token is invalid."""
    api.always(403, failure(code, message))
    assert isinstance(await error_of(account_client.zones.get("z")), error)
