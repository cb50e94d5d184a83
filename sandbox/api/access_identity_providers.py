"""An account's identity providers: the ways to log in."""

import secrets
from typing import Any

from sandbox.state import Access, IdentityProvider

from ..envelope import Answer
from .access_bodies import changing, checked, conflict, enabled, invalid, not_found
from .paging import Paging
from .routing import Call, Kind, Routes

routes = Routes()

_PROVIDERS = "/accounts/{account_id}/access/identity_providers"
_PROVIDER = f"{_PROVIDERS}/{{provider_id}}"
_PAGING = Paging(default=200, minimum=1, maximum=1000)
_TYPES = frozenset(
    {
        "azureAD",
        "centrify",
        "cloudflare",
        "facebook",
        "github",
        "google",
        "google-apps",
        "linkedin",
        "oidc",
        "okta",
        "onelogin",
        "onetimepin",
        "pingone",
        "saml",
        "yandex",
    }
)
_SINGLETONS = ("onetimepin", "cloudflare")
_SETTINGS: dict[str, Kind] = {
    "name": str,
    "type": str,
    "config": dict,
    "scim_config": dict,
}
_IGNORED = frozenset({"id", "uid", "version", "read_only"})
_SECRETS = frozenset({"client_secret"})


@routes.get(_PROVIDERS)
async def list_identity_providers(call: Call) -> Answer:
    """List the identity providers."""
    access = enabled(call).listed
    wants_scim = call.query.get("scim_enabled") == "true"
    providers = [
        each
        for each in access.identity_providers
        if not wants_scim or each.options.get("scim_config", {}).get("enabled")
    ]
    return _PAGING.answer(
        call.query, providers, lambda each: _provider_json(access, each)
    )


@routes.post(_PROVIDERS)
async def create_identity_provider(call: Call) -> Answer:
    """Create an identity provider; of some types there is only one."""
    provider = _new_provider(call)
    existing = [each.type for each in enabled(call).identity_providers]
    if provider.type in _SINGLETONS and provider.type in existing:
        raise conflict(f"a {provider.type} connection already exists")
    access = changing(call)
    access.identity_providers.append(provider)
    return Answer(_provider_json(access, provider), status=201)


@routes.get(_PROVIDER)
async def get_identity_provider(call: Call) -> Answer:
    """Return one identity provider."""
    return Answer(_provider_json(enabled(call), _provider(call)))


@routes.put(_PROVIDER)
async def replace_identity_provider(call: Call) -> Answer:
    """Replace an identity provider, whose type stays."""
    provider, new = _provider(call), _new_provider(call)
    if new.type != provider.type:
        # GUESS: the text.
        raise invalid("the type cannot be changed")
    access = changing(call)
    provider.name, provider.config = new.name, new.config
    provider.options, provider.version = new.options, secrets.token_hex(16)
    return Answer(_provider_json(access, provider))


@routes.delete(_PROVIDER)
async def delete_identity_provider(call: Call) -> Answer:
    """Delete an identity provider."""
    provider = _provider(call)
    access = changing(call)
    access.identity_providers = [
        each for each in access.identity_providers if each is not provider
    ]
    return Answer({"id": provider.id}, status=202)


def _provider(call: Call) -> IdentityProvider:
    wanted = call.ids["provider_id"]
    for provider in enabled(call).identity_providers:
        if provider.id == wanted:
            return provider
    raise not_found()


def _new_provider(call: Call) -> IdentityProvider:
    settings = checked(call.body, _SETTINGS, _IGNORED)
    # GUESS: the texts.
    if settings.get("type") not in _TYPES or "config" not in settings:
        raise invalid("identity provider type or config is missing or invalid")
    if settings["type"] == "onetimepin" and "scim_config" in settings:
        raise invalid("scim_config is not supported")
    return IdentityProvider(
        settings["type"],
        settings.get("name", ""),
        settings["config"],
        {key: settings[key] for key in settings.keys() & {"scim_config"}},
    )


def _provider_json(access: Access, provider: IdentityProvider) -> dict[str, Any]:
    callback = f"https://{access.auth_domain}/cdn-cgi/access/callback"
    return {
        **provider.options,
        "id": provider.id,
        "uid": provider.id,
        "name": provider.name,
        "type": provider.type,
        "config": {
            key: value for key, value in provider.config.items() if key not in _SECRETS
        }
        | {"redirect_url": callback},
        "version": provider.version,
    }
