"""The sentences of login hostnames whose keys the code puts together."""

import pytest

from custom_components.cloudflare_mtls.engine.access.plan import Occasion, _blocks
from custom_components.cloudflare_mtls.engine.access.problems import LoginProblemCode
from custom_components.cloudflare_mtls.engine.access.settings import SettingsFault
from custom_components.cloudflare_mtls.flows.login_rules import _PATHS
from custom_components.cloudflare_mtls.pages.login_trial import LoginResult
from tests.sentences import ERRORS, LOGIN, SUBENTRY, placeholders

from .common import ENGLISH

# Access as a whole cannot be read then; that is an error and no problem of a plan.
OF_NO_PLAN = (
    LoginProblemCode.ZERO_TRUST_NOT_SET_UP,
    LoginProblemCode.PERMISSION_MISSING,
)
COMMON = ENGLISH["common"]


@pytest.mark.parametrize("code", sorted({*LoginProblemCode} - {*OF_NO_PLAN}))
def test_every_problem_has_a_sentence_where_it_is_shown(code: LoginProblemCode) -> None:
    """What stops a dialog stands in its form, and what does not in its preview.

    About a wildcard, a step of its own asks.
    """
    blocks = {
        _blocks(code, occasion) for occasion in (Occasion.SET_UP, Occasion.CHANGE)
    }
    named = {"target", "detail"}
    key = f"login_{code}"
    if True in blocks and code is not LoginProblemCode.FOREIGN_WILDCARD:
        assert placeholders(LOGIN["error"][key]) <= named
    if False in blocks:
        assert placeholders(COMMON[key]) <= named


@pytest.mark.parametrize("fault", SettingsFault)
def test_every_fault_has_a_sentence(fault: SettingsFault) -> None:
    assert placeholders(LOGIN["error"][f"login_{fault}"]) <= {"value"}


@pytest.mark.parametrize("result", LoginResult)
def test_every_result_of_a_trial_has_a_sentence(result: LoginResult) -> None:
    assert placeholders(COMMON[f"login_trial_{result}"]) <= {"hostname"}


def test_every_path_that_is_offered_says_what_it_opens() -> None:
    for path, key in _PATHS.items():
        assert COMMON[f"login_path_{key}"].startswith(f"{path} ")


def test_errors_say_the_same_as_in_other_dialogs() -> None:
    shared = SUBENTRY["error"].keys() & LOGIN["error"].keys()
    assert len(shared) > len(ERRORS) / 2
    for key in shared:
        assert LOGIN["error"][key] == SUBENTRY["error"][key]
    for key in SUBENTRY["abort"].keys() & LOGIN["abort"].keys():
        assert LOGIN["abort"][key] == SUBENTRY["abort"][key]


def test_the_login_is_ended_with_the_same_words_everywhere() -> None:
    left = ENGLISH["issues"]["login_left"]["fix_flow"]["step"]["confirm"]
    stop = LOGIN["step"]["stop"]
    assert left["title"] == stop["title"]
    assert left["description"].split("\n\n")[0] == stop["description"].split("\n\n")[0]
