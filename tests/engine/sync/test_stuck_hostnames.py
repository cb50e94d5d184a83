"""A hostname that Cloudflare refuses to change costs itself, and no other hostname of its zone."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    EngineError,
    PermissionMissing,
    RateLimited,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.rules.admissions import (
    NOBODY,
    Admission,
    read_admissions,
)
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from custom_components.cloudflare_mtls.engine.sync.reconciler import (
    AccountSync,
    Extent,
    Reconciler,
)
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from tests.engine.builders import ACCOUNT_ID, BLOCK_REF, HOST, OTHER, ZONE_ID, names

from .test_reconciler import settings

BOTH = Extent(hostnames={HOST, OTHER}, goes_on=True)
A_RECORD = f"/zones/{ZONE_ID}/dns_records/*"
# Closes every hostname of the zone, and is not how ours is written.
OTHER_FORM = (
    "not (cf.tls_client_auth.cert_verified and not cf.tls_client_auth.cert_revoked)"
)


@pytest.fixture
def both(client: CloudflareClient) -> Reconciler:
    """Return the reconciler of two hostnames."""
    return Reconciler(
        client=client,
        account_id=ACCOUNT_ID,
        hostnames=(settings(), settings(OTHER)),
    )


@pytest.fixture
async def one_removed(both: Reconciler) -> Reconciler:
    """Return the reconciler once both were protected, and the other one is to be taken down."""
    (await both.sync(BOTH)).raise_if_stopped()
    here, there = both.hostnames
    return replace(both, hostnames=(here,), removed=(there,))


def refuse(
    sandbox: Sandbox,
    method: str,
    path: str,
    kind: FaultKind = FaultKind.FORBIDDEN,
    *,
    first: int = 1,
) -> None:
    """Have Cloudflare refuse all calls of an endpoint, or all after some."""
    fault = Fault(kind, method=method, path=path, first=first, times=None)
    sandbox.faults.add(fault)


def disable_block_rule(sandbox: Sandbox) -> None:
    """Open both hostnames, as somebody does in the dashboard."""
    for rule in sandbox.state.zones[ZONE_ID].rules:
        rule.enabled = rule.enabled and rule.ref != BLOCK_REF


def write_block_rule(sandbox: Sandbox, expression: str) -> None:
    """Give our block rule another expression, as somebody does in the dashboard."""
    for rule in sandbox.state.zones[ZONE_ID].rules:
        if rule.ref == BLOCK_REF:
            rule.expression = expression


def lose_comments(sandbox: Sandbox) -> None:
    """Take the comments of all records away, as another tool does, and have nobody write them again."""
    for record in sandbox.state.zones[ZONE_ID].dns_records.values():
        record.comment = ""
    refuse(sandbox, "PATCH", A_RECORD)


def error_of(ended: AccountSync) -> EngineError | None:
    """Return what stopped the sync of the zone."""
    return ended.zones[ZONE_ID].error


def is_closed_to_all(sandbox: Sandbox, hostname: str) -> bool:
    """Return whether our block rule blocks everybody at a hostname, whatever they show."""
    rules = sandbox.state.zones[ZONE_ID].rules
    block = next(rule for rule in rules if rule.ref == BLOCK_REF)
    return read_admissions(block.expression)[hostname] == NOBODY


def is_exposed(ended: AccountSync, hostname: str) -> bool:
    """Return whether anybody gets in at a hostname once the sync is over."""
    [observation] = ended.observations
    return bool(exposed(observation, hostname))


@pytest.mark.parametrize("kind", [FaultKind.FORBIDDEN, FaultKind.SERVER_ERROR])
async def test_removal_that_is_refused_keeps_nothing_open(
    sandbox: Sandbox, one_removed: Reconciler, kind: FaultKind
) -> None:
    """The rule that was disabled is enabled again, and goes on naming what still has its record."""
    disable_block_rule(sandbox)
    refuse(sandbox, "DELETE", A_RECORD, kind)

    ended = await one_removed.sync(BOTH)

    assert isinstance(error_of(ended), (PermissionMissing, Unavailable))
    assert not is_exposed(ended, HOST)
    assert not is_exposed(ended, OTHER)
    # Not even a certificate lets anybody in at what nobody wants any more.
    assert is_closed_to_all(sandbox, OTHER)
    assert not is_closed_to_all(sandbox, HOST)
    assert names(ended.zones[ZONE_ID].applied) == [
        "update block_rule",
        "update skip_rule",
    ]
    # What is left is the removal alone, tried again the next time.
    assert names(ended.left[ZONE_ID].steps) == [
        "delete dns_record",
        "delete ingress",
        "update block_rule",
        "delete association",
        "update header_rule",
    ]
    sandbox.faults.clear()
    assert (await one_removed.sync(BOTH)).is_down


async def test_removal_that_is_refused_keeps_no_other_from_being_fixed(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """The other hostname gets its record back."""
    records = sandbox.state.zones[ZONE_ID].dns_records
    lost = next(item for item in records.values() if item.name == HOST)
    del records[lost.id]
    refuse(sandbox, "DELETE", A_RECORD)

    ended = await one_removed.sync(BOTH)

    assert isinstance(error_of(ended), PermissionMissing)
    assert HOST in {item.name for item in records.values()}


async def test_stuck_removal_costs_no_writes(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """With all else in sync, each attempt is one refused call."""
    refuse(sandbox, "DELETE", A_RECORD)
    await one_removed.sync(BOTH)
    sandbox.journal.clear()

    await one_removed.sync(BOTH)

    assert [(item.method, item.status) for item in sandbox.journal.writes] == [
        ("DELETE", 403)
    ]


async def test_one_of_two_removals_is_refused(
    sandbox: Sandbox, both: Reconciler
) -> None:
    """The other one is taken down."""
    (await both.sync(BOTH)).raise_if_stopped()
    removed = replace(both, hostnames=(), removed=both.hostnames)
    zone = sandbox.state.zones[ZONE_ID]
    stuck = next(item for item in zone.dns_records.values() if item.name == HOST)
    refuse(sandbox, "DELETE", f"/zones/{ZONE_ID}/dns_records/{stuck.id}")

    ended = await removed.sync(BOTH)

    assert isinstance(error_of(ended), PermissionMissing)
    assert OTHER not in {item.name for item in zone.dns_records.values()}
    assert not is_exposed(ended, HOST)
    assert names(ended.zones[ZONE_ID].applied) == [
        "delete dns_record",
        "delete ingress",
        "delete skip_rule",
        "update block_rule",
        "delete association",
        "update header_rule",
    ]
    assert OTHER not in {step.target for step in ended.left[ZONE_ID].steps}


async def test_hostname_without_its_record_lets_the_other_have_one(
    sandbox: Sandbox, both: Reconciler
) -> None:
    """Both are protected; the refused one is left for the next time."""
    refuse(sandbox, "PUT", "/accounts/*/configurations", first=2)

    ended = await both.sync(BOTH)

    assert isinstance(error_of(ended), PermissionMissing)
    zone = sandbox.state.zones[ZONE_ID]
    (refused,) = {HOST, OTHER} - {item.name for item in zone.dns_records.values()}
    assert names(ended.zones[ZONE_ID].applied)[-3:] == [
        "create ingress",
        "create dns_record",
        "create header_rule",
    ]
    left = ended.left[ZONE_ID].steps
    assert names(left) == ["create ingress", "create dns_record"]
    assert {step.target for step in left} == {refused}
    assert not is_exposed(ended, HOST)
    assert not is_exposed(ended, OTHER)


async def test_exempt_path_that_somebody_added(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """Its settings are known: the rules close it, whatever its record does."""
    added = {HOST: Admission(), OTHER: Admission(exempt_paths=("/api/",))}
    write_block_rule(sandbox, block_expression(added))
    refuse(sandbox, "DELETE", A_RECORD)
    ended = await one_removed.sync(BOTH)
    assert not is_exposed(ended, HOST)
    assert not is_exposed(ended, OTHER)


async def test_name_that_somebody_took_out(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """The rule names the hostname again."""
    write_block_rule(sandbox, block_expression({HOST: Admission()}))
    refuse(sandbox, "DELETE", A_RECORD)
    ended = await one_removed.sync(BOTH)
    assert not is_exposed(ended, OTHER)


async def test_rule_and_comment_that_somebody_took_out(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """Another tool took the comment away too, so that nothing says whose the hostname is."""
    write_block_rule(sandbox, block_expression({HOST: Admission()}))
    lose_comments(sandbox)
    refuse(sandbox, "DELETE", A_RECORD)
    ended = await replace(one_removed, marked=frozenset({HOST, OTHER})).sync(BOTH)
    assert not is_exposed(ended, OTHER)


async def test_other_form_of_the_rule_that_closes_all(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """Somebody wrote the block rule in another way, and it closes both: no write of ours opens one."""
    write_block_rule(sandbox, OTHER_FORM)
    lose_comments(sandbox)
    refuse(sandbox, "DELETE", A_RECORD)
    reconciler = replace(one_removed, marked=frozenset({HOST, OTHER}))
    before = await reconciler.look(ZONE_ID)
    assert not exposed(before.observation, OTHER)

    ended = await reconciler.sync(BOTH)

    assert not is_exposed(ended, OTHER)


async def test_other_form_of_the_rule_and_a_wildcard_record(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """The same where the record is gone and a wildcard leads there: the tunnel's list is refused."""
    write_block_rule(sandbox, OTHER_FORM)
    zone = sandbox.state.zones[ZONE_ID]
    for record in zone.dns_records.values():
        if record.name == OTHER:
            record.name, record.comment = f"*.{zone.name}", ""
    refuse(sandbox, "PUT", "/accounts/*/configurations")
    before = await one_removed.look(ZONE_ID)
    assert not exposed(before.observation, OTHER)

    ended = await one_removed.sync(BOTH)

    assert not is_exposed(ended, OTHER)


