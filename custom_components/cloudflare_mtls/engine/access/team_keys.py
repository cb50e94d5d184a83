"""Fetches the keys that sign the tokens of a team."""

from ..api.errors import Unavailable
from ..api.json_fields import Fields, decoded
from ..probe import Probe
from .tokens import CERTS_PATH, TeamKeys


async def fetch_team_keys(probe: Probe, auth_domain: str) -> TeamKeys:
    """Return the keys that sign a team's tokens; raise Unavailable.

    Source: GET https://{auth_domain}/cdn-cgi/access/certs, which needs no token.
    """
    visit = await probe.anonymously(auth_domain, CERTS_PATH)
    if visit.status != 200:
        raise Unavailable(f"status {visit.status}")
    try:
        content = visit.content
    except ValueError as err:
        raise Unavailable("malformed answer") from err
    return TeamKeys.parse(Fields(decoded(content)))
