"""Recorded answers about Access."""

from tests.sandbox.helpers import HOME
from tests.sandbox.recordings import RECORDED, Answered

from .paths import ACCESS, APPLICATIONS
from .stage import NOT_YET, Stage, replay


@replay("ac-01")
async def _(stage: Stage) -> Answered:
    body = {"type": "self_hosted", "name": "Home", "domain": HOME}
    assert (await stage.ask("POST", APPLICATIONS, body)).status in (200, 201)
    return await stage.ask("GET", APPLICATIONS)


@replay("ac-02")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("access_apps")
    answered = await stage.ask("GET", APPLICATIONS, token=token)
    assert answered.body["result"] == []
    return answered


@replay("ac-03")
async def _(stage: Stage) -> Answered:
    body = {"type": "self_hosted", "name": "Home", "domain": HOME}
    token = stage.token_without("access_apps")
    answered = await stage.ask("POST", APPLICATIONS, body, token=token)
    assert answered.body == RECORDED["ac-03"].response
    return answered


@replay("ac-05")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", APPLICATIONS, query={"per_page": "200"})
    assert answered.body == RECORDED["ac-05"].response
    return answered


@replay("ac-06")
async def _(stage: Stage) -> Answered:
    stage.sandbox.state.accounts[stage.sandbox.account_id].access.team = None
    return await stage.ask("GET", f"{ACCESS}/organizations")


@replay(
    "ax-02",
    allowed={
        "result[].uid: missing": NOT_YET,
        "result[].version: missing": NOT_YET,
        "result[].config.redirect_url: missing": NOT_YET,
    },
)
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", f"{ACCESS}/identity_providers")


@replay("ax-03", allowed={"result[].uid: missing": NOT_YET})
async def _(stage: Stage) -> Answered:
    policy = {
        "name": "from the loopback",
        "decision": "non_identity",
        "include": [{"ip": {"ip": "127.0.0.1/32"}}],
        "session_duration": "24h",
    }
    # Names of policies are not unique.
    for _ in range(2):
        created = await stage.ask("POST", f"{ACCESS}/policies", policy)
        assert created.status == 201
    return await stage.ask("GET", f"{ACCESS}/policies")


@replay("ax-11")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", f"{ACCESS}/identity_providers")


_CUT = "the recording ends before this key"


@replay(
    "ax-16",
    allowed={
        "result.self_hosted_domains: missing": NOT_YET,
        "result.http_only_cookie_attribute: not recorded": _CUT,
        "result.options_preflight_bypass: not recorded": _CUT,
    },
)
async def _(stage: Stage) -> Answered:
    destinations = [
        {"type": "public", "uri": hostname} for hostname in (HOME, "nas.example.com")
    ]
    body = {"type": "self_hosted", "name": "Two hosts", "destinations": destinations}
    created = await stage.ask("POST", APPLICATIONS, body)
    path = f"{APPLICATIONS}/{created.body['result']['id']}"
    answered = await stage.ask("GET", path)
    assert answered.body["result"]["domain"] == HOME
    return answered


@replay("ax-33")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("access_organization")
    answered = await stage.ask("GET", f"{ACCESS}/identity_providers", token=token)
    assert answered.body["result"] == []
    return answered
