"""Foreign text: whatever others wrote is read by people, and becomes no link, image or markup."""

import ast
from collections.abc import Callable, Iterator, Mapping
import json
import re
from typing import Any, Final

from homeassistant.core import HomeAssistant
import pytest

from custom_components.cloudflare_mtls.const import TROUBLESHOOTING_URL
from custom_components.cloudflare_mtls.engine.access.steps import (
    ApplicationStep,
    ConnectorTokenStep,
    GroupStep,
    LoginAction,
    LoginMethodStep,
    PathApplicationStep,
    PolicyStep,
    TagStep,
)
from custom_components.cloudflare_mtls.engine.api.errors import Permission
from custom_components.cloudflare_mtls.engine.api.models import Rule
from custom_components.cloudflare_mtls.engine.arrival import Arrival
from custom_components.cloudflare_mtls.engine.permissions import (
    NEEDED,
    OPTIONAL,
    token_url,
)
from custom_components.cloudflare_mtls.engine.rules.exposure import Visitor
from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname
from custom_components.cloudflare_mtls.engine.sync.steps import (
    Action,
    AssociationStep,
    DescribableStep,
    IngressStep,
    Kind,
    RecordStep,
    RuleStep,
    Step,
)
from custom_components.cloudflare_mtls.flows.tunnel_steps import APP_URL
from custom_components.cloudflare_mtls.pages.page import rich
from custom_components.cloudflare_mtls.quoting import (
    MAX_LENGTH,
    Ours,
    listed,
    plain,
    quoted,
    shown,
)
from custom_components.cloudflare_mtls.wording import (
    Texts,
    around_changes,
    async_get_texts,
    changes_of,
    exemptions_of,
    warning,
)
from tests.sentences import SOURCES, placeholders

from .common import PACKAGE
from .front_end import Place, expect_harmless, fill, place_of, render, texts_in

HOSTILE: Final = {
    "link": "[x](https://evil)",
    "image": "![](https://evil/p.png)",
    "html": "<img src=x onerror=alert(1)> <a href='https://evil'>x</a>",
    "backticks": "a ` b `` [x](https://evil) ``` c `",
    "line breaks": "a\n\n# [x](https://evil)\r\n- b\u2028![](https://evil)\u2029c\x85d",
    "placeholder": "{detail} {hostname} {url} {name} {placeholder}",
    "right to left": "a\u202e(live//:sptth)]x[\u2066\u200b\u200e b",
    "control characters": "a\x00\x07\x1b[31m\x7f\ud800 b",
    "between blanks": "a \u202e \x00 b \u200b",
    "bare address": "https://evil www.evil.com mallory@evil.com",
    "table": "a | b |\n|---|---|\n| [x](https://evil) | ~~c~~",
    "reference": "[x][1]\n\n[1]: https://evil",
    "fence": "```\n[x](https://evil)\n~~~",
    "backslash": "\\`[x](https://evil)\\",
    "long": "[x](https://evil)" * 300,
    "nothing": "",
}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


@hostile
def test_foreign_text_becomes_one_short_line(text: str) -> None:
    line = plain(text)

    assert line.isprintable()
    assert "`" not in line
    assert 0 < len(line) <= MAX_LENGTH
    assert line == line.strip() == plain(line)


def test_what_people_can_read_stays() -> None:
    """Line breaks become blanks, and a cut can be seen."""
    for text in ("Pixel 8", "Zoë’s Phone 📱", "הבית", 'http.host eq "x" and not ssl'):
        assert plain(text) == text
    assert plain(" a\r\n\tb\u2028c\u202ed`e ") == "a b cd'e"
    assert plain("x" * MAX_LENGTH) == "x" * MAX_LENGTH
    for length in (MAX_LENGTH + 1, 10_000):
        assert plain("x" * length) == "x" * (MAX_LENGTH - 1) + "…"
    assert plain("\u200b" * 10_000 + "x") == "…"
    assert plain(" \n\u200b") == "–"


