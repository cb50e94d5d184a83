"""The pages of a team's domain: keys, logout, and the login with a PIN from an e-mail."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
import secrets
from urllib.parse import urlencode

from aiohttp import web

from .. import pages
from ..clock import now
from ..state import (
    Access,
    AccessApplication,
    AccessPolicy,
    AccessUser,
    Account,
    ApplicationSession,
    IdentityProvider,
    LoginRow,
    LoginSession,
    SentPin,
    State,
)
from . import cookies
from .coverage import covering
from .durations import duration
from .evaluation import Facts, Identity, could_admit, deciding_policy
from .keys import KeySet, TeamKeys
from .own_pages import PREFIX, log_out
from .refusal import refused

_LOGIN = f"{PREFIX}login/"
_DEFAULT_DURATION = timedelta(hours=24)
# A page has more than one part, and each asks for the login again.
_ROWS_PER_LOGIN = ("", "/favicon.ico")
_FORM = """<form method="post">
<p><label>E-mail <input type="email" name="email" value="{email}" required></label></p>
{more}<p><button>{button}</button></p>
</form>"""
_CODE = (
    "<p>A code was sent to this address.</p>"
    '<p><label>Code <input name="code" inputmode="numeric" autofocus></label></p>'
)


@dataclass(frozen=True)
class _Login:
    """A login that is under way."""

    account: Account
    application: AccessApplication
    hostname: str
    target: str
    ray: str

    @property
    def access(self) -> Access:
        """Return the settings that the edge goes by."""
        return self.account.access.at_edge


class LoginPages:
    """Answers requests for the domains of teams."""

    def __init__(self, state: State, keys: TeamKeys) -> None:
        """Take the settings and people, and the keys that sign tokens."""
        self._state = state
        self._keys = keys

    async def answer(
        self, request: web.BaseRequest, account: Account, ray: str
    ) -> web.Response:
        """Answer a request."""
        keys = await self._keys.get(account.id)
        if request.path == f"{PREFIX}certs":
            return web.json_response(keys.published())
        if request.path == f"{PREFIX}logout":
            return log_out(account.access, request, ray)
        if not request.path.startswith(_LOGIN):
            return _page(404, ray, request.host, "Nothing is here.")
        login = _login(request, account, ray)
        if login is None:
            text = "Unable to find your Access application."
            return _page(404, ray, request.host, text)
        return await self._log_in(request, login, keys)

    async def _log_in(
        self, request: web.BaseRequest, login: _Login, keys: KeySet
    ) -> web.Response:
        session = _earlier_session(request, login, keys)
        if session is not None:
            return self._decide(login, session, keys)
        provider = _pin_provider(login)
        if provider is None:
            text = "No login method is available."
            return _page(403, login.ray, request.host, text)
        form = await _form(request)
        email = form.get("email", "").strip().lower()
        if "@" not in email:
            return _form_page(login, "", "", "Send me a code")
        if "code" not in form:
            self._send_pin(login, Identity(email, provider.id))
            return _form_page(login, email, _CODE, "Log in")
        return self._check_code(login, email, form["code"].strip(), provider, keys)

    def _send_pin(self, login: _Login, person: Identity) -> None:
        """Mail a PIN, but only to a person whom some policy names; the page does not tell."""
        if could_admit(login.application.policies, self._facts(login, person)):
            pin = f"{secrets.randbelow(10**6):06d}"
            sent = SentPin(person.email, pin, login.application.aud)
            login.account.access.people.pins.append(sent)

    def _check_code(
        self,
        login: _Login,
        email: str,
        code: str,
        provider: IdentityProvider,
        keys: KeySet,
    ) -> web.Response:
        people, aud = login.account.access.people, login.application.aud
        sent = [each for each in people.pins if (each.email, each.aud) == (email, aud)]
        good = [each for each in sent if each.pin == code and each.is_valid()]
        if not good:
            if not sent:
                self._add_rows(login, email, provider.type, allowed=False)
            return _form_page(login, email, _CODE, "Log in", "This code is not valid.")
        people.pins = [each for each in people.pins if each not in good]
        visitor = self._state.visitor
        user = people.user_of(email)
        session = LoginSession(
            user_id=user.id if user is not None else "",
            email=email,
            provider_id=provider.id,
            provider_type=provider.type,
            country=visitor.country,
            ip=str(visitor.ip),
            expires_at=now()
            + _duration(login.access.organization.get("session_duration")),
        )
        return self._decide(login, session, keys)

    def _decide(
        self, login: _Login, session: LoginSession, keys: KeySet
    ) -> web.Response:
        """Let a person in whom the policies allow, and who has a seat or gets one."""
        people = login.account.access.people
        person = Identity(session.email, session.provider_id)
        policy = deciding_policy(login.application.policies, self._facts(login, person))
        user = people.user_of(session.email)
        if (
            policy is None
            or policy.decision == "deny"
            or (user is not None and now() < user.refused_until)
            or not people.has_seat_for(session.email)
        ):
            self._add_rows(login, session.email, session.provider_type, allowed=False)
            return refused(
                login.application, login.account.access.auth_domain, login.ray
            )
        _seat(login.account.access, session)
        self._add_rows(login, session.email, session.provider_type, allowed=True)
        return _leave(login, session, policy, keys)

    def _facts(self, login: _Login, person: Identity) -> Facts:
        visitor = self._state.visitor
        return Facts(visitor.country, visitor.ip, login.access.groups, person)

    def _add_rows(
        self, login: _Login, email: str, connection: str, *, allowed: bool
    ) -> None:
        people, visitor = login.account.access.people, self._state.visitor
        user = people.user_of(email)
        path = login.target.partition("?")[0].rstrip("/")
        people.log += [
            LoginRow(
                allowed=allowed,
                app_uid=login.application.id,
                app_name=login.application.name,
                app_domain=f"{login.hostname}{path}{part}",
                connection=connection,
                user_email=email,
                user_id=user.id if user is not None else "",
                country=visitor.country,
                ip_address=str(visitor.ip),
            )
            for part in (_ROWS_PER_LOGIN if allowed else _ROWS_PER_LOGIN[:1])
        ]


def _login(request: web.BaseRequest, account: Account, ray: str) -> _Login | None:
    """Return the login that a URL asks for; None if no such application covers the hostname."""
    hostname = request.path.removeprefix(_LOGIN).lower()
    target = request.query.get("redirect_url", "/")
    path = target.partition("?")[0]
    for application in account.access.at_edge.applications.values():
        if application.aud == request.query.get("kid") and covering(
            [application], hostname, path
        ):
            return _Login(account, application, hostname, target, ray)
    return None


def _earlier_session(
    request: web.BaseRequest, login: _Login, keys: KeySet
) -> LoginSession | None:
    """Return the session of a person who logged in before, if it is good for the application."""
    claims = keys.claims(cookies.read(request, cookies.TOKEN), "org")
    people = login.account.access.people
    session = people.sessions.get(claims["identity_nonce"]) if claims else None
    if session is None or not session.lives():
        return None
    revoked = people.revoked_tokens_at.get(login.application.id)
    if revoked is not None and session.created_at <= revoked:
        return None
    allowed = login.application.options.get("allowed_idps")
    return session if not allowed or session.provider_id in allowed else None


def _pin_provider(login: _Login) -> IdentityProvider | None:
    """Return the login method that sends PINs, if the application allows it."""
    allowed = login.application.options.get("allowed_idps")
    for provider in login.access.identity_providers:
        if provider.type == "onetimepin" and (not allowed or provider.id in allowed):
            return provider
    return None


def _seat(access: Access, session: LoginSession) -> None:
    """Give a person a seat, and keep the session."""
    user = access.people.user_of(session.email)
    if user is None:
        user = AccessUser(session.email)
        access.people.users[user.id] = user
    user.access_seat, user.last_successful_login = True, now()
    user.updated_at = now()
    session.user_id = user.id
    access.people.sessions[session.nonce] = session


def _leave(
    login: _Login, session: LoginSession, policy: AccessPolicy, keys: KeySet
) -> web.Response:
    """Send a person back to the application's hostname, which gets a token of its own."""
    options = login.application.options
    expires = now() + _duration(
        policy.session_duration or options.get("session_duration")
    )
    used = ApplicationSession(
        token=keys.sign(
            _claims(login, session, expires)
            | {
                "aud": [login.application.aud],
                "type": "app",
                "policy_id": policy.id,
                "country": session.country,
            }
        ),
        application_id=login.application.id,
        application_name=login.application.name,
        hostname=login.hostname,
        policy_id=policy.id,
        expires_at=expires,
        binding=secrets.token_hex(16) if options.get("enable_binding_cookie") else "",
    )
    session.applications.append(used)
    if not session.token:
        session.token = keys.sign(
            _claims(login, session, session.expires_at)
            | {"aud": [login.account.access.auth_domain], "type": "org"}
        )
    nonce = secrets.token_urlsafe(16)
    login.account.access.people.arrivals[nonce] = used
    query = urlencode({"nonce": nonce, "redirect_url": login.target})
    url = f"https://{login.hostname}{PREFIX}authorized?{query}"
    response = pages.redirected(url, login.ray)
    # GUESS: the attributes of this cookie.
    cookies.write(
        response, cookies.TOKEN, session.token, session.expires_at, same_site="None"
    )
    return response


