"""How many requests may be made."""

from datetime import timedelta

from sandbox import Sandbox

from .helpers import Api


async def ask(api: Api) -> tuple[int, str, str, str | None]:
    """Ask for the zones; return the status and the headers that tell the limit."""
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.session.get(f"{api.sandbox.api_url}/zones", headers=headers) as got:
        told = got.headers
        limit, policy = told["Ratelimit"], told["Ratelimit-Policy"]
        return got.status, limit, policy, told.get("Retry-After")


async def test_it_counts_down(sandbox: Sandbox, api: Api) -> None:
    """Every answer tells what is left, and until when."""
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


async def test_one_too_many(sandbox: Sandbox, api: Api) -> None:
    """Everything is refused for the next five minutes, whatever was left of these."""
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