async def test_ingress_rule_that_stays_keeps_its_hostname_in_the_rules(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """Nothing leads there any more, but the tunnel still serves it: no rule lets it go."""
    refuse(sandbox, "PUT", "/accounts/*/configurations")

    ended = await one_removed.sync(BOTH)

    assert isinstance(error_of(ended), PermissionMissing)
    assert names(ended.zones[ZONE_ID].applied) == ["delete dns_record"]
    rules = sandbox.state.zones[ZONE_ID].rules
    block = next(rule for rule in rules if rule.ref == BLOCK_REF)
    assert read_admissions(block.expression).keys() == {HOST, OTHER}


async def test_association_that_is_refused_costs_no_writes(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """Nothing leads there any more, so that no rule names it again."""
    refuse(sandbox, "PUT", f"/zones/{ZONE_ID}/certificate_authorities/*")
    await one_removed.sync(BOTH)
    sandbox.journal.clear()
    await one_removed.sync(BOTH)
    assert [(item.method, item.status) for item in sandbox.journal.writes] == [
        ("PUT", 403)
    ]


async def test_what_a_person_asked_for_is_all_or_nothing(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """They read that nothing else was changed."""
    disable_block_rule(sandbox)
    refuse(sandbox, "DELETE", A_RECORD)

    ended = await one_removed.sync(Extent(hostnames={HOST, OTHER}))

    assert isinstance(error_of(ended), PermissionMissing)
    assert ended.zones[ZONE_ID].applied == ()


async def test_removal_that_a_person_asked_for_opens_nothing(
    sandbox: Sandbox, both: Reconciler
) -> None:
    """Without its record gone, the rules go on naming the hostname."""
    (await both.sync(BOTH)).raise_if_stopped()
    refuse(sandbox, "DELETE", A_RECORD)

    ended = await both.sync(Extent(hostnames={OTHER}, remove=True))

    assert isinstance(error_of(ended), PermissionMissing)
    assert not is_exposed(ended, OTHER)


async def test_rate_limit_stops_everything(
    sandbox: Sandbox, one_removed: Reconciler
) -> None:
    """No further write is sent: Cloudflare wants a pause."""
    disable_block_rule(sandbox)
    sandbox.journal.clear()
    refuse(sandbox, "DELETE", A_RECORD, FaultKind.RATE_LIMITED)

    ended = await one_removed.sync(BOTH)

    assert isinstance(error_of(ended), RateLimited)
    assert len(sandbox.journal.writes) == 1
