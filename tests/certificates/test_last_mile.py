"""Tests of what a new certificate meets behind the rules: it is said in the dialog, in Verify and in a repair."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import TunnelStatus
from tests.common import (
    ENGLISH,
    HOSTNAME,
    act,
    reported,
    settle,
    setup_integration,
    state_of,
    submit,
    turn,
)
from tests.dialogs import CHOSEN, add, fetch, run_test, token_of_test

ENTITY = "binary_sensor.home_mobile_example_com_reaches_home_assistant"

PUBLISHED = "switch.home_mobile_example_com_published"

type Origin = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def origin(sandbox: Sandbox, answer: Origin) -> AsyncIterator[None]:
    """Put a web server behind the tunnel, in place of Home Assistant."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.state.origins[SERVICE] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield
    await runner.cleanup()


async def lead_home(
    hass: HomeAssistant, sandbox: Sandbox, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Have the tunnel lead to this Home Assistant."""
    client = await hass_client_no_auth()
    sandbox.state.origins[SERVICE] = f"http://127.0.0.1:{client.server.port}"


def answering(status: int, text: str, headers: dict[str, str] | None = None) -> Origin:
    """Return an application that answers everything alike."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def repeat(request: web.Request) -> web.Response:
    """Answer with what was asked, as many test applications do."""
    return web.Response(text=f"GET {request.path_qs}")


async def test_new_certificate_reaches_home_assistant(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The dialog and Verify say so, and after a week without a sign of it nobody knows."""
    assert state_of(hass, ENTITY) == "unknown"
    await lead_home(hass, sandbox, hass_client_no_auth)

    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)

    assert "It works" in result["description_placeholders"]["arrival"]
    assert state_of(hass, ENTITY) == "on"
    assert reported(hass) == {"certificate_ready"}
    met = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert met["reaches_home_assistant"] is True
    assert met["with_certificate"] == "home"

    freezer.tick(timedelta(days=8))
    met = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert met["reaches_home_assistant"] is None
    assert state_of(hass, ENTITY) == "unknown"


async def test_hostname_that_is_taken_off_the_internet(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Nobody reaches anything there, and what was met before is not known to come back."""
    await lead_home(hass, sandbox, hass_client_no_auth)
    await submit(hass, await add(hass, loaded_entry), CHOSEN)
    assert state_of(hass, ENTITY) == "on"

    for published in ("off", "on"):
        await turn(hass, PUBLISHED, published)
        assert state_of(hass, ENTITY) == "unknown"


@pytest.mark.parametrize(
    ("answer", "arrival"),
    [
        (answering(200, "<h1>Welcome to your proxy</h1>"), "other_application"),
        (answering(404, "not found"), "other_application"),
        (answering(404, ""), "no_rule"),
        (repeat, "other_application"),
        (answering(400, "400: Bad Request"), "proxy_not_trusted"),
        (
            answering(301, "", {"Location": f"https://{HOSTNAME}/"}),
            "redirected",
        ),
        (
            answering(302, "", {"Location": "https://x.cloudflareaccess.com/cdn-cgi"}),
            "login",
        ),
    ],
)
async def test_something_else_answers(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    answer: Origin,
    arrival: str,
) -> None:
    """The certificate is handed over, with a sentence about what answered and what to do."""
    async with origin(sandbox, answer):
        result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
        await submit(hass, result)
        await settle(hass)

        said = result["description_placeholders"]["arrival"]
        assert said.strip().startswith("The certificate is valid")
        assert state_of(hass, ENTITY) == "off"
        assert reported(hass) == {f"arrival_{arrival}", "certificate_ready"}
        met = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
        assert met["enforced"] is True
        assert met["reaches_home_assistant"] is False
        assert met["with_certificate"] == arrival

    await lead_home(hass, sandbox, hass_client_no_auth)
    await act(hass, loaded_entry, "mint_certificate", name="Tablet")
    assert state_of(hass, ENTITY) == "on"
    assert f"arrival_{arrival}" not in reported(hass)


async def test_connector_does_not_find_the_service(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nobody listens where the service should be."""
    sandbox.state.origins[SERVICE] = "http://127.0.0.1:1"
    await act(hass, loaded_entry, "mint_certificate", name="Tablet")
    assert "arrival_no_service" in reported(hass)


async def test_tunnel_without_a_connector(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The rules are right, and nothing is behind them."""
    sandbox.state.tunnels[sandbox.tunnel_id].status = TunnelStatus.DOWN
    await act(hass, loaded_entry, "mint_certificate", name="Tablet")
    assert "arrival_no_connector" in reported(hass)


async def test_tunnel_gives_another_host(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Devices get in; dialog, page and repair say why they cannot test their certificate."""
    await lead_home(hass, sandbox, hass_client_no_auth)
    for rule in sandbox.state.tunnels[sandbox.tunnel_id].ingress:
        if rule.get("hostname") == HOSTNAME:
            rule["originRequest"] = {"httpHostHeader": "home.example.com"}

    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)

    assert "HTTP Host Header" in result["description_placeholders"]["arrival"]
    assert state_of(hass, ENTITY) == "on"
    assert reported(hass) == {"arrival_rewritten", "certificate_ready"}

    client = await hass_client_no_auth()
    fetched = await fetch(client, result["description_placeholders"]["url"])
    token = token_of_test(fetched)
    by_the_tunnel = {"Host": "home.example.com", "X-Forwarded-Host": HOSTNAME}
    said = await run_test(client, token, **by_the_tunnel)
    assert said == ENGLISH["common"]["proof_other_hostname"]

    # Once the setting is gone, the same link works, and the notice goes away.
    assert await run_test(client, token) == ENGLISH["common"]["proof_done"]
    await settle(hass)
    assert reported(hass) == set()


async def test_stranger_knows_no_question(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """A stranger who guesses gets no answer from the view."""
    client = await hass_client_no_auth()
    for text in ("x", "a" * 22, ".."):
        answer = await client.get(f"/api/cloudflare_mtls/visit/{text}")
        assert answer.status == 404
        # cloudflared's own 404 is empty; this is not to be taken for it.
        assert await answer.text() == "404: Not Found"


async def test_nobody_answers(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """Nothing is claimed, good or bad."""
    monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE", f"127.0.0.1:{unused_tcp_port}")
    await setup_integration(hass, entry)
    result = await submit(hass, await add(hass, entry), CHOSEN)
    assert result["description_placeholders"]["arrival"] == ""
    assert state_of(hass, ENTITY) == "unknown"
    assert reported(hass) == {"certificate_ready"}


async def test_no_hostname_is_published(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """There is nothing to visit."""
    await turn(hass, "switch.home_mobile_example_com_published", "off")
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    assert result["description_placeholders"]["arrival"] == ""
    assert state_of(hass, ENTITY) == "unknown"
