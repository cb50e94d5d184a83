"""Measure what it costs to find out what the edge told of a request."""

from collections.abc import Mapping
from functools import partial
from ipaddress import ip_network
import sys
import time
import timeit
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from homeassistant.helpers.http import KEY_HASS

from custom_components.cloudflare_mtls.engine.rules.header_rule import (
    CERTIFICATE_HEADER,
    MARK_HEADER,
)
from custom_components.cloudflare_mtls.identity import async_keep_marks, identity_of

from .figures import within_budget

LOOK_UPS: Final = 1_000_000
ROUNDS: Final = 10
# A request costs Home Assistant some thousand times as much.
BUDGET: Final = 1.1
_HOSTNAME: Final = "home-mobile.example.com"
_MARK: Final = "a-mark-that-nobody-knows"
# What a browser and cloudflared send, and no more.
_USUAL: Final = {
    "Host": _HOSTNAME,
    **{f"X-Header-{number}": "value" for number in range(20)},
}
_WITHOUT: Final = {**_USUAL, MARK_HEADER: _MARK}
_WITH: Final = {**_WITHOUT, CERTIFICATE_HEADER: "0a" * 32}


class _Transport(SimpleNamespace):
    """A connection of a trusted proxy."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return where the proxy connects from."""
        return ("172.30.33.4", 4711) if name == "peername" else default


def run() -> bool:
    """Print each figure and return whether all are within budget."""
    proxies = [ip_network(text) for text in ("127.0.0.1", "::1", "172.30.33.0/24")]
    http = SimpleNamespace(trusted_proxies=proxies)
    hass: Any = SimpleNamespace(data={}, http=http)
    async_keep_marks(hass, "entry", {_HOSTNAME: _MARK})
    return all(
        [
            _measure(hass, "a request that is not told of", _USUAL),
            _measure(hass, "a request without a certificate", _WITHOUT),
            _measure(hass, "a request with a certificate", _WITH),
        ]
    )


def _measure(hass: Any, name: str, headers: Mapping[str, str]) -> bool:
    application = web.Application()
    application[KEY_HASS] = hass
    request = make_mocked_request(
        "GET", "/", headers, app=application, transport=_Transport()
    )
    look_up = partial(identity_of, hass, request)
    # The time of this process alone, whatever else the machine does.
    seconds = min(
        timeit.repeat(
            look_up, timer=time.process_time, number=LOOK_UPS // ROUNDS, repeat=ROUNDS
        )
    )
    microseconds = seconds / (LOOK_UPS // ROUNDS) * 1_000_000
    return within_budget(name, microseconds, BUDGET, " µs")


if __name__ == "__main__":
    sys.exit(not run())
