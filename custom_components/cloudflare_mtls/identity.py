"""What the edge tells of a request: through which protected hostname it came, with which certificate."""

from collections.abc import Mapping
from functools import lru_cache
import re
from typing import Final, NamedTuple

from aiohttp import web
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey
from multidict import istr

from .const import DOMAIN
from .engine.rules.header_rule import CERTIFICATE_HEADER, MARK_HEADER
from .requested_host import requested_host
from .trusted_proxy import comes_from_trusted_proxy

_MARK: Final = istr(MARK_HEADER)
_CERTIFICATE: Final = istr(CERTIFICATE_HEADER)
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


class Identity(NamedTuple):
    """What the edge told of a request to a protected hostname.

    fingerprint: the SHA-256 of the certificate that the visitor showed, whatever it is worth; None
        if there was none.
    """

    hostname: str
    fingerprint: str | None


class _Marks:
    """The mark of each hostname of whose requests the edge tells, of all accounts."""

    def __init__(self) -> None:
        """Begin with none."""
        self.of_hostname: dict[str, str] = {}
        self._by_entry: dict[str, Mapping[str, str]] = {}

    def keep(self, entry_id: str, marks: Mapping[str, str]) -> None:
        """Replace the marks of an account."""
        self._by_entry[entry_id] = marks
        self.of_hostname = {
            hostname: mark
            for each in self._by_entry.values()
            for hostname, mark in each.items()
        }


_MARKS: HassKey[_Marks] = HassKey(f"{DOMAIN}_marks")
_NO_MARKS: Final = _Marks()


@callback
def async_keep_marks(
    hass: HomeAssistant, entry_id: str, marks: Mapping[str, str]
) -> None:
    """Keep of which hostnames of an account the edge tells, and the mark of each."""
    hass.data.setdefault(_MARKS, _Marks()).keep(entry_id, marks)


def identity_of(hass: HomeAssistant, request: web.Request) -> Identity | None:
    """Return what the edge told of a request, or None if it told nothing that can be believed.

    It is believed of a trusted proxy, for the hostname in the Host header, with the mark that only
    the edge's rule sets. All else may be written by anybody.
    """
    headers = request.headers
    # Most requests end here.
    if (marks := headers.getall(_MARK, None)) is None:
        return None
    hostname = requested_host(request)
    mark = hass.data.get(_MARKS, _NO_MARKS).of_hostname.get(hostname)
    if marks != [mark] or not comes_from_trusted_proxy(hass, request):
        return None
    return _read(hostname, *headers.getall(_CERTIFICATE, ()))


# The same few devices come again and again.
@lru_cache(maxsize=256)
def _read(hostname: str, *fingerprints: str) -> Identity | None:
    """Return what the edge told, or None if that is not what our rule tells."""
    match fingerprints:
        case []:
            return Identity(hostname, None)
        case [text] if _FINGERPRINT.fullmatch(text):
            return Identity(hostname, text)
        case _:
            return None
