"""Tests of the page that tests a certificate: only through a protected hostname is it a proof."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.identity import Identity
from custom_components.cloudflare_mtls.pages.certificate_test import (
    ProofResult,
    async_setup_certificate_test,
    certificate_test_url,
)
from tests.common import ENGLISH, HOSTNAME, settle
from tests.dialogs import THROUGH_CLOUDFLARE

type Post = Callable[..., Awaitable[tuple[int, str]]]

PATH = "/api/cloudflare_mtls/proof"
TEXTS = ENGLISH["common"]
TOKEN = "A" * 43


class Recorder:
    """Records every test that it is given, and accepts one token."""

    def __init__(self) -> None:
        """Start without any."""
        self.asked: list[tuple[str, str]] = []

    async def __call__(
        self, hass: HomeAssistant, token: str, hostname: str, identity: Identity | None
    ) -> ProofResult:
        """Return whether the token is known."""
        self.asked.append((token, hostname))
        return ProofResult.DONE if token == TOKEN else ProofResult.UNKNOWN


@pytest.fixture
def recorder() -> Recorder:
    """Return what the page reports proofs to."""
    return Recorder()


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    recorder: Recorder,
    hass_client_no_auth: ClientSessionGenerator,
) -> TestClient[Any, Any]:
    """Return the browser of a phone that is not logged in."""
    await async_setup_certificate_test(hass, recorder)
    return await hass_client_no_auth()


@pytest.fixture
def post(client: TestClient[Any, Any]) -> Post:
    """Return a function that posts what the button posts, and returns the answer."""

    async def post(body: Any = TOKEN, **headers: str) -> tuple[int, str]:
        given = {**THROUGH_CLOUDFLARE, **headers}
        answer = await client.post(
            PATH,
            data=body,
            headers={key: value for key, value in given.items() if value},
        )
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        return answer.status, (await answer.json())["message"]

    return post


ELSEWHERE = (403, TEXTS["proof_elsewhere"])
OTHER_HOSTNAME = (403, TEXTS["proof_other_hostname"])
UNCHECKED = (503, TEXTS["proof_unchecked"])
EXPOSED = (409, TEXTS["proof_exposed"])
UNKNOWN = (404, TEXTS["proof_unknown"])
YES = (200, TEXTS["proof_done"])


async def test_looking_proves_nothing(
    client: TestClient[Any, Any], recorder: Recorder
) -> None:
    """A link preview also opens the page, even through the protected hostname."""
    answer = await client.get(PATH, headers=THROUGH_CLOUDFLARE)

    page = await answer.text()
    assert answer.status == 200
    assert TEXTS["proof_intro"] in page
    nonce = page.partition('nonce="')[2].partition('"')[0]
    assert answer.headers["Content-Security-Policy"] == (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert recorder.asked == []


@pytest.mark.parametrize(
    "host", [HOSTNAME, f"{HOSTNAME}:443", HOSTNAME.upper(), f"{HOSTNAME}:8443"]
)
async def test_through_the_protected_hostname(
    post: Post, recorder: Recorder, host: str
) -> None:
    """Port and case of the Host header do not matter."""
    assert await post(Host=host) == YES
    assert recorder.asked == [(TOKEN, HOSTNAME)]


@pytest.mark.parametrize(
    "headers",
    [
        {"CF-Ray": ""},
        {"CF-Ray": "", "CF-Connecting-IP": ""},
        {"X-Forwarded-For": "192.168.1.20"},
        {"X-Forwarded-For": "192.168.1.20", "Host": "home.example.com"},
    ],
    ids=str,
)
async def test_not_through_cloudflare(
    post: Post, recorder: Recorder, headers: dict[str, str]
) -> None:
    """At home, the device may have no certificate."""
    assert await post(**headers) == ELSEWHERE
    assert recorder.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "192.168.1.10:8123"},
        {"Host": "home.example.com"},
        {"Host": f"{HOSTNAME}.evil.example"},
        {"Host": f"evil.{HOSTNAME}"},
        {"Host": "[::1]:8123"},
        {"Host": "home.example.com", "X-Forwarded-Server": HOSTNAME},
        {"Host": "home.example.com", "X-Forwarded-Host": HOSTNAME},
        {"Host": ""},
    ],
    ids=str,
)
async def test_by_another_hostname(
    post: Post, recorder: Recorder, headers: dict[str, str]
) -> None:
    """The browser's hostname asks for no certificate; a tunnel that rewrites the host looks alike.

    The page names the setting that does it.
    """
    assert await post(**headers) == OTHER_HOSTNAME
    assert "HTTP Host Header" in OTHER_HOSTNAME[1]
    assert recorder.asked == []


async def test_without_the_address_of_the_visitor(
    post: Post, recorder: Recorder
) -> None:
    """A zone can be set to leave it out; the proxy and the ray are still seen."""
    assert await post(**{"X-Forwarded-For": "", "CF-Connecting-IP": ""}) == YES


@pytest.mark.parametrize("body", ["", "unknown", "\N{SNOWMAN}", "A" * 5000])
async def test_unknown_token(post: Post, body: str) -> None:
    assert await post(body) == UNKNOWN


async def test_token_in_two_parts(post: Post, recorder: Recorder) -> None:
    """A network may cut a body anywhere."""

    async def parts() -> AsyncIterator[bytes]:
        yield TOKEN[:9].encode()
        await asyncio.sleep(0)
        yield TOKEN[9:].encode()

    assert await post(parts()) == YES


@pytest.mark.parametrize("result", ProofResult)
async def test_every_result_has_its_sentence(
    post: Post, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, result: ProofResult
) -> None:
    """Only success has a status of success: the page shows all others as bad news."""

    async def record(*_: Any) -> ProofResult:
        return result

    monkeypatch.setattr(Recorder, "__call__", record)

    status, said = await post()

    assert said == TEXTS[f"proof_{result}"]
    assert (status == 200) == (result in (ProofResult.DONE, ProofResult.RENEWED))


async def test_account_that_is_not_loaded(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, post: Post, recorder: Recorder
) -> None:
    """Without it, nobody can ask Cloudflare whether the hostname is protected now."""
    assert await hass.config_entries.async_unload(loaded_entry.entry_id)
    await settle(hass)

    assert await post() == UNCHECKED
    assert recorder.asked == []


@pytest.mark.parametrize(
    ("exempt", "answer"),
    [
        ("/api/", EXPOSED),
        ("/api/cloudflare_mtls/", EXPOSED),
        ("/api/cloudflare_mtls/proof", EXPOSED),
        ("/api/webhook/", YES),
        ("/api/cloudflare_mtls", YES),
        ("/api/cloudflare_mtls/pro", YES),
    ],
)
async def test_exempt_path(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    post: Post,
    exempt: str,
    answer: tuple[int, str],
) -> None:
    """Where the page needs no certificate, reaching it proves nothing."""
    (subentry,) = loaded_entry.subentries.values()
    hass.config_entries.async_update_subentry(
        loaded_entry, subentry, data={**subentry.data, "exempt_paths": [exempt]}
    )
    await settle(hass)

    assert await post() == answer


async def test_every_text_has_its_place(client: TestClient[Any, Any]) -> None:
    """The page shows all its texts, except for the answers."""
    page = await (await client.get(PATH)).text()

    answers = {f"proof_{result}" for result in ProofResult}
    for key, sentence in TEXTS.items():
        if key.startswith("proof_") and key not in answers:
            assert sentence in page, key


def test_link() -> None:
    """The token is in the fragment, which the browser does not send."""
    assert certificate_test_url(HOSTNAME, TOKEN) == f"https://{HOSTNAME}{PATH}#{TOKEN}"