def _claims(
    login: _Login, session: LoginSession, expires: datetime
) -> dict[str, object]:
    issued = int(now().timestamp())
    return {
        "email": session.email,
        "iss": f"https://{login.account.access.auth_domain}",
        "sub": session.user_id,
        "identity_nonce": session.nonce,
        "iat": issued,
        "nbf": issued,
        "exp": issued + int((expires - now()).total_seconds() + 0.5),
    }


def _duration(text: str | None) -> timedelta:
    return (duration(text) if text else None) or _DEFAULT_DURATION


async def _form(request: web.BaseRequest) -> dict[str, str]:
    if request.method != "POST":
        return {}
    try:
        sent = await request.post()
    except ValueError:
        return {}
    return {key: value for key, value in sent.items() if isinstance(value, str)}


def _form_page(
    login: _Login, email: str, more: str, button: str, trouble: str = ""
) -> web.Response:
    form = _FORM.format(email=escape(email, quote=True), more=more, button=button)
    title = f"Log in ・ {login.application.name}"
    text = f"<p>{escape(trouble)}</p>{form}" if trouble else form
    return pages.page(200, login.ray, title, text)


def _page(status: int, ray: str, host: str, text: str) -> web.Response:
    return pages.access_page(status, ray, "Cloudflare Access", host, text)
