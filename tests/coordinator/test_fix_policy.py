"""Tests of what follows from attempts to fix drift: what is reported, and when to refresh again."""

import pytest

from custom_components.cloudflare_mtls.coordinator.fix_policy import (
    FixPolicy,
    fixed_steps,
)
from custom_components.cloudflare_mtls.engine.api.errors import (
    Permission,
    PermissionMissing,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.rules.marks import BLOCK_REF
from custom_components.cloudflare_mtls.engine.sync.plan import Plan
from custom_components.cloudflare_mtls.engine.sync.reconciler import ZoneSync, ZoneView
from custom_components.cloudflare_mtls.engine.sync.settings import (
    HostnameSettings,
    ProtectedHostname,
)
from custom_components.cloudflare_mtls.engine.sync.steps import (
    Action,
    AssociationStep,
    Kind,
    RuleStep,
)
from tests.engine.builders import observed

RULE = RuleStep(kind=Kind.BLOCK_RULE, action=Action.UPDATE, target=BLOCK_REF)
DNS = Permission.DNS_EDIT


def attempt(policy: FixPolicy, *errors: Unavailable | PermissionMissing) -> None:
    """Make an attempt that these errors stop, or a successful one."""
    assert policy.begin()
    if errors:
        policy.failed(errors)
    else:
        policy.succeeded()


def looks_soon(policy: FixPolicy) -> bool:
    """Return whether the next refresh is due soon."""
    return policy.wants_second_look


def settings(hostname: str, zone_id: str = "zone") -> HostnameSettings:
    """Return the settings of a hostname."""
    return HostnameSettings(
        zone_id=zone_id,
        protected=ProtectedHostname(
            hostname=hostname, tunnel_id="tunnel", service="http://home:8123"
        ),
        keep_in_sync=True,
    )


def association(hostname: str) -> AssociationStep:
    """Return a step that concerns one hostname."""
    return AssociationStep(action=Action.CREATE, target=hostname)


def applied(*steps: RuleStep | AssociationStep) -> ZoneSync:
    """Return the result of applying these steps in a zone."""
    view = ZoneView(observation=observed(), skippable=frozenset())
    return ZoneSync(view=view, left=Plan(), applied=steps)


def test_without_drift_every_problem_is_reported() -> None:
    """A problem that only a person can solve needs no attempt."""
    assert FixPolicy().may_tell(exposed=False)


def test_one_attempt_at_a_time() -> None:
    """A refresh during an attempt starts no second one; the next refresh does."""
    policy = FixPolicy()
    assert policy.begin()
    assert not policy.begin()

    policy.succeeded()
    assert not policy.begin()

    policy.end()
    assert policy.begin()


def test_what_an_attempt_left_is_tried_once_more_soon() -> None:
    """It may have come meanwhile; what is left again must not cost a look each half minute."""
    policy = FixPolicy()
    attempt(policy)
    assert not policy.begin()
    assert looks_soon(policy)

    policy.end()
    attempt(policy)
    assert not policy.begin()
    assert not looks_soon(policy)


@pytest.mark.parametrize("exposed", [False, True])
def test_nothing_is_reported_before_the_first_attempt_is_over(exposed: bool) -> None:
    """The attempt may fix the drift within seconds."""
    policy = FixPolicy()
    policy.begin()
    assert not policy.may_tell(exposed=exposed)
    assert not looks_soon(policy)


def test_drift_is_reported_after_the_second_failure() -> None:
    """The second attempt comes soon, and the report stays during further attempts."""
    policy = FixPolicy()
    attempt(policy, Unavailable("down"))
    assert not policy.may_tell(exposed=False)
    assert looks_soon(policy)

    policy.end()
    policy.begin()
    assert not policy.may_tell(exposed=False)

    policy.failed([Unavailable("down")])
    for _ in range(3):
        assert policy.may_tell(exposed=False)
        assert not looks_soon(policy)
        policy.end()
        attempt(policy, Unavailable("down"))


def test_exposure_is_reported_after_the_first_failure() -> None:
    """Somebody gets in, and the attempt to prevent it failed."""
    policy = FixPolicy()
    attempt(policy, Unavailable("down"))
    assert policy.may_tell(exposed=True)


def test_drift_that_a_success_left_is_reported() -> None:
    """Another attempt would not help, so a person has to look."""
    policy = FixPolicy()
    attempt(policy)
    assert policy.may_tell(exposed=False)

    policy.end()
    policy.begin()
    assert policy.may_tell(exposed=False)


def test_success_ends_the_count() -> None:
    """The next failure counts as the first one."""
    policy = FixPolicy()
    attempt(policy, PermissionMissing(DNS))
    policy.end()
    attempt(policy)
    policy.end()
    attempt(policy, Unavailable("down"))
    assert looks_soon(policy)
    assert policy.missing_permissions == set()


def test_permission_is_reported_with_the_second_failure() -> None:
    """It is the one that stopped the last attempt which could read the settings."""
    policy = FixPolicy()
    attempt(policy, PermissionMissing(DNS), Unavailable("down"))
    assert policy.missing_permissions == set()

    policy.end()
    attempt(policy, PermissionMissing(DNS))
    assert policy.missing_permissions == {DNS}

    policy.end()
    policy.begin()
    policy.failed()
    assert policy.missing_permissions == {DNS}

    policy.end()
    attempt(policy, Unavailable("down"))
    assert policy.missing_permissions == set()


def test_fixed_steps_by_hostname() -> None:
    """A rule counts for each hostname of its zone, any other step for its own alone."""
    own = association("a.example.com")
    steps = fixed_steps(
        {"zone": applied(RULE, own), "quiet": applied()},
        [
            settings("a.example.com"),
            settings("b.example.com"),
            settings("c.example.net", "quiet"),
            settings("d.example.org", "unread"),
        ],
        [],
    )
    assert steps == {"a.example.com": [RULE, own], "b.example.com": [RULE]}


def test_removal_fixes_nothing() -> None:
    """While a hostname is taken down, changed rules of its zone do not count as fixed."""
    own = association("a.example.com")
    gone = association("gone.example.com")
    steps = fixed_steps(
        {"zone": applied(RULE, own, gone), "other": applied(RULE)},
        [settings("a.example.com"), settings("b.example.net", "other")],
        [settings("gone.example.com")],
    )
    assert steps == {"a.example.com": [own], "b.example.net": [RULE]}
