"""Fixtures of the tests of login hostnames."""

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from sandbox import Sandbox
from sandbox.state import Access, AccessApplication, AccessGroup, AccessPolicy
from tests.engine.access.helpers import Home, without_pauses
from tests.engine.builders import ACCOUNT_ID


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait before a refused write is repeated."""
    without_pauses(monkeypatch)


@pytest.fixture
def home(client: CloudflareClient) -> Home:
    """Return a home that has no login hostname yet."""
    return Home(client)


@pytest.fixture
def access(sandbox: Sandbox) -> Access:
    """Return the sandbox's Zero Trust, with an application, a policy and a group of others."""
    found = sandbox.state.accounts[ACCOUNT_ID].access
    friends = {"email": {"email": "friend@example.net"}}
    policy = AccessPolicy("Friends", "allow", [friends])
    nas = AccessApplication(
        "NAS", [{"type": "public", "uri": "nas.example.com"}], [policy]
    )
    group = AccessGroup("Family", [friends])
    found.policies[policy.id] = policy
    found.applications[nas.id] = nas
    found.groups[group.id] = group
    return found
