"""What the edge answers itself: its HTML pages."""

from html import escape
import secrets

from aiohttp import web

_PAGE = """<!DOCTYPE html>
<html lang="en-US">
<head><meta charset="UTF-8"><title>{title}</title></head>
<body>
<h1>{headline}</h1>
<p>{text}</p>
<p>Cloudflare Ray ID: <strong>{ray}</strong></p>
</body>
</html>
"""


def new_ray() -> str:
    """Make the identifier of a request."""
    return f"{secrets.token_hex(8)}-FRA"


def blocked(host: str, ray: str) -> web.Response:
    """Answer for a rule that blocks."""
    return _page(
        403,
        ray,
        title="Attention Required! | Cloudflare",
        headline="Sorry, you have been blocked",
        text=f"You are unable to access {host}",
    )


def challenged(host: str, ray: str) -> web.Response:
    """Answer for a rule that challenges; nobody here solves it."""
    response = _page(
        403,
        ray,
        title="Just a moment...",
        headline=host,
        text="Enable JavaScript and cookies to continue",
    )
    response.headers["cf-mitigated"] = "challenge"
    return response


def failed(status: int, code: int, title: str, ray: str) -> web.Response:
    """Answer for a request that reaches no origin."""
    return _page(
        status,
        ray,
        title=f"{title} | Cloudflare",
        headline=f"Error {code}",
        text=title,
    )


def _page(
    status: int, ray: str, *, title: str, headline: str, text: str
) -> web.Response:
    return web.Response(
        status=status,
        reason=None if status < 520 else "Error",
        content_type="text/html",
        charset="UTF-8",
        headers={
            "Cache-Control": "max-age=15",
            "X-Frame-Options": "SAMEORIGIN",
            "Server": "cloudflare",
            "CF-RAY": ray,
        },
        text=_PAGE.format(
            title=escape(title), headline=escape(headline), text=escape(text), ray=ray
        ),
    )
