"""Recorded answers about Access: applications, and what every endpoint of it has."""

from typing import Any

from tests.sandbox.helpers import HOME
from tests.sandbox.recordings import RECORDED, Answered

from .paths import ACCESS, APPLICATIONS
from .stage import Stage, replay

PEOPLE = {
    "name": "people",
    "decision": "allow",
    "include": [{"email_domain": {"domain": "example.com"}}],
}
_APPLICATION = {"type": "self_hosted", "name": "Home", "domain": HOME}


async def create(stage: Stage, path: str, body: Any) -> Any:
    """Create something, and return what the API says of it."""
    answered = await stage.ask("POST", path, body)
    assert answered.status == 201, answered.body
    return answered.body["result"]


@replay("ac-01")
async def _(stage: Stage) -> Answered:
    await create(stage, APPLICATIONS, _APPLICATION)
    return await stage.ask("GET", APPLICATIONS)


@replay("ac-02")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("access_apps")
    answered = await stage.ask("GET", APPLICATIONS, token=token)
    assert answered.body["result"] == []
    return answered


@replay("ac-03")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("access_apps")
    answered = await stage.ask("POST", APPLICATIONS, _APPLICATION, token=token)
    assert answered.body == RECORDED["ac-03"].response
    return answered


@replay("ac-05")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", APPLICATIONS, query={"per_page": "200"})
    assert answered.body == RECORDED["ac-05"].response
    return answered


@replay("ac-06", partial=True)
async def _(stage: Stage) -> Answered:
    stage.access.team = None
    return await stage.ask("GET", f"{ACCESS}/organizations")


@replay(
    "ax-14",
    allowed={
        "result.destinations: not recorded": "put together without it; ac-01 has it",
        "result.service_auth_401_redirect: not recorded": "put together without it",
        "result.skip_interstitial: not recorded": "put together without it",
    },
)
async def _(stage: Stage) -> Answered:
    policy = await create(stage, f"{ACCESS}/policies", PEOPLE)
    body = RECORDED["ax-14"].request["body"] | {"policies": [policy["id"]]}
    answered = await stage.ask("POST", APPLICATIONS, body)
    expanded = answered.body["result"]["policies"]
    again = body | {"policies": expanded, "domain": "nas.example.com"}
    refused = await stage.ask("POST", APPLICATIONS, again)
    assert "unrecognized policy decision" in str(refused.body["errors"])
    return answered


_CUT = "the recording ends before this key"


@replay(
    "ax-16",
    allowed={
        "result.http_only_cookie_attribute: not recorded": _CUT,
        "result.options_preflight_bypass: not recorded": _CUT,
    },
)
async def _(stage: Stage) -> Answered:
    hostnames = [HOME, "nas.example.com"]
    body = {
        "type": "self_hosted",
        "name": "Two hosts",
        "self_hosted_domains": hostnames,
    }
    created = await create(stage, APPLICATIONS, body)
    answered = await stage.ask("GET", f"{APPLICATIONS}/{created['id']}")
    result = answered.body["result"]
    assert result["domain"] == HOME
    assert [each["uri"] for each in result["destinations"]] == hostnames
    return answered


@replay("ax-17")
async def _(stage: Stage) -> Answered:
    body = RECORDED["ax-17"].request["body"]
    await create(stage, APPLICATIONS, body)
    return await stage.ask("POST", APPLICATIONS, body)


@replay("ax-18")
async def _(stage: Stage) -> Answered:
    return await stage.ask("PUT", f"{ACCESS}/policies/unknown", PEOPLE)


@replay("ax-19")
async def _(stage: Stage) -> Answered:
    stage.access.team = None
    stage.sandbox.state.switches.missing_access_is_forbidden = True
    return await stage.ask("GET", APPLICATIONS)


@replay("ax-21")
async def _(stage: Stage) -> Answered:
    return await stage.ask("POST", APPLICATIONS, {})


@replay("ax-22")
async def _(stage: Stage) -> Answered:
    return await stage.ask("POST", APPLICATIONS, RECORDED["ax-22"].request["body"])


@replay("ax-24")
async def _(stage: Stage) -> Answered:
    policy = await create(stage, f"{ACCESS}/policies", PEOPLE)
    body = _APPLICATION | {"policies": [policy["id"]]}
    application = await create(stage, APPLICATIONS, body)
    path = f"{APPLICATIONS}/{application['id']}/policies/{policy['id']}"
    return await stage.ask("PUT", path, RECORDED["ax-24"].request["body"])


@replay("ax-25")
async def _(stage: Stage) -> Answered:
    body = RECORDED["ax-25"].request["body"]
    refused = await stage.ask("POST", APPLICATIONS, body)
    await create(stage, f"{ACCESS}/tags", {"name": body["tags"][0]})
    await create(stage, APPLICATIONS, body)
    return refused


@replay("ax-35")
async def _(stage: Stage) -> Answered:
    body = RECORDED["ax-35"].request["body"]
    await create(stage, APPLICATIONS, body)
    return await stage.ask("POST", APPLICATIONS, body)


@replay("ax-39")
async def _(stage: Stage) -> Answered:
    return await stage.ask("POST", APPLICATIONS, RECORDED["ax-39"].request["body"])
