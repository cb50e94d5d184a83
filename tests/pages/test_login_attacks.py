"""Attacks on the page that ends a trial: other people's links, links used again, doubled headers."""

import asyncio
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
from multidict import CIMultiDict
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from yarl import URL

from custom_components.cloudflare_mtls.coordinator.login_writer import Issuer
from custom_components.cloudflare_mtls.login_trials import async_expect_login
from sandbox import Sandbox
from tests.common import settle
from tests.dialogs import THROUGH_CLOUDFLARE
from tests.engine.access.helpers import HOME, OWNER, STRANGER, settings as chosen
from tests.flows.login_dialog import token_of, visit
from tests.logins import access_of, begin, only_another_login

OTHER = "other.example.com"


@pytest.fixture
async def issuer(sandbox: Sandbox, loaded_entry: MockConfigEntry) -> Issuer:
    """Return who issues the tokens of a trial that is under way."""
    only_another_login(sandbox)
    written = await begin(loaded_entry)
    assert written.issuer
    return written.issuer


@pytest.fixture
def url(hass: HomeAssistant, loaded_entry: MockConfigEntry, issuer: Issuer) -> str:
    """Return the link of that trial."""
    return async_expect_login(hass, loaded_entry, chosen(OWNER), issuer).url


@pytest.fixture
async def browser(hass_client_no_auth: ClientSessionGenerator) -> TestClient[Any, Any]:
    """Return a browser that is not logged in to Home Assistant."""
    return await hass_client_no_auth()


def is_kept(entry: MockConfigEntry) -> bool:
    """Return whether the trial ended well."""
    return HOME in entry.runtime_data.access.logins


async def test_link_of_another_person(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    issuer: Issuer,
    browser: TestClient[Any, Any],
) -> None:
    """A login at one hostname ends no trial of another, also with its link."""
    settings = chosen(STRANGER, hostname=OTHER)
    others = Issuer(auth_domain=issuer.auth_domain, audience=64 * "0")
    theirs = async_expect_login(hass, loaded_entry, settings, others).url
    token = await token_of(sandbox)

    for host in (HOME, OTHER):
        status, _ = await visit(hass, browser, theirs, token, Host=host)
        assert status == 403
    assert not is_kept(loaded_entry)
    assert OTHER not in loaded_entry.runtime_data.access.logins


async def test_link_works_once(
    hass: HomeAssistant, sandbox: Sandbox, url: str, browser: TestClient[Any, Any]
) -> None:
    token = await token_of(sandbox)
    assert (await visit(hass, browser, url, token))[0] == 200
    assert (await visit(hass, browser, url, token))[0] == 404


async def test_link_that_is_opened_twice_at_the_same_moment(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    url: str,
    browser: TestClient[Any, Any],
) -> None:
    """A browser that loads a page ahead is told the same both times; after that, the link is used."""
    token = await token_of(sandbox)
    visits = [visit(hass, browser, url, token) for _ in range(2)]
    assert [status for status, _ in await asyncio.gather(*visits)] == [200, 200]
    assert is_kept(loaded_entry)
    assert (await visit(hass, browser, url, token))[0] == 404


async def test_link_that_was_guessed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    url: str,
    browser: TestClient[Any, Any],
) -> None:
    """Nothing is asked of Cloudflare for it, and a good token does not help."""
    token = await token_of(sandbox)
    sandbox.journal.clear()
    for guess in (url[:-1], f"{url}x", url.upper()):
        assert (await visit(hass, browser, guess, token))[0] == 404
    assert sandbox.journal.requests == []
    assert not is_kept(loaded_entry)


async def test_header_that_comes_twice(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    url: str,
    browser: TestClient[Any, Any],
) -> None:
    """A second token in a request does not decide which one is looked at."""
    headers = CIMultiDict({**THROUGH_CLOUDFLARE, "Host": HOME})
    for token in (await token_of(sandbox), await token_of(sandbox, STRANGER)):
        headers.add("Cf-Access-Jwt-Assertion", token)
    answer = await browser.get(URL(url).path, headers=headers)
    await settle(hass)
    assert answer.status == 403
    assert not is_kept(loaded_entry)


async def test_address_without_a_token(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    url: str,
    browser: TestClient[Any, Any],
) -> None:
    """The header with the e-mail address alone proves nothing: nobody signed it."""
    forged = {"Cf-Access-Authenticated-User-Email": OWNER}
    assert (await visit(hass, browser, url, None, **forged))[0] == 403
    assert not is_kept(loaded_entry)


async def test_keys_of_another_team(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    url: str,
    browser: TestClient[Any, Any],
) -> None:
    """A team of one's own signs tokens, too; whose keys count is not taken from the token."""
    token = await token_of(sandbox, iss="https://evil.cloudflareaccess.com")
    await sandbox.team_keys.rotate(sandbox.account_id)
    assert access_of(sandbox).auth_domain != "evil.cloudflareaccess.com"
    assert (await visit(hass, browser, url, token))[0] == 403
    assert not is_kept(loaded_entry)
