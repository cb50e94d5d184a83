"""Tests of dialogs while Cloudflare fails: each step says so, and continues from there."""

from collections.abc import Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from sandbox import Sandbox
from tests.common import choose, sentences, submit
from tests.dialogs import (
    finish,
    finish_from_hostname,
    start,
    to_hostname,
    to_zone,
    zone_and_tunnel,
)
from tests.faults import Faults, refusal

# The pause that Cloudflare asks for, in seconds.
PAUSE = 42

BROKEN: list[Any] = [
    pytest.param(
        lambda faults, path: faults.limit(PAUSE, "GET", path),
        "rate_limited",
        "Seconds to wait before you try again: 42",
        id="rate limited",
    ),
    pytest.param(
        lambda faults, path: faults.unavailable("GET", path),
        "unavailable",
        "did not give a usable answer",
        id="broken server",
    ),
    pytest.param(
        lambda faults, path: faults.add(
            "GET", path, status=200, body=refusal(7000, "No route for that URI")
        ),
        "rejected",
        "No route for that URI",
        id="no success",
    ),
    pytest.param(
        lambda faults, path: faults.add("GET", path, status=200, body="<html>"),
        "unavailable",
        "did not give a usable answer",
        id="a page instead of an answer",
    ),
]


@pytest.mark.parametrize("path", ["^/zones", "/cfd_tunnel"])
@pytest.mark.parametrize(("spoil", "error", "words"), BROKEN)
async def test_cloudflare_fails_while_the_token_is_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    spoil: Callable[[Faults, str], object],
    error: str,
    words: str,
    path: str,
) -> None:
    """A failure of Cloudflare is not blamed on the token, and a second attempt succeeds."""
    spoil(faults, path)

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})

    assert result["step_id"] == "user"
    assert result["errors"] == {"base": error}
    assert words in sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    freezer.tick(PAUSE)
    await finish(hass, sandbox, sandbox.token, result)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda faults: faults.limit(PAUSE, path="/tokens/verify"), "rate_limited"),
        (lambda faults: faults.unavailable("GET", "/tokens/verify"), "unavailable"),
        (
            lambda faults: faults.add(
                "GET", "/tokens/verify", status=200, body=refusal(7000, "No route")
            ),
            "unavailable",
        ),
    ],
    ids=["rate limited", "broken server", "no success"],
)
@pytest.mark.parametrize("kind", ["user", "account"])
async def test_cloudflare_fails_while_the_token_is_verified(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    kind: str,
    spoil: Callable[[Faults], object],
    error: str,
) -> None:
    """A failure of Cloudflare is not blamed on the token."""
    spoil(faults)
    token = sandbox.state.add_token(kind)

    result = await submit(hass, await start(hass), {"api_token": token})

    assert result["step_id"] == "user"
    assert result["errors"] == {"base": error}
    assert sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    freezer.tick(PAUSE)
    await finish(hass, sandbox, token, result)


async def test_cloudflare_cannot_be_reached(
    hass: HomeAssistant,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """Without a network the form says so, and continues once there is one."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"http://127.0.0.1:{unused_tcp_port}")

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})

    assert result["errors"] == {"base": "unavailable"}
    assert sentences(result)["base"]

    monkeypatch.setenv("CLOUDFLARE_BASE_URL", sandbox.api_url)
    await finish(hass, sandbox, sandbox.token, result)


@pytest.mark.parametrize(("spoil", "error", "words"), BROKEN)
async def test_cloudflare_fails_while_the_zone_is_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    spoil: Callable[[Faults, str], object],
    error: str,
    words: str,
) -> None:
    """The dialog stays at the zone, and continues from there."""
    result = await to_zone(hass, sandbox)
    spoil(faults, "/dns_records")

    result = await submit(hass, result, zone_and_tunnel(sandbox))

    assert result["step_id"] == "zone"
    assert result["errors"] == {"base": error}
    assert words in sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    freezer.tick(PAUSE)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    await finish_from_hostname(hass, sandbox, result)


@pytest.mark.parametrize(("spoil", "error", "words"), BROKEN)
async def test_cloudflare_fails_while_the_changes_are_planned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    spoil: Callable[[Faults, str], object],
    error: str,
    words: str,
) -> None:
    """The dialog stays at the hostname, and continues from there."""
    result = await to_hostname(hass, sandbox)
    spoil(faults, "/hostname_associations")

    result = await submit(hass, result, choose())

    assert result["step_id"] == "hostname"
    assert result["errors"] == {"base": error}
    assert words in sentences(result)["base"]
    assert sandbox.journal.writes == []

    faults.clear()
    freezer.tick(PAUSE)
    await finish_from_hostname(hass, sandbox, result)
