"""Recorded answers of the edge to visitors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from yarl import URL

from sandbox.seed import SERVICE
from tests.sandbox.helpers import HOME, create_certificate, serving, visitor
from tests.sandbox.recordings import RECORDED, Answered

from .paths import APPLICATIONS
from .stage import Stage, replay


def _block(stage: Stage, host: str) -> None:
    stage.zone.associations = [host]
    rule = stage.zone.rules[0]
    rule.expression = f'http.host eq "{host}" and not cf.tls_client_auth.cert_verified'


@replay("ed-01")
async def _(stage: Stage) -> Answered:
    _block(stage, HOME)
    return await stage.visit("GET", HOME)


@replay("ed-06", words={"Error 1020: Access denied": "…"}, status=530)
async def _(stage: Stage) -> Answered:
    stage.tunnel.disconnect()
    return await stage.visit("GET", HOME, Accept="application/json")


@replay("ed-08", words={"Response status code: 403": ""})
async def _(stage: Stage) -> Answered:
    _block(stage, HOME)
    _, identity = await create_certificate(stage.api)
    async with _created_at_the_origin(stage):
        async with visitor(stage.sandbox, stage.folder, identity) as device:
            assert (await device.request("POST", HOME, "/temps")).status == 201
        return await stage.visit("POST", HOME, "/temps")


@replay("ax-42")
async def _(stage: Stage) -> Answered:
    body = {"type": "self_hosted", "name": "Home", "domain": HOME}
    created = await stage.ask("POST", APPLICATIONS, body)
    async with visitor(stage.sandbox, stage.folder) as somebody:
        response = await somebody.request("GET", HOME, allow_redirects=False)
    recorded = RECORDED["ax-42"].headers
    told, ours = URL(recorded["location"]), URL(response.headers["location"])
    assert (ours.path, ours.host) == (told.path, "home-lab.cloudflareaccess.com")
    assert [*ours.query] == [*told.query]
    assert ours.query["kid"] == created.body["result"]["aud"]
    assert ours.query["meta"].count(".") == told.query["meta"].count(".")
    assert ours.query["redirect_url"] == told.query["redirect_url"]
    for name in ("expires", "access-control-allow-credentials", "www-authenticate"):
        assert response.headers[name] == recorded[name]
    cookie, *attributes = response.headers["set-cookie"].split("; ")
    assert cookie.startswith("CF_AppSession=")
    names = {each.partition("=")[0].lower() for each in attributes}
    assert names == {"expires", "path", "secure", "httponly"}
    return Answered(response.status, response.headers, await response.text())


@replay("ax-45")
async def _(stage: Stage) -> Answered:
    host = stage.access.auth_domain
    answered = await stage.visit("GET", host, "/cdn-cgi/access/certs")
    kids = [each["kid"] for each in answered.body["keys"]]
    assert len(kids) == 2
    assert answered.body["public_cert"]["kid"] == kids[-1]
    return answered


@replay(
    "sx-02",
    words={
        "520: Web server is returning an unknown error": "502: Bad gateway",
        "defender-api.openzeppelin.com": HOME,
    },
    status=502,
)
async def _(stage: Stage) -> Answered:
    return await stage.visit("POST", HOME)


@asynccontextmanager
async def _created_at_the_origin(stage: Stage) -> AsyncIterator[None]:
    """Run an origin that answers 201 to every request."""

    async def create(_: web.BaseRequest) -> web.Response:
        return web.Response(status=201)

    async with serving(create) as url:
        stage.sandbox.state.origins[SERVICE] = url
        yield
