"""Tests of the README: its badges, buttons, commands and words are true."""

import json
import re
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.cloudflare_mtls.const import DOMAIN
from tests.common import PACKAGE

from .markdown import README, ROOT, blocks, commands, links

TEXT: Final = README.read_text("utf-8")
MANIFEST: Final = json.loads((PACKAGE / "manifest.json").read_text("utf-8"))
HACS: Final = json.loads((ROOT / "hacs.json").read_text("utf-8"))
REPOSITORY: Final = str(MANIFEST["documentation"])
WORKFLOWS: Final = ROOT / ".github" / "workflows"
MY: Final = "https://my.home-assistant.io/redirect/"


def redirects() -> dict[str, dict[str, str]]:
    """Return the pages of Home Assistant that buttons open, with their parameters."""
    found = {}
    for link in links(README):
        if link.startswith(MY):
            url = urlsplit(link)
            page = url.path.removeprefix("/redirect/").strip("/")
            found[page] = {key: value for key, [value] in parse_qs(url.query).items()}
    return found


def test_buttons() -> None:
    """They open this repository, this integration, and a blueprint that is there.

    Home Assistant 2026.11 knows the page hacs_repository as well, and opens its Marketplace there.
    """
    owner, _, name = urlsplit(REPOSITORY).path.strip("/").partition("/")
    blueprint = redirects()["blueprint_import"].pop("blueprint_url")
    assert redirects().keys() == {
        "hacs_repository",
        "config_flow_start",
        "blueprint_import",
    }
    assert redirects()["hacs_repository"] == {
        "owner": owner,
        "repository": name,
        "category": "integration",
    }
    assert redirects()["config_flow_start"] == {"domain": DOMAIN}
    assert (ROOT / blueprint.removeprefix(f"{REPOSITORY}/blob/main/")).is_file()
    assert [text.strip() for text in blocks(README, "text")] == [REPOSITORY]


def test_badges() -> None:
    """They show what is so."""
    badges = [unquote(link) for link in links(README)]
    workflows = {
        urlsplit(link).path.split("/")[-2]
        for link in badges
        if link.endswith("/badge.svg")
    }
    assert workflows
    assert all((WORKFLOWS / name).is_file() for name in workflows)
    oldest = ".".join(str(HACS["homeassistant"]).split(".")[:2])
    assert f"https://img.shields.io/badge/Home Assistant-{oldest}+-18bcf2" in badges
    assert f"Home Assistant {oldest} or newer" in TEXT
    assert "https://img.shields.io/badge/license-Apache--2.0-blue" in badges
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


def test_is_short() -> None:
    """Who is curious reads it to the end; everything else is in other documents."""
    assert len(TEXT.split()) < 2000


def test_languages() -> None:
    """It names as many as there are."""
    (sentence,) = re.findall(r"speak (English, [^.]*)\.", TEXT)
    there = list((PACKAGE / "translations").glob("*.json"))
    assert len(re.split(r",| and ", sentence)) == len(there)


@pytest.mark.parametrize("command", commands(README))
def test_commands_are_run(command: str) -> None:
    """Each runs by itself, at every push or at night; one that stays there exits instead."""
    runs: list[Any] = []
    for file in WORKFLOWS.glob("*.yml"):
        workflow = parse_yaml(file.read_text("utf-8"))
        assert isinstance(workflow, dict)
        for job in workflow["jobs"].values():
            matrix = job.get("strategy", {}).get("matrix", {})
            runs += matrix.get("script", [])
    assert {command, f"{command} --exit"}.intersection(runs)
