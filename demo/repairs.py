"""Repairs of the account: list them, and fix them as a person does."""

from typing import Final

from .account import read_handover, translations, until_entry_is_loaded
from .flow import Flow
from .front_end import front_end
from .home_assistant import DOMAIN, JSON
from .report import expect, expect_equal, until
from .world import World

ALARM: Final = "uncertified_request"


async def list_repairs(world: World) -> list[JSON]:
    """Return the integration's issues under Settings > System > Repairs, without those that are ignored."""
    listed = await world.socket.command("repairs/list_issues")
    return [
        issue
        for issue in listed["issues"]
        if issue["domain"] == DOMAIN and not issue["ignored"]
    ]


async def until_repair(world: World, key: str, *, seconds: float = 20) -> JSON:
    """Wait until a repair of this kind is shown, and return it."""

    async def is_shown() -> JSON | None:
        shown = await list_repairs(world)
        return next((item for item in shown if item["translation_key"] == key), None)

    return await until(f"the repair {key} is shown", is_shown, seconds=seconds)


async def ignore(world: World, issue: JSON) -> None:
    """Ignore an issue, as a person does who wants it so."""
    await world.socket.command(
        "repairs/ignore_issue",
        domain=DOMAIN,
        issue_id=issue["issue_id"],
        ignore=True,
    )


async def open_handover(world: World) -> None:
    """Open the repair that shows link and code of a certificate that an action created."""
    ready = [
        issue
        for issue in await list_repairs(world)
        if issue["translation_key"] == "certificate_ready"
    ]
    expect_equal(len(ready), 1, "the number of certificates that are ready")
    flow = await Flow.repair(world.admin, ready[0]["issue_id"])
    read_handover(world, flow)
    expect(bool(world.codes), "the repair shows no code")
    await flow.close()


async def repair_text(world: World, issue: JSON, key: str) -> str:
    """Return one of the texts that a repair shows."""
    texts = await translations(world, "issues")
    prefix = f"component.{DOMAIN}.issues.{issue['translation_key']}"
    text: str = texts[f"{prefix}.{key}"]
    return text.format(**issue["translation_placeholders"])


async def run_checks(world: World) -> None:
    """Reload the entry, which runs the checks that otherwise run every six hours."""
    await world.admin.post(f"/api/config/config_entries/entry/{world.entry_id}/reload")
    await until_entry_is_loaded(world)


async def fix_issue_in_browser(world: World, issue: JSON, expected: str) -> None:
    """Open an issue under Settings > System > Repairs in a browser, check its text, and submit."""
    async with front_end(world, "config/repairs") as tab:
        title = await repair_text(world, issue, "title")
        option = await repair_text(
            world, issue, "fix_flow.step.init.menu_options.confirm"
        )
        await tab.open_by_click("ha-list-item-button", title, ("span", option))
        await tab.open_by_click("span", option, ("ha-markdown-element", expected))
        await tab.click("ha-button", "Submit")
        await tab.until_text("ha-button", "Finish")


async def fix_issue(world: World, issue: JSON, expected: str) -> None:
    """Open an issue's dialog over the API, check its text, and submit."""
    flow = await Flow.repair(world.admin, issue["issue_id"])
    await flow.choose("confirm")
    flow.expect_step("confirm")
    text = await repair_text(world, issue, "fix_flow.step.confirm.description")
    expect(expected in text, f"{expected} is not in: {text}")
    await flow.submit()
    expect_equal(flow.answer["type"], "create_entry", "the result of the dialog")
