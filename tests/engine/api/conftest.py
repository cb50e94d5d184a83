"""Clients of the scripted API."""

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from tests.engine.api.calls import ACCOUNT_TOKEN, USER_TOKEN
from tests.engine.servers import ScriptedApi


@pytest.fixture
def client(api: ScriptedApi) -> CloudflareClient:
    """Return a client with a user's token."""
    return CloudflareClient(USER_TOKEN, base_url=api.url)


@pytest.fixture
def account_client(api: ScriptedApi) -> CloudflareClient:
    """Return a client with an account's token."""
    return CloudflareClient(ACCOUNT_TOKEN, base_url=api.url)


@pytest.fixture
def client_of_account(api: ScriptedApi) -> CloudflareClient:
    """Return a client with an account's token, that knows its account."""
    return CloudflareClient(ACCOUNT_TOKEN, account_id="a", base_url=api.url)
