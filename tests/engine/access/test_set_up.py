"""Login hostnames against the sandbox: set up, changed, kept and taken away."""

from copy import deepcopy
from datetime import timedelta
from types import SimpleNamespace

import pytest

from custom_components.cloudflare_mtls.engine.access import set_up
from custom_components.cloudflare_mtls.engine.access.marks import TAG
from custom_components.cloudflare_mtls.engine.access.observe import LIST_LAG
from custom_components.cloudflare_mtls.engine.access.plan import Occasion
from sandbox import Sandbox
from sandbox.clock import Delays
from sandbox.faults import Fault, FaultKind
from sandbox.state import Access, AccessApplication, AccessPolicy, AccessUser
from tests.engine.access.helpers import (
    HOME,
    OWNER,
    PARTNER,
    STRANGER,
    Home,
    contents,
    kinds,
    settings,
)
from tests.engine.access.reach import NOBODY, reach
from tests.engine.builders import ACCOUNT_ID, TUNNEL_ID


async def test_set_up_then_nothing_then_removal(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """Each thing is created once, then nothing is written, and in the end nothing is left."""
    before = contents(access)
    chosen = settings(
        OWNER,
        PARTNER,
        countries=frozenset({"DE", "AT"}),
        open_paths=frozenset({"/api/webhook/", "/auth/token"}),
    )

    done = await home.set_up(chosen)

    assert done.outcome.error is None
    assert kinds(done.outcome.applied) == [
        "create access_tag",
        "create access_group",
        "create access_policy",
        "create path_application",
        "create path_application",
        "create access_application",
    ]
    application = access.applications[home.stored.application or ""]
    assert [policy.id for policy in application.policies] == [home.stored.policy]
    assert application.options["tags"] == [TAG]
    assert done.outcome.own.application is not None
    assert done.outcome.own.application.audience == application.aud

    sandbox.journal.clear()
    plan = await home.plan(chosen, Occasion.CHANGE)
    assert plan.in_sync
    assert plan.problems == ()
    assert plan.steps == ()
    lost_store = Home(home.client)
    assert (await lost_store.plan(chosen)).in_sync
    assert not sandbox.journal.writes

    removed = await home.remove(chosen)
    assert removed.is_done
    assert kinds(removed.outcome.applied) == [
        "delete access_application",
        "delete path_application",
        "delete path_application",
        "delete access_policy",
        "delete access_group",
        "delete access_tag",
    ]
    assert contents(access) == before
    assert home.stored.application is None


async def test_changes_keep_what_others_added(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """A change sends back everything that was read, fields that nobody here knows included."""
    await home.set_up(settings(OWNER))
    own = access.applications[home.stored.application or ""]
    audience = own.aud
    own.options["custom_deny_message"] = "Ask me"
    own.options["cors_headers"] = {"allowed_methods": ["GET"], "max_age": 10}
    policy = access.policies[home.stored.policy or ""]
    policy.options["purpose_justification_required"] = True

    longer = settings(OWNER, PARTNER, session=timedelta(days=30))
    outcome = await home.apply(longer)

    assert outcome.error is None
    own = access.applications[home.stored.application or ""]
    assert own.aud == audience
    assert own.options["session_duration"] == "720h"
    assert own.options["custom_deny_message"] == "Ask me"
    assert own.options["cors_headers"]["max_age"] == 10
    policy = access.policies[home.stored.policy or ""]
    assert policy.options["purpose_justification_required"] is True
    assert len(policy.include) == 2
    assert (await home.plan(longer)).in_sync


async def test_people_changed_at_cloudflare(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """Nobody is let in or shut out unasked, also while something else is fixed."""
    chosen = settings(OWNER)
    await home.set_up(chosen)
    policy = access.policies[home.stored.policy or ""]
    policy.include.append({"email": {"email": STRANGER}})
    own = access.applications[home.stored.application or ""]
    own.options["session_duration"] = "24h"

    kept = await home.apply(chosen, Occasion.KEEP)

    assert kinds(kept.applied) == ["update access_application"]
    policy = access.policies[home.stored.policy or ""]
    assert {"email": {"email": STRANGER}} in policy.include
    [difference] = (await home.plan(chosen)).for_a_person
    assert difference.added == (STRANGER,)

    await home.apply(chosen, Occasion.CHANGE)
    policy = access.policies[home.stored.policy or ""]
    assert policy.include == [{"email": {"email": OWNER}}]


async def test_opened_application_is_closed_unasked(home: Home, access: Access) -> None:
    """A policy that lets everybody pass is detached, and stays where else it is used."""
    chosen = settings(OWNER)
    await home.set_up(chosen)
    everybody = AccessPolicy("All", "bypass", [{"everyone": {}}])
    access.policies[everybody.id] = everybody
    own = access.applications[home.stored.application or ""]
    own.policies.insert(0, everybody)
    assert (NOBODY, "US", "/") in reach(access)

    await home.apply(chosen, Occasion.KEEP)

    assert (NOBODY, "US", "/") not in reach(access)
    assert (OWNER, "US", "/") in reach(access)
    assert access.policies[everybody.id] == everybody
    assert (await home.plan(chosen)).in_sync


async def test_deleted_application_and_policy_come_back(
    home: Home, access: Access
) -> None:
    """What somebody deleted at Cloudflare is created again, with a new audience."""
    chosen = settings(OWNER, open_paths=frozenset({"/auth/token"}))
    await home.set_up(chosen)
    first = home.stored
    del access.applications[first.application or ""]
    del access.policies[first.policy or ""]

    outcome = await home.apply(chosen, Occasion.KEEP)

    assert kinds(outcome.applied) == [
        "create access_policy",
        "create access_application",
    ]
    assert home.stored.application != first.application
    assert home.stored.path_applications == first.path_applications
    assert (await home.plan(chosen)).in_sync


async def test_adopted_application_keeps_everything(home: Home, access: Access) -> None:
    """It gains our tag and loses it again; nothing else of it changes."""
    theirs = AccessPolicy("Theirs", "allow", [{"email": {"email": OWNER}}])
    access.policies[theirs.id] = theirs
    own = AccessApplication(
        "Home",
        [{"type": "public", "uri": HOME}],
        [theirs],
        options={
            "session_duration": "1h",
            "tags": ["zoo"],
            "logo_url": "https://x.example/",
        },
    )
    access.tags.append("zoo")
    access.applications[own.id] = own
    refused = await home.plan(settings(OWNER), Occasion.SET_UP)
    assert [each.code for each in refused.problems] == ["foreign_application"]
    chosen = settings(OWNER, adopted=True)

    done = await home.set_up(chosen)

    assert done.outcome.error is None
    assert home.stored.application == own.id
    adopted = access.applications[own.id]
    assert sorted(adopted.options["tags"]) == [TAG, "zoo"]
    assert adopted.options["session_duration"] == "1h"
    assert adopted.options["logo_url"] == "https://x.example/"
    assert adopted.options["app_launcher_visible"] is True
    assert adopted.policies == [theirs]
    assert (await home.plan(chosen)).in_sync

    assert (await home.remove(chosen)).is_done
    assert access.applications[own.id].options["tags"] == ["zoo"]
    assert access.tags == ["zoo"]
    assert access.policies[theirs.id] == theirs


async def test_one_time_pin_is_created_and_stays(home: Home, access: Access) -> None:
    """Others may log in by it by the time that the hostname goes."""
    access.identity_providers.clear()
    chosen = settings(OWNER)
    done = await home.set_up(chosen)
    assert kinds(done.outcome.applied)[0] == "create login_method"
    [method] = access.identity_providers
    own = access.applications[home.stored.application or ""]
    assert own.options["allowed_idps"] == [method.id]
    assert own.options["auto_redirect_to_identity"] is True
    assert (await home.plan(chosen)).in_sync
    assert (await home.remove(chosen)).is_done
    assert access.identity_providers == [method]


async def test_sessions_are_ended(sandbox: Sandbox, home: Home, access: Access) -> None:
    """Those of our application, or of a person everywhere."""
    await home.set_up(settings(OWNER))
    client = home.client
    await client.access_applications.end_sessions(
        ACCOUNT_ID, home.stored.application or ""
    )
    assert home.stored.application in access.people.revoked_tokens_at
    user = AccessUser(OWNER)
    access.people.users[user.id] = user
    await client.access_organization.end_sessions_of(ACCOUNT_ID, OWNER)
    assert sandbox.journal.writes[-1].status == 200


async def test_token_at_cloudflared(
    sandbox: Sandbox, home: Home, access: Access
) -> None:
    """Only the hostname's rule changes, and only what it says of Access."""
    before = deepcopy(sandbox.state.tunnels[TUNNEL_ID].config)
    assert before is not None
    chosen = settings(OWNER, connector_of=TUNNEL_ID)
    assert (await home.set_up(chosen)).outcome.error is None
    own = access.applications[home.stored.application or ""]
    config = sandbox.state.tunnels[TUNNEL_ID].config
    assert config is not None
    [rule, *others] = config["ingress"]
    assert rule["originRequest"] == {
        "access": {"required": True, "teamName": "home-lab", "audTag": [own.aud]}
    }
    assert others == before["ingress"][1:]
    assert (await home.plan(chosen)).in_sync
    assert (await home.remove(chosen)).is_done
    assert sandbox.state.tunnels[TUNNEL_ID].config == before


@pytest.mark.parametrize("nth", range(1, 6))
async def test_write_without_an_answer_is_undone_although_lists_lag(
    sandbox: Sandbox,
    home: Home,
    access: Access,
    monkeypatch: pytest.MonkeyPatch,
    nth: int,
) -> None:
    """Nobody knows the id of what it created, and no list shows it at once."""

    async def sleep(seconds: float) -> None:
        sandbox.clock.advance(timedelta(seconds=seconds))

    monkeypatch.setattr(set_up, "LIST_LAG", LIST_LAG)
    monkeypatch.setattr(set_up, "asyncio", SimpleNamespace(sleep=sleep))
    sandbox.state.delays = Delays(access_list=30)
    lost = sandbox.faults.add(Fault(FaultKind.RESET_AFTER, "POST", first=nth))
    before = contents(access)

    done = await home.set_up(
        settings(
            countries=frozenset({"DE", "AT"}), open_paths=frozenset({"/auth/token"})
        )
    )

    assert lost.calls == nth
    assert done.is_undone
    assert contents(access) == before
