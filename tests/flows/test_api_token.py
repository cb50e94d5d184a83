"""Tests of the API token that a person pastes: which texts are refused, and why."""

import base64
import json

from homeassistant.core import HomeAssistant
import pytest

from sandbox import Sandbox
from sandbox.clock import Delays
from tests.common import sentences, submit
from tests.dialogs import finish, start
from tests.faults import Faults

TUNNEL_TOKEN = base64.b64encode(
    json.dumps(
        {
            "a": "ac000000000000000000000000000001",
            "t": "7e000000-0000-4000-8000-000000000001",
            "s": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==",
        }
    ).encode()
).decode()


@pytest.mark.parametrize(
    "wrap", ["{}\n", "\r\n{}", "  {}\t"], ids=["newline", "before", "blanks"]
)
async def test_blanks_around_the_token_are_ignored(
    hass: HomeAssistant, sandbox: Sandbox, wrap: str
) -> None:
    """Blanks that were copied along with the token are removed."""
    entry = await finish(hass, sandbox, wrap.format(sandbox.token), await start(hass))
    assert entry.data["api_token"] == sandbox.token


async def test_token_of_an_account(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A token of the account works as well as one of a user."""
    token = sandbox.state.add_token("account")

    entry = await finish(hass, sandbox, token, await start(hass))

    assert entry.data["api_token"] == token
    asked = [request.path for request in sandbox.journal.requests]
    assert f"/accounts/{sandbox.account_id}/tokens/verify" in asked
    assert "/user/tokens/verify" not in asked


@pytest.mark.parametrize(
    ("token", "error", "words"),
    [
        pytest.param("", "token_empty", "The field is empty", id="empty"),
        pytest.param(" \n", "token_empty", "The field is empty", id="blank"),
        pytest.param(
            "cfut_abcdefghijklmnopqr\nstuvwxyzABCDEFGHIJKLMNO",
            "token_malformed",
            "without spaces or line breaks",
            id="newline in the middle",
        ),
        pytest.param(
            "Bearer cfut_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
            "token_malformed",
            "without spaces or line breaks",
            id="with the scheme",
        ),
        pytest.param(
            "cfut_abcdefghijklmnopqrstuvwxyz…",
            "token_malformed",
            "Copy it again",
            id="cut",
        ),
        pytest.param(
            TUNNEL_TOKEN, "token_of_tunnel", "only cloudflared", id="of a tunnel"
        ),
        pytest.param(
            "cfk_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
            "token_is_global_key",
            "Global API Key",
            id="global key",
        ),
        pytest.param(
            "0123456789abcdef0123456789abcdef01234",
            "token_is_global_key",
            "Global API Key",
            id="global key of old",
        ),
        pytest.param("abc", "token_rejected", "doesn't know", id="too short"),
        pytest.param(
            "cfut_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
            "token_rejected",
            "doesn't know",
            id="unknown",
        ),
        pytest.param(
            "cfat_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO",
            "token_rejected",
            "doesn't know",
            id="unknown, of an account",
        ),
    ],
)
async def test_text_that_is_no_token(
    hass: HomeAssistant, sandbox: Sandbox, token: str, error: str, words: str
) -> None:
    """The form says what was pasted instead of a token, and continues with a good one."""
    form = await start(hass)
    assert "With more permissions" in form["description_placeholders"]["more"]
    result = await submit(hass, form, {"api_token": token})

    assert result["step_id"] == "user"
    # On a phone, all of that would push the error out of view.
    assert result["description_placeholders"]["more"] == ""
    assert result["errors"] == {"base": error}
    assert words in sentences(result)["base"]
    assert sandbox.journal.writes == []

    await finish(hass, sandbox, sandbox.token, result)


@pytest.mark.parametrize("kind", ["user", "account"])
@pytest.mark.parametrize("status", ["disabled", "expired"])
async def test_token_that_is_no_longer_active(
    hass: HomeAssistant, sandbox: Sandbox, kind: str, status: str
) -> None:
    """A token that is disabled or expired is refused, and works once it is active."""
    token = sandbox.state.add_token(kind, status=status)

    result = await submit(hass, await start(hass), {"api_token": token})

    assert result["step_id"] == "user"
    errors = {"user": "token_inactive", "account": "token_rejected"}
    assert result["errors"] == {"base": errors[kind]}
    assert "Nothing was changed" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    sandbox.state.tokens[token].status = sandbox.state.tokens[sandbox.token].status
    await finish(hass, sandbox, token, result)


async def test_token_that_may_not_be_used_from_here(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """An IP address filter is named as the reason."""
    faults.refuse(
        "GET",
        "",
        403,
        9109,
        "Cannot use the access token from location: 203.0.113.24",
    )

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})

    assert result["errors"] == {"base": "token_location"}
    assert "IP address filter" in sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    await finish(hass, sandbox, sandbox.token, result)


async def test_token_that_is_too_new(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A token that some of Cloudflare doesn't know yet is not taken for a bad one."""
    sandbox.state.delays = Delays(new_token=3)
    token = sandbox.state.add_token()

    await finish(hass, sandbox, token, await start(hass))

    refused = [item for item in sandbox.journal.requests if item.status == 403]
    assert refused
