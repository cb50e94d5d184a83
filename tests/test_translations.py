"""Tests of the texts: each one that the code shows exists, with the right placeholders."""

import ast
from collections.abc import Iterator
import json
import re
from string import Formatter
from typing import Any, cast

from homeassistant.components.event import EventEntityDescription
from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    NotFound,
    Permission,
    PermissionMissing,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.checks.specs import SPECS, Check
from custom_components.cloudflare_mtls.engine.rules.exposure import Visitor
from custom_components.cloudflare_mtls.engine.sync.problems import ProblemCode
from custom_components.cloudflare_mtls.event import ACCOUNT_EVENTS, HOSTNAME_EVENTS
from custom_components.cloudflare_mtls.flows.certificate_steps import CHOICES_SCHEMA
from custom_components.cloudflare_mtls.flows.hostname_steps import NEW_TUNNEL
from custom_components.cloudflare_mtls.flows.tunnel_steps import Next
from custom_components.cloudflare_mtls.sensor import COMPANION_SENSORS, TUNNEL_SENSORS
from custom_components.cloudflare_mtls.wording import describe

from .common import ENGLISH, PACKAGE

CONFIG = ENGLISH["config"]
SUBENTRY = ENGLISH["config_subentries"]["protected_hostname"]
COMPANION = ENGLISH["config_subentries"]["companion_device"]
SERVICES = cast("dict[str, Any]", parse_yaml((PACKAGE / "services.yaml").read_text()))
ICONS = json.loads((PACKAGE / "icons.json").read_text())
SOURCES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
}

PAGES = {
    "pages/handover_view.py": ("handover",),
    "pages/page.py": ("handover", "proof"),
    "pages/certificate_test.py": ("proof",),
}

# Repairs with a dialog of their own.
REPAIRS = {
    key: issue["fix_flow"]
    for key, issue in ENGLISH["issues"].items()
    if "fix_flow" in issue
}
FIXING = ("drift", "exposed")
RENEWAL = (
    "certificate_expiring",
    "certificate_urgent",
    "certificate_expired",
    "handover_missed",
)
FIXING_FINDINGS = tuple(f"check_{check}" for check in Check if SPECS[check].fixed_in)

ERRORS: list[EngineError] = [
    *(TokenRejected(problem) for problem in TokenProblem),
    PermissionMissing(Permission.DNS_EDIT),
    RateLimited(42.0),
    Unavailable("gone"),
    Rejected(1, "no"),
    NotFound(1, "no"),
    QuotaExceeded(1, "no"),
    Conflict(1, "no"),
]

# Every step that a plan can hold: what build-up, fixing and tear-down do.
STEPS = [
    *(
        f"step_{kind}_{action}"
        for kind in ("block_rule", "skip_rule")
        for action in ("create", "update", "move", "delete", "adopt", "discard")
    ),
    *(
        f"step_{kind}_{action}"
        for kind in ("ingress", "dns_record")
        for action in ("create", "update", "delete")
    ),
    *(f"step_association_{action}" for action in ("create", "delete")),
    "step_dns_record_adopt",
]


