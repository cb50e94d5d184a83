"""The name by which a request asks for Home Assistant."""

from aiohttp import hdrs, web


def requested_host(request: web.BaseRequest) -> str:
    """Return the host that a request asks for, in lower case and without its port.

    Only the Host header counts: a visitor can forge the headers that proxies add.
    """
    return request.headers.get(hdrs.HOST, "").partition(":")[0].lower()
