"""What a visit without a login meets at a hostname: our application, another one, or none (pure)."""

from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, urlsplit

from ..api.access_models import AccessApplication, Organization
from ..probe import Verdict, Visit

_LOGIN_PATH: Final = "/cdn-cgi/access/login/"
_REDIRECTS: Final = frozenset({302, 303, 307})


class AskedBy(StrEnum):
    """Who asks a visitor to log in."""

    OURS = "ours"
    OTHER_APPLICATION = "other_application"
    SOMEBODY = "somebody"
    """An application that is not known, since Access was not read."""
    NOBODY = "nobody"
    """The visit reached an origin, or would have."""
    UNCLEAR = "unclear"


def who_asks(
    visit: Visit, organization: Organization, application: AccessApplication | None
) -> AskedBy:
    """Return who asks for a login, as an anonymous visit shows; a blocked one shows nothing.

    Source: Cloudflare's docs, Application token: "kid" of the redirect is the audience of the
    application that covers the hostname.
    """
    if (audience := asked_for(visit, organization)) is not None:
        is_ours = application is not None and audience == application.audience
        return AskedBy.OURS if is_ours else AskedBy.OTHER_APPLICATION
    if shows_login(visit):
        return AskedBy.OTHER_APPLICATION
    return _without_login(visit)


def whether_asked(visit: Visit) -> AskedBy:
    """Return whether somebody asks for a login, as a visit shows while Access cannot be read."""
    return AskedBy.SOMEBODY if shows_login(visit) else _without_login(visit)


def asked_for(visit: Visit, organization: Organization) -> str | None:
    """Return the audience of the application whose login page a visit was led to, None for none.

    Only a page of the account's own team counts.
    """
    if not shows_login(visit):
        return None
    url = urlsplit(visit.location)
    if url.scheme != "https" or url.hostname != organization.auth_domain:
        return None
    match parse_qs(url.query).get("kid"):
        case [audience]:
            return audience
        case _:
            return None


def _without_login(visit: Visit) -> AskedBy:
    """Return what a visit shows that met no login page."""
    if visit.verdict in (Verdict.LET_IN, Verdict.NO_ORIGIN):
        return AskedBy.NOBODY
    return AskedBy.UNCLEAR


def shows_login(visit: Visit) -> bool:
    """Return whether Cloudflare itself led a visit to a login page, of whichever team.

    A redirect that an origin sends proves nothing.
    """
    if visit.verdict is not Verdict.UNCLEAR or visit.status not in _REDIRECTS:
        return False
    try:
        return urlsplit(visit.location).path.startswith(_LOGIN_PATH)
    except ValueError:
        return False
