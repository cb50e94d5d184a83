"""Nextcloud and Proxmox beside Home Assistant: servers that answer as these do, and count their visitors."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
import json

from aiohttp import web

from .cloudflare import Cloudflare
from .stand_in import stand_in


@dataclass(frozen=True)
class Page:
    """What a server answers for a path."""

    text: str
    content_type: str = "text/html"
    status: int = 200


@dataclass
class Service:
    """A service of a home, which the tunnel reaches by its address."""

    label: str
    """The first part of its hostname."""
    address: str
    title: str
    pages: Mapping[str, Page]
    visits: list[str] = field(default_factory=list)
    """The paths that visitors asked for."""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer a request."""
        self.visits.append(request.path)
        page = self.pages.get(request.path, Page("Not Found", "text/plain", 404))
        return web.Response(
            text=page.text, content_type=page.content_type, status=page.status
        )


def _front_page(title: str) -> Page:
    return Page(
        "<!doctype html><html lang='en'><head><link rel='icon' href='data:,' />"
        f"<title>{title}</title></head><body><h1>{title}</h1>"
        "<form><input name='user' /><input name='password' type='password' /></form>"
        "</body></html>"
    )


def _nextcloud() -> Service:
    status = {"installed": True, "maintenance": False, "productname": "Nextcloud"}
    return Service(
        label="cloud",
        address="http://nextcloud.lan:8080",
        title="Nextcloud",
        pages={
            "/": _front_page("Nextcloud"),
            "/status.php": Page(json.dumps(status), "application/json"),
        },
    )


def _proxmox() -> Service:
    return Service(
        label="pve",
        address="https://192.168.1.20:8006",
        title="Proxmox Virtual Environment",
        pages={
            "/": _front_page("Proxmox Virtual Environment"),
            "/api2/json/version": Page("No ticket", "text/plain", 401),
        },
    )


@dataclass(frozen=True)
class Services:
    """The services of a home."""

    nextcloud: Service = field(default_factory=_nextcloud)
    proxmox: Service = field(default_factory=_proxmox)

    @asynccontextmanager
    async def running(self, cloudflare: Cloudflare) -> AsyncGenerator[None]:
        """Run them where the tunnel finds them; Nextcloud has a hostname already."""
        async with AsyncExitStack() as stack:
            for service in (self.nextcloud, self.proxmox):
                url = await stack.enter_async_context(stand_in(service.answer))
                await cloudflare.set_origin(url, service=service.address)
            hostname = f"{self.nextcloud.label}.{cloudflare.facts['zone_name']}"
            await cloudflare.serve(hostname, self.nextcloud.address)
            yield
