"""What the client makes of recorded answers."""

import json
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    NotFound,
    PermissionMissing,
    RateLimited,
    Rejected,
    TokenRejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import (
    CertificateStatus,
    Ruleset,
)
from tests.engine.api.calls import CALLS, ROOT, error_of
from tests.engine.servers import ScriptedApi, success

RECORDED = ROOT.parent / "shared" / "recorded"


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
        ("au-01", "zones.list", TokenRejected, None),
        ("au-03", "zones.get", PermissionMissing, None),
        ("au-04", "tunnels.list", PermissionMissing, None),
        ("au-05", "zones.list", PermissionMissing, None),
        ("ac-03", "zones.list", PermissionMissing, None),
        ("cc-08", "client_certificates.revoke", NotFound, 1415),
        ("dn-01", "dns.create", Conflict, 81053),
        ("dn-02", "dns.create", Conflict, 81057),
        ("dn-03", "dns.create", Conflict, 81058),
        ("dn-05", "dns.create", Rejected, 1004),
        ("ha-03", "hostname_associations.put", PermissionMissing, None),
        ("rl-01", "zones.list", RateLimited, None),
        ("rl-03", "zones.list", RateLimited, None),
        ("rs-07", "rulesets.create", Rejected, None),
        ("rs-08", "rulesets.create", Conflict, 20217),
        ("rs-09a", "rulesets.create_rule", Rejected, None),
        ("rs-10", "rulesets.get", PermissionMissing, None),
        ("rs-12", "rulesets.edit_rule", Rejected, 20125),
        ("rs-13", "rulesets.create_rule", Rejected, ...),
        ("rs-17", "tunnels.put_configuration", Rejected, 10000),
        ("rs-18", "rulesets.get", Rejected, ...),
        ("sx-02", "dns.create", Unavailable, None),
        ("tk-04", "zones.list", TokenRejected, None),
        ("tn-10", "tunnels.put_configuration", Rejected, 1056),
        ("tn-18", "tunnels.create", Conflict, 1013),
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
    """Each recorded failure raises its own kind of error, with Cloudflare's code."""
    exchange = recorded(name)
    api.always(exchange["status"], exchange["response"])
    raised = await error_of(CALLS[call](client))
    assert type(raised) is error
    if isinstance(raised, Rejected) and code is not ...:
        assert raised.code == code


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("tn-16", "tunnels.get_configuration"),
        ("rs-05", "rulesets.get"),
    ],
)
async def test_recorded_answers_that_are_no_errors(
    api: ScriptedApi, client: CloudflareClient, name: str, call: str
) -> None:
    """Cloudflare answers 404 for a zone without rules and a tunnel without configuration."""
    exchange = recorded(name)
    api.always(exchange["status"], exchange["response"])
    assert await CALLS[call](client) in (None, Ruleset())


async def test_recorded_revocation(api: ScriptedApi, client: CloudflareClient) -> None:
    """The answer to a revocation only says that it succeeded."""
    exchange = recorded("cc-03")
    api.always(exchange["status"], exchange["response"])
    status = await CALLS["client_certificates.revoke"](client)
    assert status is CertificateStatus.PENDING_REVOCATION


async def test_recorded_configurations_keep_every_key(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """Undocumented keys are kept, and the last rule is the catch-all."""
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
    """Connectors of two API versions, no tunnel, and deleted tunnels."""
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
    """One successful answer of each endpoint is read."""
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
