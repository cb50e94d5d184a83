"""Packs a new certificate and its key into what the device fetches."""

from homeassistant.util import dt as dt_util

from ..engine.api.models import ClientCertificate
from ..engine.certificates.bundles import BundleFormat, make_bundle, make_password
from ..engine.certificates.companions import CompanionDevice
from ..engine.certificates.keys import PrivateKey
from ..engine.certificates.names import make_label
from ..pages.handovers import Delivery


def pack(
    *,
    entry_id: str,
    device: CompanionDevice,
    key: PrivateKey,
    issued: ClientCertificate,
    advised_format: BundleFormat,
) -> Delivery:
    """Return what the device fetches, in every format, the advised one first; slow."""
    # A certificate is valid from some minutes before it is issued; people look at their clock.
    label = make_label(device.name, dt_util.now(), device.id)
    password = make_password()
    formats = sorted(BundleFormat, key=lambda item: item is not advised_format)
    return Delivery(
        entry_id=entry_id,
        device_id=device.id,
        certificate_id=issued.id,
        label=label,
        system=device.system,
        password=password,
        bundles=tuple(
            make_bundle(key, issued.pem, item, label=label, password=password)
            for item in formats
        ),
    )
