"""Recorded answers about tokens, their permissions and the rate limit."""

from datetime import timedelta

from sandbox.clock import now
from tests.sandbox.recordings import Answered

from .paths import TUNNELS, VERIFY
from .stage import Stage, replay


@replay("tk-01")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", VERIFY)


@replay("tk-02")
async def _(stage: Stage) -> Answered:
    day = timedelta(days=1)
    token = stage.sandbox.state.add_token(
        not_before=now() - day, expires_on=now() + day
    )
    return await stage.ask("GET", VERIFY, token=token)


@replay("tk-04")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", VERIFY, token='"quoted"')


@replay("tk-05")
async def _(stage: Stage) -> Answered:
    headers = {"X-Auth-Key": stage.api.token, "X-Auth-Email": "me@example.com"}
    return await stage.ask("GET", "/zones", headers=headers)


@replay("tk-06")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", VERIFY, headers={})


@replay("au-01", words={"REDACTED-IP": "127.0.0.1"})
async def _(stage: Stage) -> Answered:
    token = stage.sandbox.state.add_token(networks=["192.0.2.0/24"])
    return await stage.ask("GET", "/zones", token=token)


@replay("au-03")
async def _(stage: Stage) -> Answered:
    token = stage.token_without("settings")
    return await stage.ask("GET", "/zones/{zone}/settings", token=token)


@replay("au-04")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", TUNNELS, token=stage.token_without("tunnel"))


@replay("au-05", words={"46f9…": "…"})
async def _(stage: Stage) -> Answered:
    stage.sandbox.state.switches.refuses_zone_list = True
    return await stage.ask("GET", "/zones", token=stage.token_without("zone"))


@replay("rl-01")
async def _(stage: Stage) -> Answered:
    stage.sandbox.state.budget.limit = 0
    return await stage.ask("GET", "/zones/{zone}")


@replay("rl-04")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", TUNNELS)
