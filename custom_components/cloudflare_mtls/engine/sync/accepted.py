"""Which certificates the rules accept, at which hostname (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from .settings import ProtectedHostname


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The certificates that are accepted, by SHA-256 fingerprint in lowercase hex.

    everywhere: those that pass at hostnames for all devices; None for any certificate.
    of_device: those of each companion device, by our id; only they pass at limited hostnames.
    """

    everywhere: frozenset[str] | None = None
    of_device: Mapping[str, frozenset[str]] = MappingProxyType({})

    def at(self, item: ProtectedHostname) -> frozenset[str] | None:
        """Return the fingerprints of the certificates that pass at a hostname; None for any."""
        if item.devices is None:
            return self.everywhere
        of_devices = (self.of_device.get(key, frozenset()) for key in item.devices)
        return frozenset[str]().union(*of_devices)

    def with_another(self, device_id: str | None, fingerprint: str) -> Accepted:
        """Return what is accepted once a device, or none, has a further certificate."""
        everywhere = self.everywhere
        of_device = dict(self.of_device)
        if everywhere is not None:
            everywhere |= {fingerprint}
        if device_id is not None:
            of_device[device_id] = of_device.get(device_id, frozenset()) | {fingerprint}
        return replace(self, everywhere=everywhere, of_device=of_device)
