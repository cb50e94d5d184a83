"""Each check has its row in the table, and each row is consistent."""

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Setting
from custom_components.cloudflare_mtls.engine.checks.specs import (
    SPECS,
    Check,
    FixedIn,
    SettingSpec,
)


def test_every_check_has_a_row() -> None:
    """A finding without a row could not be shown."""
    assert set(SPECS) == set(Check)


def test_every_setting_is_looked_at_by_one_check() -> None:
    """No setting is read without need, and no two checks can contradict each other."""
    settings = [spec.setting.setting for spec in SPECS.values() if spec.setting]
    assert sorted(settings) == sorted(Setting)


@pytest.mark.parametrize("check", Check)
def test_a_fix_changes_the_setting_that_was_looked_at(check: Check) -> None:
    """The right value differs from the wrong ones."""
    spec = SPECS[check]
    if spec.fixed_in is FixedIn.SETTING:
        assert spec.setting
    if spec.setting:
        assert spec.setting.wrong != spec.setting.right


def test_a_setting_that_was_not_read_is_not_wrong() -> None:
    """The token may not read it, or the plan does not have it."""
    spec = SettingSpec(setting=Setting.HTTP3, wrong="on", right="off")
    assert spec.is_wrong_in({Setting.HTTP3: "on"})
    assert not spec.is_wrong_in({Setting.HTTP3: "off"})
    assert not spec.is_wrong_in({Setting.WEBSOCKETS: "on"})
    assert not spec.is_wrong_in({})
