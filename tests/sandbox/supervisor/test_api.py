"""Who may ask the Supervisor, and how it answers."""

from dataclasses import replace

from aiohttp import ClientSession
import pytest

from sandbox import Sandbox
from sandbox.supervisor import App, Cloudflared, Manifest, Supervisor

from .helpers import OPTIONS, Client


async def test_authentication(client: Client, app: Cloudflared) -> None:
    path = f"/addons/{app.slug}/info"
    assert (await replace(client, token="").get(path)).status == 401
    refused = await replace(client, token="wrong").get(path)
    assert (refused.status, refused.body) == (403, "403: Forbidden")
    async with ClientSession(headers={"X-Supervisor-Token": client.token}) as session:
        assert (await replace(client, session=session, token="").get(path)).data


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_ping(
    client: Client, supervisor: Supervisor, ready: bool, status: int
) -> None:
    """Nobody needs a token to ask whether the Supervisor is ready."""
    supervisor.ready = ready
    answer = await replace(client, token="").get("/supervisor/ping")
    assert answer.status == status


@pytest.mark.parametrize("action", ["restart", "start", "stop", "options"])
async def test_actions_on_missing_apps(
    client: Client, supervisor: Supervisor, action: str
) -> None:
    """An app of the store is not installed; any other does not exist."""
    supervisor.store["a_b"] = Manifest("B", "https://example.com/b")
    answer = await client.post(f"/addons/a_b/{action}", {})
    assert (answer.status, answer.body) == (
        400,
        {"result": "error", "message": "App is not installed"},
    )
    answer = await client.post(f"/addons/c_d/{action}", {})
    assert (answer.status, answer.body["message"]) == (404, "App c_d does not exist")


async def test_app_of_the_store(client: Client, supervisor: Supervisor) -> None:
    supervisor.store["a_b"] = Manifest("B", "https://example.com/b", options={"a": "b"})
    info = (await client.get("/addons/a_b/info")).data
    assert (info["installed"], info["state"], info["version"]) == (
        False,
        "unknown",
        None,
    )
    assert info["options"] == {"a": "b"}
    assert (await client.get("/addons")).data == {"addons": []}


async def test_several_apps(
    client: Client, app: Cloudflared, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    """Somebody who moved to another repository leaves the old app there, stopped."""
    other = Cloudflared(sandbox.state, slug="396f0234_cloudflared")
    await supervisor.install(other, start=False)
    listed = (await client.get("/addons")).data["addons"]
    assert [(each["slug"], each["state"], each["repository"]) for each in listed] == [
        ("9074a9fa_cloudflared", "started", "9074a9fa"),
        ("396f0234_cloudflared", "stopped", "396f0234"),
    ]


async def test_removed_app(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    await supervisor.uninstall(app.slug)
    assert app.connector_id is None
    assert (await client.get(f"/addons/{app.slug}/info")).status == 404


async def test_older_app(client: Client, app: Cloudflared) -> None:
    app.version = "6.0.1"
    info = (await client.get(f"/addons/{app.slug}/info")).data
    assert (info["version"], info["update_available"]) == ("6.0.1", True)


async def test_log(client: Client, app: Cloudflared) -> None:
    app.user_options = {"additional_hosts": []}
    await client.post(f"/addons/{app.slug}/restart")
    answer = await client.get(f"/addons/{app.slug}/logs")
    assert "Cannot run without tunnel_token" in answer.body


async def test_journal(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    """Asking whether options are valid is no write."""
    await client.post(f"/addons/{app.slug}/options/validate", {**OPTIONS})
    await client.get(f"/addons/{app.slug}/info")
    assert supervisor.journal.writes == []
    await client.post(f"/addons/{app.slug}/options", {"options": {**OPTIONS}})
    await client.post(f"/addons/{app.slug}/restart")
    options, restart = supervisor.journal.writes
    assert options.body == {"options": OPTIONS}
    assert (restart.path, restart.took_effect) == (
        f"/addons/{app.slug}/restart",
        True,
    )


async def test_bad_json(client: Client, app: Cloudflared) -> None:
    url = f"{client.url}/addons/{app.slug}/options"
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.session.post(url, data="{", headers=headers) as answer:
        assert (await answer.json())["message"] == "Invalid json"


async def test_plain_app(client: Client, supervisor: Supervisor) -> None:
    app = await supervisor.install(
        App("core_ssh", Manifest("SSH", "https://example.com"))
    )
    info = (await client.get(f"/addons/{app.slug}/info")).data
    assert (info["state"], info["schema"], info["options"]) == ("started", [], {})
