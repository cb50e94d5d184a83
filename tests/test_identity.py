"""What is believed of a request: only what the edge's own rule says, through a trusted proxy."""

from typing import Any
from unittest.mock import Mock

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS
from multidict import CIMultiDict
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.rules.header_rule import (
    CERTIFICATE_HEADER,
    MARK_HEADER,
)
from custom_components.cloudflare_mtls.identity import Identity, identity_of
from sandbox import Sandbox
from sandbox.state import TRANSFORM_PHASE
from tests.common import EDGE_EVERY, HOSTNAME, settle, wait_for_refresh, zone_of
from tests.identities import PATH, mark_at, register, told_headers

FINGERPRINT = "0a" * 32
OTHER = "b1" * 32


def requested(
    hass: HomeAssistant, headers: CIMultiDict[str], peer: object = ("127.0.0.1", 4711)
) -> web.Request:
    """Return a request that a peer sends."""
    application = web.Application()
    application[KEY_HASS] = hass
    transport = Mock(
        get_extra_info=lambda name, default=None: (
            peer if name == "peername" else default
        )
    )
    return make_mocked_request(
        "GET", "/", headers, app=application, transport=transport
    )


@pytest.fixture
def told(loaded_entry: MockConfigEntry, sandbox: Sandbox) -> CIMultiDict[str]:
    """Return the headers of a request with a certificate."""
    return CIMultiDict(told_headers(sandbox, FINGERPRINT))


async def test_certificate(hass: HomeAssistant, told: CIMultiDict[str]) -> None:
    assert identity_of(hass, requested(hass, told)) == Identity(HOSTNAME, FINGERPRINT)


async def test_no_certificate(hass: HomeAssistant, told: CIMultiDict[str]) -> None:
    """The rule was at work, and the visitor showed none."""
    del told[CERTIFICATE_HEADER]
    assert identity_of(hass, requested(hass, told)) == Identity(HOSTNAME, None)


@pytest.mark.parametrize(
    "host", [f"{HOSTNAME.upper()}:443", f"{HOSTNAME}.", f"{HOSTNAME}.:443"]
)
async def test_host_in_any_form(
    hass: HomeAssistant, told: CIMultiDict[str], host: str
) -> None:
    told["Host"] = host
    assert identity_of(hass, requested(hass, told)) == Identity(HOSTNAME, FINGERPRINT)


@pytest.mark.parametrize(
    "peer",
    [
        ("192.168.1.20", 4711),
        ("203.0.113.24", 4711),
        ("::1", 4711, 0, 0),
        "/run/socket",
        None,
    ],
)
async def test_other_peers_are_not_believed(
    hass: HomeAssistant, told: CIMultiDict[str], peer: object
) -> None:
    """A device at home knows neither the mark nor how to be the proxy; one of both does not do."""
    assert identity_of(hass, requested(hass, told, peer)) is None


def _forge_mark(headers: CIMultiDict[str]) -> None:
    headers[MARK_HEADER] = "1"


def _leave_out_mark(headers: CIMultiDict[str]) -> None:
    del headers[MARK_HEADER]


def _add_mark(headers: CIMultiDict[str]) -> None:
    headers.add(MARK_HEADER, headers[MARK_HEADER])


def _ask_another_host(headers: CIMultiDict[str]) -> None:
    headers["Host"] = "home.example.com"


def _ask_no_host(headers: CIMultiDict[str]) -> None:
    del headers["Host"]


def _forward_host(headers: CIMultiDict[str]) -> None:
    headers["Host"] = "home.example.com"
    headers["X-Forwarded-Host"] = HOSTNAME


def _add_certificate(headers: CIMultiDict[str]) -> None:
    headers.add(CERTIFICATE_HEADER, OTHER)


def _shorten(headers: CIMultiDict[str]) -> None:
    headers[CERTIFICATE_HEADER] = FINGERPRINT[1:]


def _shout(headers: CIMultiDict[str]) -> None:
    headers[CERTIFICATE_HEADER] = FINGERPRINT.upper()


def _join(headers: CIMultiDict[str]) -> None:
    headers[CERTIFICATE_HEADER] = f"{FINGERPRINT}, {OTHER}"


def _break(headers: CIMultiDict[str]) -> None:
    headers[CERTIFICATE_HEADER] = "é" * 64


@pytest.mark.parametrize(
    "spoil",
    [
        _forge_mark,
        _leave_out_mark,
        _add_mark,
        _ask_another_host,
        _ask_no_host,
        _forward_host,
        _add_certificate,
        _shorten,
        _shout,
        _join,
        _break,
    ],
)
async def test_anything_else_is_not_believed(
    hass: HomeAssistant, told: CIMultiDict[str], spoil: Any
) -> None:
    spoil(told)
    assert identity_of(hass, requested(hass, told)) is None


async def test_nothing_is_believed_before_the_rule_was_read(
    hass: HomeAssistant, socket_enabled: None
) -> None:
    """Also if no account is there."""
    headers = CIMultiDict({MARK_HEADER: "1", "Host": HOSTNAME})
    assert identity_of(hass, requested(hass, headers)) is None


async def test_account_that_is_unloaded(
    hass: HomeAssistant, told: CIMultiDict[str], loaded_entry: MockConfigEntry
) -> None:
    assert await hass.config_entries.async_unload(loaded_entry.entry_id)
    assert identity_of(hass, requested(hass, told)) is None
    assert await hass.config_entries.async_setup(loaded_entry.entry_id)
    await settle(hass)
    assert identity_of(hass, requested(hass, told)) is not None


async def test_hostname_that_is_removed(
    hass: HomeAssistant, told: CIMultiDict[str], loaded_entry: MockConfigEntry
) -> None:
    [subentry_id] = loaded_entry.subentries
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    assert identity_of(hass, requested(hass, told)) is None


async def test_rule_that_somebody_switched_off(
    hass: HomeAssistant,
    told: CIMultiDict[str],
    sandbox: Sandbox,
    freezer: Any,
) -> None:
    """It is switched on again after five refreshes; nobody can forge what it would say meanwhile."""
    [rule] = zone_of(sandbox).rules_of(TRANSFORM_PHASE)
    mark = mark_at(sandbox)
    rule.enabled = False
    for _ in range(5):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    [rule] = zone_of(sandbox).rules_of(TRANSFORM_PHASE)
    assert rule.enabled
    assert mark_at(sandbox) == mark
    assert identity_of(hass, requested(hass, told)) == Identity(HOSTNAME, FINGERPRINT)


async def test_real_requests(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Home Assistant's web server changes what it says of a request, and the headers stay."""
    register(hass)
    client = await hass_client_no_auth()
    headers = told_headers(sandbox, FINGERPRINT)
    answer = await client.get(PATH, headers=headers)
    assert await answer.json() == [HOSTNAME, FINGERPRINT]
    answer = await client.get(PATH, headers=told_headers(sandbox, None))
    assert await answer.json() == [HOSTNAME, None]
    forwarded = headers | {"Host": "home.example.com", "X-Forwarded-Host": HOSTNAME}
    answer = await client.get(PATH, headers=forwarded)
    assert await answer.json() is None
