"""Tests of the page that ends a trial: only a login at our application is a proof."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import jwt
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.login_trials import async_expect_login
from custom_components.cloudflare_mtls.pages import page
from sandbox import Sandbox
from tests.common import ENGLISH
from tests.engine.access.helpers import HOME, OWNER, STRANGER, settings as chosen
from tests.flows.login_dialog import token_of, visit
from tests.german import german, speak_german
from tests.logins import MINUTES, access_of, begin, only_another_login
from tests.logs import log_everything, logged

TEXTS = ENGLISH["common"]

type Browser = TestClient[Any, Any]
type Open = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def url(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> str:
    """Return the link of a trial that is under way."""
    only_another_login(sandbox)
    written = await begin(loaded_entry)
    assert written.issuer
    login = async_expect_login(
        hass, loaded_entry, chosen(OWNER), written.issuer, lambda: None
    )
    return login.url


@pytest.fixture
async def open_page(
    hass: HomeAssistant, url: str, hass_client_no_auth: ClientSessionGenerator
) -> Open:
    """Return what opens the link with a token."""
    browser = await hass_client_no_auth()

    async def open_it(token: str | None, **headers: str) -> tuple[int, str]:
        return await visit(hass, browser, url, token, **headers)

    return open_it


def said(result: str) -> str:
    """Return what the page says."""
    text: str = TEXTS[f"login_trial_{result}"]
    return text.format(hostname=HOME)


def is_kept(entry: MockConfigEntry) -> bool:
    """Return whether the trial ended well."""
    return HOME in entry.runtime_data.access.logins


@pytest.mark.parametrize(
    ("claims", "result"),
    [
        ({"email": STRANGER}, "not_listed"),
        ({"email": None}, "no_login"),
        ({"aud": ["0" * 64]}, "no_login"),
        ({"iss": "https://other.cloudflareaccess.com"}, "no_login"),
        ({"exp": 1_700_000_000}, "no_login"),
        ({"nbf": 4_000_000_000}, "no_login"),
    ],
)
async def test_token_that_proves_nothing(
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    open_page: Open,
    claims: dict[str, Any],
    result: str,
) -> None:
    """It is somebody else's, a program's, for another application, of another team, or too old."""
    token = await token_of(sandbox, **claims)
    assert await open_page(token) == (403, said(result))
    assert not is_kept(loaded_entry)
    # A login after that proves it.
    assert (await open_page(await token_of(sandbox)))[0] == 200


@pytest.fixture
def second_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have texts in German."""
    speak_german(monkeypatch)
    monkeypatch.setattr(page, "translated_languages", lambda: ("de", "en"))


async def test_page_speaks_the_language_of_its_visitor(
    second_language: None, sandbox: Sandbox, open_page: Open
) -> None:
    token = await token_of(sandbox, email=STRANGER)

    answer = await open_page(token, **{"Accept-Language": "fr, de;q=0.5"})

    assert answer == (403, german(said("not_listed")))


async def test_token_and_address_are_in_no_log(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, open_page: Open
) -> None:
    """Whatever comes of the token: it lets its holder in, and says who that is."""
    log_everything(caplog)
    tokens = [
        await token_of(sandbox, email=STRANGER),
        await token_of(sandbox, aud=["0" * 64]),
        await token_of(sandbox),
    ]
    for token in tokens:
        await open_page(token)
    text = logged(caplog)
    assert text
    for token in tokens:
        assert token not in text
    # Home Assistant itself logs what it stores of a new subentry.
    ours = "".join(
        f"{vars(record)}"
        for record in caplog.records
        if record.name.startswith("custom_components")
    )
    assert ours
    for address in (STRANGER, OWNER):
        assert address not in ours


async def test_token_that_nobody_signed(
    sandbox: Sandbox, loaded_entry: MockConfigEntry, open_page: Open
) -> None:
    """Neither a key of one's own, nor none, nor the public key as a secret is accepted."""
    good = await token_of(sandbox)
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = {"kid": jwt.get_unverified_header(good)["kid"]}
    tokens = (
        jwt.encode(claims, "", algorithm="none", headers=kid),
        jwt.encode(claims, "x" * 40, algorithm="HS256", headers=kid),
        f"{good[:-8]}AAAAAAAA",
        "no token",
        "",
        None,
    )
    for token in tokens:
        assert await open_page(token) == (403, said("no_login"))
    assert not is_kept(loaded_entry)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "home-mobile.example.com"},
        {"X-Forwarded-For": "192.168.1.20"},
        {"Host": "home.example.com.evil.example"},
    ],
)
async def test_good_token_past_cloudflare(
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    open_page: Open,
    headers: dict[str, str],
) -> None:
    """It is another hostname, or somebody at home with the token of their browser."""
    token = await token_of(sandbox)
    assert await open_page(token, **headers) == (403, said("elsewhere"))
    assert not is_kept(loaded_entry)


async def test_keys_that_change_during_the_trial(
    sandbox: Sandbox, loaded_entry: MockConfigEntry, open_page: Open
) -> None:
    assert (await open_page(await token_of(sandbox, STRANGER)))[0] == 403
    await sandbox.team_keys.rotate(sandbox.account_id)

    assert (await open_page(await token_of(sandbox)))[0] == 200
    assert is_kept(loaded_entry)


async def test_keys_that_cannot_be_read(
    sandbox: Sandbox, loaded_entry: MockConfigEntry, open_page: Open
) -> None:
    token = await token_of(sandbox)
    team, access_of(sandbox).team = access_of(sandbox).team, "moved"
    assert await open_page(token) == (503, said("unchecked"))
    access_of(sandbox).team = team

    assert (await open_page(token))[0] == 200


async def test_account_that_is_not_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    open_page: Open,
) -> None:
    token = await token_of(sandbox)
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    assert await open_page(token) == (503, said("unchecked"))


async def test_trial_that_is_over(
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    open_page: Open,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The page says so, and nobody knows the link any more after its time."""
    token = await token_of(sandbox)
    await loaded_entry.runtime_data.access.async_end(HOME)
    assert await open_page(token) == (409, said("over"))
    assert not is_kept(loaded_entry)
    freezer.tick(MINUTES)
    assert (await open_page(token))[0] == 404
