"""Recorded answers about tunnels and their configuration."""

from base64 import b64decode
import json

from tests.sandbox.recordings import RECORDED, Answered

from .paths import CONFIGURATION, TUNNEL, TUNNELS
from .stage import Stage, replay


@replay("tn-02")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", f"{TUNNEL}/token")
    assert json.loads(b64decode(answered.body["result"])).keys() == {"a", "s", "t"}
    return answered


@replay("tn-03")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", f"{TUNNEL}/connections")
    [connector] = answered.body["result"]
    assert len(connector["conns"]) == 4
    assert {conn["client_id"] for conn in connector["conns"]} == {connector["id"]}
    return answered


@replay(
    "tn-04",
    allowed={"result.connections: nothing in the list": "34: empty since 2026-10-05"},
)
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", TUNNEL)
    assert answered.body["result"]["status"] == "healthy"
    return answered


async def _configured(stage: Stage, number: str) -> Answered:
    answered = await stage.ask("PUT", CONFIGURATION, RECORDED[number].request["body"])
    recorded = RECORDED[number].response["result"]["config"]
    assert answered.body["result"]["config"] == recorded
    return answered


def _never_configured(stage: Stage) -> None:
    stage.tunnel.config, stage.tunnel.version = None, 0


@replay("tn-06")
async def _(stage: Stage) -> Answered:
    _never_configured(stage)
    answered = await _configured(stage, "tn-06")
    assert answered.body["result"]["version"] == 1
    return answered


@replay("tn-07")
async def _(stage: Stage) -> Answered:
    _never_configured(stage)
    put = await _configured(stage, "tn-06")
    got = await stage.ask("GET", CONFIGURATION)
    assert got.body == put.body
    return got


@replay("tn-08")
async def _(stage: Stage) -> Answered:
    _never_configured(stage)
    await _configured(stage, "tn-06")
    answered = await _configured(stage, "tn-08")
    assert answered.body["result"]["version"] == 2
    return answered


@replay("tn-10")
async def _(stage: Stage) -> Answered:
    return await stage.ask("PUT", CONFIGURATION, RECORDED["tn-10"].request["body"])


@replay("tn-11")
async def _(stage: Stage) -> Answered:
    return await stage.ask("DELETE", TUNNEL)


@replay("tn-12")
async def _(stage: Stage) -> Answered:
    stage.tunnel.disconnect()
    answered = await stage.ask("GET", TUNNEL)
    assert answered.body["result"]["status"] == "down"
    return answered


async def _deleted(stage: Stage) -> None:
    stage.tunnel.disconnect()
    assert (await stage.ask("DELETE", TUNNEL)).status == 200


@replay("tn-14")
async def _(stage: Stage) -> Answered:
    await _deleted(stage)
    answered = await stage.ask("GET", TUNNEL)
    result = answered.body["result"]
    assert (result["status"], result["remote_config"]) == ("down", False)
    return answered


@replay("tn-15")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", TUNNELS, query=RECORDED["tn-15"].request["query"])
    recorded = RECORDED["tn-15"].response["result_info"]
    assert answered.body["result_info"] == recorded
    return answered


@replay("tn-16")
async def _(stage: Stage) -> Answered:
    await _deleted(stage)
    return await stage.ask("GET", CONFIGURATION)


@replay("tn-18")
async def _(stage: Stage) -> Answered:
    return await stage.ask("POST", TUNNELS, {"name": "home"})


@replay("tn-19")
async def _(stage: Stage) -> Answered:
    tunnel = stage.sandbox.state.add_tunnel("never ran")
    path = f"{TUNNELS}/{tunnel.id}"
    assert (await stage.ask("DELETE", path)).status == 200
    answered = await stage.ask("GET", TUNNELS, query={"is_deleted": "true"})
    [result] = answered.body["result"]
    assert result["status"] == "inactive"
    return answered


@replay("tn-20")
async def _(stage: Stage) -> Answered:
    config = RECORDED["tn-20"].response["result"]["config"]
    assert (await stage.ask("PUT", CONFIGURATION, {"config": config})).status == 200
    answered = await stage.ask("GET", CONFIGURATION)
    assert answered.body["result"]["config"] == config
    return answered
