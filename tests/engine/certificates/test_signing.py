"""Certificates are signed once, even if the answer is lost."""

import asyncio
from types import SimpleNamespace

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    PermissionMissing,
    RateLimited,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import ClientCertificate
from custom_components.cloudflare_mtls.engine.certificates import signing
from custom_components.cloudflare_mtls.engine.certificates.keys import (
    KeyType,
    SigningRequest,
    make_signing_request,
)
from custom_components.cloudflare_mtls.engine.certificates.signing import (
    issue_certificate,
)
from sandbox import Sandbox
from sandbox.state import REVOKED, Zone
from sandbox.state.zones import CertificateStatus
from tests.engine.builders import ZONE_ID
from tests.engine.servers import Fault, FaultyProxy


def the_zone(sandbox: Sandbox) -> Zone:
    """Return the sandbox's zone, to read and to edit."""
    return sandbox.state.zones[ZONE_ID]


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Search for a lost certificate without pauses; return the pauses that were asked for."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(signing, "asyncio", SimpleNamespace(sleep=sleep))
    return pauses


def signing_request() -> SigningRequest:
    """Return a request for a phone."""
    return make_signing_request("Phone", "01J0DEVICE", KeyType.EC_P256)


async def test_certificate_is_signed_once(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The subject names the device, and says that a Home Assistant created the certificate."""
    request = signing_request()
    certificate, facts = await issue_certificate(
        client, ZONE_ID, request, 365, asyncio.to_thread
    )
    assert facts.public_key == request.public_key
    assert facts.name == "Phone"
    assert (facts.organization, facts.organizational_unit) == (
        "Home Assistant",
        "01J0DEVICE",
    )
    assert (facts.expires_on - facts.issued_on).days == 365
    assert list(the_zone(sandbox).certificates) == [certificate.id]


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.LOST_CUT])
async def test_certificate_whose_answer_got_lost_is_found(
    sandbox: Sandbox,
    unsteady: CloudflareClient,
    proxy: FaultyProxy,
    no_pauses: list[float],
    fault: Fault,
) -> None:
    """The search recognises it by its key among other certificates."""
    await issue_certificate(
        unsteady, ZONE_ID, signing_request(), 365, asyncio.to_thread
    )
    proxy.fails_at, proxy.fault = 1, fault
    request = signing_request()
    certificate, facts = await issue_certificate(
        unsteady, ZONE_ID, request, 365, asyncio.to_thread
    )
    assert facts.public_key == request.public_key
    assert list(the_zone(sandbox).certificates)[1:] == [certificate.id]
    assert no_pauses == [0]


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.CUT])
async def test_certificate_that_was_never_signed_is_unavailable(
    sandbox: Sandbox,
    unsteady: CloudflareClient,
    proxy: FaultyProxy,
    no_pauses: list[float],
    fault: Fault,
) -> None:
    """The list is searched for a minute, and no second signature is requested."""
    proxy.fails_at, proxy.fault = 0, fault
    with pytest.raises(Unavailable):
        await issue_certificate(
            unsteady, ZONE_ID, signing_request(), 365, asyncio.to_thread
        )
    assert not the_zone(sandbox).certificates
    assert proxy.writes == 1
    # The list may lag by a minute.
    assert sum(no_pauses) >= 60


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault.REFUSED, PermissionMissing), (Fault.LIMITED, RateLimited)],
)
async def test_refused_request_starts_no_search(
    unsteady: CloudflareClient,
    proxy: FaultyProxy,
    no_pauses: list[float],
    fault: Fault,
    error: type[EngineError],
) -> None:
    """A refused or rate-limited request signed nothing."""
    proxy.fails_at, proxy.fault = 0, fault
    with pytest.raises(error):
        await issue_certificate(
            unsteady, ZONE_ID, signing_request(), 365, asyncio.to_thread
        )
    assert no_pauses == []


@pytest.mark.parametrize("status", sorted(REVOKED))
async def test_certificate_that_was_revoked_before_it_was_found_is_a_conflict(
    sandbox: Sandbox,
    unsteady: CloudflareClient,
    proxy: FaultyProxy,
    monkeypatch: pytest.MonkeyPatch,
    status: CertificateStatus,
) -> None:
    """Somebody may revoke the unknown certificate before the search finds it."""
    proxy.fails_at, proxy.fault = 0, Fault.LOST
    search = unsteady.client_certificates.list

    async def revoke_first(zone_id: str) -> tuple[ClientCertificate, ...]:
        for record in the_zone(sandbox).certificates.values():
            record.status = status
        return await search(zone_id)

    monkeypatch.setattr(unsteady.client_certificates, "list", revoke_first)
    with pytest.raises(Conflict):
        await issue_certificate(
            unsteady, ZONE_ID, signing_request(), 365, asyncio.to_thread
        )
    assert proxy.writes == 1


async def test_certificate_for_another_key_is_a_conflict(
    client: CloudflareClient,
) -> None:
    """The device could not use it."""
    mixed = SigningRequest(key=signing_request().key, csr=signing_request().csr)
    with pytest.raises(Conflict):
        await issue_certificate(client, ZONE_ID, mixed, 365, asyncio.to_thread)
