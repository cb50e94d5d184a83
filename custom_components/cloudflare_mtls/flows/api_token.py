"""Read an API token that a person pastes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re
from typing import Final

from homeassistant.core import HomeAssistant

from ..account import async_create_client
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError
from ..engine.api.models import Account, Zone
from ..wording import Message, describe

_GLOBAL_KEY: Final = re.compile(r"cfk_.*|[0-9a-f]{37}")


@dataclass(frozen=True, kw_only=True)
class TokenAccess:
    """An API token that Cloudflare accepts, and the zones that it can read."""

    token: str = field(repr=False)
    zones: tuple[Zone, ...]

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Return the accounts of the zones, by id."""
        return {item.account.id: item.account for item in self.zones}


async def async_read_token(
    hass: HomeAssistant, text: str, account_id: str | None = None
) -> TokenAccess | Message:
    """Return what a pasted token can read, or what is wrong with it."""
    token = text.strip()
    if message := _mistake_in(token):
        return message
    client = await async_connect(hass, token, account_id)
    if isinstance(client, Message):
        return client
    try:
        zones = await client.zones.list()
    except EngineError as err:
        return describe(err)
    return TokenAccess(token=token, zones=zones) if zones else Message("no_zone")


async def async_connect(
    hass: HomeAssistant, token: str, account_id: str | None
) -> CloudflareClient | Message:
    """Return a client, or why Cloudflare does not accept its token."""
    client = await async_create_client(hass, token, account_id)
    try:
        await client.verify_token()
    except EngineError as err:
        return describe(err)
    return client


def _mistake_in(token: str) -> Message | None:
    """Return what is wrong with a token, where its text alone shows it."""
    if not token:
        return Message("token_empty")
    if not token.isascii() or any(char.isspace() for char in token):
        return Message("token_malformed")
    if token.startswith("eyJ"):
        return Message("token_of_tunnel")
    if _GLOBAL_KEY.fullmatch(token):
        return Message("token_is_global_key")
    return None
