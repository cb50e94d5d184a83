"""IP Access rules, which decide before a zone's custom rules."""

from typing import Final

from .errors import Permission
from .models import IpAccessRule
from .paging import read_all
from .resource import Resource

# The API's word for the action that the dashboard calls Allow.
_ALLOW: Final = "whitelist"


class IpAccessRules(Resource):
    """The IP Access rules that apply to a zone: its own, its account's and its owner's."""

    async def list_allowing(self, zone_id: str) -> tuple[IpAccessRule, ...]:
        """Return the rules for whose visitors no custom rule of the zone is evaluated.

        Rules of all other modes only stop visitors.

        Source: GET /zones/{zone_id}/firewall/access_rules/rules; developers.cloudflare.com,
        WAF, "Rule phase interactions".
        """
        found = await read_all(
            self._transport,
            IpAccessRule.parse,
            t"/zones/{zone_id}/firewall/access_rules/rules",
            Permission.FIREWALL_READ,
            per_page=100,
            mode=_ALLOW,
        )
        return tuple(rule for rule in found if rule.mode == _ALLOW)