def strings(texts: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every sentence with the path to it."""
    if isinstance(texts, str):
        yield path, texts
        return
    for key, value in texts.items():
        yield from strings(value, f"{path}.{key}" if path else key)


STRINGS = dict(strings(ENGLISH))


def placeholders(text: str) -> set[str]:
    """Return the placeholders of a sentence."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_every_error_has_a_sentence_everywhere(error: EngineError) -> None:
    """Wherever an error can show, it has its sentence, with the right placeholders."""
    message = describe(error)
    key = message.key

    for sentence in (
        CONFIG["error"][key],
        SUBENTRY["error"][key],
        SUBENTRY["abort"][key],
        COMPANION["error"][key],
        ENGLISH["options"]["error"][key],
        *(REPAIRS[name]["error"][key] for name in (*FIXING, *RENEWAL)),
        *(REPAIRS[name]["abort"][key] for name in (*FIXING, *FIXING_FINDINGS)),
        ENGLISH["exceptions"][key]["message"],
    ):
        assert placeholders(sentence) == message.placeholders.keys()
        assert sentence == CONFIG["error"][key]


@pytest.mark.parametrize("code", ProblemCode)
def test_every_problem_has_a_sentence_everywhere(code: ProblemCode) -> None:
    """Dialogs, repairs and actions have the same sentence for each problem."""
    sentence = ENGLISH["common"][f"problem_{code}"]

    assert placeholders(sentence) <= {"target", "detail"}
    assert ENGLISH["issues"][f"problem_{code}"]["description"] == sentence
    assert CONFIG["error"][f"problem_{code}"] == sentence
    assert SUBENTRY["error"][f"problem_{code}"] == sentence


def test_every_step_has_a_sentence() -> None:
    """There is a sentence for each step of a plan, and no other one."""
    told = {key for key in ENGLISH["common"] if key.startswith("step_")}

    assert told == {*STEPS, "step_none"}
    for key in told:
        assert placeholders(ENGLISH["common"][key]) <= {"hostname", "target", "detail"}


def test_sentences_that_both_flows_show_are_the_same() -> None:
    """The dialogs of an account and of a hostname use the same sentences."""
    for step in (
        "zone",
        "new_tunnel",
        "connector",
        "no_connector",
        "hostname",
        "take_over",
        "preview",
    ):
        for key in ("title", "description", "data", "data_description", "sections"):
            assert SUBENTRY["step"][step].get(key) == CONFIG["step"].get(step, {}).get(
                key
            ), f"{step}.{key}"
    for key, sentence in {**SUBENTRY["error"], **SUBENTRY["abort"]}.items():
        assert sentence == CONFIG["error"].get(key, sentence), key
    assert SUBENTRY["progress"] == CONFIG["progress"]


def test_dialogs_that_create_certificates_say_the_same() -> None:
    """A dialog, a repair and an action use the same sentences for a new certificate."""
    flows = [COMPANION, *(REPAIRS[name] for name in RENEWAL)]
    for flow in flows:
        for key in (
            "certificate_blocked",
            "certificate_blocked_not_revoked",
            f"problem_{ProblemCode.TOO_MANY_PINNED}",
        ):
            assert flow["error"][key] == ENGLISH["exceptions"][key]["message"]
        for key, sentence in flow["error"].items():
            assert sentence == COMPANION["error"][key], key
            assert sentence == CONFIG["error"].get(key, sentence), key
        assert flow["progress"] == COMPANION["progress"]
        assert flow["step"]["handover"] == COMPANION["step"]["handover"]
    reconfigure = COMPANION["step"]["reconfigure"]
    for name in RENEWAL:
        renew = REPAIRS[name]["step"]["renew"]
        for key in ("title", "data", "data_description"):
            assert renew[key] == reconfigure[key]
        assert renew["description"].endswith(reconfigure["description"])
        # The dialog of a new device has some of these fields as well.
        for key in ("data", "data_description"):
            new = COMPANION["step"]["new"][key]
            assert renew[key].items() >= {
                (field, new[field]) for field in new.keys() & renew[key].keys()
            }


def forms(texts: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every form with fields, sections and repairs included, with the path to it."""
    if isinstance(texts, dict):
        if isinstance(texts.get("data"), dict):
            yield path, texts
        for key, value in texts.items():
            yield from forms(value, f"{path}.{key}" if path else key)


FORMS = dict(forms(ENGLISH))


@pytest.mark.parametrize("path", FORMS)
def test_every_field_is_explained(path: str) -> None:
    """The quality scale wants a description beside the label of each field."""
    form = FORMS[path]
    assert form["data"].keys() == form.get("data_description", {}).keys()


def test_dialogs_that_end_say_the_same() -> None:
    """Every dialog uses the same sentence for a reason, except when it succeeds."""
    said: dict[str, set[str]] = {}
    flows = [CONFIG, SUBENTRY, COMPANION, ENGLISH["options"], *REPAIRS.values()]
    for flow in flows:
        for key, sentence in flow["abort"].items():
            if not key.endswith("_successful"):
                said.setdefault(key, set()).add(sentence)
    assert {key for key, sentences in said.items() if len(sentences) > 1} == set()


def test_every_visitor_has_a_name() -> None:
    """Each visitor of an exposure has words that begin a sentence."""
    told = {key for key in ENGLISH["common"] if key.startswith("exposure_")}
    assert told == {f"exposure_{visitor}" for visitor in Visitor}


def literals(name: str) -> Iterator[tuple[str, ast.expr]]:
    """Yield every string that stands as a keyword argument of that name."""
    for source, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == name:
                yield source, node.value


def test_every_exception_that_is_raised_is_translated() -> None:
    """Home Assistant's exceptions are raised with a translation key that exists."""
    ours = {"HomeAssistantError", "ServiceValidationError", "UpdateFailed"}
    ours |= {"ConfigEntryAuthFailed", "ConfigEntryNotReady", "ConfigEntryError"}
    found = 0
    for source, tree in SOURCES.items():
        for node in ast.walk(tree):
            if not (
                isinstance(node, ast.Raise)
                and isinstance(node.exc, ast.Call)
                and isinstance(node.exc.func, ast.Name)
                and node.exc.func.id in ours
            ):
                continue
            arguments = {keyword.arg: keyword.value for keyword in node.exc.keywords}
            assert {"translation_domain", "translation_key"} <= arguments.keys(), (
                f"{source}:{node.lineno}"
            )
            key = arguments["translation_key"]
            found += 1
            # A variable comes from a Message; those are tested above and below.
            if isinstance(key, ast.Constant):
                sentence = ENGLISH["exceptions"][key.value]["message"]
                given = arguments.get("translation_placeholders", ast.Dict([], []))
                assert isinstance(given, ast.Dict)
                names = {
                    item.value for item in given.keys if isinstance(item, ast.Constant)
                }
                assert placeholders(sentence) == names
    assert found


def test_every_exception_that_is_translated_is_raised() -> None:
    """No sentence is left over from code that is gone."""
    keys = {describe(error).key for error in ERRORS}
    keys |= {
        value.value
        for _, value in literals("translation_key")
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
    keys |= {key for key, _ in raised_messages()}
    keys.add(f"problem_{ProblemCode.TOO_MANY_PINNED}")
    assert set(ENGLISH["exceptions"]) <= keys


def test_every_message_that_is_raised_is_translated() -> None:
    """Each message that is raised has a sentence, with the right placeholders."""
    found = dict(raised_messages())
    assert found
    for key, names in found.items():
        assert placeholders(ENGLISH["exceptions"][key]["message"]) == names


def raised_messages() -> Iterator[tuple[str, set[str]]]:
    """Yield the keys and placeholders of the messages that are raised as errors."""
    for tree in SOURCES.values():
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Name("raise_translated_error"), args=[message, *_]
                ):
                    yield from messages_in(message)


def messages_in(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Yield the keys of the messages that are written out, and the names of their placeholders."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name("Message"), args=[ast.Constant(str(key)), *rest]
            ):
                details = rest[0] if rest else ast.Dict([], [])
                assert isinstance(details, ast.Dict), ast.unparse(node)
                yield key, set(map(ast.literal_eval, filter(None, details.keys)))


HOSTNAME_DIALOG = (
    "flows/account_tunnels.py",
    "flows/hostname_draft.py",
    "flows/hostname_steps.py",
    "flows/tunnel_steps.py",
)
CERTIFICATE_DIALOG = ("flows/certificate_steps.py", "certificates/first_visit.py")
OPTIONS = ENGLISH["options"]
DIALOGS: list[Any] = [
    pytest.param(
        CONFIG,
        ("config_flow.py", "flows/api_token.py", *HOSTNAME_DIALOG),
        id="account",
    ),
    pytest.param(
        SUBENTRY, ("flows/protected_hostname.py", *HOSTNAME_DIALOG), id="hostname"
    ),
    pytest.param(
        COMPANION, ("flows/companion_device.py", *CERTIFICATE_DIALOG), id="device"
    ),
    pytest.param(OPTIONS, ("flows/options.py",), id="options"),
    *(
        pytest.param(REPAIRS[name], ("repairs.py", *CERTIFICATE_DIALOG), id=name)
        for name in RENEWAL
    ),
]


@pytest.mark.parametrize(("texts", "modules"), DIALOGS)
def test_every_message_of_a_dialog_is_in_its_texts(
    texts: dict[str, Any], modules: tuple[str, ...]
) -> None:
    """Each message in the modules of a dialog has a sentence there, and the reverse."""
    words = {
        node.value
        for name in modules
        for node in ast.walk(SOURCES[name])
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    known = {describe(error).key for error in ERRORS}
    known |= {f"problem_{code}" for code in ProblemCode}
    assert set(texts["error"]) <= words | known

    said = {**texts["abort"], **texts["error"]}
    for name in modules:
        for key, names in messages_in(SOURCES[name]):
            assert placeholders(said[key]) == names, f"{name}: {key}"


def test_every_module_with_messages_belongs_to_a_dialog_or_raises_them() -> None:
    """No message escapes the comparison with the texts."""
    compared = {name for case in DIALOGS for name in case.values[1]}
    for name, tree in SOURCES.items():
        if name not in {*compared, "wording.py"}:
            raised = {
                key
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "raise_translated_error"
                for key, _ in messages_in(node)
            }
            assert {key for key, _ in messages_in(tree)} == raised, name


def test_every_abort_has_a_sentence() -> None:
    """A dialog always says why it ends."""
    reasons = {
        value.value
        for _, value in literals("reason")
        if isinstance(value, ast.Constant)
    }
    assert reasons == {
        "device_gone",
        "entry_not_loaded",
        "no_local_url",
        "no_tunnel",
        "no_zone",
        "wrong_account",
    }
    assert "entry_not_loaded" in ENGLISH["options"]["abort"]
    assert "reconfigure_successful" in SUBENTRY["abort"]
    assert "wrong_account" in CONFIG["abort"]
    assert "already_configured" in CONFIG["abort"]
    assert "entry_not_loaded" in SUBENTRY["abort"]
    assert {"no_zone", "no_tunnel"} <= SUBENTRY["abort"].keys()
    assert COMPANION["abort"].keys() == {
        "entry_not_loaded",
        "no_hostname",
        "no_local_url",
        "reconfigure_successful",
    }
    assert REPAIRS.keys() == {
        *FIXING,
        *RENEWAL,
        *FIXING_FINDINGS,
        "certificates_elsewhere",
    }
    for key, flow in REPAIRS.items():
        expected = {"entry_not_loaded"}
        if key in RENEWAL:
            expected |= {"device_gone", "no_local_url"}
        assert expected <= flow["abort"].keys()


def test_no_url_and_no_markup_of_pages() -> None:
    """Addresses are placeholders, so that translators cannot break them."""
    for path, sentence in STRINGS.items():
        assert not re.search(r"https?:|www\.|<[a-z/]", sentence), path


def test_placeholders_can_be_filled() -> None:
    """Every placeholder has a plain name, and no sentence has blanks around it."""
    for path, sentence in STRINGS.items():
        assert all(re.fullmatch("[a-z_]+", name) for name in placeholders(sentence)), (
            path
        )
        assert sentence == sentence.strip(), path
        assert sentence, path


def test_issues() -> None:
    """Each repair has a title, a description or a dialog, and the right placeholders."""
    named = {"permission_missing": {"account", "permission"}}
    named |= {
        key: {"target", "detail"} for key in ENGLISH["issues"] if "problem" in key
    }
    named |= {key: {"name", "date"} for key in RENEWAL}
    named |= {f"check_{check}": {"target", "value", "detail"} for check in Check}
    named |= {"certificates_elsewhere": set(), "revocation_pending": {"name"}}
    named["tunnel_down"] = {"tunnel", "hostnames", "since"}
    for key, issue in ENGLISH["issues"].items():
        assert ("description" in issue) != ("fix_flow" in issue)
        used = placeholders(issue["title"]) | placeholders(issue.get("description", ""))
        assert used <= named.get(key, {"hostname", "who"})
    assert set(ENGLISH["issues"]) == {
        "permission_missing",
        "drift",
        "exposed",
        "exposed_unfixable",
        "removal_pending",
        "not_enforced",
        "tunnel_down",
        "certificates_elsewhere",
        "revocation_pending",
        *RENEWAL,
        *(f"check_{check}" for check in Check),
        *(f"problem_{code}" for code in ProblemCode),
    }


def test_dialogs_of_repairs_can_be_filled() -> None:
    """Each step uses only placeholders that the repair or the step fills."""
    handover = {"name", "url", "code", "until"}
    steps = {
        **{key: {"confirm": {"hostname", "who", "changes"}} for key in FIXING},
        **{key: {"renew": {"name", "date"}, "handover": handover} for key in RENEWAL},
        **{key: {"confirm": {"target", "value", "detail"}} for key in FIXING_FINDINGS},
        "certificates_elsewhere": {"confirm": {"names"}},
    }
    for key, flow in REPAIRS.items():
        assert flow["step"].keys() == steps[key].keys()
        for step, texts in flow["step"].items():
            for _, sentence in strings(texts):
                assert placeholders(sentence) <= steps[key][step]


def test_texts_that_the_code_looks_up_can_be_filled() -> None:
    """Each text that the code looks up exists, and the code fills its placeholders."""
    found = 0
    for source, tree in SOURCES.items():
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Name(id="text"),
                    args=[ast.Constant(value=str(key))],
                    keywords=keywords,
                ):
                    if source in PAGES:
                        # The texts of a page begin with its name, and have placeholders of their own.
                        assert any(
                            f"{page}_{key}" in ENGLISH["common"]
                            for page in PAGES[source]
                        )
                        continue
                    sentence = ENGLISH["common"][key]
                    given = {keyword.arg for keyword in keywords}
                    assert placeholders(sentence) == given, f"{source}: {key}"
                    found += 1
    assert found


def test_actions_are_described() -> None:
    """Each action and each of its fields has a name, a description and an icon."""
    assert SERVICES.keys() == ENGLISH["services"].keys() == ICONS["services"].keys()
    for action, described in SERVICES.items():
        texts = ENGLISH["services"][action]
        assert {"name", "description", "fields"} <= texts.keys()
        assert described["fields"].keys() == texts["fields"].keys()
        for field in texts["fields"].values():
            assert field.keys() == {"name", "description"}
        assert ICONS["services"][action]["service"].startswith("mdi:")


def test_options_are_described() -> None:
    """Each option of a selector has a label, and each label an option."""
    offered = {"layout": {"skip_and_block", "block_only"}}
    # The selector of tunnels offers a new one besides those that exist.
    offered |= {"tunnel_id": {NEW_TUNNEL}, "next": {*Next}}
    for action in SERVICES.values():
        for field in action["fields"].values():
            select = field["selector"].get("select") or {}
            offered |= (
                {select["translation_key"]: set(select["options"])} if select else {}
            )
    for selector in CHOICES_SCHEMA.values():
        offered |= {selector.config["translation_key"]: {*selector.config["options"]}}
    assert offered == {
        key: set(texts["options"]) for key, texts in ENGLISH["selector"].items()
    }


@pytest.mark.parametrize("platform", ENGLISH["entity"])
def test_entities_are_named(platform: str) -> None:
    """Each translation key of an entity has a name, and each icon an entity."""
    keys = {
        keyword.value.value
        for node in ast.walk(SOURCES[f"{platform}.py"])
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "translation_key" and isinstance(keyword.value, ast.Constant)
    }
    assert keys == ENGLISH["entity"][platform].keys()
    icons = ICONS["entity"].get(platform, {})
    assert icons.keys() <= keys
    for key, icon in icons.items():
        states = ENGLISH["entity"][platform][key].get("state", {"on": "", "off": ""})
        assert icon.get("state", {}).keys() <= states.keys()


@pytest.mark.parametrize(
    "description", [*TUNNEL_SENSORS, *COMPANION_SENSORS], ids=lambda item: item.key
)
def test_states_are_named(description: SensorEntityDescription) -> None:
    """The states of a sensor with options have names, and no other states have."""
    texts = ENGLISH["entity"]["sensor"][description.translation_key]
    assert texts.get("state", {}).keys() == set(description.options or ())


@pytest.mark.parametrize(
    "description", [*ACCOUNT_EVENTS, *HOSTNAME_EVENTS], ids=lambda item: item.key
)
def test_events_are_named(description: EventEntityDescription) -> None:
    """Each type of an event has a name."""
    texts = ENGLISH["entity"]["event"][description.translation_key]
    types = texts["state_attributes"]["event_type"]["state"]
    assert types.keys() == set(description.event_types or ())
