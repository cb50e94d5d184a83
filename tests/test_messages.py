"""The messages: each one that is raised or shown in a dialog is translated, with all that it names."""

import ast
from collections.abc import Iterator
import re
from typing import Any

import pytest

from custom_components.cloudflare_mtls.cloudflared_app import AppTrouble
from custom_components.cloudflare_mtls.engine.access.problems import LoginProblemCode
from custom_components.cloudflare_mtls.engine.access.settings import SettingsFault
from custom_components.cloudflare_mtls.engine.api.errors import PlanChanged
from custom_components.cloudflare_mtls.engine.checks.specs import Check
from custom_components.cloudflare_mtls.engine.sync.problems import ProblemCode
from custom_components.cloudflare_mtls.engine.tunnels.app_options import Obstacle
from custom_components.cloudflare_mtls.wording import describe, describe_missing
from tests.sentences import (
    ARRIVALS,
    COMPANION,
    CONFIG,
    ERRORS,
    FIXING,
    FIXING_FINDINGS,
    IN_FILES,
    LOGIN,
    LOGIN_PROBLEMS,
    LOGINS_WITH_DIALOG,
    LOST_ZONES,
    OF_REMOVED,
    REFUSED_LOGINS,
    RENEWAL,
    REPAIRS,
    REPEATED,
    RULES,
    SOURCES,
    SUBENTRY,
    UNKNOWN_CERTIFICATES,
    placeholders,
    strings,
)

from .common import ENGLISH

PAGES = {
    "pages/handover_view.py": ("handover",),
    "pages/page.py": ("handover", "proof"),
    "pages/certificate_test.py": ("proof",),
}


STRINGS = dict(strings(ENGLISH))


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
                match arguments.get("translation_placeholders"):
                    case None:
                        names: set[Any] = set()
                    case ast.Call(func=ast.Name("shown"), args=[ast.Dict(keys=given)]):
                        names = {ast.literal_eval(item) for item in given if item}
                    case other:
                        pytest.fail(f"{source}: {ast.unparse(other)}")
                assert placeholders(sentence) == names
    assert found


