"""When a companion device was last seen, and with which certificate: as the edge told, and nobody else."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from cryptography import x509
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.http.config import async_get_and_load_store
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.rules.header_rule import MARK_HEADER
from sandbox import Sandbox
from tests.app_requests import (
    Client,
    fail_to_log_in,
    log_in,
    send_battery,
    set_up_with_phone,
)
from tests.common import (
    DEVICE_ID,
    act,
    add_known_certificate,
    companion,
    fingerprint_of,
    hostname_settings,
    settle,
    setup_integration,
    state_of,
)
from tests.dialogs import TEST_PATH, THROUGH_CLOUDFLARE, link_of
from tests.identities import told_headers
from tests.restarts import restarted, same_account

LAST_SEEN = "sensor.pixel_8_last_seen"
IN_USE = "sensor.pixel_8_certificate_in_use"
MINUTE = timedelta(minutes=1)

type Come = Callable[[Client, dict[str, str], str], Awaitable[Any]]


async def _use_websocket(client: Client, headers: dict[str, str], token: str) -> None:
    await log_in(client, headers, token)


async def _fail_to_log_in(client: Client, headers: dict[str, str], token: str) -> None:
    await fail_to_log_in(client, headers)


async def _send_battery(client: Client, headers: dict[str, str], token: str) -> None:
    await send_battery(client, headers)


async def _open_test_page(client: Client, headers: dict[str, str], token: str) -> None:
    assert (await client.get(TEST_PATH, headers=headers)).ok


async def _press_button_there(
    client: Client, headers: dict[str, str], token: str
) -> None:
    assert (await client.post(TEST_PATH, headers=headers, data="no token")).status


async def _open_visit_view(client: Client, headers: dict[str, str], token: str) -> None:
    await client.get("/api/cloudflare_mtls/visit/nothing", headers=headers)


WAYS = [
    _use_websocket,
    _fail_to_log_in,
    _send_battery,
    _open_test_page,
    _press_button_there,
    _open_visit_view,
]


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.fixture
async def certificate(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    sandbox: Sandbox,
    entry: MockConfigEntry,
) -> x509.Certificate:
    """Return the certificate of the phone; the account is set up."""
    return await set_up_with_phone(hass, sandbox, entry)


@pytest.fixture
def headers(sandbox: Sandbox, certificate: x509.Certificate) -> dict[str, str]:
    """Return the headers of the phone's requests."""
    return told_headers(sandbox, fingerprint_of(certificate))


@pytest.fixture
async def client(
    certificate: x509.Certificate, hass_client_no_auth: ClientSessionGenerator
) -> Client:
    """Return what sends requests to Home Assistant, through the tunnel."""
    return await hass_client_no_auth()


@pytest.mark.parametrize("come", WAYS)
async def test_phone_that_comes(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    hass_access_token: str,
    come: Come,
) -> None:
    assert state_of(hass, LAST_SEEN) == STATE_UNKNOWN
    assert state_of(hass, IN_USE) == STATE_UNKNOWN
    await come(client, headers, hass_access_token)
    await settle(hass)
    assert state_of(hass, LAST_SEEN) == dt_util.utcnow().isoformat("T", "seconds")
    assert state_of(hass, IN_USE) == "newest"


@pytest.mark.parametrize("come", WAYS)
@pytest.mark.parametrize(
    "changes",
    [
        {MARK_HEADER: "a-mark-that-somebody-guessed"},
        {MARK_HEADER: ""},
        {"Host": "home.example.com"},
    ],
    ids=["forged mark", "no mark", "another hostname"],
)
async def test_stranger_who_forges_headers(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    hass_access_token: str,
    come: Come,
    changes: dict[str, str],
) -> None:
    await come(client, headers | changes, hass_access_token)
    await settle(hass)
    assert state_of(hass, LAST_SEEN) == STATE_UNKNOWN


