"""A walk through the guide to the app Cloudflared, with a Supervisor that runs it."""

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.cloudflare_mtls.const import SUBENTRY_PROTECTED_HOSTNAME
from custom_components.cloudflare_mtls.flows import account_tunnels
from sandbox import Sandbox
from sandbox.supervisor import Cloudflared, Supervisor
from tests.common import ENGLISH, choose, reported, settle, submit
from tests.dialogs import to_zone
from tests.flows.new_tunnels import finish_with, to_connector
from tests.supervised import OPTIONS, install_app

from .markdown import ROOT, blocks

GUIDE = ROOT / "docs" / "guides" / "cloudflared-app.md"
(ADDED,) = (parse_yaml(text) for text in blocks(GUIDE, "yaml"))
SERVICE, TRUSTED = (text.strip() for text in blocks(GUIDE, "text"))


async def test_no_tunnel_yet(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The app gets the token of the new tunnel, and nothing else."""
    monkeypatch.setattr(account_tunnels, "_PATIENCE_SECONDS", 3)
    app = await supervisor.install(Cloudflared(sandbox.state, {}), start=False)
    hass.http.server_port = 8123

    result = await to_connector(hass, sandbox)
    token = result["description_placeholders"]["token"]
    result = await submit(hass, result, {"use_app": app.slug, "wait": True})

    assert app.user_options["tunnel_token"] == token
    assert not any(
        app.user_options[key] for key in app.user_options.keys() - {"tunnel_token"}
    )
    (service,) = (key for key in result["data_schema"].schema if key == "service")
    assert service.default() == SERVICE
    await finish_with(hass, sandbox, result)


@pytest.mark.parametrize("agreed", [True, False])
async def test_tunnel_of_its_own(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, *, agreed: bool
) -> None:
    """The entry is shown, added once a person agrees, and removed with the hostname."""
    app = await install_app(sandbox, supervisor)
    assert isinstance(ADDED, dict)
    (entry,) = ADDED["additional_hosts"]
    assert entry["service"] == SERVICE
    assert app.tunnel
    result = await to_zone(hass, sandbox)
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": app.tunnel.id}
    result = await submit(hass, result, chosen)
    result = await submit(hass, result, {**choose(), **entry})
    result = await submit(hass, result)
    assert result["step_id"] == "by_app"
    assert parse_yaml(str(result["description_placeholders"]["entry"])) == ADDED

    result = await submit(hass, result, {"change_app": agreed})

    if not agreed:
        assert result["step_id"] == "by_hand"
        assert parse_yaml(str(result["description_placeholders"]["entry"])) == ADDED
        assert app.user_options == OPTIONS
        return
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert app.user_options == {
        **OPTIONS,
        "additional_hosts": [*OPTIONS["additional_hosts"], entry],
    }
    account = result["result"]
    (hostname,) = account.get_subentries_of_type(SUBENTRY_PROTECTED_HOSTNAME)
    hass.config_entries.async_remove_subentry(account, hostname.subentry_id)
    await settle(hass)
    assert "removal_in_file" in reported(hass)


def test_network_of_the_apps() -> None:
    """It is the one that the repair names."""
    issue = ENGLISH["issues"]["check_proxy_not_trusted"]
    assert f"{TRUSTED} if it is an app" in issue["description"]
