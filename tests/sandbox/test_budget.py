"""The API's rate limit."""

from datetime import timedelta

from sandbox import Sandbox

from .helpers import Api


async def ask(api: Api) -> tuple[int, str, str, str | None]:
    """List the zones; return the status and the rate limit headers."""
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.session.get(f"{api.sandbox.api_url}/zones", headers=headers) as got:
        limits = got.headers
        limit, policy = limits["Ratelimit"], limits["Ratelimit-Policy"]
        return got.status, limit, policy, limits.get("Retry-After")


async def test_remaining_requests(sandbox: Sandbox, api: Api) -> None:
    """Every answer has the requests left, per owner of tokens, and the time until the reset."""
    assert await ask(api) == (
        200,
        '"default";r=1199;t=300',
        '"default";q=1200;w=300',
        None,
    )
    assert (await ask(api))[1].startswith('"default";r=1198;')
    other = api.with_token(sandbox.state.add_token())
    assert (await ask(other))[1].startswith('"default";r=1197;')
    account = api.with_token(sandbox.state.add_token("account"))
    assert (await ask(account))[1].startswith('"default";r=1199;')
    sandbox.clock.advance(timedelta(seconds=301))
    assert (await ask(api))[1].startswith('"default";r=1199;')


async def test_limit_exceeded(sandbox: Sandbox, api: Api) -> None:
    """The first request over the limit starts five minutes in which all are refused."""
    sandbox.state.budget.limit = 3
    assert [(await ask(api))[0] for _ in range(3)] == [200, 200, 200]
    sandbox.clock.advance(timedelta(seconds=200))
    status, limit, _, retry_after = await ask(api)
    assert (status, limit, retry_after) == (429, '"default";r=0;t=300', "300")
    assert (await api.get("/zones")).code == 971
    sandbox.clock.advance(timedelta(seconds=200))
    status, _, _, retry_after = await ask(api)
    assert (status, retry_after) == (429, "100")
    sandbox.clock.advance(timedelta(seconds=101))
    assert (await ask(api))[0] == 200
