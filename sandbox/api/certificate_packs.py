"""Certificates that the edge shows visitors."""

from datetime import timedelta
from typing import Any

from sandbox.state import CertificatePack, Zone

from ..envelope import Answer, seconds
from .paging import Paging
from .routing import Call, Routes

routes = Routes()

# GUESS: the page sizes.
_PAGING = Paging(default=20, minimum=1, maximum=50)
_VALIDITY = timedelta(days=90)


@routes.get("/zones/{zone_id}/ssl/certificate_packs")
async def list_packs(call: Call) -> Answer:
    """List the active packs, or all of them."""
    shows_all = call.query.get("status") == "all"
    packs = [
        pack
        for pack in call.zone.certificate_packs
        if shows_all or pack.status == "active"
    ]
    return _PAGING.answer(
        call.query, packs, lambda pack: certificate_pack_json(call.zone, pack)
    )


def certificate_pack_json(zone: Zone, pack: CertificatePack) -> dict[str, Any]:
    """Return a pack as the API writes it."""
    body = {
        "id": pack.id,
        "type": pack.type,
        "hosts": pack.hosts,
        "status": pack.status,
        "validation_method": "txt",
        "validity_days": 90,
        "certificate_authority": "google",
    }
    if pack.status != "active":
        # One that is only ordered has no certificates yet.
        return body
    certificate = {
        "id": pack.id,
        "hosts": pack.hosts,
        "issuer": "GoogleTrustServices",
        "signature": "ECDSAWithSHA256",
        "status": pack.status,
        "bundle_method": "ubiquitous",
        "zone_id": zone.id,
        "uploaded_on": seconds(zone.created_on),
        "modified_on": seconds(zone.created_on),
        "expires_on": seconds(zone.created_on + _VALIDITY),
        "priority": None,
    }
    return {**body, "primary_certificate": pack.id, "certificates": [certificate]}
