"""The paths of Access on an application's hostname: the end of a login, and the logout."""

from aiohttp import web

from .. import pages
from ..state import Access, AccessApplication, ApplicationSession
from . import cookies
from .coverage import uris

PREFIX = "/cdn-cgi/access/"
_SAME_SITE: dict[str, cookies.SameSite] = {
    "none": "None",
    "lax": "Lax",
    "strict": "Strict",
}


def answer_at_application(
    access: Access, request: web.BaseRequest, path: str, ray: str
) -> web.Response:
    """Answer a request for one of these paths."""
    if path == f"{PREFIX}authorized":
        return _arrive(access, request, ray)
    if path == f"{PREFIX}logout":
        return log_out(access, request, ray)
    return pages.access_page(404, ray, "Not found", request.host, "Nothing is here.")


def log_out(access: Access, request: web.BaseRequest, ray: str) -> web.Response:
    """End the session of a visitor for every application."""
    token = cookies.read(request, cookies.TOKEN)
    for session in access.people.sessions.values():
        if token and token in (session.token, *(e.token for e in session.applications)):
            session.end(0)
    text = "You have logged out."
    response = pages.access_page(200, ray, "Logged out", request.host, text)
    response.del_cookie(cookies.TOKEN, path="/")
    return response


def _arrive(access: Access, request: web.BaseRequest, ray: str) -> web.Response:
    """Set the cookie of a person who logged in, and lead them on to the page that they wanted."""
    # GUESS: what the redirect to here says. It works once.
    used = access.people.arrivals.pop(request.query.get("nonce", ""), None)
    if used is None or used.hostname != request.host.partition(":")[0].lower():
        text = "This login has expired. Try again."
        return pages.access_page(400, ray, "Invalid login session", request.host, text)
    target = request.query.get("redirect_url", "/")
    response = pages.redirected(f"https://{used.hostname}/{target.lstrip('/')}", ray)
    application = access.at_edge.applications.get(used.application_id)
    options = application.options if application is not None else {}
    cookies.write(
        response,
        cookies.TOKEN,
        used.token,
        used.expires_at,
        path=_cookie_path(application, used),
        http_only=options.get("http_only_cookie_attribute", True),
        same_site=_SAME_SITE.get(options.get("same_site_cookie_attribute", "none")),
    )
    if used.binding:
        cookies.write(response, cookies.BINDING, used.binding, used.expires_at)
    return response


def _cookie_path(
    application: AccessApplication | None, used: ApplicationSession
) -> str:
    """Return the path that a cookie is for: the application's own, if it wants that."""
    if application is None or not application.options.get("path_cookie_attribute"):
        return "/"
    for uri in uris(application):
        host, slash, path = uri.partition("/")
        if host == used.hostname and "*" not in path:
            return slash + path or "/"
    return "/"
