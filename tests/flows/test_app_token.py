"""Tests of new tunnels that the app Cloudflared runs: its token is entered there if a person agrees."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.cloudflare_mtls import cloudflared_app
from custom_components.cloudflare_mtls.flows import account_tunnels
from sandbox import Sandbox
from sandbox.supervisor import Cloudflared, Fault, FaultKind, Supervisor
from sandbox.supervisor.cloudflared import SLUG
from tests.common import sentences, submit
from tests.dialogs import to_zone
from tests.faults import Faults
from tests.logs import log_everything, logged
from tests.supervised import OPTIONS


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_tunnels, "_PATIENCE_SECONDS", 3)
    monkeypatch.setattr(account_tunnels, "_POLL_SECONDS", 0.05)


async def install(
    sandbox: Sandbox, supervisor: Supervisor, options: Mapping[str, Any]
) -> Cloudflared:
    """Install the app, and leave it stopped."""
    return await supervisor.install(Cloudflared(sandbox.state, options), start=False)


def offered(form: Any) -> dict[str, str]:
    """Return the apps that a form offers, by slug."""
    field = form["data_schema"].schema["use_app"]
    return {item["value"]: item["label"] for item in field.config["options"]}


async def to_connector(hass: HomeAssistant, sandbox: Sandbox) -> Any:
    """Create a tunnel, and go to the form that shows how to run it."""
    result = await to_zone(hass, sandbox)
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": "new"}
    result = await submit(hass, await submit(hass, result, chosen), {"name": "cabin"})
    assert result["step_id"] == "connector"
    return result


def fields(result: Any) -> list[str]:
    """Return what a form asks for."""
    return [str(key) for key in result["data_schema"].schema]


async def test_app_runs_the_tunnel(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    """It gets the token, starts, and the dialog goes on once it is connected."""
    app = await install(sandbox, supervisor, {})
    form = await to_connector(hass, sandbox)
    assert fields(form) == ["use_app", "wait"]
    assert offered(form) == {SLUG: f"Cloudflared ({SLUG})"}
    assert form["data_schema"]({}) == {"wait": True}, "a person chooses it"

    result = await submit(hass, form, {"use_app": SLUG, "wait": True})

    assert result["step_id"] == "hostname"
    (tunnel,) = [
        item for item in sandbox.state.tunnels.values() if item.name == "cabin"
    ]
    assert [item.id for item in tunnel.connectors] == [app.connector_id]
    assert app.user_options.keys() == {
        "external_hostname",
        "additional_hosts",
        "tunnel_token",
    }


async def test_person_does_not_agree(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    """That is the default."""
    app = await install(sandbox, supervisor, {})
    form = await to_connector(hass, sandbox)
    result = await submit(hass, form, {"wait": False})
    assert result["step_id"] == "hostname"
    assert app.user_options == {}


async def test_two_apps(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    """One was left behind by another repository: each is named, and the chosen one gets the token."""
    fork = Cloudflared(sandbox.state, {}, slug="abcdef12_cloudflared")
    await supervisor.install(fork, start=False)
    app = await install(sandbox, supervisor, {})
    form = await to_connector(hass, sandbox)
    assert offered(form) == {
        fork.slug: "Cloudflared (abcdef12_cloudflared)",
        SLUG: f"Cloudflared ({SLUG})",
    }

    result = await submit(hass, form, {"use_app": SLUG, "wait": False})

    assert result["step_id"] == "hostname"
    assert fork.user_options == {}
    assert app.user_options["tunnel_token"]


@pytest.mark.parametrize(
    "options", [OPTIONS, {"tunnel_token": "x"}, {"catch_all_service": "http://x"}]
)
async def test_app_that_is_in_use(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    options: Mapping[str, Any],
) -> None:
    """It belongs to another tunnel, also while it is stopped."""
    await install(sandbox, supervisor, options)
    assert fields(await to_connector(hass, sandbox)) == ["wait"]


async def test_no_app(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    assert fields(await to_connector(hass, sandbox)) == ["wait"]


async def test_supervisor_is_away(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    await install(sandbox, supervisor, {})
    await supervisor.go_away()
    assert fields(await to_connector(hass, sandbox)) == ["wait"]


@pytest.mark.parametrize(
    ("kind", "path", "error"),
    [
        (FaultKind.REFUSED, "*/options", "app_start_refused"),
        (FaultKind.SERVER_ERROR, "*/options", "app_start_unavailable"),
        (FaultKind.REFUSED, "*/restart", "app_start_refused"),
    ],
)
async def test_supervisor_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    caplog: pytest.LogCaptureFixture,
    kind: FaultKind,
    path: str,
    error: str,
) -> None:
    """The form stays, with the other ways; nobody is shown what was sent."""
    app = await install(sandbox, supervisor, {})
    form = await to_connector(hass, sandbox)
    token = str(form["description_placeholders"]["token"])
    text = f"App has invalid options: no. Got {{'tunnel_token': '{token}'}}"
    supervisor.faults.add(Fault(kind, "POST", path, text=text))
    log_everything(caplog)

    result = await submit(hass, form, {"use_app": SLUG, "wait": True})

    assert result["step_id"] == "connector"
    assert result["errors"] == {"base": error}
    assert f"Cloudflared ({SLUG})" in sentences(result)["base"]
    # With the token in its options, it is in use.
    has_token = bool(app.user_options.get("tunnel_token"))
    assert ("use_app" in fields(result)) is not has_token
    assert has_token is (path == "*/restart")
    assert token not in logged(caplog)
    assert "message" not in result["description_placeholders"]


async def test_supervisor_never_answers_the_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The dialog does not wait for ever."""
    monkeypatch.setattr(cloudflared_app, "_RESTART_SECONDS", 0.2)
    await install(sandbox, supervisor, {})
    form = await to_connector(hass, sandbox)
    supervisor.faults.add(Fault(FaultKind.SLOW, "POST", "*/restart", seconds=2))

    result = await submit(hass, form, {"use_app": SLUG, "wait": True})

    assert result["errors"] == {"base": "app_start_unavailable"}


async def test_cloudflare_does_not_tell_the_token(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, supervisor: Supervisor
) -> None:
    """Nothing is entered in the app."""
    app = await install(sandbox, supervisor, {})
    form = await to_connector(hass, sandbox)
    faults.unavailable("GET", "/token$")
    result = await submit(hass, form, {"use_app": SLUG, "wait": True})
    assert result["errors"] == {"base": "unavailable"}
    assert app.user_options == {}


async def test_options_were_changed_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    app = await install(sandbox, supervisor, {})
    form = await to_connector(hass, sandbox)
    app.user_options = dict(OPTIONS)
    result = await submit(hass, form, {"use_app": SLUG, "wait": True})
    assert result["errors"] == {"base": "app_start_changed"}
    assert app.user_options == OPTIONS
