"""Steps through the dialogs of login hostnames, and logins through Cloudflare, for the tests."""

import html
import re
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from sandbox import Sandbox
from sandbox.clock import now
from tests.common import settle, submit
from tests.dialogs import THROUGH_CLOUDFLARE
from tests.engine.access.helpers import HOME, OWNER
from tests.logins import LOGIN_ID, access_of, application_at

RULES: dict[str, Any] = {
    "login_methods": ["onetimepin"],
    "session": "week",
    "open_paths": [],
    "keep_in_sync": True,
}


async def add(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the dialog that adds a login hostname."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "login_hostname"), context={"source": SOURCE_USER}
    )


async def change(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the dialog that changes the login hostname."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "login_hostname"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": LOGIN_ID},
    )


async def choose_item(hass: HomeAssistant, result: Any, step_id: str) -> Any:
    """Choose an item of a menu."""
    assert step_id in result["menu_options"]
    return await submit(hass, result, {"next_step_id": step_id})


async def to_people(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Go to the step with the people."""
    return await submit(hass, await add(hass, entry), {"hostname": HOME})


async def to_rules(hass: HomeAssistant, entry: MockConfigEntry, **people: Any) -> Any:
    """Go to the step with the login methods."""
    result = await to_people(hass, entry)
    return await submit(hass, result, {"own_email": OWNER, **people})


async def to_preview(hass: HomeAssistant, entry: MockConfigEntry, **rules: Any) -> Any:
    """Go to the preview of the changes."""
    return await submit(hass, await to_rules(hass, entry), {**RULES, **rules})


async def token_of(sandbox: Sandbox, email: str | None = OWNER, **changes: Any) -> str:
    """Return the token that Access adds to the requests of a person who has logged in."""
    application = application_at(sandbox)
    issued = int(now().timestamp())
    claims = {
        "aud": [application.aud if application else ""],
        "iss": f"https://{access_of(sandbox).auth_domain}",
        "iat": issued,
        "nbf": issued,
        "exp": issued + 3600,
        "sub": "person",
        "type": "app",
        "email": email,
        **changes,
    }
    keys = await sandbox.team_keys.get(sandbox.account_id)
    return keys.sign({key: each for key, each in claims.items() if each is not None})


async def visit(
    hass: HomeAssistant,
    browser: TestClient[Any, Any],
    url: str,
    token: str | None,
    **headers: str,
) -> tuple[int, str]:
    """Open the link of a trial as cloudflared passes it on, and return what it shows."""
    sent = {**THROUGH_CLOUDFLARE, "Host": HOME, **headers}
    if token is not None:
        sent["Cf-Access-Jwt-Assertion"] = token
    answer = await browser.get(URL(url).path, headers=sent)
    text = await answer.text()
    await settle(hass)
    if answer.status == 404:
        return answer.status, text
    kind = "good" if answer.status == 200 else "bad"
    found = re.search(rf'<h1>.+</h1>\s+<p class="{kind}">(.+)</p>', text)
    assert found, text
    return answer.status, html.unescape(found[1])
