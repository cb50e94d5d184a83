"""Tests of hostnames of the app Cloudflared: asked first, added alone, and put back if it fails."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.supervisor import Cloudflared, Fault, FaultKind, Supervisor
from tests.common import (
    BLOCK_REF,
    SKIP_REF,
    choose,
    is_loaded,
    records_of,
    reported,
    settle,
    submit,
    zone_of,
)
from tests.dialogs import add_hostname, to_zone
from tests.supervised import OPTIONS, install_app

NAME = "house-mobile.example.com"
ENTRY = {"hostname": NAME, "service": "http://homeassistant:8123"}
WITH_ENTRY = {
    **OPTIONS,
    "additional_hosts": [*OPTIONS["additional_hosts"], ENTRY],
}


@pytest.fixture
async def app(sandbox: Sandbox, supervisor: Supervisor) -> Cloudflared:
    """Install the app."""
    return await install_app(sandbox, supervisor)


def tunnel_of(app: Cloudflared) -> str:
    """Return the id of the tunnel that an app runs."""
    assert app.tunnel
    return app.tunnel.id


async def to_app(hass: HomeAssistant, sandbox: Sandbox, app: Cloudflared) -> Any:
    """Go through the dialog until all rules are written."""
    result = await to_zone(hass, sandbox)
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": tunnel_of(app)}
    result = await submit(hass, result, chosen)
    typed = {**choose(), "hostname": NAME, "service": ENTRY["service"]}
    return await submit(hass, await submit(hass, result, typed))


def restarts(supervisor: Supervisor) -> int:
    """Return how often an app was restarted."""
    return sum(entry.path.endswith("/restart") for entry in supervisor.journal.requests)


def writes(supervisor: Supervisor) -> list[str]:
    """Return which calls may have changed an app."""
    return [
        entry.path.rpartition("/")[2]
        for entry in supervisor.journal.requests
        if entry.method == "POST" and not entry.path.endswith("/validate")
    ]


async def test_entry_is_added(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """The form shows it; the app gets it and nothing else, and serves the hostname afterwards."""
    result = await to_app(hass, sandbox, app)
    assert result["step_id"] == "by_app"
    shown = result["description_placeholders"]
    assert shown["app"] == f"Cloudflared ({app.slug})"
    assert NAME in shown["entry"]
    assert NAME in str([rule.expression for rule in zone_of(sandbox).rules])
    assert writes(supervisor) == []
    before = app.connector_id

    result = await submit(hass, result, {"change_app": True})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert is_loaded(result["result"])
    assert app.user_options == WITH_ENTRY
    assert writes(supervisor) == ["options", "restart"]
    assert app.connector_id != before
    assert [rule.ref for rule in zone_of(sandbox).rules][:2] == [SKIP_REF, BLOCK_REF]
    (record,) = records_of(sandbox, NAME)
    assert record.content.startswith(tunnel_of(app))
    await settle(hass)
    assert reported(hass) == set()


async def test_person_does_not_agree(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """That is the default: the next page shows what to add."""
    result = await submit(hass, await to_app(hass, sandbox, app), {"change_app": False})
    assert result["step_id"] == "by_hand"
    assert result["errors"] == {}
    assert writes(supervisor) == []


async def test_app_serves_the_hostname_already(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    """There is nothing to change, and nobody is cut off."""
    app = await install_app(sandbox, supervisor, **WITH_ENTRY)
    result = await to_app(hass, sandbox, app)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert writes(supervisor) == []


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"catch_all_service": "!secret service"}, "app_obstacle_secret"),
        (
            {"external_hostname": "ha.example.org", "additional_hosts": []},
            "app_obstacle_other_zone",
        ),
        (
            {"additional_hosts": [{**ENTRY, "service": "http://nas:80"}]},
            "app_obstacle_in_use",
        ),
    ],
)
async def test_options_that_a_person_has_to_change(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    changed: dict[str, Any],
    error: str,
) -> None:
    """The page says why, and shows what to add."""
    supervisor.secrets["service"] = "http_status:404"
    app = await install_app(sandbox, supervisor, **changed)
    result = await to_app(hass, sandbox, app)
    assert result["step_id"] == "by_hand"
    assert result["errors"] == {"base": error}
    assert result["description_placeholders"]["app"] == f"Cloudflared ({app.slug})"
    assert writes(supervisor) == []


async def test_app_that_is_stopped(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """Nothing shows which tunnel it runs."""
    await app.stop()
    result = await to_app(hass, sandbox, app)
    assert result["step_id"] == "by_hand"
    assert result["errors"] == {}


async def test_app_of_another_tunnel(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    other = sandbox.state.add_tunnel("attic", "local")
    other.connect()
    result = await to_zone(hass, sandbox)
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": other.id}
    result = await submit(hass, result, chosen)
    typed = {**choose(), "hostname": NAME, "service": ENTRY["service"]}
    result = await submit(hass, await submit(hass, result, typed))
    assert result["step_id"] == "by_hand"


async def test_supervisor_is_away(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    await supervisor.go_away()
    result = await to_app(hass, sandbox, app)
    assert result["step_id"] == "by_hand"
    assert result["errors"] == {"base": "app_unavailable"}


async def test_somebody_opens_the_hostname_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """The app would lead it home at its next start, so it is not changed."""
    result = await to_app(hass, sandbox, app)
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules = [rule for rule in entrypoint.rules if rule.ref != BLOCK_REF]

    result = await submit(hass, result, {"change_app": True})

    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "changed_meanwhile"}
    assert writes(supervisor) == []


async def test_options_were_changed_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """What the person saw is no longer there."""
    result = await to_app(hass, sandbox, app)
    app.user_options["tunnel_name"] = "other"
    result = await submit(hass, result, {"change_app": True})
    assert result["errors"] == {"base": "app_changed"}
    assert writes(supervisor) == []


FAILING = {
    "refused": (
        Fault(FaultKind.REFUSED, "POST", "*/options", text="No"),
        "app_refused",
    ),
    "restart lost": (Fault(FaultKind.LOST, "POST", "*/restart"), "app_not_back"),
    "restart fails": (
        Fault(FaultKind.SERVER_ERROR, "POST", "*/restart"),
        "app_not_back",
    ),
    "write lost": (Fault(FaultKind.LOST, "POST", "*/options"), "app_not_back"),
    "write fails": (Fault(FaultKind.UNAVAILABLE, "POST", "*/options"), "app_not_back"),
    "token refused": (
        Fault(FaultKind.UNAUTHORIZED, "POST", "*/options"),
        "app_not_back",
    ),
}


@pytest.mark.parametrize("case", FAILING)
async def test_supervisor_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    app: Cloudflared,
    case: str,
) -> None:
    """The app runs as before, with its old options, and was never down."""
    fault, error = FAILING[case]
    result = await to_app(hass, sandbox, app)
    before = app.connector_id
    supervisor.faults.add(fault)

    result = await submit(hass, result, {"change_app": True})

    assert result["step_id"] == "by_hand"
    assert result["errors"] == {"base": error}
    assert app.user_options == OPTIONS
    assert app.connector_id == before


async def test_refusal_repeats_no_options(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """The Supervisor's own text ends with all that was sent, secrets included."""
    result = await to_app(hass, sandbox, app)
    text = "App has invalid options: no such option. Got {'run_parameters': 'secret'}"
    supervisor.faults.add(Fault(FaultKind.REFUSED, "POST", "*/options", text=text))
    result = await submit(hass, result, {"change_app": True})
    assert result["errors"] == {"base": "app_refused"}
    assert result["description_placeholders"]["message"] == (
        "App has invalid options: no such option"
    )


