"""Which certificates the rules accept, where they accept only some."""

from collections.abc import Collection
from dataclasses import dataclass

from ..api.client import CloudflareClient
from ..certificates.certificate import readable
from ..certificates.fetch import CertificateList, fetch_certificates
from ..certificates.trust import Trust
from ..run_blocking import RunBlocking


@dataclass(frozen=True, kw_only=True)
class Pins:
    """The choice to accept only the active certificates of these zones that are trusted.

    Of the zones that are needed, devices have certificates: what cannot be read there may exist.
    """

    zone_ids: Collection[str]
    needed_zone_ids: Collection[str]
    trust: Trust
    run_blocking: RunBlocking

    def fingerprints(self, listed: CertificateList) -> frozenset[str]:
        """Return the fingerprints of those that are accepted: SHA-256, lowercase hex.

        A zone that cannot be read locks no device out: what is trusted and may be there counts.
        """
        certificates = listed.certificates
        accepted = frozenset(
            item.facts.fingerprint_sha256
            for item in readable(certificates)
            if item.is_active and self.trust.trusts(item)
        )
        if listed.failed.keys().isdisjoint(self.needed_zone_ids):
            return accepted
        return accepted | self.trust.fingerprints_beyond(certificates)

    async def read(self, client: CloudflareClient) -> frozenset[str]:
        """Return the fingerprints that are accepted now; raise EngineError."""
        return self.fingerprints(
            await fetch_certificates(client, self.zone_ids, self.run_blocking)
        )
