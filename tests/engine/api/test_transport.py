"""What every call sends, and what it makes of answers and failures."""

import subprocess
import sys
import traceback

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    NotFound,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TokenRejected,
    Unavailable,
)
from tests.engine.api.calls import (
    CALLS,
    ROOT,
    USER_TOKEN,
    Call,
    error_of,
    every_call,
    failure,
)
from tests.engine.servers import HTML, ScriptedApi, forever, success

MAY_BE_NULL = {
    "dns.delete",
    "client_certificates.revoke",
    "client_certificates.restore",
    "connectors.list",
    "access_applications.delete",
    "access_applications.end_sessions",
    "access_applications.expect_edit_permission",
    "access_groups.delete",
    "access_organization.end_sessions_of",
    "access_policies.delete",
    "access_tags.create",
    "access_tags.delete",
}
"""The calls whose success may have no result."""


async def test_headers_are_the_token_and_what_http_needs(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the environment is sent, whichever variable the SDK reads, nor tells where to."""
    for name in (
        "CLOUDFLARE_API_KEY",
        "CLOUDFLARE_API_TOKEN",
        "CLOUDFLARE_API_USER_SERVICE_KEY",
        "CLOUDFLARE_EMAIL",
        "CLOUDFLARE_BASE_URL",
    ):
        monkeypatch.setenv(name, "secret-of-the-environment")
    monkeypatch.setenv(
        "CLOUDFLARE_CUSTOM_HEADERS",
        "Host: elsewhere.example\nauthorization: secret-of-the-environment\nX-Leak: secret-of-the-environment",
    )
    api.answers = lambda _: success([])
    await CloudflareClient(USER_TOKEN, base_url=api.url).zones.list()
    sent = api.asked[0].headers
    assert "secret-of-the-environment" not in str(dict(sent))
    assert {name.lower(): value for name, value in sent.items()} | {
        "user-agent": "",
        "api-version": "",
    } == {
        "accept": "application/json",
        "accept-encoding": "gzip",
        "api-version": "",
        "authorization": f"Bearer {USER_TOKEN}",
        "connection": "keep-alive",
        "host": api.url.removeprefix("http://"),
        "user-agent": "",
        "x-stainless-read-timeout": "30.0",
        "x-stainless-retry-count": "0",
    }


@every_call
@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_requests_are_not_repeated(
    api: ScriptedApi, client: CloudflareClient, call: Call, status: int
) -> None:
    """The SDK would repeat requests, and create a second certificate."""
    api.always(status, failure(None), {"x-should-retry": "true"})
    await error_of(call(client))
    assert len(api.asked) == 1


@pytest.mark.parametrize("hostile", ["../user", "a/b", "a?b=c", "a#b", "%2e%2e"])
async def test_id_is_one_segment_of_the_path(
    api: ScriptedApi, client: CloudflareClient, hostile: str
) -> None:
    """Slashes, dots and question marks in an id lead to no other path."""
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
    """An empty id or dots would lead to another path."""
    raised = await error_of(client.client_certificates.revoke("z", hostile))
    assert isinstance(raised, Unavailable)
    assert api.asked == []


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
    """Every call raises the same error for the same failure."""
    api.always(status, body)
    raised = await error_of(call(client))
    assert isinstance(raised, error)
    if error is not TokenRejected:
        assert not isinstance(raised, TokenRejected)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "dns.delete"])  # fmt: skip
async def test_not_found(api: ScriptedApi, client: CloudflareClient, name: str) -> None:
    """Where a 404 does not count as success, the error keeps Cloudflare's code."""
    api.always(404, failure(7000))
    raised = await error_of(CALLS[name](client))
    assert isinstance(raised, NotFound)
    assert raised.code == 7000


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
    """A missing or malformed Retry-After counts as five minutes."""
    api.always(429, failure(10429), headers)
    raised = await error_of(client.zones.get("z"))
    assert isinstance(raised, RateLimited)
    assert raised.retry_after == seconds


async def test_message_is_cleaned(api: ScriptedApi, client: CloudflareClient) -> None:
    """Control characters are removed, and long messages are cut."""
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
    """Some answers have null or a text as the code."""
    api.always(400, failure(code))
    raised = await error_of(client.zones.get("z"))
    assert isinstance(raised, Rejected)
    assert raised.code == (code if isinstance(code, int) else None)


@pytest.mark.parametrize(
    "name", sorted(CALLS.keys() - MAY_BE_NULL)
)  # fmt: skip
async def test_null_is_no_empty_result(
    api: ScriptedApi, client: CloudflareClient, name: str
) -> None:
    """A successful answer with null does not count as an empty list."""
    api.answers = lambda _: success(None)
    assert isinstance(await error_of(CALLS[name](client)), Unavailable)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("zones.list", [{"id": "z"}]),
        ("zones.list", {"id": "z"}),
        ("zones.get", {"id": 1, "name": "a", "account": {"id": "a"}}),
        ("tunnels.list", [{}]),
        ("tunnels.list", [None]),
        ("tunnels.create", {"name": "home"}),
        ("tunnels.get_token", ""),
        ("tunnels.get_token", {"token": "t"}),
        ("connectors.list", [{"id": "c", "conns": [1]}]),
        ("tunnels.get_configuration", []),
        ("tunnels.get_configuration", {"config": []}),
        ("tunnels.get_configuration", {"config": {"ingress": {}}}),
        ("tunnels.get_configuration", {"config": {"ingress": [{"hostname": "a"}]}}),
        ("tunnels.get_configuration", {}),
        ("dns.list", [{"id": "r", "name": "a", "type": "A", "proxied": "yes"}]),
        ("client_certificates.list", [{"id": "c"}]),
        ("hostname_associations.get", []),
        ("hostname_associations.get", {"hostnames": "a"}),
        ("hostname_associations.get", {"hostnames": [1]}),
        ("rulesets.get", {"rules": []}),
        ("rulesets.get", {"id": "rs", "rules": [{"id": "r"}]}),
        ("rulesets.get", {"id": "rs", "rules": [{"id": "r", "action": "block", "enabled": 1}]}),
    ],
)  # fmt: skip
async def test_malformed_results_are_unavailable(
    api: ScriptedApi, client: CloudflareClient, name: str, result: object
) -> None:
    """A required field that is missing or has another type is never guessed."""
    api.answers = lambda _: success(result)
    assert isinstance(await error_of(CALLS[name](client)), Unavailable)


@every_call
async def test_connection_that_is_cut(
    api: ScriptedApi, client: CloudflareClient, call: Call
) -> None:
    """Cloudflare may have carried out the request, so it is not repeated."""
    api.hangs_up = True
    assert isinstance(await error_of(call(client)), Unavailable)
    assert len(api.asked) == 1


async def test_connection_that_is_refused(socket_enabled: None) -> None:
    """A refused connection raises Unavailable, like a lost answer."""
    client = CloudflareClient(USER_TOKEN, base_url="http://127.0.0.1:9")
    assert isinstance(await error_of(client.zones.get("z")), Unavailable)


async def test_answer_that_never_comes(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call raises Unavailable after the timeout, and is not repeated."""
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
    """The token is neither in the error's text nor in the chain of its causes."""
    api.always(status, failure(1, "no"))
    client = CloudflareClient(token, base_url=api.url)
    raised = await error_of(client.zones.get("z"))
    assert USER_TOKEN not in "".join(traceback.format_exception(raised))


def test_client_loads_the_verbs_of_the_sdk_and_nothing_else() -> None:
    """The client loads no resource, and no type that the bare package does not import itself."""
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
