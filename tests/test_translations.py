"""The sentences: each one that the code can show is there, and dialogs that do the same say the same."""

from collections.abc import Iterator
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.errors import EngineError
from custom_components.cloudflare_mtls.engine.rules.exposure import Visitor
from custom_components.cloudflare_mtls.engine.sync.problems import ProblemCode
from custom_components.cloudflare_mtls.wording import describe
from tests.sentences import (
    COMPANION,
    CONFIG,
    ERRORS,
    FIXING,
    FIXING_FINDINGS,
    OF_REMOVED,
    RENEWAL,
    REPAIRS,
    SUBENTRY,
    placeholders,
    unquoted,
)

from .common import ENGLISH

# Every step that a plan can hold: what build-up, fixing and tear-down do.
STEPS = [
    *(
        f"step_{kind}_{action}"
        for kind in ("block_rule", "skip_rule")
        for action in (
            "create",
            "update",
            "leave",
            "move",
            "delete",
            "adopt",
            "discard",
        )
    ),
    *(
        f"step_{kind}_{action}"
        for kind in ("ingress", "dns_record", "header_rule")
        for action in ("create", "update", "delete")
    ),
    *(f"step_association_{action}" for action in ("create", "delete")),
    "step_dns_record_mark",
    "step_login_method_create",
    *(f"step_access_tag_{action}" for action in ("create", "delete")),
    *(
        f"step_{kind}_{action}"
        for kind in ("access_group", "access_policy", "path_application")
        for action in ("create", "update", "delete")
    ),
    *(
        f"step_access_application_{action}"
        for action in ("create", "update", "delete", "adopt", "release")
    ),
    *(f"step_connector_token_{action}" for action in ("create", "delete")),
]


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
        assert unquoted(sentence) == CONFIG["error"][key]


def test_what_changed_since_it_was_shown_is_said_in_every_dialog_that_shows_changes() -> (
    None
):
    sentences = {
        flow["error"]["changed_meanwhile"]
        for flow in (
            CONFIG,
            SUBENTRY,
            *(REPAIRS[name] for name in (*FIXING, *FIXING_FINDINGS)),
        )
    }
    assert len(sentences) == 1


@pytest.mark.parametrize("code", ProblemCode)
def test_every_problem_has_a_sentence_everywhere(code: ProblemCode) -> None:
    """Dialogs, repairs and actions have the same sentence for each problem."""
    sentence = ENGLISH["common"][f"problem_{code}"]

    assert placeholders(sentence) <= {"target", "detail"}
    if code not in OF_REMOVED:
        repair = ENGLISH["issues"][f"problem_{code}"]["description"]
        assert unquoted(repair) == sentence
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
        "no_certificate",
        "partial_zone",
        "take_over",
        "preview",
    ):
        for key in (
            "title",
            "description",
            "data",
            "data_description",
            "menu_options",
            "sections",
        ):
            assert SUBENTRY["step"][step].get(key) == CONFIG["step"].get(step, {}).get(
                key
            ), f"{step}.{key}"
    for key, sentence in {**SUBENTRY["error"], **SUBENTRY["abort"]}.items():
        assert unquoted(sentence) == CONFIG["error"].get(key, unquoted(sentence)), key
    assert SUBENTRY["progress"] == CONFIG["progress"]


def test_dialogs_that_create_certificates_say_the_same() -> None:
    """A dialog, a repair and an action use the same sentences for a new certificate."""
    flows = [COMPANION, *(REPAIRS[name] for name in RENEWAL)]
    for flow in flows:
        for key in (
            "certificate_blocked",
            "edge_certificate_missing",
            "creation_stopped",
            f"problem_{ProblemCode.TOO_MANY_PINNED}",
            f"problem_{ProblemCode.TOO_MANY_LIMITED}",
            f"problem_{ProblemCode.NO_FURTHER_PAIR}",
        ):
            said = {**flow["abort"], **flow["error"]}[key]
            # Markdown is rendered where a dialog ends, but not beside its fields.
            assert said.replace("`", "") == ENGLISH["exceptions"][key]["message"]
        for key, sentence in flow["error"].items():
            assert sentence == COMPANION["error"][key], key
            assert sentence == CONFIG["error"].get(key, sentence), key
        assert flow["progress"] == COMPANION["progress"]
        assert flow["step"]["handover"] == COMPANION["step"]["handover"]
    ready = REPAIRS["certificate_ready"]["step"]["handover"]
    assert ready == COMPANION["step"]["handover"]
    of_device = COMPANION["step"]["renew"]
    for name in RENEWAL:
        renew = REPAIRS[name]["step"]["renew"]
        assert renew == of_device
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
