"""The name by which a request asks for Home Assistant."""

from functools import lru_cache

from aiohttp import hdrs, web


def requested_host(request: web.BaseRequest) -> str:
    """Return the host that a request asks for, in lower case and without its port or a dot at its end.

    Only the Host header counts: a visitor can forge the headers that proxies add.
    """
    return _without_port(request.headers.get(hdrs.HOST, ""))


# The same few names are asked for again and again.
@lru_cache(maxsize=256)
def _without_port(host: str) -> str:
    return host.partition(":")[0].lower().removesuffix(".")
