"""Tests of attacks on the test of a certificate: what proves nothing gets no certificate revoked."""

import asyncio
from contextvars import ContextVar
from datetime import timedelta
import json
from types import MappingProxyType
from typing import Any

from aiohttp import ClientSession, TCPConnector
from freezegun.api import FrozenDateTimeFactory
from hass_nabucasa import remote
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.helpers import DAY, HANDOVER, pass_time
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    ENGLISH,
    HOSTNAME,
    act,
    add_known_certificate,
    settle,
    state_of,
    with_device,
    zone_of,
)
from tests.dialogs import (
    TEST_PATH,
    THROUGH_CLOUDFLARE,
    Client,
    certificates,
    fetch,
    handovers_of,
    link_of,
    run_test,
    token_of_test,
)
from tests.edge_conditions import Forgetting
from tests.faults import Faults

TEXTS = ENGLISH["common"]
# Until then, a test that is repeated gets the same answer.
SOON = timedelta(seconds=10)
DONE = TEXTS["proof_done"]
DONE_BESIDE_OLDER = TEXTS["proof_renewed"]

pytestmark = with_device


@pytest.fixture(autouse=True)
async def old(hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry) -> str:
    """Return the id of the device's certificate, the good one that it uses today."""
    await add_known_certificate(hass, entry, sandbox)
    return CERTIFICATE_ID


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return the browser of a phone that is not logged in."""
    return await hass_client_no_auth()


@pytest.fixture
async def renewed(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry, old: str
) -> dict[str, Any]:
    """Return the response to a renewal whose bundle waits."""
    renewed = await act(
        hass, loaded_entry, "renew_certificate", certificate_id=old, key_type="ec_p256"
    )
    await settle(hass)
    return renewed


@pytest.fixture
async def token(hass: HomeAssistant, client: Client, renewed: dict[str, Any]) -> str:
    """Return the token of the test that was delivered with the new bundle."""
    token = token_of_test(await fetch(client, link_of(hass, renewed)))
    await settle(hass)
    return token


async def assert_nothing_is_proven(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    setup: str = "taken",
) -> None:
    """Assert that the device's old certificate is as good as before, also months later."""
    assert state_of(hass, HANDOVER) == setup
    await pass_time(hass, freezer, 60 * DAY)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"


