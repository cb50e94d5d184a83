"""What a visit with a good certificate met behind the rules (pure)."""

from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from .probe import Verdict, Visit

_LOGIN_DOMAIN: Final = ".cloudflareaccess.com"
_NO_CONNECTOR: Final = b"1033"
# Also as the only, last chunk.
_EMPTY: Final = (b"", b"0\r\n\r\n")
# What Home Assistant answers where it does not trust the proxy, and nothing else.
_PROXY_NOT_TRUSTED: Final = b"400: Bad Request"


class Arrival(StrEnum):
    """Where a visit with a good certificate ended."""

    HOME = "home"
    """This Home Assistant answered."""
    REWRITTEN = "rewritten"
    """This Home Assistant answered, but was asked for another hostname."""
    SERVICE = "service"
    """Another service answered, where a hostname is for one."""
    BLOCKED = "blocked"
    NO_CERTIFICATE = "no_certificate"
    """The edge has no certificate for the hostname."""
    CHALLENGED = "challenged"
    LOGIN = "login"
    """Cloudflare Access asks for a login first."""
    NO_CONNECTOR = "no_connector"
    NO_RULE = "no_rule"
    """The connector has no ingress rule for the hostname."""
    NO_SERVICE = "no_service"
    """The connector did not find the service."""
    PROXY_NOT_TRUSTED = "proxy_not_trusted"
    REDIRECTED = "redirected"
    OTHER_APPLICATION = "other_application"
    UNKNOWN = "unknown"
    """Nothing is known: there was no answer, or not one of Cloudflare."""

    @property
    def is_there(self) -> bool | None:
        """Return whether devices reach what the hostname is for; None if it is not known."""
        if self in (Arrival.HOME, Arrival.REWRITTEN, Arrival.SERVICE):
            return True
        return None if self is Arrival.UNKNOWN else False

    @property
    def needs_a_person(self) -> bool:
        """Return whether something has to be set up in another way."""
        return self not in (Arrival.HOME, Arrival.SERVICE, Arrival.UNKNOWN)


_BEFORE_THE_ORIGIN: Final = {
    Verdict.BLOCKED: Arrival.BLOCKED,
    Verdict.CHALLENGED: Arrival.CHALLENGED,
    Verdict.NO_CERTIFICATE: Arrival.NO_CERTIFICATE,
    Verdict.NOT_CLOUDFLARE: Arrival.UNKNOWN,
    Verdict.UNREACHABLE: Arrival.UNKNOWN,
}


def judge_service(visit: Visit) -> Arrival:
    """Return where a visit ended at a hostname that is for another service than Home Assistant.

    Whatever answers behind the tunnel is that service: nobody knows its pages.
    """
    arrival = judge_arrival(visit, None)
    is_answer = arrival in (Arrival.REDIRECTED, Arrival.OTHER_APPLICATION)
    return Arrival.SERVICE if is_answer else arrival


def judge_arrival(visit: Visit, answer: str | None) -> Arrival:
    """Return where a visit ended that asked for what only this Home Assistant answers, if for that.

    Sources: Cloudflare's error 1033, and 404, 502, 503 and 504 of cloudflared, whose own answers are
    empty; homeassistant.components.http, forwarded; Cloudflare Access, the redirect to the team's
    domain.
    """
    if visit.verdict in _BEFORE_THE_ORIGIN:
        return _BEFORE_THE_ORIGIN[visit.verdict]
    if visit.verdict is Verdict.NO_ORIGIN:
        is_cut_off = visit.status == 530 and _NO_CONNECTOR in visit.body
        return Arrival.NO_CONNECTOR if is_cut_off else Arrival.NO_SERVICE
    match visit.status:
        case 404 | 503 if visit.verdict is Verdict.LET_IN and visit.body in _EMPTY:
            # By its catch-all rule, or because it has no rules at all.
            return Arrival.NO_RULE
        case 200 if answer is not None and answer.encode() in visit.body:
            return Arrival.HOME
        case 400 if answer is not None and _PROXY_NOT_TRUSTED in visit.body:
            return Arrival.PROXY_NOT_TRUSTED
        case 301 | 302 | 303 | 307 | 308:
            return _redirected_to(visit.location)
        case _ if visit.verdict is Verdict.LET_IN:
            return Arrival.OTHER_APPLICATION
        case _:
            return Arrival.UNKNOWN


def _redirected_to(location: str) -> Arrival:
    try:
        host = urlsplit(location).hostname or ""
    except ValueError:
        host = ""
    return Arrival.LOGIN if host.endswith(_LOGIN_DOMAIN) else Arrival.REDIRECTED
