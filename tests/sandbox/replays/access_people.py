"""Recorded answers about who may log in: policies, groups, login methods, the organization."""

from datetime import datetime, timedelta

from sandbox.clock import now
from sandbox.state import IdentityProvider, LoginRow
from tests.sandbox.recordings import RECORDED, Answered

from .access import create
from .paths import ACCESS
from .stage import Stage, replay

_GROUPS = f"{ACCESS}/groups"
_ORGANIZATION = f"{ACCESS}/organizations"
_POLICIES = f"{ACCESS}/policies"
_PROVIDERS = f"{ACCESS}/identity_providers"


@replay("ax-01")
async def _(stage: Stage) -> Answered:
    [recorded] = RECORDED["ax-01"].response["result"]
    body = {key: recorded[key] for key in ("name", "include", "exclude", "require")}
    await create(stage, _GROUPS, body)
    return await stage.ask("GET", _GROUPS)


@replay(
    "ax-02",
    allowed={
        f"result[].scim_config.{name}: missing": "only Cloudflare fills them"
        for name in ("scim_base_url",)
    },
)
async def _(stage: Stage) -> Answered:
    recorded = RECORDED["ax-02"].response["result"][1]
    config = {"client_secret": "secret", **recorded["config"]}
    scim = {k: v for k, v in recorded["scim_config"].items() if k != "scim_base_url"}
    body = {"type": "azureAD", "name": "x", "config": config, "scim_config": scim}
    await create(stage, _PROVIDERS, body)
    return await stage.ask("GET", _PROVIDERS)


@replay("ax-03")
async def _(stage: Stage) -> Answered:
    policy = {
        "name": "from the loopback",
        "decision": "non_identity",
        "include": [{"ip": {"ip": "127.0.0.1/32"}}],
        "session_duration": "24h",
    }
    # Names of policies are not unique.
    for _ in range(2):
        await create(stage, _POLICIES, policy)
    return await stage.ask("GET", _POLICIES)


_NEWER = "the documentation's older shape; ax-02 has it"


@replay(
    "ax-11",
    allowed={
        f"result[].{name}: not recorded": _NEWER
        for name in ("uid", "version", "config.redirect_url")
    },
)
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", _PROVIDERS)


@replay("ax-20")
async def _(stage: Stage) -> Answered:
    body = RECORDED["ax-20"].request["body"]
    stage.access.identity_providers = [IdentityProvider("github")]
    await create(stage, _PROVIDERS, body)
    return await stage.ask("POST", _PROVIDERS, body)


@replay(
    "ax-07",
    allowed={
        "result.auto_redirect_to_identity: not recorded": "left out at times, not always",
    },
)
async def _(stage: Stage) -> Answered:
    body = RECORDED["ax-07"].response["result"]
    changed = await stage.ask("PUT", _ORGANIZATION, body)
    answered = await stage.ask("GET", _ORGANIZATION)
    assert changed.body == answered.body
    assert answered.body["result"]["auth_domain"] == body["auth_domain"]
    return answered


@replay("ax-27")
async def _(stage: Stage) -> Answered:
    return await stage.ask("PUT", _ORGANIZATION, RECORDED["ax-27"].request["body"])


@replay("ax-32")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", f"{_GROUPS}/be2a09df-44c6-59e6-9082-28eadc4629d5")


@replay("ax-33")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("access_organization")
    answered = await stage.ask("GET", _PROVIDERS, token=token)
    assert answered.body["result"] == []
    return answered


@replay("ax-34")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("access_organization")
    answered = await stage.ask("GET", _ORGANIZATION, token=token)
    groups = await stage.ask("GET", _GROUPS, token=token)
    assert groups.body == answered.body
    return answered


@replay(
    "ax-40",
    allowed={
        f"result[].{name}: not recorded": "the documentation leaves it out; live rows have it"
        for name in ("app_name", "app_type", "country", "user_id")
    },
)
async def _(stage: Stage) -> Answered:
    recorded = RECORDED["ax-40"]
    [row] = recorded.response["result"]
    stage.access.people.log.append(
        LoginRow(
            **{key: value for key, value in row.items() if key != "created_at"},
            app_name="Dash",
            user_id="",
            country="DE",
        )
    )
    since = now() - timedelta(minutes=1)
    query = recorded.request["query"] | {
        "since": since.isoformat(),
        "until": datetime.max.isoformat(),
    }
    answered = await stage.ask("GET", f"{ACCESS}/logs/access_requests", query=query)
    assert answered.body["result"][0]["user_email"] == row["user_email"]
    return answered
