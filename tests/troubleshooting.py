"""The document docs/troubleshooting.md, made from the English texts of the integration.

`scripts/docs troubleshooting` writes it.
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

Home Assistant checks your tunnels every minute, the settings of your domains every six hours, and everything else every 15
minutes. If something needs you, it appears under **Settings** > **System** > **Repairs** with one of the texts below; words in
*italics* stand for your own names. Most repairs disappear once their cause is gone. Repairs marked with *(fix)* have a dialog in
which Home Assistant shows you what it will change, and fixes it.

Written by `scripts/docs troubleshooting` from the texts of the integration.
"""

# What people see before they look for a repair.
_SYMPTOMS: Final = """\
## What you see

| what you see | what to do |
|---|---|
| **400: Bad Request** | Home Assistant does not trust the proxy. Add the address of cloudflared under **Settings** > **System** > \
**Network** > **HTTP server** > **Trusted proxies**. |
| **Sorry, you have been blocked** on a device with a certificate | [See below](#blocked). |
| **502 Bad Gateway** | The tunnel does not find Home Assistant. Compare **Service** of the hostname with where Home Assistant listens. |
| The test says that the device did not connect through Cloudflare | Turn Wi-Fi off on the phone. If it says so all the same, add every \
proxy between cloudflared and Home Assistant to the **Trusted proxies**. |
| The device says that the password is wrong | It can't read the format of the file. The setup page has the other one. |
| **Blocks visitors without a certificate** is unknown | Run the action **Verify**: [its verdict](reference.md#what-a-visit-without-a-certificate-met) \
says why. |

When you report a problem, download the diagnostics from the menu of the integration or of one device, also when the account can't be set
up. They hold no token, hostname or ID. **Settings** > **System** > **Repairs** > **System information** shows whether Cloudflare's API is
reached, and whether it has asked for a pause.
"""

_BLOCKED_BY: Final = (
    "To see which rule blocked the device, run the action **Get blocked requests** in Home Assistant. The Ray ID at the bottom of "
    "Cloudflare's page also finds the request in the security events of the Cloudflare dashboard."
)


def write() -> str:
    """Return the whole document."""
    texts: dict[str, Any] = json.loads(_TRANSLATIONS.read_text("utf-8"))
    return "\n".join(
        [
            _INTRODUCTION,
            _SYMPTOMS,
            *_blocked(texts["common"]),
            "## Repairs\n",
            *_repairs(texts["issues"]),
            "## Messages of the dialogs\n",
            *_errors(texts),
            "## Messages of the actions\n",
            *_table(
                {key: item["message"] for key, item in texts["exceptions"].items()}
            ),
        ]
    )


def _blocked(texts: dict[str, str]) -> Iterator[str]:
    """Yield what helps where a device meets Cloudflare's block page, in the words of our own page."""
    yield "## On the device\n"
    yield '<a id="blocked"></a>\n'
    yield "### Sorry, you have been blocked\n"
    yield f"{texts['handover_blocked_reason']}\n"
    steps = [*texts["handover_blocked_steps"].splitlines(), _BLOCKED_BY]
    yield from (f"{n}. {_plain(step)}" for n, step in enumerate(steps, 1))
    yield ""


def _repairs(issues: dict[str, Any]) -> Iterator[str]:
    for key, issue in sorted(issues.items(), key=lambda item: str(item[1]["title"])):
        flow = issue.get("fix_flow")
        # Each repair links to its key, whatever its title becomes.
        yield f'<a id="{key}"></a>\n'
        yield f"### {_plain(issue['title'])}{' *(fix)*' if flow else ''}\n"
        description = issue.get("description") or _dialog(flow["step"])
        yield f"{_plain(description)}\n"


def _dialog(steps: dict[str, Any]) -> str:
    """Return what a dialog says until a person confirms: its first step, and the fixes to choose from."""
    first: dict[str, Any] = next(iter(steps.values()))
    chosen = [steps[name] for name in first.get("menu_options", ()) if name in steps]
    return "\n\n".join(step["description"] for step in (first, *chosen))


def _errors(texts: dict[str, Any]) -> Iterator[str]:
    """Yield the errors and abort reasons of all dialogs; each sentence once, as many are shared."""
    sentences: dict[str, str] = {}
    dialogs = [texts["config"], *texts["config_subentries"].values(), texts["options"]]
    for dialog in dialogs:
        for kind in ("error", "abort"):
            for key, sentence in dialog.get(kind, {}).items():
                if not key.endswith("_successful"):
                    sentences.setdefault(key, sentence)
    yield from _table(sentences)


def _table(sentences: dict[str, str]) -> Iterator[str]:
    yield from sorted({f"- {_plain(item)}" for item in sentences.values()})
    yield ""


def _plain(sentence: str) -> str:
    """Return a sentence with words in place of the placeholders, which may stand in code.

    Right behind a full stop, a placeholder is a paragraph that is only sometimes there, and so is a
    warning at the beginning. Where a link leads is known only to the person who is told.
    """
    without_links = re.sub(r"\[(.*?)\]\(\{\w+\}\)", r"\1", sentence)
    without_links = without_links.replace("{warning}", "")
    return re.sub(
        r"`?\{(\w+)\}`?",
        lambda match: f"*{match[1].replace('_', ' ')}*",
        re.sub(r"(?<=[\w}]\.)(?:\{\w+\})+", "", without_links),
    )


if __name__ == "__main__":
    DOCUMENT.write_text(write(), "utf-8")