async def test_id_of_a_certificate_opens_no_test(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    renewed: dict[str, Any],
    token: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Automations and administrators know the id; the device has a token."""
    assert renewed["certificate_id"] != token
    for guess in (renewed["certificate_id"], CERTIFICATE_ID, "", token[:-1], "é" * 9):
        assert await run_test(client, guess) == TEXTS["proof_unknown"]

    await assert_nothing_is_proven(hass, sandbox, freezer)


async def test_bundle_that_nobody_fetched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    renewed: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    """What is known before the bundle is fetched opens no test: neither id, link nor code."""
    (handover,) = handovers_of(hass)
    link = handover.url.partition("#")[2]
    for guess in (renewed["certificate_id"], link, handover.code):
        assert await run_test(client, guess) == TEXTS["proof_unknown"]

    await assert_nothing_is_proven(hass, sandbox, freezer, "waiting")


async def test_no_state_holds_the_id_of_a_certificate(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    renewed: dict[str, Any],
    token: str,
) -> None:
    """Users who may only look see the states."""
    assert await run_test(client, token) == DONE_BESIDE_OLDER
    await settle(hass)

    states = json.dumps([state.as_dict() for state in hass.states.async_all()])
    for secret in (renewed["certificate_id"], CERTIFICATE_ID, token):
        assert secret not in states


async def test_at_home_with_forged_headers(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    token: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Cloudflare's headers prove nothing where no trusted proxy passes them on."""
    # Home Assistant refuses this one by itself from an address that it does not trust.
    headers = {key: THROUGH_CLOUDFLARE[key] for key in ("CF-Ray", "Host")}

    # Another address than that of cloudflared.
    async with (
        ClientSession(connector=TCPConnector(local_addr=("127.0.0.2", 0))) as session,
        session.post(client.make_url(TEST_PATH), data=token, headers=headers) as answer,
    ):
        assert answer.status == 403
        assert (await answer.json())["message"] == TEXTS["proof_elsewhere"]

    await assert_nothing_is_proven(hass, sandbox, freezer)


@pytest.mark.parametrize(
    "forwarded",
    ["192.168.1.20", "203.0.113.24, 192.168.1.20", "10.0.0.7", "fd00::7", "127.0.0.1"],
)
async def test_at_home_through_a_reverse_proxy(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    token: str,
    freezer: FrozenDateTimeFactory,
    forwarded: str,
) -> None:
    """A trusted proxy at home passes on Cloudflare's headers too, and says who sent them."""
    said = await run_test(client, token, **{"X-Forwarded-For": forwarded})

    assert said == TEXTS["proof_elsewhere"]
    await assert_nothing_is_proven(hass, sandbox, freezer)


@pytest.mark.parametrize("forwarded", ["203.0.113.24", ""])
async def test_through_home_assistant_cloud(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    token: str,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    forwarded: str,
) -> None:
    """It connects from this machine, as cloudflared does, and passes on every header."""
    hass.config.components.add("cloud")
    from_cloud = ContextVar("is_cloud_request", default=True)
    monkeypatch.setattr(remote, "is_cloud_request", from_cloud)

    said = await run_test(client, token, **{"X-Forwarded-For": forwarded})

    assert said == TEXTS["proof_elsewhere"]
    await assert_nothing_is_proven(hass, sandbox, freezer)


async def test_hostname_that_is_exposed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    token: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Cloudflare is asked now: the last look, minutes ago, saw nothing yet."""
    for rule in zone_of(sandbox).rules:
        rule.enabled = rule.ref != BLOCK_REF

    assert await run_test(client, token) == TEXTS["proof_exposed"]
    assert state_of(hass, HANDOVER) == "taken"

    await settle(hass)
    freezer.tick(SOON)
    assert await run_test(client, token) == DONE_BESIDE_OLDER


async def test_edge_that_does_not_apply_its_rules(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    token: str,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The rules look right, but the last visit without a certificate got in."""
    forgets.now = True
    await act(hass, loaded_entry, "verify", hostname=HOSTNAME)

    assert await run_test(client, token) == TEXTS["proof_exposed"]

    forgets.now = False
    await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    freezer.tick(SOON)
    assert await run_test(client, token) == DONE_BESIDE_OLDER


async def test_cloudflare_that_does_not_answer(
    hass: HomeAssistant,
    faults: Faults,
    client: Client,
    token: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What cannot be looked at is not believed, and the token stays good."""
    faults.unavailable("GET", "/rulesets")

    assert await run_test(client, token) == TEXTS["proof_unchecked"]
    assert state_of(hass, HANDOVER) == "unavailable"

    faults.clear()
    freezer.tick(SOON)
    assert await run_test(client, token) == DONE_BESIDE_OLDER
    assert state_of(hass, HANDOVER) == "proven"


@pytest.mark.parametrize("what", ["Zone WAF", "SSL and Certificates"])
async def test_token_that_may_not_look(
    hass: HomeAssistant, faults: Faults, client: Client, token: str, what: str
) -> None:
    """Without the permission to read, nothing is certain."""
    path = {"Zone WAF": "/rulesets", "SSL and Certificates": "/client_certificates"}
    faults.refuse("GET", path[what], 403, 10000, "Authentication error")

    assert await run_test(client, token) == TEXTS["proof_unchecked"]


async def test_stranger_causes_no_request_to_cloudflare(
    sandbox: Sandbox, client: Client, token: str
) -> None:
    """A wrong token is refused here."""
    sandbox.journal.clear()

    for number in range(50):
        assert await run_test(client, f"{token}{number}") == TEXTS["proof_unknown"]

    assert sandbox.journal.requests == []


async def test_token_works_once(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, token: str
) -> None:
    """Of sixty tabs at once, one has done it; later ones cause no request."""
    said = await asyncio.gather(*(run_test(client, token) for _ in range(60)))

    assert sorted(said) == sorted([DONE_BESIDE_OLDER] + [TEXTS["proof_used"]] * 59)
    sandbox.journal.clear()
    assert await run_test(client, token) == TEXTS["proof_used"]
    assert sandbox.journal.requests == []


async def test_used_token_after_a_restoration(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    renewed: dict[str, Any],
    token: str,
    freezer: FrozenDateTimeFactory,
    old: str,
) -> None:
    """A person keeps the old certificate; replaying the test changes nothing."""
    assert await run_test(client, token) == DONE_BESIDE_OLDER
    await act(hass, loaded_entry, "restore_certificate", certificate_id=old)

    assert await run_test(client, token) == TEXTS["proof_used"]

    await pass_time(hass, freezer, 60 * DAY)
    assert certificates(sandbox)[old] == "active"


async def test_revoked_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    renewed: dict[str, Any],
    token: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It gets nobody in, so the device got in with another one."""
    await act(
        hass,
        loaded_entry,
        "revoke_certificate",
        certificate_id=renewed["certificate_id"],
    )

    assert await run_test(client, token) == TEXTS["proof_unknown"]
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"


async def test_certificate_that_was_revoked_in_the_dashboard(
    sandbox: Sandbox, client: Client, renewed: dict[str, Any], token: str
) -> None:
    """Home Assistant does not know it before it looks."""
    zone_of(sandbox).certificates[renewed["certificate_id"]].status = certificates(
        sandbox
    )[CERTIFICATE_ID].REVOKED

    assert await run_test(client, token) == TEXTS["proof_unknown"]


@pytest.mark.parametrize("change", ["async_unload", "async_remove"])
async def test_account_that_goes_meanwhile(
    hass: HomeAssistant,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    token: str,
    hass_storage: dict[str, Any],
    change: str,
) -> None:
    """Nothing is proven, and nothing is stored for an account that is gone."""
    answers = asyncio.Event()
    looking = faults.add("GET", "/rulesets", hold=answers)
    testing = asyncio.create_task(run_test(client, token))
    await looking.until_hit()
    await getattr(hass.config_entries, change)(loaded_entry.entry_id)
    answers.set()

    assert await testing == TEXTS["proof_unchecked"]

    await settle(hass)
    stored = [key for key in hass_storage if loaded_entry.entry_id in key]
    assert bool(stored) == (change == "async_unload")


async def test_hostname_of_another_zone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    settings: dict[str, Any],
    token: str,
) -> None:
    """The bundle is for the hostnames of its zone; at others, other rules hold."""
    other = sandbox.state.add_zone("example.net")
    hostname = {**settings, "hostname": "home.example.net", "zone_id": other.id}
    hass.config_entries.async_add_subentry(
        loaded_entry,
        ConfigSubentry(
            data=MappingProxyType(hostname),
            subentry_type="protected_hostname",
            title="home.example.net",
            unique_id="home.example.net",
        ),
    )
    await settle(hass)

    said = await run_test(client, token, Host="home.example.net")

    assert said == TEXTS["proof_other_hostname"]
    assert await run_test(client, token) == DONE_BESIDE_OLDER


async def test_only_a_digest_of_the_token_is_stored(
    client: Client, token: str, hass_storage: dict[str, Any]
) -> None:
    """Nobody who reads the storage, or a backup, can test in the device's place."""
    assert len(token) >= 43
    assert token not in json.dumps(hass_storage)


async def test_old_certificate_that_was_shown_for_the_new_one(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    token: str,
    freezer: FrozenDateTimeFactory,
    old: str,
) -> None:
    """Home Assistant cannot see which one the device showed, so the old one stays for a week."""
    assert await run_test(client, token) == DONE_BESIDE_OLDER
    await pass_time(hass, freezer, 7 * DAY - timedelta(minutes=16))
    assert certificates(sandbox)[old] == "active"

    await pass_time(hass, freezer, timedelta(minutes=1))
    assert certificates(sandbox)[old] == "revoked"
