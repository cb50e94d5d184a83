"""Certificates that are proven by mere use, because the edge tells which one a device shows."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import WorkerRoute
from tests.app_requests import Client, prepare, send_battery
from tests.certificates.helpers import DAY, HANDOVER, open_repairs, pass_time
from tests.common import (
    EDGE_EVERY,
    ENGLISH,
    act,
    issues,
    placeholders,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    written_out,
    zone_of,
)
from tests.dialogs import certificates, fetch, link_of, run_test, token_of_test
from tests.identities import told_headers

TEXTS = ENGLISH["common"]
KEY = "old_certificate_in_use"


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return the phone, and what sends its requests on."""
    await prepare(hass)
    return await hass_client_no_auth()


class Phone:
    """A phone that fetches certificates, and uses one of them."""

    def __init__(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
        client: Client,
    ) -> None:
        """Take the phone's browser."""
        self._hass = hass
        self._sandbox = sandbox
        self._entry = entry
        self.client = client
        self.token = ""

    async def create(self) -> dict[str, Any]:
        """Fetch the first certificate."""
        return await self._fetch("mint_certificate", name="Pixel 8")

    async def renew(self, certificate: dict[str, Any], **rest: Any) -> dict[str, Any]:
        """Fetch another one."""
        certificate_id = certificate["certificate_id"]
        return await self._fetch(
            "renew_certificate", certificate_id=certificate_id, **rest
        )

    async def _fetch(self, action: str, **fields: Any) -> dict[str, Any]:
        created = await act(
            self._hass, self._entry, action, key_type="ec_p256", **fields
        )
        fetched = await fetch(self.client, link_of(self._hass, created))
        self.token = token_of_test(fetched)
        await settle(self._hass)
        return created

    def headers(self, certificate: dict[str, Any]) -> dict[str, str]:
        """Return the headers of requests with a certificate."""
        return told_headers(self._sandbox, certificate["fingerprint_sha256"])

    async def use(self, certificate: dict[str, Any]) -> None:
        """Have the app send something in the background."""
        await send_battery(self.client, self.headers(certificate))
        await settle(self._hass)

    async def test(self, certificate: dict[str, Any]) -> str:
        """Press the button of the test page."""
        said = await run_test(self.client, self.token, **self.headers(certificate))
        await settle(self._hass)
        return said


@pytest.fixture
def phone(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, client: Client
) -> Phone:
    """Return a phone without a certificate."""
    return Phone(hass, sandbox, loaded_entry, client)


async def test_renewal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    phone: Phone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It ends by mere use of the new certificate: nobody opens a page, and no look is needed."""
    first = await phone.create()
    await phone.use(first)
    assert state_of(hass, HANDOVER) == "proven"
    freezer.tick(DAY)
    second = await phone.renew(first)
    await phone.use(first)
    assert state_of(hass, HANDOVER) == "taken"
    freezer.tick(DAY)
    await phone.use(second)
    assert state_of(hass, HANDOVER) == "proven"

    await pass_time(hass, freezer, 7 * DAY)
    assert certificates(sandbox) == {
        first["certificate_id"]: "revoked",
        second["certificate_id"]: "active",
    }
    assert reported(hass) == set()


async def test_use_costs_no_look(
    hass: HomeAssistant, phone: Phone, faults: Any
) -> None:
    first = await phone.create()
    faults.requests.clear()
    await phone.use(first)
    assert state_of(hass, HANDOVER) == "proven"
    assert faults.requests == []


async def test_page_proves_the_certificate_that_was_shown(
    hass: HomeAssistant, phone: Phone
) -> None:
    """A device that shows its old certificate has not tested the new one."""
    first = await phone.create()
    second = await phone.renew(first)
    assert await phone.test(first) == TEXTS["proof_other_certificate"]
    assert state_of(hass, HANDOVER) == "taken"
    assert await phone.test(second) == TEXTS["proof_renewed"]
    assert state_of(hass, HANDOVER) == "proven"
    # Opening the page may have proven it before.
    assert await phone.test(second) == TEXTS["proof_renewed"]


async def test_page_without_any_certificate(
    hass: HomeAssistant, sandbox: Sandbox, phone: Phone
) -> None:
    """Then the rules let everybody in."""
    await phone.create()
    said = await run_test(phone.client, phone.token, **told_headers(sandbox, None))
    assert said == TEXTS["proof_exposed"]
    assert state_of(hass, HANDOVER) == "taken"


async def test_page_past_the_rules(
    hass: HomeAssistant, sandbox: Sandbox, phone: Phone
) -> None:
    """A Worker leads others past them; the certificate was shown all the same."""
    first = await phone.create()
    zone_of(sandbox).worker_routes.append(WorkerRoute("blog.example.com/*", "blog"))
    assert await phone.test(first) == TEXTS["proof_done"]
    assert state_of(hass, HANDOVER) == "proven"


async def test_certificate_that_is_not_listed_yet(
    hass: HomeAssistant,
    sandbox: Sandbox,
    phone: Phone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is proven by a later use."""
    first = await phone.create()
    listed = zone_of(sandbox).certificates.pop(first["certificate_id"])
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await phone.use(first)
    zone_of(sandbox).certificates[first["certificate_id"]] = listed
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, HANDOVER) == "taken"
    await phone.use(first)
    assert state_of(hass, HANDOVER) == "proven"


async def test_certificate_that_a_person_restored(
    hass: HomeAssistant,
    phone: Phone,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The device may have another one by now, which must not be revoked because of that."""
    first = await phone.create()
    for action in ("revoke_certificate", "restore_certificate"):
        await act(hass, entry, action, certificate_id=first["certificate_id"])
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await phone.use(first)
    assert state_of(hass, HANDOVER) == "taken"


async def test_old_certificate_that_is_still_in_use(
    hass: HomeAssistant,
    phone: Phone,
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    """It is told before it is revoked, and no more after that."""
    first = await phone.create()
    second = await phone.renew(first)
    await phone.use(second)
    revoked_on = dt_util.as_local(dt_util.utcnow() + 7 * DAY)
    assert reported(hass) == set()
    freezer.tick(timedelta(minutes=1))
    await phone.use(first)
    assert open_repairs(hass) == {
        KEY: {"name": "Pixel 8", "date": written_out(revoked_on)}
    }
    issue = issue_registry.async_get_issue(DOMAIN, issues(hass)[KEY])
    assert issue
    assert issue.severity is ir.IssueSeverity.WARNING
    await phone.use(second)
    assert reported(hass) == {KEY}
    await pass_time(hass, freezer, 7 * DAY)
    assert reported(hass) == set()


async def test_new_certificate_that_is_not_used_before_a_date(
    hass: HomeAssistant, phone: Phone, freezer: FrozenDateTimeFactory
) -> None:
    """On that day the device would be locked out."""
    first = await phone.create()
    await phone.renew(first, revoke_old_after=3)
    revoked_on = dt_util.as_local(dt_util.utcnow() + 3 * DAY)
    assert reported(hass) == set()
    freezer.tick(timedelta(minutes=1))
    await phone.use(first)
    assert placeholders(hass, KEY)["date"] == written_out(revoked_on)


async def test_old_certificate_without_a_date(
    hass: HomeAssistant, phone: Phone, freezer: FrozenDateTimeFactory
) -> None:
    """It is kept until the new one is used, so there is nothing to tell."""
    first = await phone.create()
    await phone.renew(first)
    freezer.tick(timedelta(minutes=1))
    await phone.use(first)
    assert reported(hass) == set()
