"""Names of the API's endpoints, without the ids of their resources."""

from dataclasses import dataclass
import re
from typing import Self

_IDS = (
    (r"/accounts/[^/]+", "/accounts/{account}"),
    (r"/zones/[^/]+", "/zones/{zone}"),
    (r"/cfd_tunnel/[^/]+", "/cfd_tunnel/{tunnel}"),
    (r"/rulesets/(?!phases)[^/]+", "/rulesets/{ruleset}"),
    (r"/rules/[^/]+", "/rules/{rule}"),
    (r"/dns_records/[^/]+", "/dns_records/{record}"),
)


@dataclass(frozen=True)
class Endpoint:
    """A method and a path with placeholders for ids."""

    method: str
    path: str

    @classmethod
    def of(cls, method: str, path: str) -> Self:
        """Return the endpoint of a request; the path is below /client/v4."""
        for pattern, placeholder in _IDS:
            path = re.sub(pattern, placeholder, path)
        return cls(method, path)
