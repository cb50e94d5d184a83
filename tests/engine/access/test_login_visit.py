"""Whose login page a visit meets: ours, another one, or none."""

import asyncio
from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.access.login_visit import (
    AskedBy,
    shows_login,
    who_asks,
)
from custom_components.cloudflare_mtls.engine.access.team_keys import fetch_team_keys
from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from custom_components.cloudflare_mtls.engine.probe import Probe, Verdict, Visit
from sandbox import Sandbox
from sandbox.state import Access
from tests.engine.access.helpers import HOME, MOBILE, Home, settings
from tests.engine.access.worlds import AUDIENCE, TEAM, application

OURS = application(HOME, aud=AUDIENCE)
LOGIN = f"https://{TEAM.auth_domain}/cdn-cgi/access/login/{HOME}"


def redirect(location: str, verdict: Verdict = Verdict.UNCLEAR) -> Visit:
    """Return a visit that was sent elsewhere."""
    return Visit(verdict=verdict, status=302, location=location)


@pytest.mark.parametrize(
    ("visit", "asked_by"),
    [
        (redirect(f"{LOGIN}?kid={AUDIENCE}&redirect_url=%2F"), AskedBy.OURS),
        (redirect(f"{LOGIN}?kid={64 * 'b'}"), AskedBy.OTHER_APPLICATION),
        (redirect(LOGIN), AskedBy.OTHER_APPLICATION),
        (redirect(f"{LOGIN}?kid={AUDIENCE}&kid=x"), AskedBy.OTHER_APPLICATION),
        (
            redirect(f"https://other.example/cdn-cgi/access/login/x?kid={AUDIENCE}"),
            AskedBy.OTHER_APPLICATION,
        ),
        (
            redirect(f"{LOGIN.replace('https', 'http')}?kid={AUDIENCE}"),
            AskedBy.OTHER_APPLICATION,
        ),
        (redirect(f"{LOGIN}?kid={AUDIENCE}", Verdict.LET_IN), AskedBy.NOBODY),
        (redirect("https://elsewhere.example/"), AskedBy.UNCLEAR),
        (redirect("https://[bad/cdn-cgi/access/login/"), AskedBy.UNCLEAR),
        (redirect(""), AskedBy.UNCLEAR),
        (Visit(verdict=Verdict.LET_IN, status=200), AskedBy.NOBODY),
        (Visit(verdict=Verdict.NO_ORIGIN, status=530), AskedBy.NOBODY),
        (Visit(verdict=Verdict.BLOCKED, status=403), AskedBy.UNCLEAR),
        (Visit(verdict=Verdict.UNREACHABLE), AskedBy.UNCLEAR),
    ],
)
def test_who_asks(visit: Visit, asked_by: AskedBy) -> None:
    """Only a redirect of Cloudflare itself, to our own team and for our application, is ours."""
    assert who_asks(visit, TEAM, OURS) is asked_by


def test_without_application() -> None:
    """Where nothing is ours, another application asks."""
    visit = redirect(f"{LOGIN}?kid=")
    assert who_asks(visit, TEAM, None) is AskedBy.OTHER_APPLICATION
    assert (
        who_asks(visit, TEAM, replace(OURS, audience="")) is AskedBy.OTHER_APPLICATION
    )


@pytest.fixture
def probe(sandbox: Sandbox) -> Probe:
    """Return a probe of the sandbox's edge."""
    return Probe(
        asyncio.to_thread,
        address=(sandbox.edge_host, sandbox.edge_port),
        ca_file=sandbox.edge_ca_file,
    )


async def test_at_the_edge(home: Home, access: Access, probe: Probe) -> None:
    """Nobody asks, then we do; an open path and the phones' hostname never show a login."""
    chosen = settings(open_paths=frozenset({"/api/webhook/"}))
    seen = await home.look()
    assert (
        who_asks(await probe.anonymously(HOME), seen.organization, None)
        is AskedBy.NOBODY
    )

    done = await home.set_up(chosen)

    own = done.outcome.own.application
    visit = await probe.anonymously(HOME)
    assert who_asks(visit, seen.organization, own) is AskedBy.OURS
    assert who_asks(visit, seen.organization, OURS) is AskedBy.OTHER_APPLICATION
    for hostname, path in ((HOME, "/api/webhook/x"), (MOBILE, "/")):
        assert not shows_login(await probe.anonymously(hostname, path))


async def test_keys_of_the_team(home: Home, access: Access, probe: Probe) -> None:
    """The team's page has the present key and the one before."""
    organization = (await home.look()).organization
    keys = await fetch_team_keys(probe, organization.auth_domain)
    assert keys.keys
    with pytest.raises(Unavailable):
        await fetch_team_keys(probe, HOME)


async def test_keys_that_cannot_be_read(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without the chunks that it announces is none."""
    broken = Visit(verdict=Verdict.LET_IN, status=200, body=b"{}", chunked=True)

    async def answer(hostname: str, path: str = "/") -> Visit:
        return broken

    monkeypatch.setattr(probe, "anonymously", answer)
    with pytest.raises(Unavailable):
        await fetch_team_keys(probe, HOME)


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b'3\r\n{"a\r\n4;x=y\r\n":1}\r\n0\r\n\r\n', b'{"a":1}'),
        (b"", b""),
        (b"5\r\nab", b"ab"),
        (b"-5\r\nabcdefghij", b""),
    ],
)
def test_chunks(body: bytes, content: bytes) -> None:
    """The marks of chunks are no part of what was sent, however much of it arrived."""
    visit = Visit(verdict=Verdict.LET_IN, status=200, body=body, chunked=True)
    assert visit.content == content


def test_chunks_that_are_none() -> None:
    """What claims to have chunks and has none cannot be read."""
    with pytest.raises(ValueError):
        Visit(verdict=Verdict.LET_IN, body=b"{}", chunked=True).content  # noqa: B018
