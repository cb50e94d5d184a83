"""Which certificates the rules accept if they accept only those of companion devices."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from cryptography import x509

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.certificates.records import Record
from custom_components.cloudflare_mtls.engine.sync.pins import Pins
from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import add_certificate, fingerprint_of
from tests.engine.builders import ZONE_ID, trust


def pins(*zone_ids: str, confirmed: Iterable[x509.Certificate] = ()) -> Pins:
    """Return the choice to accept only confirmed certificates of these zones."""
    return Pins(
        zone_ids=zone_ids,
        trust=trust(confirmed={fingerprint_of(item): None for item in confirmed}),
        run_blocking=asyncio.to_thread,
        everywhere=True,
    )


async def test_active_certificates_that_are_trusted_are_accepted(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Revoked ones are not, nor those that only say that they are ours."""
    restored = CertificateStatus.PENDING_REACTIVATION
    accepted = [
        await add_certificate(sandbox, certificate_id="created"),
        await add_certificate(sandbox, certificate_id="restored", status=restored),
        await add_certificate(
            sandbox, certificate_id="adopted", organization="Somebody"
        ),
    ]
    await add_certificate(sandbox, certificate_id="claims to be ours")
    revoked = [
        await add_certificate(sandbox, certificate_id=status, status=status)
        for status in (CertificateStatus.REVOKED, CertificateStatus.PENDING_REVOCATION)
    ]

    found = await pins(ZONE_ID, confirmed=[*accepted, *revoked]).read(client)

    assert found.everywhere == frozenset(map(fingerprint_of, accepted))


async def test_certificates_of_every_zone_are_accepted(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A device's certificate may belong to another zone than the hostname."""
    other = sandbox.state.add_zone("example.net")
    here = await add_certificate(sandbox)
    there = await add_certificate(sandbox, certificate_id="there")
    certificates = sandbox.state.zones[ZONE_ID].certificates
    other.certificates["there"] = certificates.pop("there")

    both = (here, there)
    found = await pins(ZONE_ID, other.id, confirmed=both).read(client)
    assert found.everywhere == frozenset(map(fingerprint_of, both))


async def test_zone_that_cannot_be_read(sandbox: Sandbox) -> None:
    """What is trusted and may be there is accepted: a bad answer locks nobody out."""
    here = fingerprint_of(await add_certificate(sandbox, certificate_id="here"))
    other = sandbox.state.add_zone("example.org")
    token = sandbox.state.add_token(zones={ZONE_ID})
    client = CloudflareClient(token, base_url=sandbox.api_url)
    wanted = Pins(
        zone_ids={ZONE_ID, other.id},
        trust=trust(
            records={
                "1": record("there", "device"),
                "2": record("revoked", "device"),
                "3": record("unwanted", "device"),
                "4": record("of a removed device", "gone"),
                "5": record("expired", "device"),
            },
            confirmed={here: None, "confirmed": None, "adopted": "gone"},
            revoked={"2"},
            unwanted={"3"},
            ended={"5"},
            device_ids={"device"},
        ),
        run_blocking=asyncio.to_thread,
        everywhere=True,
    )

    everywhere = frozenset({here, "there", "confirmed"})
    accepted = await wanted.read(client)
    assert accepted.everywhere == everywhere
    # What belongs to no device passes at no limited hostname.
    assert accepted.of_device == {"device": {"there"}}
    for zone_ids in ({other.id}, {ZONE_ID}, set[str]()):
        # A list never says what it lacks: it may be in a zone that nobody knows of.
        found = await replace(wanted, zone_ids=zone_ids).read(client)
        assert found.everywhere == everywhere


def record(fingerprint: str, device_id: str) -> Record:
    """Return the record of a certificate that was created here."""
    created_on = datetime(2026, 11, 28, tzinfo=UTC)
    return Record(fingerprint=fingerprint, device_id=device_id, created_on=created_on)


async def test_certificates_of_each_device(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A device may have several; hostnames for all devices may go on accepting every one."""
    phones = [
        fingerprint_of(await add_certificate(sandbox, certificate_id=item))
        for item in ("first", "second")
    ]
    tablet = fingerprint_of(await add_certificate(sandbox, certificate_id="tablet"))
    nobodys = fingerprint_of(await add_certificate(sandbox, certificate_id="nobody"))
    holders = {**dict.fromkeys(phones, "phone"), tablet: "tablet", nobodys: None}
    wanted = Pins(
        zone_ids={ZONE_ID},
        trust=trust(confirmed=holders, device_ids={"phone", "tablet"}),
        run_blocking=asyncio.to_thread,
        everywhere=False,
    )

    found = await wanted.read(client)

    assert found.everywhere is None
    assert found.of_device == {"phone": {*phones}, "tablet": {tablet}}
    everywhere = await replace(wanted, everywhere=True).read(client)
    assert everywhere.everywhere == frozenset({*phones, tablet, nobodys})
