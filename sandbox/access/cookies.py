"""The cookies of Access, read from requests and set in answers."""

from datetime import datetime
from email.utils import format_datetime
from typing import Literal

from aiohttp import web

TOKEN = "CF_Authorization"
BINDING = "CF_Binding"
APP_SESSION = "CF_AppSession"

type SameSite = Literal["None", "Lax", "Strict"]


def read(request: web.BaseRequest, name: str) -> str:
    """Return the value of a visitor's cookie; nothing if there is none."""
    for header in request.headers.getall("Cookie", ()):
        for pair in header.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
    return ""


def write(
    response: web.Response,
    name: str,
    value: str,
    expires: datetime,
    *,
    path: str = "/",
    http_only: bool = True,
    same_site: SameSite | None = None,
) -> None:
    """Set a cookie, which only goes over TLS."""
    response.set_cookie(
        name,
        value,
        expires=format_datetime(expires, usegmt=True),
        path=path,
        secure=True,
        httponly=http_only,
        samesite=same_site,
    )
