"""A browser of one person at the sandbox's edge: it keeps cookies, and logs in with a PIN."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from yarl import URL

from sandbox import Sandbox
from sandbox.access.cookies import TOKEN
from sandbox.seed import SERVICE
from sandbox.state import Access

from .helpers import HOME, Api, Visitor, visitor

ACCESS = "/accounts/{account}/access"
APPS = f"{ACCESS}/apps"
POLICIES = f"{ACCESS}/policies"
OWNER = "owner@example.com"
TEAM = "home-lab.cloudflareaccess.com"
FAMILY = {
    "name": "family",
    "decision": "allow",
    "include": [{"email": {"email": OWNER}}],
}


def access_of(sandbox: Sandbox) -> Access:
    """Return the Zero Trust of the seeded account."""
    return sandbox.state.accounts[sandbox.account_id].access


async def protect_with_login(api: Api, *policies: Any, **settings: Any) -> Any:
    """Create an application for the browser's hostname."""
    body = {"type": "self_hosted", "name": "Home", "domain": HOME}
    sent = body | {"policies": list(policies) or [FAMILY]} | settings
    reply = await api.request("POST", APPS, sent)
    assert reply.status == 201, reply.body
    return reply.result


@dataclass
class Browser:
    """A browser; it keeps the cookies of each host, whatever their attributes."""

    guest: Visitor
    cookies: dict[str, dict[str, str]]

    async def ask(
        self,
        host: str = HOME,
        path: str = "/",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> ClientResponse:
        """Send one request, and follow no redirect."""
        kept = self.cookies.setdefault(host, {})
        self.guest.session.cookie_jar.clear()
        sent = dict(headers or {})
        if kept:
            sent["Cookie"] = "; ".join(f"{name}={kept[name]}" for name in kept)
        answer = await self.guest.request(
            method, host, path, headers=sent, allow_redirects=False, **options
        )
        for header in answer.headers.getall("Set-Cookie", ()):
            for name, morsel in SimpleCookie(header).items():
                kept[name] = morsel.value
        return answer

    async def follow(self, answer: ClientResponse) -> ClientResponse:
        """Go where a redirect leads, to its end."""
        while answer.status == 302:
            url = URL(answer.headers["Location"])
            answer = await self.ask(url.host or "", url.raw_path_qs)
        return answer

    async def log_in(
        self, email: str = OWNER, host: str = HOME, path: str = "/", pin: str = ""
    ) -> ClientResponse:
        """Ask for a page, log in on the way if that is asked for, and return where it ends."""
        page = await self.follow(await self.ask(host, path))
        if 'name="email"' not in await page.text():
            return page
        sent = await self.send(page, email=email)
        assert 'name="code"' in await sent.text()
        pins = access_of(self.guest.sandbox).people.pins
        mine = [each.pin for each in pins if each.email == email]
        code = pin or (mine[-1] if mine else "000000")
        return await self.follow(await self.send(page, email=email, code=code))

    async def send(self, page: ClientResponse, **form: str) -> ClientResponse:
        """Send the form of a page."""
        host, path = page.url.host or "", page.url.raw_path_qs
        return await self.ask(host, path, "POST", data=form)

    def token(self, host: str = HOME) -> str:
        """Return the token that the browser has for a host."""
        return self.cookies[host][TOKEN]


@asynccontextmanager
async def browser(sandbox: Sandbox, directory: Path) -> AsyncIterator[Browser]:
    """Yield a browser."""
    async with visitor(sandbox, directory) as guest:
        yield Browser(guest, {})


def require_token(sandbox: Sandbox, **access: Any) -> None:
    """Have cloudflared itself ask for a token of Access."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.config = {
        "ingress": [
            {
                "hostname": HOME,
                "service": SERVICE,
                "originRequest": {"access": access},
            },
            {"service": "http_status:404"},
        ]
    }
