"""What Access does with a visitor's request, before it goes to an origin."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
import secrets
from urllib.parse import urlencode

from aiohttp import web

from .. import pages
from ..clock import now
from ..state import (
    Access,
    AccessApplication,
    Account,
    ApplicationSession,
    LoginSession,
    State,
    Zone,
)
from . import cookies
from .coverage import covering, is_public
from .evaluation import Facts, Identity, deciding_policy, passes_without_login
from .keys import KeySet, TeamKeys
from .own_pages import PREFIX, answer_at_application
from .refusal import refused

_NO_STORE = (
    "private, max-age=0, no-store, no-cache, must-revalidate, post-check=0, pre-check=0"
)
_META_VALIDITY = timedelta(minutes=5)
_APP_SESSION_VALIDITY = timedelta(hours=24)
_NO_APPLICATION = "Access denied: no application covers this hostname"


@dataclass(frozen=True)
class Admitted:
    """A request may go on, with these headers for the origin."""

    headers: dict[str, str]


_AS_IT_IS = Admitted({})


@dataclass(frozen=True)
class Asked:
    """A request that Access looks at; the path is the one that rules look at too."""

    request: web.BaseRequest
    account: Account
    zone: Zone
    hostname: str
    path: str
    ray: str


class Gate:
    """Decides which requests go on, and sends the others to a login or away."""

    def __init__(self, state: State, keys: TeamKeys) -> None:
        """Take the settings, and the keys that sign tokens."""
        self._state = state
        self._keys = keys

    async def judge(self, asked: Asked) -> Admitted | web.Response:
        """Return that a request may go on, or what the visitor gets instead."""
        access = asked.account.access
        if access.team is None:
            return _AS_IT_IS
        if asked.path.startswith(PREFIX):
            return answer_at_application(access, asked.request, asked.path, asked.ray)
        settings = access.at_edge
        covered = covering(settings.applications.values(), asked.hostname, asked.path)
        if covered is None:
            return self._unmatched(settings, asked)
        visitor = self._state.visitor
        facts = Facts(visitor.country, visitor.ip, settings.groups)
        if is_public(covered.destination, asked.path) or passes_without_login(
            covered.application.policies, facts
        ):
            return _AS_IT_IS
        options = covered.application.options
        if asked.request.method == "OPTIONS" and options.get(
            "options_preflight_bypass"
        ):
            return _AS_IT_IS
        return await self._judge_person(asked, covered.application, facts)

    def _unmatched(self, settings: Access, asked: Asked) -> Admitted | web.Response:
        organization = settings.organization
        exempted = organization.get("deny_unmatched_requests_exempted_zone_names", ())
        if (
            not organization.get("deny_unmatched_requests")
            or asked.zone.name in exempted
        ):
            return _AS_IT_IS
        return pages.failed(asked.request, 403, 1043, _NO_APPLICATION, asked.ray)

    async def _judge_person(
        self, asked: Asked, application: AccessApplication, facts: Facts
    ) -> Admitted | web.Response:
        keys = await self._keys.get(asked.account.id)
        token = cookies.read(asked.request, cookies.TOKEN)
        found = _session(asked.account.access, keys, token, application)
        if found is None or not _is_bound(asked.request, found[1]):
            return self._without_session(asked, application, keys, had_one=bool(token))
        session, used = found
        facts = Facts(
            facts.country,
            facts.ip,
            facts.groups,
            Identity(session.email, session.provider_id),
            used.policy_id,
        )
        policy = deciding_policy(application.policies, facts)
        is_gone = used.policy_id not in [each.id for each in application.policies]
        if policy is None and is_gone:
            # GUESS: whom a policy let in may stay although the policy is detached.
            return _admitted(session, used)
        if policy is None or policy.decision == "deny":
            return refused(application, asked.request.host, asked.ray)
        return _admitted(session, used)

    def _without_session(
        self,
        asked: Asked,
        application: AccessApplication,
        keys: KeySet,
        *,
        had_one: bool,
    ) -> web.Response:
        request, options = asked.request, application.options
        oauth = options.get("oauth_configuration", {"enabled": False})
        is_script = request.headers.get("X-Requested-With") == "XMLHttpRequest"
        if (had_one and is_script) or (
            oauth.get("enabled", True)
            and "text/html" not in request.headers.get("Accept", "")
        ):
            return _headed(web.Response(status=401), asked)
        if request.method == "OPTIONS":
            return _preflight(options.get("cors_headers"), asked)
        return _headed(_to_login(asked, application, keys), asked)


def _session(
    access: Access, keys: KeySet, token: str, application: AccessApplication
) -> tuple[LoginSession, ApplicationSession] | None:
    """Return the session of a token for an application, unless it has ended."""
    claims = keys.claims(token, "app")
    if claims is None or application.aud not in claims["aud"]:
        return None
    session = access.people.sessions.get(claims["identity_nonce"])
    if session is None:
        return None
    for used in session.applications:
        if used.token == token and used.lives():
            return session, used
    return None


def _is_bound(request: web.BaseRequest, used: ApplicationSession) -> bool:
    """Return whether a request has the second cookie, where the application wants it."""
    return not used.binding or cookies.read(request, cookies.BINDING) == used.binding


def _admitted(session: LoginSession, used: ApplicationSession) -> Admitted:
    return Admitted(
        {
            "Cf-Access-Jwt-Assertion": used.token,
            "Cf-Access-Authenticated-User-Email": session.email,
        }
    )


def _to_login(
    asked: Asked, application: AccessApplication, keys: KeySet
) -> web.Response:
    target = asked.request.raw_path
    domain = asked.account.access.auth_domain
    issued = now()
    session = secrets.token_hex(32)
    # GUESS: the claims; nobody but the team's own pages reads them.
    meta = keys.sign(
        {
            "type": "meta",
            "aud": application.aud,
            "hostname": asked.hostname,
            "redirect_url": target,
            "auth_status": "NONE",
            "service_token_status": False,
            "app_session_hash": session,
            "iat": int(issued.timestamp()),
            "nbf": int(issued.timestamp()),
            "exp": int((issued + _META_VALIDITY).timestamp()),
        }
    )
    query = urlencode({"kid": application.aud, "meta": meta, "redirect_url": target})
    url = f"https://{domain}/cdn-cgi/access/login/{asked.hostname}?{query}"
    response = web.Response(status=302, content_type="text/html", charset="UTF-8")
    response.headers["Location"] = url
    cookies.write(
        response, cookies.APP_SESSION, session, issued + _APP_SESSION_VALIDITY
    )
    return response


def _preflight(cors: Mapping[str, object] | None, asked: Asked) -> web.Response:
    """Answer a request of a browser that asks what it may send."""
    # GUESS: the answer where the application has such settings; nothing here reads its headers.
    return _headed(web.Response(status=200 if cors else 403), asked)


def _headed(response: web.Response, asked: Asked) -> web.Response:
    metadata = (
        f"https://{asked.hostname}/.well-known/cloudflare-access-protected-resource/"
    )
    response.headers.update(
        {
            "Cache-Control": _NO_STORE,
            "Expires": "Thu, 01 Jan 1970 00:00:01 GMT",
            "Access-Control-Allow-Credentials": "true",
            "WWW-Authenticate": f'Cloudflare-Access resource_metadata="{metadata}"',
            "Server": "cloudflare",
            "CF-RAY": asked.ray,
        }
    )
    return response
