"""What visitors can meet at the edge: forgotten rules, a challenge, a home behind the tunnel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from homeassistant.core import HomeAssistant

from custom_components.cloudflare_mtls.pages.visit import (
    PATH as VISIT_PATH,
    async_get_questions,
)
from sandbox import Sandbox
from sandbox.clock import now
from sandbox.firewall import Verdict, judge
from sandbox.seed import SERVICE
from sandbox.state import AccessApplication, AccessPolicy, Rule, Setting

from .common import zone_of


class Forgetting:
    """An edge that applies its rules only while it remembers them."""

    def __init__(self) -> None:
        """Remember."""
        self.now = False

    def judge(self, *asked: Any) -> Verdict:
        """Let all visitors in, or apply the rules."""
        return Verdict(None, frozenset()) if self.now else judge(*asked)


class Blocking:
    """An edge that can block everybody, whatever its rules say."""

    def __init__(self) -> None:
        """Block nobody yet."""
        self.now = False

    def judge(self, *asked: Any) -> Verdict:
        """Block the visitor, or apply the rules."""
        if self.now:
            return Verdict(Rule("block", "true", "Everybody"), frozenset())
        return judge(*asked)


def ask_browsers_to_log_in(
    sandbox: Sandbox, hostname: str = "home.example.com"
) -> None:
    """Have Access ask for a login at the browser's hostname, as guides say."""
    family = AccessPolicy("Family", "allow", [{"email": {"email": "me@example.com"}}])
    browser = [{"type": "public", "uri": hostname}]
    login = AccessApplication("Home Assistant", browser, [family])
    access = sandbox.state.accounts[sandbox.account_id].access
    access.applications[login.id] = login


@asynccontextmanager
async def home_assistant_behind(
    hass: HomeAssistant, sandbox: Sandbox
) -> AsyncIterator[None]:
    """Have the tunnel reach a little Home Assistant, which answers its own visits and forbids the rest."""

    async def answer(request: web.BaseRequest) -> web.Response:
        asked, _, text = request.path.rpartition("/")
        question = async_get_questions(hass).find(text)
        if asked != VISIT_PATH or question is None:
            return web.Response(status=403, text="403: Forbidden")
        question.seen_host = request.headers["Host"].partition(":")[0]
        return web.Response(text=question.answer)

    # An access log would ask for the time, which stands still.
    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.state.origins[SERVICE] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield
    await runner.cleanup()


def challenge(sandbox: Sandbox) -> None:
    """Have the zone challenge all visitors that no earlier rule stops."""
    zone_of(sandbox).settings["security_level"] = Setting("under_attack", now())
