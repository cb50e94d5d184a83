"""Checks that a new device opens those hostnames, and only those, that a person chose for it."""

from collections.abc import Collection

from ..engine.sync.settings import HostnameSettings
from ..limited_hostnames import limited_among
from ..wording import Message, raise_translated_error
from .creations import Creation
from .request import CertificateRequest


def raise_if_changed(
    hostnames: Collection[HostnameSettings],
    creation: Creation,
    request: CertificateRequest,
) -> None:
    """Raise HomeAssistantError where a new device would open other hostnames than a person chose.

    Who limits a hostname in another dialog, or opens it to all devices, is not shown a device
    that is being added.
    """
    if not request.is_new:
        return
    is_admitted = creation.subentry_id is None or all(
        item.is_for(creation.device_id)
        for item in hostnames
        if item.hostname in request.opens
    )
    if not is_admitted or request.limited != limited_among(hostnames):
        raise_translated_error(Message("hostnames_changed"))
