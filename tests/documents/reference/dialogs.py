"""The dialogs and their fields, in docs/reference.md."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .texts import ENGLISH, row, table

_SUBENTRIES: Final = ENGLISH["config_subentries"]
# A select with more than these is a list of countries.
_FEW: Final = 10
_DIALOGS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "Add an account": (
        "*Settings → Devices & services → Add integration → Cloudflare mTLS*. The same dialog replaces an API token: from the menu of "
        "the account, or as soon as Cloudflare no longer accepts the token.",
        ENGLISH["config"],
    ),
    "Add protected hostname": (
        "On the page of the integration; the gear beside a hostname changes it.",
        _SUBENTRIES["protected_hostname"],
    ),
    "Add companion device": (
        "On the page of the integration; the gear beside a device renews its certificate or changes it.",
        _SUBENTRIES["companion_device"],
    ),
    "Add login hostname": (
        "On the page of the integration; the gear beside a hostname changes who may log in, or ends the login.",
        _SUBENTRIES["login_hostname"],
    ),
    "Options of the account": ("The gear beside the account.", ENGLISH["options"]),
}


def dialogs() -> Iterator[str]:
    """Yield each dialog with its fields; what two of them ask alike is described once."""
    told: set[tuple[str, str]] = set()
    for name, (place, texts) in _DIALOGS.items():
        yield f"### {name}"
        yield ""
        yield place
        yield ""
        yield from table("field", "meaning")
        for label, field, description in _fields(texts):
            if (field, description) not in told:
                told.add((field, description))
                yield row(f"*{label}*", description + _choices(field))
        yield ""


def _fields(texts: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the label, the key and the description of each field."""
    for step in texts["step"].values():
        for part in (step, *step.get("sections", {}).values()):
            for field, label in part.get("data", {}).items():
                yield label, field, part["data_description"][field].replace("\n", " ")


def _choices(field: str) -> str:
    """Return what a field offers, unless that is not the same for everybody."""
    options = ENGLISH["selector"].get(field, {}).get("options", {})
    if not 1 < len(options) < _FEW:
        return ""
    return " One of: " + ", ".join(f"*{label}*" for label in options.values()) + "."
