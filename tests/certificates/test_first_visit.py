"""Tests of the first visit with a new certificate: one that is blocked is revoked, not given out."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.certificates import first_visit
from sandbox import Sandbox, edge
from sandbox.firewall import Verdict
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    act,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.edge_conditions import Blocking
from tests.faults import Faults

from .test_last_mile import ENTITY as ARRIVAL, lead_home

DRIFT = "binary_sensor.home_mobile_example_com_drift"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip the pauses between the first visits, and return them."""
    taken: list[float] = []

    class Asyncio:
        """The asyncio module, as `first_visit` sees it."""

        @staticmethod
        async def sleep(seconds: float) -> None:
            """Record the pause."""
            taken.append(seconds)

    monkeypatch.setattr(first_visit, "asyncio", Asyncio)
    return taken


def forget_association(sandbox: Sandbox) -> None:
    """Have the edge stop asking for certificates, before Home Assistant notices."""
    zone_of(sandbox).associations = []


async def test_certificate_that_gets_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
) -> None:
    """The edge lets it in, so one visit is enough."""
    sandbox.state.blocked.clear()

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"]
    assert pauses == [0]
    assert sandbox.state.blocked == []


async def test_certificate_that_is_blocked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
    blocking: Blocking,
) -> None:
    """The certificate is revoked, its device removed, and the error says that it did not get in."""
    blocking.now = True
    sandbox.state.blocked.clear()
    sandbox.journal.clear()

    with pytest.raises(HomeAssistantError, match="Nobody can download") as raised:
        await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await settle(hass)

    assert raised.value.translation_key == "certificate_blocked"
    assert raised.value.translation_placeholders == {"hostname": HOSTNAME}
    assert sum(pauses) == 30
    assert len(sandbox.state.blocked) == len(pauses) == 5
    (certificate,) = zone_of(sandbox).certificates.values()
    assert certificate.status in ("pending_revocation", "revoked")
    assert [item.method for item in sandbox.journal.writes] == ["POST", "DELETE"]
    assert loaded_entry.get_subentries_of_type("companion_device") == []
    assert hass.states.get("sensor.pixel_8_certificate_expiry") is None
    assert reported(hass) == set()


async def test_certificate_that_is_blocked_at_first(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
    blocking: Blocking,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The visit is repeated, because changes reach the edge slowly."""
    blocking.now = True

    async def spread(seconds: float) -> None:
        pauses.append(seconds)
        blocking.now = len(pauses) < 3

    monkeypatch.setattr(first_visit.asyncio, "sleep", spread)

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"]
    assert len(pauses) == 3
    (certificate,) = zone_of(sandbox).certificates.values()
    assert certificate.status == "active"


async def test_certificate_that_is_blocked_and_cannot_be_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
    blocking: Blocking,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is not handed out, there is no device, and a repair stays until it is revoked."""
    blocking.now = True
    faults.unavailable("DELETE", "/client_certificates")

    with pytest.raises(HomeAssistantError, match="Nobody can download"):
        await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await settle(hass)

    assert loaded_entry.get_subentries_of_type("companion_device") == []
    assert reported(hass) == {"revocation_pending"}
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    (certificate,) = zone_of(sandbox).certificates.values()
    assert certificate.status == "revoked"
    assert reported(hass) == set()


async def test_certificate_where_no_visit_is_possible(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """A home that cannot visit its own hostname can still create certificates."""
    monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE", f"127.0.0.1:{unused_tcp_port}")
    await setup_integration(hass, entry)

    response = await act(hass, entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"]
    assert pauses == [0]


class TestVisitsAreExempt:
    """A hostname where everybody reaches the view for visits, with any certificate."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return a hostname whose API is open to everybody."""
        return {**settings, "exempt_paths": ["/api/"]}

    async def test_certificate_that_is_blocked(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        hass_client_no_auth: ClientSessionGenerator,
        pauses: list[float],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """That the view answers proves nothing: the first page is asked for too."""
        await lead_home(hass, sandbox, hass_client_no_auth)
        judge = edge.firewall.judge

        def verify_none(rules: Any, request: Any, *others: Any) -> Verdict:
            return judge(
                rules, {**request, "cf.tls_client_auth.cert_verified": False}, *others
            )

        monkeypatch.setattr(edge.firewall, "judge", verify_none)

        with pytest.raises(HomeAssistantError) as raised:
            await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
        await settle(hass)

        assert raised.value.translation_key == "certificate_blocked"
        assert len(pauses) == 5
        assert state_of(hass, ARRIVAL) == "unknown"

    async def test_certificate_that_gets_in(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        hass_client_no_auth: ClientSessionGenerator,
    ) -> None:
        await lead_home(hass, sandbox, hass_client_no_auth)

        await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

        assert state_of(hass, ARRIVAL) == "on"


class TestNoHostnameToTry:
    """A hostname that is not published, or not kept in sync."""

    @pytest.fixture(params=["published", "keep_in_sync"])
    def settings(
        self, settings: dict[str, Any], request: pytest.FixtureRequest
    ) -> dict[str, Any]:
        """Return a hostname that lets no device in at the moment."""
        return {**settings, request.param: False}

    async def test_certificate(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        pauses: list[float],
    ) -> None:
        """No hostname can be visited with the certificate, so it is handed over untested."""
        forget_association(sandbox)
        sandbox.state.blocked.clear()

        response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

        assert response["handover_url"]
        assert pauses == []
        assert sandbox.state.blocked == []


@pytest.mark.parametrize("cause", ["unavailable", "may not look"])
async def test_certificate_while_the_rules_are_unknown(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
    freezer: FrozenDateTimeFactory,
    cause: str,
) -> None:
    """A block then says nothing about the certificate."""
    if cause == "unavailable":
        faults.unavailable("GET", "/dns_records")
    else:
        faults.refuse("GET", "/dns_records", 403, 10000, "Authentication error")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "unavailable"
    forget_association(sandbox)

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"]
    assert pauses == []