class TestFromHome:
    """Devices at home, of which none is a proxy."""

    @pytest.fixture
    async def sandbox(self, hass: HomeAssistant, sandbox: Sandbox) -> Sandbox:
        """Return Cloudflare; Home Assistant trusts a proxy that nobody here is."""
        store = await async_get_and_load_store(hass)
        store.stable["trusted_proxies"] = ["172.30.33.0/24"]
        return sandbox

    @pytest.mark.parametrize("come", WAYS)
    async def test_forged_headers(
        self,
        hass: HomeAssistant,
        client: Client,
        headers: dict[str, str],
        hass_access_token: str,
        come: Come,
    ) -> None:
        """Not even with the mark, which somebody read at Cloudflare."""
        del headers["X-Forwarded-For"]
        await come(client, headers, hass_access_token)
        await settle(hass)
        assert state_of(hass, LAST_SEEN) == STATE_UNKNOWN


@pytest.mark.parametrize(
    "settings", [{**hostname_settings(), "keep_in_sync": False}], ids=["no rule"]
)
async def test_edge_that_tells_nothing(
    hass: HomeAssistant, client: Client, hass_access_token: str
) -> None:
    """Nobody knows whether the phone came."""
    await _use_websocket(client, THROUGH_CLOUDFLARE, hass_access_token)
    await settle(hass)
    assert state_of(hass, LAST_SEEN) == STATE_UNKNOWN


async def test_once_a_minute(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    freezer: FrozenDateTimeFactory,
) -> None:
    """An app sends several requests a minute; the database needs no row for each."""
    await send_battery(client, headers)
    first = state_of(hass, LAST_SEEN)
    freezer.tick(MINUTE - timedelta(seconds=1))
    await send_battery(client, headers)
    assert state_of(hass, LAST_SEEN) == first
    freezer.tick(timedelta(seconds=1))
    # A level that has not changed is news too.
    await send_battery(client, headers)
    assert state_of(hass, LAST_SEEN) == dt_util.utcnow().isoformat("T", "seconds")
    assert state_of(hass, LAST_SEEN) != first


async def test_restart(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    await send_battery(client, headers)
    seen = state_of(hass, LAST_SEEN)
    freezer.tick(15 * MINUTE)
    async_fire_time_changed(hass)
    await settle(hass)
    stored = hass_storage[f"cloudflare_mtls.{entry.entry_id}.uses"]["data"]
    assert list(stored["devices"]) == [DEVICE_ID]

    async with restarted(hass) as again:
        await setup_integration(again, same_account(entry))
        assert state_of(again, LAST_SEEN) == seen
        assert state_of(again, IN_USE) == "newest"


async def test_account_that_is_removed(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    await send_battery(client, headers)
    freezer.tick(15 * MINUTE)
    async_fire_time_changed(hass)
    await settle(hass)
    assert f"cloudflare_mtls.{entry.entry_id}.uses" in hass_storage
    await hass.config_entries.async_remove(entry.entry_id)
    assert f"cloudflare_mtls.{entry.entry_id}.uses" not in hass_storage


async def test_older_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    headers: dict[str, str],
    entry: MockConfigEntry,
) -> None:
    """The phone has a new one, and still shows the old one."""
    newer = await add_known_certificate(
        hass, entry, sandbox, certificate_id="newer", not_before=dt_util.utcnow()
    )
    await act(hass, entry, "sync")
    await settle(hass)
    await send_battery(client, headers)
    assert state_of(hass, IN_USE) == "older"
    await send_battery(client, told_headers(sandbox, fingerprint_of(newer)))
    assert state_of(hass, IN_USE) == "newest"


async def test_certificate_that_nobody_fetched(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """Home Assistant visits with it, and no device does."""
    created = await act(
        hass, entry, "mint_certificate", name="Fold", key_type="ec_p256"
    )
    assert link_of(hass, created)
    await act(hass, entry, "sync")
    await settle(hass)
    await send_battery(client, told_headers(sandbox, created["fingerprint_sha256"]))
    assert state_of(hass, "sensor.fold_last_seen") == STATE_UNKNOWN


async def test_certificate_of_nobody(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    await send_battery(client, told_headers(sandbox, "0a" * 32))
    assert state_of(hass, LAST_SEEN) == STATE_UNKNOWN


async def test_when_each_certificate_was_used(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    entry: MockConfigEntry,
) -> None:
    """Only administrators see it."""
    await send_battery(client, headers)
    response = await act(hass, entry, "list_certificates")
    [listed] = response["certificates"]
    assert listed["last_seen"] == dt_util.utcnow().isoformat()
