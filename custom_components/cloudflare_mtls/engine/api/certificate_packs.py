"""The certificates that Cloudflare's edge shows visitors of a zone."""

from .errors import Permission
from .json_fields import Fields
from .names import in_dns
from .paging import read_all
from .resource import Resource


class CertificatePacks(Resource):
    """The certificates of a zone's edge: universal, advanced and uploaded ones."""

    async def list_names(self, zone_id: str) -> frozenset[str]:
        """Return the names that the active ones are for; a star stands for one label.

        Source: GET /zones/{zone_id}/ssl/certificate_packs, which lists active ones only.
        """
        packs = await read_all(
            self._transport,
            _hosts,
            t"/zones/{zone_id}/ssl/certificate_packs",
            Permission.CERTIFICATES_EDIT,
            per_page=50,
        )
        return frozenset(in_dns(host) for hosts in packs for host in hosts)


def _hosts(fields: Fields) -> tuple[str, ...]:
    return fields.texts("hosts")
