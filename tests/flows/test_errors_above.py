"""What is wrong with a long form: Home Assistant says it below the text, where nobody looks on a phone."""

import re

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.wording import Message, async_describe_error
from sandbox import Sandbox
from tests.common import ENGLISH, expect_error_above, submit
from tests.dialogs import open_options, to_preview
from tests.faults import Faults
from tests.front_end import render

LISTS = re.compile(r"\{(changes|differences|entry|lines)\}")
# Nothing can go wrong before it is submitted, and afterwards another step says so.
WITHOUT_ERRORS = {"by_app"}
DIALOGS = {
    "config": ENGLISH["config"],
    "options": ENGLISH["options"],
    **{
        f"config_subentries.{kind}": texts
        for kind, texts in ENGLISH["config_subentries"].items()
    },
    **{
        f"issues.{key}.fix_flow": texts["fix_flow"]
        for key, texts in ENGLISH["issues"].items()
        if "fix_flow" in texts
    },
}


def test_texts_with_a_list_have_a_place_above_it() -> None:
    """The whole kind: previews, and lines to be copied."""
    steps = {
        f"{dialog}.{step}": text
        for dialog, texts in DIALOGS.items()
        for step, text in texts["step"].items()
        if step not in WITHOUT_ERRORS and LISTS.search(text.get("description", ""))
    }
    late = [
        key for key, text in steps.items() if text["description"][:9] != "{warning}"
    ]
    assert len(steps) > 15
    assert late == []


@pytest.mark.parametrize("dialog", DIALOGS)
async def test_every_error_can_stand_there(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, dialog: str
) -> None:
    """It is one bold paragraph, and what others wrote is code."""
    evil = "[x](https://evil) **b** `c`"
    for key, sentence in DIALOGS[dialog].get("error", {}).items():
        names = re.findall(r"\{(\w+)\}", sentence)
        message = Message(key, dict.fromkeys(names, evil))
        rendered = render(await async_describe_error(hass, dialog, message))
        # A hostname in an example of ours becomes a link.
        assert rendered.tags <= {"p", "strong", "code", "a"}, sentence
        assert not any("evil" in link for link in rendered.links), sentence
        assert rendered.started["strong"] == rendered.started["p"] == 1, sentence
        assert len(rendered.code) == len(names), sentence


async def test_error_of_the_first_dialog(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    preview = await to_preview(hass, sandbox)
    assert preview["description_placeholders"]["warning"] == ""
    faults.refuse("POST", "/rules$", 400, 1234, "[the moon](https://evil)", times=1)

    result = await submit(hass, preview)

    assert result["step_id"] == "resume"
    assert result["description_placeholders"]["warning"] == (
        "**Cloudflare refused the request: `[the moon](https://evil)`. "
        "Nothing else was changed.**\n\n"
    )


async def test_error_of_the_options(
    hass: HomeAssistant, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    faults.unavailable("*", "")

    form = await open_options(hass, loaded_entry, "remove")

    assert form["errors"] == {"base": "unavailable"}
    expect_error_above(form)
    said = ENGLISH["options"]["error"]["unavailable"]
    assert form["description_placeholders"]["warning"] == f"**{said}**\n\n"
