"""Which options the Supervisor accepts, and what it stores."""

from typing import Any

import pytest

from sandbox.supervisor import Cloudflared, Supervisor

from ..helpers import HOME
from .helpers import OPTIONS, WITH_MOBILE, Answer, Client


async def _set(client: Client, app: Cloudflared, options: Any) -> Answer:
    return await client.post(f"/addons/{app.slug}/options", {"options": options})


async def _options(client: Client, app: Cloudflared) -> Any:
    return (await client.get(f"/addons/{app.slug}/info")).data["options"]


async def test_replaced_as_a_whole(client: Client, app: Cloudflared) -> None:
    """What a write leaves out has its default again."""
    assert (await _set(client, app, {"additional_hosts": []})).data == {}
    assert await _options(client, app) == {
        "external_hostname": "",
        "additional_hosts": [],
    }


async def test_reset(client: Client, app: Cloudflared) -> None:
    await _set(client, app, None)
    assert app.user_options == {}
    assert (await _options(client, app))["external_hostname"] == ""


async def test_nothing_to_set(client: Client, app: Cloudflared) -> None:
    assert (await client.post(f"/addons/{app.slug}/options")).data == {}
    assert await _options(client, app) == OPTIONS


async def test_unknown_keys_are_dropped(client: Client, app: Cloudflared) -> None:
    host = {"hostname": "a.example.com", "service": "http://a", "path": "/api"}
    options = {**OPTIONS, "warp_reset": True, "additional_hosts": [host]}
    assert (await _set(client, app, options)).data == {}
    stored = await _options(client, app)
    assert "warp_reset" not in stored
    assert stored["additional_hosts"] == [
        {"hostname": "a.example.com", "service": "http://a"}
    ]


async def test_secrets_are_stored_resolved(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    supervisor.secrets["host"] = HOME
    options = {**OPTIONS, "external_hostname": "!secret host"}
    assert (await _set(client, app, options)).data == {}
    assert (await _options(client, app))["external_hostname"] == HOME

    unknown = await _set(client, app, {**OPTIONS, "tunnel_name": "!secret no"})
    assert "Unknown secret 'no' in Cloudflared" in unknown.body["message"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"external_hostname": HOME}, "Missing option 'additional_hosts' in root"),
        ({"additional_hosts": {}}, "Invalid list for option 'additional_hosts'"),
        ({"additional_hosts": ["a"]}, "Invalid dict for option 'additional_hosts'"),
        (
            {"additional_hosts": [{"hostname": "a"}]},
            "Missing option 'service' in additional_hosts",
        ),
        (
            {"additional_hosts": [], "tunnel_name": None},
            "Missing required option 'tunnel_name'",
        ),
        ({"additional_hosts": [], "tunnel_name": 5}, "expected str"),
        ({"additional_hosts": [], "post_quantum": "maybe"}, "expected boolean"),
        ({"additional_hosts": [], "log_level": "loud"}, "value must be one of"),
        (
            {"additional_hosts": [], "run_parameters": ["--metrics=0.0.0.0:1"]},
            "does not match regular expression",
        ),
    ],
)
async def test_bad_options(
    client: Client, app: Cloudflared, options: dict[str, Any], reason: str
) -> None:
    """Nothing is stored, and the text repeats what was sent."""
    answer = await _set(client, app, options)
    assert (answer.status, answer.body["error_key"]) == (
        400,
        "app_configuration_invalid_error",
    )
    message = answer.body["message"]
    assert message.startswith(f"App {app.slug} has invalid options: {reason}")
    assert f". Got {options!r}" in message
    assert await _options(client, app) == OPTIONS

    checked = await client.post(f"/addons/{app.slug}/options/validate", options)
    assert not checked.data["valid"]
    assert checked.data["message"].startswith(reason)


async def test_validation_stores_nothing(client: Client, app: Cloudflared) -> None:
    path = f"/addons/{app.slug}/options/validate"
    expected = {"message": "", "valid": True, "pwned": False}
    assert (await client.post(path, {**WITH_MOBILE})).data == expected
    assert (await client.post(path)).data == expected
    assert await _options(client, app) == OPTIONS


async def test_other_values(client: Client, app: Cloudflared) -> None:
    """A text becomes a boolean where the schema wants one."""
    options = {
        "additional_hosts": [],
        "post_quantum": "on",
        "nginx_proxy_manager": "off",
        "log_level": "debug",
        "run_parameters": ["--protocol=http2"],
    }
    assert (await _set(client, app, options)).data == {}
    stored = await _options(client, app)
    assert (stored["post_quantum"], stored["nginx_proxy_manager"]) == (True, False)
    assert stored["run_parameters"] == ["--protocol=http2"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"options": []}, 400, "@ data['options']. Got []"),
        ({"option": {}}, 400, "extra keys not allowed @ data['option']"),
        ({"watchdog": True}, 501, "stores only options"),
    ],
)
async def test_bad_bodies(
    client: Client, app: Cloudflared, body: Any, status: int, text: str
) -> None:
    answer = await client.post(f"/addons/{app.slug}/options", body)
    assert answer.status == status
    assert text in answer.body["message"]


async def test_schema(client: Client, app: Cloudflared) -> None:
    """The schema is written as the front end takes it."""
    info = (await client.get(f"/addons/{app.slug}/info")).data
    schema = {node["name"]: node for node in info["schema"]}
    assert schema["additional_hosts"] == {
        "name": "additional_hosts",
        "type": "schema",
        "optional": True,
        "multiple": True,
        "schema": [
            {"name": "hostname", "required": True, "type": "string"},
            {"name": "service", "required": True, "type": "string"},
            {"name": "disableChunkedEncoding", "optional": True, "type": "boolean"},
        ],
    }
    assert schema["run_parameters"]["multiple"]
    assert schema["log_level"]["options"][0] == "trace"
