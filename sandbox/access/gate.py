"""What Access does with a visitor's request."""

from urllib.parse import urlencode

from ..state import Access, Visitor
from .coverage import covering, is_public
from .evaluation import Facts, passes_without_login


def login_url(access: Access, visitor: Visitor, hostname: str, path: str) -> str | None:
    """Return the URL where a visitor has to log in first, or None if no login is needed."""
    covered = covering(access.at_edge.applications.values(), hostname, path)
    if covered is None or is_public(covered.destination, path):
        return None
    facts = Facts(visitor.country, visitor.ip, access.at_edge.groups)
    if passes_without_login(covered.application.policies, facts):
        return None
    query = urlencode({"kid": covered.application.aud, "redirect_url": path})
    return f"https://{access.auth_domain}/cdn-cgi/access/login/{hostname}?{query}"