@hostile
def test_quoted_text_is_code_and_nothing_else(text: str) -> None:
    rendered = render(f"before {quoted(text)} after **{quoted(text)}**")

    assert rendered.tags == {"p", "code", "strong"}
    assert rendered.code == [plain(text)] * 2


@hostile
def test_lists_of_foreign_texts_hold_code_alone(text: str) -> None:
    rendered = render(listed([text, text]))

    assert rendered.tags == {"ul", "li", "code"}
    assert rendered.code == [plain(text)] * 2


def test_only_our_own_text_is_left_as_it_is() -> None:
    assert shown({"ours": Ours("**a**\nb"), "foreign": "**a**\nb"}) == {
        "ours": "**a**\nb",
        "foreign": "**a** b",
    }


# The texts

TRANSLATIONS: Final = sorted((PACKAGE / "translations").glob("*.json"))

# All that is not foreign, and may therefore stand outside of code: how it is made, of the most hostile
# text that it could hold. A new placeholder belongs into code, or into this list.


def _exempting(path: str) -> ProtectedHostname:
    return ProtectedHostname(
        hostname="", tunnel_id="", service="", exempt_paths=(path,)
    )


OURS: Final[Mapping[str, Callable[[Texts, str], str]]] = {
    "after": lambda text, foreign: Ours(text("login_ends_sessions", hostname=foreign)),
    "app_url": lambda text, foreign: Ours(APP_URL),
    "apps": lambda text, foreign: listed([foreign]),
    "asked": lambda text, foreign: Ours(
        text("to_device_code", name=foreign, code="123456")
    ),
    "arrival": lambda text, foreign: Ours(
        text(f"arrival_{Arrival.LOGIN}", hostname=foreign)
    ),
    "at": lambda text, foreign: "28 November 2026, 16:53",
    "barrier": lambda text, foreign: Ours(text("barrier_nothing")),
    "before": lambda text, foreign: around_changes(
        text, "hostname", has_steps=True, hostname=foreign, zone=foreign
    )["before"],
    "blocked_url": lambda text, foreign: Ours(TROUBLESHOOTING_URL),
    "catch_all": lambda text, foreign: Ours("  - service: http_status:404"),
    "changes": lambda text, foreign: Ours(
        f"{changes_of(text, foreign, steps_about(foreign))}\n\n"
        f"{exemptions_of(text, _exempting(foreign))}"
    ),
    "code": lambda text, foreign: "123456",
    "connectors": lambda text, foreign: "2",
    "countries": lambda text, foreign: Ours(quoted(foreign)),
    "compose": lambda text, foreign: Ours("services:\n  cloudflared:"),
    "count": lambda text, foreign: "12",
    "date": lambda text, foreign: "28 November 2026",
    "debian": lambda text, foreign: Ours("sudo cloudflared service install"),
    "docker": lambda text, foreign: Ours("docker run"),
    "differences": lambda text, foreign: Ours(
        text("login_added", items=listed([foreign]))
    ),
    "entry": lambda text, foreign: Ours("additional_hosts:\n- hostname: x.example"),
    "full_token_url": lambda text, foreign: Ours(token_url(*OPTIONAL)),
    "more": lambda text, foreign: Ours(
        "\n\n"
        + text(
            "token_more",
            full_token_url=Ours(token_url(*OPTIONAL)),
            optional=listed(OPTIONAL),
        )
    ),
    "certificates": lambda text, foreign: listed([foreign]),
    "hostnames": lambda text, foreign: listed([foreign]),
    "items": lambda text, foreign: listed([foreign]),
    "lines": lambda text, foreign: Ours("  - hostname: x.example"),
    "local_address": lambda text, foreign: Ours(
        text("local_address_unreachable", address=foreign)
    ),
    "network": lambda text, foreign: Ours(text("connector_network", service=foreign)),
    "optional": lambda text, foreign: listed(OPTIONAL),
    "other_url": lambda text, foreign: Ours("http://ha.local:8123/x#token"),
    "paths": lambda text, foreign: listed([foreign]),
    "people": lambda text, foreign: listed([foreign]),
    "permission": lambda text, foreign: Permission.DNS_EDIT.value,
    "permissions": lambda text, foreign: listed(NEEDED),
    "missing": lambda text, foreign: "1",
    "minutes": lambda text, foreign: "15",
    "seconds": lambda text, foreign: "42",
    "settings": lambda text, foreign: Ours(quoted(foreign)),
    "since": lambda text, foreign: "28 November 2026, 16:53",
    "times": lambda text, foreign: "3",
    "then": lambda text, foreign: Ours(text("changes_hostname_then")),
    "to_device": lambda text, foreign: Ours(
        text(
            "to_device_copy",
            name=foreign,
            url=Ours("http://192.168.1.10:8123/x#token"),
        )
    ),
    "token": lambda text, foreign: Ours("eyJhIjoi"),
    "token_url": lambda text, foreign: Ours(token_url()),
    "until": lambda text, foreign: "16:53",
    "url": lambda text, foreign: Ours("http://192.168.1.10:8123/x#token"),
    "urls": lambda text, foreign: Ours(quoted(foreign)),
    "unencrypted": lambda text, foreign: Ours(text("to_device_unencrypted")),
    "warning": lambda text, foreign: warning(
        text("login_shuts_out", people=listed([foreign]))
    ),
    "who": lambda text, foreign: text(f"exposure_{Visitor.NO_CERTIFICATE}"),
}


