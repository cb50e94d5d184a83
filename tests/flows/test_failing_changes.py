"""Tests of changes that fail half way: what is left is listed, and made on the next submit."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import HOSTNAME, records_of, sentences, settle, submit
from tests.dialogs import assert_protected, finish_from_preview, to_preview
from tests.faults import Faults

STEPS: list[Any] = [
    pytest.param("POST", "/rules$", id="block rule"),
    pytest.param("PUT", "/hostname_associations", id="association"),
    pytest.param("PUT", "/configurations", id="ingress"),
    pytest.param("POST", "/dns_records", id="DNS record"),
]


@pytest.mark.parametrize("after_write", [False, True], ids=["not done", "done unseen"])
@pytest.mark.parametrize(("method", "path"), STEPS)
async def test_change_that_gets_no_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    method: str,
    path: str,
    after_write: bool,
) -> None:
    """The dialog lists what is left; nothing is done twice."""
    preview = await to_preview(hass, sandbox)
    changes = numbered(preview)
    fault = faults.unavailable(method, path, after_write=after_write, times=1)

    result = await submit(hass, preview)

    assert fault.hits == 1
    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "unavailable"}
    assert "Nothing was opened" in sentences(result)["base"]
    done = len(sandbox.journal.writes)
    *_, record, _ = changes
    # The header rule comes last, and is written while the record is.
    is_record_left = path == "/dns_records" and not after_write
    assert numbered(result) == ([record] if is_record_left else changes[done:])

    await finish_from_preview(hass, sandbox, result)


def numbered(result: Any) -> list[str]:
    """Return the changes that a step shows, without their numbers."""
    lines = result["description_placeholders"]["changes"].splitlines()
    parts = [line.partition(". ") for line in lines]
    assert [number for number, _, _ in parts] in (
        [str(n) for n in range(1, len(lines) + 1)],
        ["Nothing has to change at Cloudflare."],
    )
    return [change for _, _, change in parts if change]


@pytest.mark.parametrize(("method", "path"), STEPS)
async def test_change_that_is_refused(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, method: str, path: str
) -> None:
    """Cloudflare's own reason is shown, and no further change is attempted."""
    preview = await to_preview(hass, sandbox)
    faults.refuse(method, path, 400, 1234, "the moon is in the wrong phase", times=1)

    result = await submit(hass, preview)

    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "rejected"}
    assert sentences(result)["base"] == (
        "Cloudflare refused the request: the moon is in the wrong phase. "
        "Nothing else was changed."
    )
    assert records_of(sandbox) == []

    await finish_from_preview(hass, sandbox, result)


@pytest.mark.parametrize(
    ("code", "error"), [(50001, "quota_exceeded"), (81053, "conflict")]
)
async def test_change_that_meets_a_limit_or_somebody_else(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, code: int, error: str
) -> None:
    """A limit of the plan and a conflict have messages of their own."""
    preview = await to_preview(hass, sandbox)
    faults.refuse("POST", "/dns_records", 400, code, "An A record is there", times=1)

    result = await submit(hass, preview)

    assert result["errors"] == {"base": error}
    assert "An A record is there" in sentences(result)["base"]

    await finish_from_preview(hass, sandbox, result)


async def test_nothing_can_be_seen_after_a_change_that_failed(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """If Cloudflare no longer answers, the list stays as it was last known."""
    preview = await to_preview(hass, sandbox)
    faults.unavailable("PUT", "")
    result = await submit(hass, preview)
    assert result["errors"] == {"base": "unavailable"}
    left = result["description_placeholders"]["changes"]

    faults.unavailable("GET", "")
    result = await submit(hass, result)

    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "unavailable"}
    assert result["description_placeholders"]["changes"] == left

    faults.clear()
    await finish_from_preview(hass, sandbox, result)


async def test_changes_that_are_left_are_made_only_on_submit(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """A front end that only loads the form again gets the list, and nothing is written."""
    preview = await to_preview(hass, sandbox)
    faults.unavailable("POST", "/dns_records", times=1)
    result = await submit(hass, preview)
    left = result["description_placeholders"]["changes"]
    sandbox.journal.clear()

    again: Any = await hass.config_entries.flow.async_configure(result["flow_id"])

    assert again["step_id"] == "resume"
    assert again["description_placeholders"]["changes"] == left
    assert sandbox.journal.writes == []
    await finish_from_preview(hass, sandbox, again)


async def test_dialog_closed_while_the_changes_are_made(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """A person has confirmed them: the account is added, and does what is left."""
    hold = asyncio.Event()
    fault = faults.add("PUT", "/hostname_associations", hold=hold)
    preview = await to_preview(hass, sandbox)
    await hass.config_entries.flow.async_configure(preview["flow_id"], {})
    async with asyncio.timeout(10):
        while not fault.hits:
            await asyncio.sleep(0.01)

    hass.config_entries.flow.async_abort(preview["flow_id"])
    await asyncio.sleep(0)
    hold.set()
    faults.clear()
    await settle(hass)

    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert [item.title for item in entry.subentries.values()] == [HOSTNAME]
    assert_protected(sandbox)
