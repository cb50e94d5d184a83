"""Exempt paths in the dialogs: which may be typed, and what the preview says that they open."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from sandbox import Sandbox
from tests.common import BLOCK_REF, choose, submit, zone_of
from tests.dialogs import finish_from_preview, to_hostname

EVERYBODY = "Everybody on the internet can reach these paths without a certificate:"


async def preview(hass: HomeAssistant, sandbox: Sandbox, *paths: str) -> Any:
    """Go to the preview of a hostname with these exempt paths."""
    result = await to_hostname(hass, sandbox)
    result = await submit(hass, result, choose(exempt_paths=list(paths)))
    assert result["step_id"] == "preview"
    return result


def changes(result: Any) -> str:
    """Return the list that a preview shows."""
    text: str = result["description_placeholders"]["changes"]
    return text


async def test_exact_paths_are_kept(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A caller's own path is enough: nothing broader has to be opened."""
    paths = ["/api/google_assistant", "/auth/token", "/api/webhook/5f3c0b5e"]
    result = await preview(hass, sandbox, *paths)

    assert EVERYBODY in changes(result)
    for path in paths:
        assert f"- `{path}`, and nothing below it." in changes(result)
    entry = await finish_from_preview(hass, sandbox, result)

    (subentry,) = entry.subentries.values()
    assert subentry.data["exempt_paths"] == paths
    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    for path in paths:
        assert f'http.request.uri.path eq "{path}"' in block.expression


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/local/", "- Everything below `/local/`."),
        ("/api/", "- Everything below `/api/`. In Home Assistant, this is the whole API."),
        ("/api/websocket", "- `/api/websocket`, and nothing below it. In Home Assistant, this is the whole API."),
        ("/auth/", "- Everything below `/auth/`. In Home Assistant, this is the login page: strangers can try passwords there."),
        ("/auth/login_flow", "- `/auth/login_flow`, and nothing below it. In Home Assistant, this is the login page: strangers can try passwords there."),
        ("/auth/login_flow/", "- Everything below `/auth/login_flow/`. In Home Assistant, this is the login page: strangers can try passwords there."),
        ("/api/webhook/", "- Everything below `/api/webhook/`. In Home Assistant, these are all webhooks. To open only one, enter its whole path."),
    ],
)  # fmt: skip
async def test_preview_says_what_is_open(
    hass: HomeAssistant, sandbox: Sandbox, path: str, said: str
) -> None:
    """The preview says in plain words what a broad path opens, before anything is written."""
    shown = changes(await preview(hass, sandbox, path))

    assert EVERYBODY in shown
    assert said in shown.splitlines()
    assert sandbox.journal.writes == []


async def test_preview_without_exempt_paths_says_nothing_of_them(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Where nothing is open, nothing is said to be."""
    assert EVERYBODY not in changes(await preview(hass, sandbox))


@pytest.mark.parametrize("paths", [[""], ["  "], ["", "/local/", " "]])
async def test_blank_rows_are_no_paths(
    hass: HomeAssistant, sandbox: Sandbox, paths: list[str]
) -> None:
    """Every path begins with nothing: a row that was left blank must not open the hostname."""
    result = await preview(hass, sandbox, *paths)
    entry = await finish_from_preview(hass, sandbox, result)

    (subentry,) = entry.subentries.values()
    assert subentry.data["exempt_paths"] == [path for path in paths if path.strip()]
    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    assert '""' not in block.expression