async def test_options_that_the_app_does_not_take(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """They are validated before anything is written; that refusal repeats them, too."""
    app.user_options["log_level"] = "loud"
    result = await to_app(hass, sandbox, app)
    result = await submit(hass, result, {"change_app": True})
    assert result["errors"] == {"base": "app_refused"}
    message = result["description_placeholders"]["message"]
    assert "must be one of" in message
    assert "Got" not in message
    assert writes(supervisor) == []


async def test_answer_to_the_write_gets_lost(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """The options were stored all the same, so they are put back."""
    result = await to_app(hass, sandbox, app)
    supervisor.faults.add(Fault(FaultKind.RESET_AFTER, "POST", "*/options"))
    result = await submit(hass, result, {"change_app": True})
    assert result["errors"] == {"base": "app_not_back"}
    assert app.user_options == OPTIONS


async def test_somebody_else_saves_after_us(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """Their options are theirs: they stay, and the app is not restarted."""
    theirs = {**OPTIONS, "tunnel_name": "theirs"}
    result = await to_app(hass, sandbox, app)
    supervisor.faults.add(
        Fault(FaultKind.EDITED_AFTER, "POST", "*/options", options=theirs)
    )
    result = await submit(hass, result, {"change_app": True})
    assert result["errors"] == {"base": "app_left"}
    assert app.user_options == theirs
    assert restarts(supervisor) == 0


@pytest.mark.parametrize("fault", ["deaths", "old_options"])
async def test_app_does_not_come_back_as_it_should(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    app: Cloudflared,
    fault: str,
) -> None:
    """It ends, or runs with what it had before: it gets its old options, and runs again."""
    result = await to_app(hass, sandbox, app)
    setattr(app.faults, fault, 1)

    result = await submit(hass, result, {"change_app": True})

    assert result["errors"] == {"base": "app_not_back"}
    assert app.user_options == OPTIONS
    assert app.connector_id
    assert restarts(supervisor) == 2


async def test_app_does_not_start_any_more(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """The page says that the tunnel may be down."""
    result = await to_app(hass, sandbox, app)
    app.faults.deaths = 2
    result = await submit(hass, result, {"change_app": True})
    assert result["errors"] == {"base": "app_left"}
    assert app.user_options == OPTIONS
    assert app.connector_id is None


async def test_app_takes_its_time(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """The Supervisor says that it runs before it does."""
    result = await to_app(hass, sandbox, app)
    app.faults.start_seconds = 0.5
    result = await submit(hass, result, {"change_app": True})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert restarts(supervisor) == 1


async def test_dialog_is_closed_while_the_app_restarts(
    hass: HomeAssistant, sandbox: Sandbox, supervisor: Supervisor, app: Cloudflared
) -> None:
    """The change goes on to its end: an app is never left halfway."""
    result = await to_app(hass, sandbox, app)
    supervisor.faults.add(Fault(FaultKind.SLOW, "POST", "*/options", seconds=0.3))
    manager = hass.config_entries.flow
    await manager.async_configure(result["flow_id"], {"change_app": True})
    await asyncio.sleep(0.1)
    manager.async_abort(result["flow_id"])
    await settle(hass)
    assert app.user_options == WITH_ENTRY
    assert restarts(supervisor) == 1


async def test_further_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    supervisor: Supervisor,
    app: Cloudflared,
    loaded_entry: MockConfigEntry,
) -> None:
    """The dialog of a further hostname does the same."""
    result = await add_hostname(hass, loaded_entry)
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": tunnel_of(app)}
    result = await submit(hass, result, chosen)
    typed = {**choose(), "hostname": NAME, "service": ENTRY["service"]}
    result = await submit(hass, await submit(hass, result, typed))
    assert result["step_id"] == "by_app"
    result = await submit(hass, result, {"change_app": True})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert app.user_options == WITH_ENTRY
