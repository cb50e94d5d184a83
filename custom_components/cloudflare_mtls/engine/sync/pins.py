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
    """The choice to accept only the certificates that are trusted; these zones may have them."""

    zone_ids: Collection[str]
    trust: Trust
    run_blocking: RunBlocking

    def fingerprints(self, listed: CertificateList) -> frozenset[str]:
        """Return the fingerprints of those that are accepted: SHA-256, lowercase hex.

        A list can never say what it lacks: what is trusted and not listed is accepted as well,
        so that a zone that cannot be read locks no device out.
        """
        certificates = listed.certificates
        accepted = frozenset(
            item.facts.fingerprint_sha256
            for item in readable(certificates)
            if item.is_active and self.trust.trusts(item)
        )
        return accepted | self.trust.fingerprints_beyond(certificates)

    async def read(self, client: CloudflareClient) -> frozenset[str]:
        """Return the fingerprints that are accepted now; raise EngineError."""
        return self.fingerprints(
            await fetch_certificates(client, self.zone_ids, self.run_blocking)
        )