def steps_about(foreign: str) -> list[DescribableStep]:
    """Return a step of each kind and action, about a thing with a foreign name."""
    rule = Rule(
        id=foreign,
        ref=foreign,
        action="block",
        expression=foreign,
        description=foreign,
        enabled=True,
        action_parameters={},
    )
    rules: list[Step] = [
        RuleStep(kind=kind, action=action, target=foreign, replaces=rule)
        for kind in (Kind.BLOCK_RULE, Kind.SKIP_RULE)
        for action in Action
        if action is not Action.MARK
    ]
    others: list[Step] = [
        *(
            IngressStep(
                action=action,
                target=foreign,
                tunnel_id="x",
                service=foreign,
                origin_request=(("httpHostHeader", foreign), ("noTLSVerify", True)),
            )
            for action in (Action.CREATE, Action.UPDATE, Action.DELETE)
        ),
        *(
            RecordStep(action=action, target=foreign, tunnel_id=foreign)
            for action in Action
            if action not in (Action.ADOPT, Action.MOVE, Action.DISCARD)
        ),
        *(
            AssociationStep(action=action, target=foreign)
            for action in (Action.CREATE, Action.DELETE)
        ),
    ]
    logins: list[DescribableStep] = [
        LoginMethodStep(target=foreign),
        TagStep(action=LoginAction.CREATE, target=foreign),
        GroupStep(action=LoginAction.UPDATE, target=foreign, detail=foreign),
        PolicyStep(action=LoginAction.UPDATE, target=foreign),
        PathApplicationStep(action=LoginAction.CREATE, target=foreign),
        ApplicationStep(action=LoginAction.ADOPT, target=foreign),
        ConnectorTokenStep(
            action=LoginAction.CREATE, target=foreign, tunnel_id=foreign
        ),
    ]
    return [*rules, *others, *logins]


def languages_and_texts() -> Iterator[Any]:
    """Yield all pairs: by day English with every foreign text, and each other language with one."""
    for number, file in enumerate(TRANSLATIONS):
        for index, (name, text) in enumerate(HOSTILE.items()):
            by_day = file.stem == "en" or index == number % len(HOSTILE)
            yield pytest.param(
                file.stem,
                text,
                marks=[] if by_day else [pytest.mark.nightly],
                id=f"{file.stem}-{name}",
            )


def named_texts() -> list[tuple[str, tuple[str, ...], str]]:
    """Return the texts with placeholders, of every language, with their paths."""
    return [
        (file.stem, path, sentence)
        for file in TRANSLATIONS
        for path, sentence in texts_in(json.loads(file.read_text("utf-8")))
        if placeholders(sentence)
    ]


