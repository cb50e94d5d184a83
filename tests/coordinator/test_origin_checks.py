"""Tests of the checks between tunnel and Home Assistant: service, certificate, port and trusted proxies."""

from copy import deepcopy
from typing import Any
from unittest.mock import Mock

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.hassio.const import DATA_HOST_INFO
from homeassistant.components.http.config import ConfData, async_get_and_load_store
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    issues,
    placeholders,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
)
from tests.coordinator.causes import config_of
from tests.dialogs import begin_repair, confirm_repair

HTTPS_SERVICE = "https://homeassistant:8123"


class TestHttpsOrigin:
    """An origin with a certificate that no public authority signed."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return a service over HTTPS, at a port of Home Assistant that has no TLS."""
        return {**settings, "service": HTTPS_SERVICE}

    async def test_certificate(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        hass_client: ClientSessionGenerator,
    ) -> None:
        """The repair names scheme and certificate, and changes only our own ingress rule."""
        assert reported(hass) == {"check_origin_certificate", "check_origin_scheme"}
        assert placeholders(hass, "check_origin_scheme") == {
            "target": HOSTNAME,
            "value": HTTPS_SERVICE,
            "detail": "http://homeassistant:8123",
        }
        assert placeholders(hass, "check_origin_certificate") == {
            "target": HOSTNAME,
            "value": HTTPS_SERVICE,
            "detail": "home",
        }
        before = deepcopy(config_of(sandbox))
        assert await async_setup_component(hass, "repairs", {})
        client = await hass_client()
        sandbox.journal.clear()

        flow = await begin_repair(client, issues(hass)["check_origin_certificate"])
        assert (await confirm_repair(client, flow))["type"] == "create_entry"
        await settle(hass)

        assert reported(hass) == {"check_origin_scheme"}
        assert len(sandbox.journal.writes) == 1
        for rule in before["ingress"]:
            if rule.get("hostname") == HOSTNAME:
                rule["originRequest"] = {"noTLSVerify": True}
        assert config_of(sandbox) == before
        # This does not count as drift.
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert len(sandbox.journal.writes) == 1

    async def test_finding_that_changed_while_the_dialog_was_open(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        hass_client: ClientSessionGenerator,
    ) -> None:
        """It is shown again, and nothing is written before a person confirms it."""
        assert await async_setup_component(hass, "repairs", {})
        client = await hass_client()
        flow = await begin_repair(client, issues(hass)["check_origin_certificate"])
        assert flow["description_placeholders"]["detail"] == "home"
        sandbox.state.tunnels[sandbox.tunnel_id].name = "cabin"
        await loaded_entry.runtime_data.tunnels.async_refresh()
        loaded_entry.runtime_data.checks.async_keep_up()
        sandbox.journal.clear()

        flow = await confirm_repair(client, flow)

        assert flow["step_id"] == "confirm"
        assert flow["errors"] == {"base": "changed_meanwhile"}
        assert flow["description_placeholders"]["detail"] == "cabin"
        assert sandbox.journal.writes == []
        assert (await confirm_repair(client, flow))["type"] == "create_entry"
        assert len(sandbox.journal.writes) == 1


class TestOtherPort:
    """A service that leads to another port than Home Assistant's."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return a service at the port that Home Assistant had before."""
        return {**settings, "service": "http://localhost:80"}

    async def test_port(
        self, hass: HomeAssistant, loaded_entry: MockConfigEntry
    ) -> None:
        """The repair names the right service; it is a warning, because a reverse proxy may be there."""
        assert reported(hass) == {"check_origin_port"}
        assert placeholders(hass, "check_origin_port") == {
            "target": HOSTNAME,
            "value": "http://localhost:80",
            "detail": "http://localhost:8123",
        }


