"""Which certificates the rules accept, where they accept only some."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..api.client import CloudflareClient
from ..certificates.companions import Certificate
from ..certificates.fetch import fetch_certificates
from ..run_blocking import RunBlocking


@dataclass(frozen=True, kw_only=True)
class Pins:
    """The choice to accept only certificates of companion devices.

    These are the active certificates of the zones that a Home Assistant created, and the
    adopted ones: certificates from elsewhere, by id, that a person made companion devices.
    """

    zone_ids: Collection[str]
    adopted: Collection[str]
    run_blocking: RunBlocking

    def fingerprints(self, certificates: Iterable[Certificate]) -> frozenset[str]:
        """Return the fingerprints of those that are accepted: SHA-256, lowercase hex."""
        return frozenset(
            item.facts.fingerprint_sha256
            for item in certificates
            if item.is_active and (item.facts.managed or item.id in self.adopted)
        )

    async def read(self, client: CloudflareClient) -> frozenset[str]:
        """Return the fingerprints that are accepted now; raise EngineError."""
        return self.fingerprints(
            await fetch_certificates(client, self.zone_ids, self.run_blocking)
        )
