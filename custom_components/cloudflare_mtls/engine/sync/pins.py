"""Reads which certificates the rules accept, where they accept only some."""

from collections.abc import Collection
from dataclasses import dataclass

from ..api.client import CloudflareClient
from ..certificates.certificate import readable
from ..certificates.fetch import CertificateList, fetch_certificates
from ..certificates.trust import Trust
from ..run_blocking import RunBlocking
from .accepted import Accepted


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What says which certificates are trusted; these zones may have them.

    everywhere: whether hostnames for all devices accept no others either.
    """

    zone_ids: Collection[str]
    trust: Trust
    run_blocking: RunBlocking
    everywhere: bool

    def accepted(self, listed: CertificateList) -> Accepted:
        """Return which certificates are accepted.

        A list can never say what it lacks: what is trusted and not listed is accepted as well,
        so that a zone that cannot be read locks no device out.
        """
        certificates = listed.certificates
        device_ids = {
            item.facts.fingerprint_sha256: self.trust.device_id_of(item)
            for item in readable(certificates)
            if item.is_active and self.trust.trusts(item)
        } | self.trust.device_ids_beyond(certificates)
        of_device: dict[str, frozenset[str]] = {}
        for fingerprint, device_id in device_ids.items():
            if device_id is not None:
                others = of_device.get(device_id, frozenset())
                of_device[device_id] = others | {fingerprint}
        return Accepted(
            everywhere=frozenset(device_ids) if self.everywhere else None,
            of_device=of_device,
        )

    async def read(self, client: CloudflareClient) -> Accepted:
        """Return which certificates are accepted now; raise EngineError."""
        return self.accepted(
            await fetch_certificates(client, self.zone_ids, self.run_blocking)
        )