class TestMachineOfSeveralNames:
    """A service that leads to Home Assistant's machine by one of its names or addresses."""

    @pytest.fixture(params=["http://172.30.32.1:80"])
    def settings(
        self, settings: dict[str, Any], request: pytest.FixtureRequest
    ) -> dict[str, Any]:
        """Return a service at the port that Home Assistant had before."""
        return {**settings, "service": request.param}

    @pytest.fixture
    def hostname(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Name the machine."""
        monkeypatch.setattr("socket.gethostname", lambda: "Hass.fritz.box")

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ("http://hass:80", {"check_origin_port"}),
            ("http://hass.local:80", {"check_origin_port", "check_origin_local_name"}),
            ("http://hass.fritz.box:80", {"check_origin_port"}),
            # Its interface, whatever address Home Assistant takes for its own.
            ("http://10.10.10.10:80", {"check_origin_port"}),
            ("http://192.168.1.77:80", set()),
            ("http://hass.lan:80", set()),
            # Only a Supervisor gives Home Assistant this address.
            ("http://172.30.32.1:80", set()),
        ],
        indirect=["settings"],
    )
    async def test_names(
        self,
        hass: HomeAssistant,
        hostname: None,
        loaded_entry: MockConfigEntry,
        expected: set[str],
    ) -> None:
        """What certainly leads to another machine has no repair."""
        assert reported(hass) == expected

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ("http://172.30.32.1:80", {"check_origin_port"}),
            ("http://attic:80", {"check_origin_port"}),
            ("http://attic.local:80", {"check_origin_port", "check_origin_local_name"}),
            ("http://192.168.1.77:80", set()),
        ],
        indirect=["settings"],
    )
    async def test_names_with_a_supervisor(
        self, hass: HomeAssistant, entry: MockConfigEntry, expected: set[str]
    ) -> None:
        """The Supervisor knows what its machine is called, not the container."""
        hass.config.components.add("hassio")
        host_info: Any = Mock(to_dict=lambda: {"hostname": "Attic"})
        hass.data[DATA_HOST_INFO] = host_info
        await setup_integration(hass, entry)
        assert reported(hass) == expected

    async def test_supervisor_that_has_not_answered_yet(
        self, hass: HomeAssistant, entry: MockConfigEntry
    ) -> None:
        """What is known anyway is looked at."""
        hass.config.components.add("hassio")
        await setup_integration(hass, entry)
        assert reported(hass) == {"check_origin_port"}

    @pytest.mark.parametrize("settings", ["http://printer.local:80"], indirect=True)
    async def test_name_of_multicast_dns(
        self, hass: HomeAssistant, loaded_entry: MockConfigEntry
    ) -> None:
        """The repair is a warning, because some connectors can look it up."""
        assert reported(hass) == {"check_origin_local_name"}
        shown = placeholders(hass, "check_origin_local_name")
        assert (shown["target"], shown["value"]) == (
            HOSTNAME,
            "http://printer.local:80",
        )
        issue_id = issues(hass)["check_origin_local_name"]
        issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
        assert issue
        assert issue.severity is ir.IssueSeverity.WARNING
        assert not issue.is_fixable


@pytest.mark.parametrize(
    "configured",
    [
        {"use_x_forwarded_for": True, "trusted_proxies": []},
        {"use_x_forwarded_for": False, "trusted_proxies": ["127.0.0.1"]},
    ],
    ids=["no proxies", "no headers"],
)
async def test_proxies_that_are_not_trusted(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    configured: ConfData,
) -> None:
    """The web server refuses all requests from the tunnel; the repair leads to its settings."""
    store = await async_get_and_load_store(hass)
    store.stable.update(configured)

    await setup_integration(hass, entry)

    assert reported(hass) == {"check_proxy_not_trusted"}
    assert placeholders(hass, "check_proxy_not_trusted")["target"] == HOSTNAME
    issue_id = issues(hass)["check_proxy_not_trusted"]
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.learn_more_url == "homeassistant://config/network"


async def test_settings_of_the_web_server_that_cannot_be_read(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Trusted proxies that cannot be read have no repair."""
    assert await async_setup_component(hass, "http", {})
    hass.data["http"] = object()
    await setup_integration(hass, entry)
    assert reported(hass) == set()