def test_every_exception_that_is_translated_is_raised() -> None:
    """No sentence is left over from code that is gone."""
    keys = {describe(error).key for error in (*ERRORS, PlanChanged())}
    keys.add(describe_missing(()).key)
    keys |= {
        value.value
        for _, value in literals("translation_key")
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
    keys |= {key for key, _ in raised_messages()}
    keys |= {key for key, _ in messages_in(SOURCES["certificates/device_names.py"])}
    keys.add(f"problem_{ProblemCode.TOO_MANY_PINNED}")
    keys |= {f"login_{code}" for code in (*LoginProblemCode, *SettingsFault)}
    keys.add(f"problem_{ProblemCode.TOO_MANY_LIMITED}")
    keys.add(f"problem_{ProblemCode.NO_FURTHER_PAIR}")
    assert set(ENGLISH["exceptions"]) <= keys


def test_every_message_that_is_raised_is_translated() -> None:
    """Each message that is raised has a sentence, with the right placeholders."""
    found = dict(raised_messages())
    assert found
    for key, names in found.items():
        assert placeholders(ENGLISH["exceptions"][key]["message"]) == names


def raised_messages(*trees: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Yield the keys and placeholders of the messages that are raised as errors, in all modules by default."""
    for tree in trees or SOURCES.values():
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Name("raise_translated_error"), args=[message, *_]
                ):
                    yield from messages_in(message)
                # These are raised by actions and end dialogs, or stand in a response.
                case ast.FunctionDef(name="describe_login_pages" | "_messages_of"):
                    yield from messages_in(node)


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
    "flows/account_choices.py",
    "flows/account_tunnels.py",
    "flows/allowed_devices.py",
    "flows/by_app.py",
    "flows/by_hand.py",
    "flows/choose_hostname.py",
    "flows/chosen_tunnel.py",
    "flows/hostname_draft.py",
    "flows/hostname_form.py",
    "flows/hostname_steps.py",
    "flows/tunnel_steps.py",
)
TROUBLES_OF_A_START = (AppTrouble.UNAVAILABLE, AppTrouble.CHANGED, AppTrouble.REFUSED)
CERTIFICATE_DIALOG = ("flows/certificate_steps.py", "certificates/creation.py")
OPTIONS = ENGLISH["options"]
DIALOGS: list[Any] = [
    pytest.param(
        CONFIG,
        ("config_flow.py", "flows/api_token.py", *HOSTNAME_DIALOG),
        id="account",
    ),
    pytest.param(
        SUBENTRY,
        (
            "flows/protected_hostname.py",
            "flows/stop_protecting.py",
            "flows/subentry_change.py",
            *HOSTNAME_DIALOG,
        ),
        id="hostname",
    ),
    pytest.param(
        COMPANION,
        (
            "flows/companion_device.py",
            "certificates/chosen_hostnames.py",
            "certificates/device_names.py",
            *CERTIFICATE_DIALOG,
        ),
        id="device",
    ),
    pytest.param(
        LOGIN,
        (
            "flows/login_dialog.py",
            "flows/login_hostname.py",
            "flows/login_people.py",
            "flows/login_review.py",
            "flows/login_trial.py",
            "flows/subentry_change.py",
            "login_choices.py",
        ),
        id="login",
    ),
    pytest.param(
        OPTIONS, ("flows/options.py", "flows/remove_everything.py"), id="options"
    ),
    *(
        pytest.param(REPAIRS[name], ("repairs.py", *CERTIFICATE_DIALOG), id=name)
        for name in RENEWAL
    ),
    *(
        pytest.param(REPAIRS[name], ("flows/unknown_certificates.py",), id=name)
        for name in UNKNOWN_CERTIFICATES
    ),
    pytest.param(REPAIRS["zone_replaced"], ("flows/lost_zone.py",), id="zone_replaced"),
    *(
        pytest.param(
            REPAIRS[name], ("flows/app_change.py", "flows/release.py"), id=name
        )
        for name in IN_FILES
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
    known = {describe(error).key for error in (*ERRORS, PlanChanged())}
    known.add(describe_missing(()).key)
    known |= {f"problem_{code}" for code in ProblemCode}
    known |= {f"login_{code}" for code in (*LoginProblemCode, *SettingsFault)}
    known |= {f"app_{trouble}" for trouble in AppTrouble}
    known |= {f"app_obstacle_{obstacle}" for obstacle in Obstacle}
    known |= {f"app_start_{trouble}" for trouble in TROUBLES_OF_A_START}
    assert set(texts["error"]) <= words | known

    said = {**texts["abort"], **texts["error"]}
    for name in modules:
        for key, names in messages_in(SOURCES[name]):
            assert placeholders(said[key]) == names, f"{name}: {key}"


@pytest.mark.parametrize(
    "texts", [CONFIG, SUBENTRY, *(REPAIRS[name] for name in IN_FILES)]
)
def test_every_trouble_with_an_app_has_a_sentence(texts: dict[str, Any]) -> None:
    """Their keys are put together, so no other test finds them."""
    keys = {f"app_{trouble}" for trouble in AppTrouble}
    if "by_app" in texts["step"]:
        keys |= {f"app_obstacle_{obstacle}" for obstacle in Obstacle}
        keys |= {f"app_start_{trouble}" for trouble in TROUBLES_OF_A_START}
    said = {key: texts["error"][key] for key in keys}
    assert keys == {key for key in texts["error"] if key.startswith("app_")}
    for key, sentence in said.items():
        assert placeholders(sentence) <= {"app", "message", "zone"}, key


def test_every_module_with_messages_belongs_to_a_dialog_or_raises_them() -> None:
    """No message escapes the comparison with the texts."""
    compared = {name for case in DIALOGS for name in case.values[1]}
    for name, tree in SOURCES.items():
        if name not in {*compared, "wording.py"}:
            raised = {key for key, _ in raised_messages(tree)}
            assert {key for key, _ in messages_in(tree)} == raised, name


def test_every_abort_has_a_sentence() -> None:
    """A dialog always says why it ends."""
    reasons = {
        value.value
        for _, value in literals("reason")
        if isinstance(value, ast.Constant)
    }
    assert reasons == {
        "device_changed",
        "device_gone",
        "entry_not_loaded",
        "issue_ignored",
        "login_changed",
        "login_not_kept",
        "no_login_hostname",
        "no_tunnel",
        "no_zone",
        "nothing_confirmed",
        "nothing_readable",
        "certificate_not_free",
        "not_listed_now",
        "nothing_to_fetch",
        "nothing_to_remove",
        "reconfigure_successful",
        "removed",
        "removed_and_revoked",
        "wrong_account",
    }
    assert ENGLISH["options"]["abort"].keys() == {
        "entry_not_loaded",
        "nothing_to_remove",
        "removed",
        "removed_and_revoked",
        "removed_not_revoked",
    }
    assert "reconfigure_successful" in SUBENTRY["abort"]
    assert "wrong_account" in CONFIG["abort"]
    assert "already_configured" in CONFIG["abort"]
    assert "entry_not_loaded" in SUBENTRY["abort"]
    assert {"no_zone", "no_tunnel"} <= SUBENTRY["abort"].keys()
    assert COMPANION["abort"].keys() == {
        "certificate_not_free",
        "creation_stopped",
        "device_added",
        "device_changed",
        "device_gone",
        "device_removed",
        "download_missed",
        "download_waiting",
        "entry_not_loaded",
        "no_hostname",
        "no_local_url",
        "reconfigure_successful",
    }
    assert REPAIRS.keys() == {
        *FIXING,
        *RENEWAL,
        *FIXING_FINDINGS,
        *IN_FILES,
        "certificate_ready",
        *UNKNOWN_CERTIFICATES,
        *LOST_ZONES,
        *LOGINS_WITH_DIALOG,
        "removal_left",
        "removal_served",
    }
    for key, flow in REPAIRS.items():
        expected = {"entry_not_loaded"}
        if key in RENEWAL:
            expected |= {"creation_stopped", "device_gone", "device_removed"}
            expected |= {"no_local_url", "download_missed", "download_waiting"}
        if key == "certificate_ready":
            expected |= {"nothing_to_fetch", "download_missed"}
        else:
            expected |= {"issue_ignored"}
            assert "ignore" in flow["step"]["init"]["menu_options"]
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
    named |= {key: set() for key in UNKNOWN_CERTIFICATES}
    named |= {
        key: {"name"}
        for key in ("certificate_ready", "revocation_not_seen", "revocation_pending")
    }
    named |= {key: {"zone", "reason"} for key in LOST_ZONES}
    named |= {key: {"hostname", "times", "since", "minutes"} for key in REPEATED}
    named["fix_refused"] = {"hostname", "message"}
    named |= {key: {"hostname", "email", "country"} for key in REFUSED_LOGINS}
    named |= {key: {"hostname", "target", "detail"} for key in LOGIN_PROBLEMS}
    named["login_zero_trust_not_set_up"] = {"account"}
    named["login_strangers"] = {"hostname", "name"}
    named["login_trial_left"] = {"account", "hostname"}
    named["login_method_changed"] = {"hostname", "name"}
    named["login_stranger"] = {"hostname", "email", "country", "at", "method"}
    named |= {key: {"account", "hostnames"} for key in ("logins_stay", "sessions_stay")}
    named |= {
        key: {"account", "hostnames"}
        for key in ("hostnames_stay", "hostnames_wait", "sessions_wait")
    }
    named["login_log_long"] = named["login_log_cut"] = {"account"}
    named["certificates_wait"] = {"account", "certificates"}
    named["certificates_stay"] = {"account", "certificates"}
    named["removal_served"] = {"hostname", "service"}
    named["removal_left"] = {"hostname", "record"}
    named |= {key: {"hostname", "tunnel"} for key in RULES}
    named["rule_missing_in_some"] |= {"missing", "connectors"}
    named["rule_shadowed"] |= {"other"}
    named["no_free_header_rule"] = {"zone", "rules"}
    named["tunnel_down"] = {"tunnel", "hostnames", "since"}
    named["uncertified_request"] = {"hostname", "at"}
    named["old_certificate_in_use"] = {"name", "date"}
    named["certificate_shared"] = {"name", "apps"}
    named["device_unused"] = {"name", "since"}
    named |= {key: {"account", "date"} for key in ("token_expiring", "token_urgent")}
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
        "removal_left",
        "removal_served",
        *IN_FILES,
        *RULES,
        "not_enforced",
        "not_enforced_unread",
        "fix_refused",
        *REPEATED,
        *ARRIVALS,
        "no_edge_certificate",
        "no_device_left",
        "no_free_header_rule",
        "tunnel_down",
        "uncertified_request",
        "old_certificate_in_use",
        "certificate_shared",
        "device_unused",
        "token_expiring",
        "token_urgent",
        "certificate_ready",
        *UNKNOWN_CERTIFICATES,
        *LOST_ZONES,
        *LOGINS_WITH_DIALOG,
        "login_not_removed",
        "login_sessions_left",
        "login_stranger",
        "login_strangers",
        "login_trial_left",
        "logins_stay",
        "sessions_stay",
        "certificates_stay",
        "certificates_wait",
        "hostnames_stay",
        "hostnames_wait",
        "sessions_wait",
        "login_log_cut",
        "login_log_long",
        "login_method_changed",
        "login_gone_unfixable",
        "login_not_enforced",
        "login_not_enforced_unread",
        "login_opened_unfixable",
        "login_zero_trust_not_set_up",
        *LOGIN_PROBLEMS,
        *REFUSED_LOGINS,
        "revocation_not_seen",
        "revocation_pending",
        *RENEWAL,
        *(f"check_{check}" for check in Check),
        *(f"problem_{code}" for code in ProblemCode if code not in OF_REMOVED),
    }


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
