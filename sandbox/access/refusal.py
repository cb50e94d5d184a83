"""What a person sees whom no policy lets in."""

from aiohttp import web

from .. import pages
from ..state import AccessApplication

_MESSAGE = "That account does not have access."


def refused(application: AccessApplication, host: str, ray: str) -> web.Response:
    """Return the page of a refusal, or the redirect that the application has for it."""
    if url := application.options.get("custom_deny_url"):
        return pages.redirected(url, ray)
    # GUESS: the text around the application's own message.
    message = application.options.get("custom_deny_message") or _MESSAGE
    return pages.access_page(403, ray, "Forbidden", host, message)