@pytest.mark.parametrize(("language", "text"), languages_and_texts())
async def test_no_placeholder_of_any_text_becomes_markup(
    hass: HomeAssistant, enable_custom_integrations: None, language: str, text: str
) -> None:
    """Every text of a language is filled with foreign text and rendered as the front end does."""
    common = await async_get_texts(hass, "common")
    own = {name: make(common, text) for name, make in OURS.items()}
    links = {str(value) for name, value in own.items() if name.endswith("url")}
    # Many dialogs say the same.
    sentences = {
        (place_of(path), sentence)
        for each, path, sentence in named_texts()
        if each == language
    }
    in_code = 0
    for place, sentence in sentences:
        names = placeholders(sentence)
        foreign = names if place is Place.PLAIN else names - own.keys()
        values = shown({**own, **dict.fromkeys(foreign, text)})
        if place is Place.PAGE:
            continue
        rendered = expect_harmless(place, fill(sentence, values), links)
        if rendered and foreign:
            assert plain(text) in rendered.code, sentence
            in_code += 1
    assert in_code > 50


def test_every_placeholder_stands_in_code_where_markdown_is_rendered() -> None:
    """And nowhere else, because there the backticks would show."""
    for language, path, sentence in named_texts():
        outside = re.sub(r"`\{\w+\}`", "", sentence)
        match place_of(path):
            case Place.MARKDOWN:
                assert placeholders(outside) <= OURS.keys(), (language, path)
            case Place.PLAIN:
                assert "`" not in sentence, (language, path)
            case Place.PAGE:
                assert placeholders(sentence) <= {"label", "address", "hostname"}, (
                    language,
                    path,
                )


def test_no_placeholder_is_called_ours_that_no_text_has() -> None:
    used = {
        name
        for _, path, sentence in named_texts()
        if place_of(path) is Place.MARKDOWN
        for name in placeholders(re.sub(r"`\{\w+\}`", "", sentence))
    }
    assert used == OURS.keys()


# The code


def test_home_assistant_gets_placeholders_only_through_the_gate() -> None:
    """Every way on which placeholders reach the front end makes foreign text harmless first."""
    found = set()
    for source, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in (
                "description_placeholders",
                "translation_placeholders",
            ):
                assert isinstance(node.value, ast.Call), source
                assert ast.unparse(node.value.func) == "shown", source
                found.add(source)
    assert found >= {"flows/form.py", "flows/progress.py", "issues.py", "wording.py"}


def test_only_these_modules_call_text_their_own() -> None:
    """Whatever else is written as it is has to be looked at first."""
    found = {
        source
        for source, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Ours"
    }
    assert found == {
        "config_flow.py",
        "flows/by_hand.py",
        "flows/certificate_labels.py",
        "flows/certificate_steps.py",
        "flows/hostname_doubts.py",
        "flows/account_choices.py",
        "flows/allowed_devices.py",
        "flows/choose_hostname.py",
        "flows/existing_hostnames.py",
        "flows/hostname_steps.py",
        "flows/local_address.py",
        "flows/login_preview.py",
        "flows/login_review.py",
        "flows/tunnel_steps.py",
        "quoting.py",
        "unfinished_orders.py",
        "wording.py",
    }


def test_there_are_no_notifications() -> None:
    """Their messages are Markdown, and every user sees them: repairs say what there is to say."""
    assert not [
        name
        for name, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) == "persistent_notification"
        and node.attr in ("async_create", "create")
    ]


# The pages


def test_pages_write_foreign_text_as_text() -> None:
    """Their scripts never parse HTML, so a name is shown as it is."""
    for script in (PACKAGE / "pages" / "www").glob("*.js"):
        source = script.read_text("utf-8")
        assert "textContent" in source
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|eval\(",
            source,
        )


@hostile
def test_texts_of_pages_are_escaped(text: str) -> None:
    markup = rich(f"a {text} {{label}}", {"label": text})
    tags = set(re.findall(r"<(\w+)", markup))
    assert tags <= {"span", "strong"}
    assert "onerror=alert(1)>" not in markup
