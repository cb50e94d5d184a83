"""Tests that the engine reads each recorded answer of the real API, except those listed with a reason."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from cloudflare import DefaultAsyncHttpxClient
import pytest

from custom_components.cloudflare_mtls.engine.api.access_models import Decision
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
    ZeroTrustNotSetUp,
)
from custom_components.cloudflare_mtls.engine.api.ingress import TunnelConfiguration
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import (
    CertificateStatus,
    Connector,
    Ruleset,
    TunnelStatus,
)
from tests.sandbox.helpers import serving
from tests.sandbox.recordings import RECORDED, Recording, needs_recordings

pytestmark = [needs_recordings, pytest.mark.usefixtures("socket_enabled")]

VERIFY = "/user/tokens/verify"


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


def _organization(client: CloudflareClient) -> Awaitable[Any]:
    return client.access_organization.get("account")


def _login_methods(client: CloudflareClient) -> Awaitable[Any]:
    return client.access_identity_providers.list("account")


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


def _found(client: CloudflareClient) -> Awaitable[Any]:
    return client.tunnels.find("account", "tunnel")


def _configure(client: CloudflareClient) -> Awaitable[Any]:
    return client.tunnels.put_configuration(
        "account",
        {"ingress": []},
        replacing=TunnelConfiguration.from_raw("tunnel", Fields({})),
    )


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


def _expires_with_june(result: Any) -> bool:
    return bool(result == datetime(2024, 6, 30, 23, 59, 59, tzinfo=UTC))


def _is_revoked(result: Any) -> bool:
    return result is CertificateStatus.REVOKED


def _rejected(code: int | None, kind: type[EngineError] = Rejected) -> Raises:
    return Raises(kind, {"code": code})


_PERMISSION = Raises(PermissionMissing)
_TOKEN = Raises(TokenRejected, {"problem": TokenProblem.INVALID})
# No Retry-After was recorded; Cloudflare blocks for five minutes.
_LIMITED = Raises(RateLimited, {"retry_after": 300})
_A_DAY = (datetime(2025, 1, 15, tzinfo=UTC), datetime(2025, 1, 16, tzinfo=UTC))
_A = "a.flare-spike-vpc.invalid"

READINGS: Mapping[str, Reading] = {
    "ac-01": Reading(_applications, _covers("gpfqbfyfcx.terraform.cfapi.net")),
    "ac-02": Reading(_applications, lambda found: found == ()),
    "ac-03": Reading(_create_record, _PERMISSION),
    "ac-05": Reading(_tunnels, _rejected(None)),
    "ac-06": Reading(_organization, _rejected(9999, ZeroTrustNotSetUp)),
    "au-01": Reading(_zones, Raises(TokenRejected, {"problem": TokenProblem.LOCATION})),
    "au-03": Reading(_ruleset, _PERMISSION),
    "au-04": Reading(_tunnels, _PERMISSION),
    "au-05": Reading(_zones, _PERMISSION),
    "ax-01": Reading(
        lambda client: client.access_groups.list("account"),
        lambda found: (
            [(each.name, [one.kind for one in each.rules.include]) for each in found]
            == [("family", ["email_list"])]
        ),
    ),
    "ax-02": Reading(
        _login_methods,
        lambda found: (
            [each.type for each in found] == ["onetimepin", "azureAD"]
            and found[0].is_one_time_pin
        ),
    ),
    "ax-03": Reading(
        lambda client: client.access_policies.list("account"),
        lambda found: (
            [(each.decision, each.reusable, each.application_count) for each in found]
            == 2 * [(Decision.NON_IDENTITY, True, 0)]
        ),
    ),
    "ax-07": Reading(
        _organization,
        lambda found: (
            (found.team, found.denies_unmatched, found.exempt_zones)
            == ("maple-street-4c1d", False, frozenset())
        ),
    ),
    "ax-11": Reading(_login_methods, lambda found: found[0].is_one_time_pin),
    "ax-19": Reading(_organization, _rejected(9999, ZeroTrustNotSetUp)),
    "ax-40": Reading(
        lambda client: client.access_logins.list("account", *_A_DAY),
        lambda found: (
            found.is_whole
            and [(each.email, each.allowed, each.method) for each in found.rows]
            == [("owner@example.com", True, "onetimepin")]
        ),
    ),
    "ax-14": Reading(_applications, _covers("home.example.com"), as_list=True),
    "ax-16": Reading(
        _applications, _covers("home.example.com", "home-ui.pages.dev"), as_list=True
    ),
    "ax-17": Reading(_create_record, _rejected(11010, Conflict)),
    "ax-18": Reading(
        lambda client: client.access_policies.find("account", "policy"), _nothing
    ),
    "ax-20": Reading(
        lambda client: client.access_identity_providers.create_one_time_pin("account"),
        _rejected(12132, Conflict),
    ),
    "ax-21": Reading(
        lambda client: client.access_applications.expect_edit_permission("account"),
        _nothing,
    ),
    "ax-22": Reading(_create_record, _rejected(12130)),
    "ax-24": Reading(_create_record, _rejected(12130)),
    "ax-25": Reading(_create_record, _rejected(12130)),
    "ax-27": Reading(_create_record, _rejected(11004)),
    "ax-30": Reading(_create_record, _rejected(12130)),
    "ax-32": Reading(
        lambda client: client.access_groups.find("account", "group"), _nothing
    ),
    "ax-34": Reading(_organization, _PERMISSION),
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
    "tk-02": Reading(_verify, _expires_with_june),
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
    "tn-14": Reading(_found, lambda found: found is None),
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
    "ax-05": "the engine does not read service tokens",
    "ax-09": "the engine does not read the mTLS settings of Access",
    "ax-12": "an old application without a type: the engine finds no address in it",
    "ax-33": "an empty list, which the organization's answer explains",
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
        if request.path == VERIFY and recording.request["path"] != VERIFY:
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

    async with serving(answer) as url, DefaultAsyncHttpxClient() as http_client:
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
    """With any status, 1407 means that the certificate is revoked: DIFFERENCES 17."""
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
