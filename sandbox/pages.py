"""The answers that come from the edge itself: HTML pages, and errors as JSON."""

from html import escape
import secrets

from aiohttp import web

_PAGE = """<!DOCTYPE html>
<html lang="en-US">
<head><meta charset="UTF-8"><title>{title}</title></head>
<body>
{body}
<p>Cloudflare Ray ID: <strong>{ray}</strong></p>
</body>
</html>
"""
_BLOCKED = (
    '<h1 data-translate="block_headline">Sorry, you have been blocked</h1>'
    '<h2 class="cf-subheadline"><span data-translate="unable_to_access">'
    "You are unable to access</span> {}</h2>"
)


def new_ray() -> str:
    """Create the Ray ID of a request."""
    return f"{secrets.token_hex(8)}-FRA"


def blocked(host: str, ray: str) -> web.Response:
    """Return the page of a rule that blocks."""
    title = "Attention Required! | Cloudflare"
    return page(403, ray, title, _BLOCKED.format(escape(host)))


def challenged(host: str, ray: str) -> web.Response:
    """Return the page of a rule that challenges; it cannot be solved here."""
    text = "Enable JavaScript and cookies to continue"
    response = page(403, ray, "Just a moment...", _text(host, text))
    response.headers["cf-mitigated"] = "challenge"
    return response


def redirected(url: str, ray: str, status: int = 302) -> web.Response:
    """Return the redirect to an Access login, or that of a rule."""
    headers = {"Location": url, "Server": "cloudflare", "CF-RAY": ray}
    return web.Response(status=status, headers=headers)


def access_page(
    status: int, ray: str, title: str, host: str, text: str
) -> web.Response:
    """Return a page of Access, whose text may not come from a cache."""
    response = page(status, ray, title, _text(host, text))
    response.headers["Cache-Control"] = "no-store"
    return response


def answered(text: str, ray: str, *, cache_status: str = "") -> web.Response:
    """Return what a Worker answers, or what the cache has, in the origin's place."""
    response = web.Response(text=text, headers={"Server": "cloudflare", "CF-RAY": ray})
    if cache_status:
        response.headers["CF-Cache-Status"] = cache_status
    return response


def failed(
    request: web.BaseRequest, status: int, code: int, title: str, ray: str
) -> web.Response:
    """Return an error page, or JSON for an error of the 1xxx kind if the client asks for it."""
    # GUESS: which other values of this header ask for JSON.
    if code >= 1000 and "application/json" in request.headers.get("Accept", ""):
        return _problem(request.host, status, code, title, ray)
    headline = f"Error {code}"
    page_title = f"{title} | Cloudflare"
    if code == status:
        page_title = f"{request.host} | {code}: {title}"
    return page(status, ray, page_title, _text(headline, title))


def _problem(host: str, status: int, code: int, title: str, ray: str) -> web.Response:
    """Return an error of the 1xxx kind as JSON, in the form of RFC 9457."""
    # GUESS: every value, and the content type.
    docs = "https://developers.cloudflare.com/support/troubleshooting"
    ray_id = ray.partition("-")[0]
    body = {
        "type": f"{docs}/http-status-codes/cloudflare-1xxx-errors/error-{code}/",
        "title": f"Error {code}: {title}",
        "status": status,
        "detail": f"The request was not passed on: {title}.",
        "instance": ray_id,
        "ray_id": ray_id,
        "zone": host,
        "cloudflare_error": True,
    }
    response = web.json_response(body, status=status, reason=_reason(status))
    response.headers.update(_headers(ray))
    return response


def _text(headline: str, text: str) -> str:
    return f"<h1>{escape(headline)}</h1>\n<p>{escape(text)}</p>"


def page(status: int, ray: str, title: str, body: str) -> web.Response:
    """Return a page with a body of HTML."""
    return web.Response(
        status=status,
        reason=_reason(status),
        content_type="text/html",
        charset="UTF-8",
        headers=_headers(ray),
        text=_PAGE.format(title=escape(title), body=body, ray=ray),
    )


def _headers(ray: str) -> dict[str, str]:
    return {
        "Cache-Control": "max-age=15",
        "X-Frame-Options": "SAMEORIGIN",
        "Server": "cloudflare",
        "CF-RAY": ray,
    }


def _reason(status: int) -> str | None:
    # Cloudflare's own status codes have no standard reason phrase.
    return None if status < 520 else "Error"
