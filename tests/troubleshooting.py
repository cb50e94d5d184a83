"""Writes docs/troubleshooting.md from the translations: what people see is what they find there.

Run it as `python -m tests.troubleshooting`.
"""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any, Final

_ROOT: Final = Path(__file__).parents[1]
_TRANSLATIONS: Final = (
    _ROOT / "custom_components" / "cloudflare_mtls" / "translations" / "en.json"
)
DOCUMENT: Final = _ROOT / "docs" / "troubleshooting.md"

_INTRODUCTION: Final = """\
# Troubleshooting

Home Assistant looks at your tunnels every minute, at the settings of your domains every six hours, and at everything else
every 15 minutes. What needs you appears under **Settings**, **Repairs**, in the words below; words in *italics* stand for your
own names. Most repairs go away by themselves once the trouble is over. *(fix)* marks the ones that Home Assistant solves in a dialog, after showing you what it will change.

This page is made from the texts of the integration by `scripts/docs troubleshooting`.
"""


def write() -> str:
    """Return the whole document."""
    texts: dict[str, Any] = json.loads(_TRANSLATIONS.read_text("utf-8"))
    return "\n".join(
        [
            _INTRODUCTION,
            "## Repairs\n",
            *_repairs(texts["issues"]),
            "## What a dialog may say\n",
            *_errors(texts),
            "## What an action may say\n",
            *_table(
                {key: item["message"] for key, item in texts["exceptions"].items()}
            ),
        ]
    )


def _repairs(issues: dict[str, Any]) -> Iterator[str]:
    for issue in sorted(issues.values(), key=lambda item: str(item["title"])):
        flow = issue.get("fix_flow")
        yield f"### {_plain(issue['title'])}{' *(fix)*' if flow else ''}\n"
        description = issue.get("description") or _first_step(flow)["description"]
        yield f"{_plain(description)}\n"


def _first_step(flow: dict[str, Any]) -> dict[str, str]:
    """Return the step that a dialog begins with."""
    step: dict[str, str] = next(iter(flow["step"].values()))
    return step


def _errors(texts: dict[str, Any]) -> Iterator[str]:
    """Yield every error and every end of a dialog once: dialogs share their sentences."""
    sentences: dict[str, str] = {}
    dialogs = [texts["config"], *texts["config_subentries"].values(), texts["options"]]
    for dialog in dialogs:
        for kind in ("error", "abort"):
            for key, sentence in dialog.get(kind, {}).items():
                if not key.endswith("_successful"):
                    sentences.setdefault(key, sentence)
    yield from _table(sentences)


def _table(sentences: dict[str, str]) -> Iterator[str]:
    yield from (f"- {_plain(item)}" for item in sorted(set(sentences.values())))
    yield ""


def _plain(sentence: str) -> str:
    """Return a sentence with words in the place of what is filled in."""
    return re.sub(
        r"\{(\w+)\}", lambda match: f"*{match[1].replace('_', ' ')}*", sentence
    )


if __name__ == "__main__":
    DOCUMENT.write_text(write(), "utf-8")
