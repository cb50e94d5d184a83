"""The SDK's types for each endpoint, for parameters and answers, with an example request.

Add every new endpoint of the sandbox to CONTRACTS, or, if the SDK has no types for it, to
UNTYPED with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import re
from typing import Any, NamedTuple

from cloudflare.types.accounts import Account, AccountListParams
from cloudflare.types.accounts.token_verify_response import (
    TokenVerifyResponse as AccountTokenVerifyResponse,
)
from cloudflare.types.bot_management import (
    BotManagementGetResponse,
    BotManagementUpdateParams,
    BotManagementUpdateResponse,
)
from cloudflare.types.certificate_authorities import (
    HostnameAssociationGetParams,
    HostnameAssociationGetResponse,
    HostnameAssociationUpdateParams,
    HostnameAssociationUpdateResponse,
)
from cloudflare.types.client_certificates import (
    ClientCertificate,
    ClientCertificateCreateParams,
    ClientCertificateEditParams,
    ClientCertificateListParams,
)
from cloudflare.types.dns import (
    RecordCreateParams,
    RecordDeleteResponse,
    RecordEditParams,
    RecordListParams,
    RecordResponse,
    RecordUpdateParams,
)
from cloudflare.types.firewall import (
    AccessRuleCreateParams,
    AccessRuleCreateResponse,
    AccessRuleDeleteResponse,
    AccessRuleEditParams,
    AccessRuleEditResponse,
    AccessRuleListParams,
    AccessRuleListResponse,
)
from cloudflare.types.rulesets import (
    PhaseGetResponse,
    PhaseUpdateParams,
    RuleCreateParams,
    RuleDeleteParams,
    RuleEditParams,
    RulesetCreateParams,
    RulesetDeleteParams,
    RulesetGetResponse,
    RulesetListParams,
    RulesetListResponse,
    RulesetUpdateParams,
    VersionGetResponse,
    VersionListResponse,
    phase_update_response,
    rule_create_response,
    rule_delete_response,
    rule_edit_response,
    ruleset_create_response,
    ruleset_update_response,
)
from cloudflare.types.shared import CloudflareTunnel
from cloudflare.types.ssl import CertificatePackListParams, CertificatePackListResponse
from cloudflare.types.user import TokenVerifyResponse
from cloudflare.types.workers import (
    RouteCreateParams,
    RouteCreateResponse,
    RouteDeleteResponse,
    RouteListResponse,
)
from cloudflare.types.zero_trust import (
    IdentityProvider,
    IdentityProviderCreateParams,
    IdentityProviderDeleteResponse,
    IdentityProviderListParams,
    IdentityProviderListResponse,
    IdentityProviderUpdateParams,
    Organization,
    OrganizationListResponse,
    OrganizationRevokeUsersParams,
    OrganizationRevokeUsersResponse,
    OrganizationUpdateParams,
    Seat,
    SeatEditParams,
)
from cloudflare.types.zero_trust.access import (
    ApplicationCreateParams,
    ApplicationDeleteResponse,
    ApplicationListParams,
    ApplicationUpdateParams,
    GroupCreateParams,
    GroupCreateResponse,
    GroupDeleteResponse,
    GroupGetResponse,
    GroupListParams,
    GroupListResponse,
    GroupUpdateParams,
    GroupUpdateResponse,
    PolicyCreateParams,
    PolicyCreateResponse,
    PolicyDeleteResponse,
    PolicyGetResponse,
    PolicyListParams,
    PolicyListResponse,
    PolicyUpdateParams,
    PolicyUpdateResponse,
    Tag,
    TagCreateParams,
    TagDeleteResponse,
    TagListParams,
    TagUpdateParams,
    UserGetResponse,
    UserListParams,
    UserListResponse,
    application_create_response,
    application_get_response,
    application_list_response,
    application_update_response,
)
from cloudflare.types.zero_trust.access.applications import (
    PolicyTestCreateParams,
    PolicyTestCreateResponse,
    PolicyTestGetResponse,
    policy_create_params as own_policy_create_params,
    policy_create_response as own_policy_create_response,
    policy_delete_response as own_policy_delete_response,
    policy_get_response as own_policy_get_response,
    policy_list_params as own_policy_list_params,
    policy_list_response as own_policy_list_response,
    policy_update_params as own_policy_update_params,
    policy_update_response as own_policy_update_response,
)
from cloudflare.types.zero_trust.access.applications.policy_tests import (
    UserListParams as TestedUserListParams,
    UserListResponse as TestedUserListResponse,
)
from cloudflare.types.zero_trust.access.logs import (
    AccessRequestListParams,
    AccessRequestListResponse,
)
from cloudflare.types.zero_trust.access.users import (
    ActiveSessionGetResponse,
    ActiveSessionListResponse,
)
from cloudflare.types.zero_trust.tunnels import (
    CloudflaredCreateParams,
    CloudflaredEditParams,
    CloudflaredListParams,
)
from cloudflare.types.zero_trust.tunnels.cloudflared import (
    Client,
    ConfigurationGetResponse,
    ConfigurationUpdateParams,
    ConfigurationUpdateResponse,
    ConnectionDeleteParams,
    TokenGetResponse,
)
from cloudflare.types.zones import (
    SettingEditParams,
    SettingEditResponse,
    SettingGetResponse,
    Zone,
    ZoneListParams,
)
from typing_extensions import TypedDict

from sandbox.api import RESOURCES
from sandbox.seed import FOREIGN_RULE_ID
from sandbox.state import FIREWALL_PHASE

from .example_requests import (
    ALLOWED,
    BLOCK,
    CONFIG,
    GROUP_BODY,
    POLICY_BODY,
    RECORD_BODY,
    SKIP,
    Example,
    Request,
    application_body,
    pages,
)
from .helpers import HOME, NAS, csr_text, new_csr
from .strict import Problem, closest, members, problems, typed_query


class Key(NamedTuple):
    """The method and path of an endpoint."""

    method: str
    path: str


class NoParams(TypedDict):
    """The parameters of an endpoint that has none besides its path."""


@dataclass(frozen=True)
class Contract:
    """The SDK's types of an endpoint, for its parameters and its `result`, and an example."""

    params: Any
    answer: Any
    example: Example = lambda _: Request()


_ACCOUNT = "/accounts/{account_id}"
_ZONE = "/zones/{zone_id}"
_TUNNELS = f"{_ACCOUNT}/cfd_tunnel"
_TUNNEL = f"{_TUNNELS}/{{tunnel_id}}"
_RECORDS = f"{_ZONE}/dns_records"
_RECORD = f"{_RECORDS}/{{record_id}}"
_CERTIFICATES = f"{_ZONE}/client_certificates"
_CERTIFICATE = f"{_CERTIFICATES}/{{certificate_id}}"
_ASSOCIATIONS = f"{_ZONE}/certificate_authorities/hostname_associations"
_PACKS = f"{_ZONE}/ssl/certificate_packs"
_RULESETS = f"{_ZONE}/rulesets"
_RULESET = f"{_RULESETS}/{{ruleset_id}}"
_RULES = f"{_RULESET}/rules"
_RULE = f"{_RULES}/{{rule_id}}"
_VERSIONS = f"{_RULESET}/versions"
_BOTS = f"{_ZONE}/bot_management"
_SETTING = f"{_ZONE}/settings/{{setting_id}}"
_ACCESS_RULES = f"{_ZONE}/firewall/access_rules/rules"
_ACCESS_RULE = f"{_ACCESS_RULES}/{{access_rule_id}}"
_ROUTES = f"{_ZONE}/workers/routes"
_ACCESS = f"{_ACCOUNT}/access"
_APPLICATIONS = f"{_ACCESS}/apps"
_APPLICATION = f"{_APPLICATIONS}/{{application_id}}"
_POLICIES = f"{_ACCESS}/policies"
_POLICY = f"{_POLICIES}/{{policy_id}}"
_OWN_POLICIES = f"{_APPLICATION}/policies"
_OWN_POLICY = f"{_OWN_POLICIES}/{{own_policy_id}}"
_GROUPS = f"{_ACCESS}/groups"
_GROUP = f"{_GROUPS}/{{group_id}}"
_PROVIDERS = f"{_ACCESS}/identity_providers"
_PROVIDER = f"{_PROVIDERS}/{{provider_id}}"
_ORGANIZATIONS = f"{_ACCESS}/organizations"
_TAGS = f"{_ACCESS}/tags"
_TAG = f"{_TAGS}/{{tag_name}}"
_USERS = f"{_ACCESS}/users"
_SESSIONS = f"{_USERS}/{{user_id}}/active_sessions"
_POLICY_TESTS = f"{_ACCESS}/policy-tests"
_POLICY_TEST = f"{_POLICY_TESTS}/{{test_id}}"
_ENTRYPOINT = f"{_RULESETS}/phases/{{phase}}/entrypoint"

_GITHUB = {"client_id": "id", "client_secret": "secret"}

CONTRACTS: Mapping[Key, Contract] = {
    Key("GET", "/user/tokens/verify"): Contract(NoParams, TokenVerifyResponse),
    Key("GET", f"{_ACCOUNT}/tokens/verify"): Contract(
        NoParams,
        AccountTokenVerifyResponse,
        lambda prepared: Request(token=prepared.account_token),
    ),
    Key("GET", "/accounts"): Contract(
        AccountListParams, list[Account], pages(name="Home lab")
    ),
    Key("GET", "/zones"): Contract(
        ZoneListParams,
        list[Zone],
        pages(name="example.com", status="active", **{"account.name": "Home lab"}),
    ),
    Key("GET", _ZONE): Contract(NoParams, Zone),
    Key("GET", _RECORDS): Contract(
        RecordListParams,
        list[RecordResponse],
        pages(**{"name.contains": "example"}, match="all"),
    ),
    Key("POST", _RECORDS): Contract(
        RecordCreateParams, RecordResponse, lambda _: Request(RECORD_BODY)
    ),
    Key("GET", _RECORD): Contract(NoParams, RecordResponse),
    Key("PATCH", _RECORD): Contract(
        RecordEditParams, RecordResponse, lambda _: Request(RECORD_BODY)
    ),
    Key("PUT", _RECORD): Contract(
        RecordUpdateParams, RecordResponse, lambda _: Request(RECORD_BODY)
    ),
    Key("DELETE", _RECORD): Contract(NoParams, RecordDeleteResponse),
    Key("GET", _PACKS): Contract(
        CertificatePackListParams,
        list[CertificatePackListResponse],
        pages(status="all"),
    ),
    Key("GET", _CERTIFICATES): Contract(
        ClientCertificateListParams, list[ClientCertificate], pages(status="all")
    ),
    Key("POST", _CERTIFICATES): Contract(
        ClientCertificateCreateParams,
        ClientCertificate,
        lambda _: Request({"csr": csr_text(new_csr()[1]), "validity_days": 365}),
    ),
    Key("GET", _CERTIFICATE): Contract(NoParams, ClientCertificate),
    Key("DELETE", _CERTIFICATE): Contract(NoParams, ClientCertificate),
    Key("PATCH", _CERTIFICATE): Contract(
        ClientCertificateEditParams,
        ClientCertificate,
        lambda prepared: Request(
            {"reactivate": True}, ids={"certificate_id": prepared.revoked_certificate}
        ),
    ),
    Key("GET", _ASSOCIATIONS): Contract(
        HostnameAssociationGetParams, HostnameAssociationGetResponse
    ),
    Key("PUT", _ASSOCIATIONS): Contract(
        HostnameAssociationUpdateParams,
        HostnameAssociationUpdateResponse,
        lambda _: Request({"hostnames": [HOME, NAS]}),
    ),
    Key("GET", _RULESETS): Contract(RulesetListParams, list[RulesetListResponse]),
    Key("POST", _RULESETS): Contract(
        RulesetCreateParams,
        ruleset_create_response.Ruleset,
        lambda prepared: Request(
            {
                "name": "default",
                "kind": "zone",
                "phase": FIREWALL_PHASE,
                "description": "Ours",
                "rules": [BLOCK, SKIP],
            },
            ids={"zone_id": prepared.empty_zone},
        ),
    ),
    Key("GET", _RULESET): Contract(NoParams, RulesetGetResponse),
    Key("PUT", _RULESET): Contract(
        RulesetUpdateParams,
        ruleset_update_response.Ruleset,
        lambda _: Request({"description": "Ours", "rules": [BLOCK]}),
    ),
    Key("DELETE", _RULESET): Contract(RulesetDeleteParams, None),
    Key("GET", _VERSIONS): Contract(NoParams, list[VersionListResponse]),
    Key("GET", f"{_VERSIONS}/{{version}}"): Contract(NoParams, VersionGetResponse),
    Key("GET", _ENTRYPOINT): Contract(NoParams, PhaseGetResponse),
    Key("PUT", _ENTRYPOINT): Contract(
        PhaseUpdateParams,
        phase_update_response.Ruleset,
        lambda _: Request({"description": "Ours", "rules": [BLOCK, SKIP]}),
    ),
    Key("POST", _RULES): Contract(
        RuleCreateParams,
        rule_create_response.Ruleset,
        lambda _: Request({**SKIP, "position": {"before": FOREIGN_RULE_ID}}),
    ),
    Key("PATCH", _RULE): Contract(
        RuleEditParams,
        rule_edit_response.Ruleset,
        lambda _: Request({**BLOCK, "enabled": False, "position": {"index": 1}}),
    ),
    Key("DELETE", _RULE): Contract(RuleDeleteParams, rule_delete_response.Ruleset),
    Key("GET", _TUNNELS): Contract(
        CloudflaredListParams,
        list[CloudflareTunnel],
        pages(is_deleted="false", status="healthy", include_prefix="ho"),
    ),
    Key("POST", _TUNNELS): Contract(
        CloudflaredCreateParams,
        CloudflareTunnel,
        lambda _: Request({"name": "second", "config_src": "cloudflare"}),
    ),
    Key("GET", _TUNNEL): Contract(NoParams, CloudflareTunnel),
    Key("DELETE", _TUNNEL): Contract(
        NoParams,
        CloudflareTunnel,
        lambda prepared: Request(ids={"tunnel_id": prepared.idle_tunnel}),
    ),
    Key("PATCH", _TUNNEL): Contract(
        CloudflaredEditParams, CloudflareTunnel, lambda _: Request({"name": "renamed"})
    ),
    Key("GET", f"{_TUNNEL}/token"): Contract(NoParams, TokenGetResponse),
    Key("GET", f"{_TUNNEL}/connections"): Contract(NoParams, list[Client]),
    Key("DELETE", f"{_TUNNEL}/connections"): Contract(
        ConnectionDeleteParams,
        object,
        lambda prepared: Request(query={"client_id": prepared.ids["connector_id"]}),
    ),
    Key("GET", f"{_TUNNEL}/connectors/{{connector_id}}"): Contract(NoParams, Client),
    Key("GET", f"{_TUNNEL}/configurations"): Contract(
        NoParams, ConfigurationGetResponse
    ),
    Key("PUT", f"{_TUNNEL}/configurations"): Contract(
        ConfigurationUpdateParams,
        ConfigurationUpdateResponse,
        lambda _: Request(CONFIG),
    ),
    Key("GET", _ACCESS_RULES): Contract(
        AccessRuleListParams,
        list[AccessRuleListResponse],
        pages(mode="whitelist", **{"configuration.target": "country"}),
    ),
    Key("POST", _ACCESS_RULES): Contract(
        AccessRuleCreateParams,
        AccessRuleCreateResponse,
        lambda _: Request({**ALLOWED, "notes": "Office"}),
    ),
    Key("PATCH", _ACCESS_RULE): Contract(
        AccessRuleEditParams,
        AccessRuleEditResponse,
        lambda _: Request({**ALLOWED, "mode": "block"}),
    ),
    Key("DELETE", _ACCESS_RULE): Contract(NoParams, AccessRuleDeleteResponse),
    Key("GET", f"{_ACCOUNT}/firewall/access_rules/rules"): Contract(
        AccessRuleListParams, list[AccessRuleListResponse], pages(mode="whitelist")
    ),
    Key("POST", f"{_ACCOUNT}/firewall/access_rules/rules"): Contract(
        AccessRuleCreateParams,
        AccessRuleCreateResponse,
        lambda _: Request(ALLOWED),
    ),
    Key("GET", _ROUTES): Contract(NoParams, list[RouteListResponse]),
    Key("POST", _ROUTES): Contract(
        RouteCreateParams,
        RouteCreateResponse,
        lambda _: Request({"pattern": "blog.example.com/*", "script": "blog"}),
    ),
    Key("DELETE", f"{_ROUTES}/{{route_id}}"): Contract(NoParams, RouteDeleteResponse),
    Key("GET", _BOTS): Contract(NoParams, BotManagementGetResponse),
    Key("PUT", _BOTS): Contract(
        BotManagementUpdateParams,
        BotManagementUpdateResponse,
        lambda _: Request({"fight_mode": True, "enable_js": False}),
    ),
    Key("GET", _SETTING): Contract(NoParams, SettingGetResponse),
    Key("PATCH", _SETTING): Contract(
        SettingEditParams,
        SettingEditResponse,
        lambda _: Request({"value": "under_attack"}),
    ),
    Key("GET", _APPLICATIONS): Contract(
        ApplicationListParams,
        list[application_list_response.SelfHostedApplication],
        pages(name="Home Assistant", domain=NAS),
    ),
    Key("POST", _APPLICATIONS): Contract(
        ApplicationCreateParams,
        application_create_response.SelfHostedApplication,
        lambda prepared: Request(application_body(HOME, prepared.ids["policy_id"])),
    ),
    Key("GET", _APPLICATION): Contract(
        NoParams, application_get_response.SelfHostedApplication
    ),
    Key("PUT", _APPLICATION): Contract(
        ApplicationUpdateParams,
        application_update_response.SelfHostedApplication,
        lambda prepared: Request(application_body(NAS, prepared.ids["policy_id"])),
    ),
    Key("DELETE", _APPLICATION): Contract(NoParams, ApplicationDeleteResponse),
    Key("GET", _POLICIES): Contract(
        PolicyListParams, list[PolicyListResponse], pages()
    ),
    Key("POST", _POLICIES): Contract(
        PolicyCreateParams, PolicyCreateResponse, lambda _: Request(POLICY_BODY)
    ),
    Key("GET", _POLICY): Contract(NoParams, PolicyGetResponse),
    Key("PUT", _POLICY): Contract(
        PolicyUpdateParams, PolicyUpdateResponse, lambda _: Request(POLICY_BODY)
    ),
    Key("DELETE", _POLICY): Contract(
        NoParams,
        PolicyDeleteResponse,
        lambda prepared: Request(ids={"policy_id": prepared.unused_policy}),
    ),
    Key("POST", f"{_APPLICATION}/revoke_tokens"): Contract(NoParams, object),
    Key("GET", _OWN_POLICIES): Contract(
        own_policy_list_params.PolicyListParams,
        list[own_policy_list_response.PolicyListResponse],
        lambda prepared: Request(
            query={"page": "1", "per_page": "5"}, ids=prepared.own_policy
        ),
    ),
    Key("POST", _OWN_POLICIES): Contract(
        own_policy_create_params.AccessAppPolicyRequest,
        own_policy_create_response.PolicyCreateResponse,
        lambda prepared: Request(
            {**POLICY_BODY, "precedence": 7}, ids=prepared.own_policy
        ),
    ),
    Key("GET", _OWN_POLICY): Contract(
        NoParams, own_policy_get_response.PolicyGetResponse
    ),
    Key("PUT", _OWN_POLICY): Contract(
        own_policy_update_params.AccessAppPolicyRequest,
        own_policy_update_response.PolicyUpdateResponse,
        lambda prepared: Request(
            {**POLICY_BODY, "precedence": 7}, ids=prepared.own_policy
        ),
    ),
    Key("DELETE", _OWN_POLICY): Contract(
        NoParams,
        own_policy_delete_response.PolicyDeleteResponse,
        lambda prepared: Request(ids=prepared.own_policy),
    ),
    Key("GET", _GROUPS): Contract(
        GroupListParams, list[GroupListResponse], pages(search="count")
    ),
    Key("POST", _GROUPS): Contract(
        GroupCreateParams, GroupCreateResponse, lambda _: Request(GROUP_BODY)
    ),
    Key("GET", _GROUP): Contract(NoParams, GroupGetResponse),
    Key("PUT", _GROUP): Contract(
        GroupUpdateParams, GroupUpdateResponse, lambda _: Request(GROUP_BODY)
    ),
    Key("DELETE", _GROUP): Contract(NoParams, GroupDeleteResponse),
    Key("GET", _PROVIDERS): Contract(
        IdentityProviderListParams, list[IdentityProviderListResponse], pages()
    ),
    Key("POST", _PROVIDERS): Contract(
        IdentityProviderCreateParams,
        IdentityProvider,
        lambda _: Request({"name": "GitHub", "type": "github", "config": _GITHUB}),
    ),
    Key("GET", _PROVIDER): Contract(NoParams, IdentityProvider),
    Key("PUT", _PROVIDER): Contract(
        IdentityProviderUpdateParams,
        IdentityProvider,
        lambda _: Request({"name": "PIN", "type": "onetimepin", "config": {}}),
    ),
    Key("DELETE", _PROVIDER): Contract(NoParams, IdentityProviderDeleteResponse),
    Key("GET", _ORGANIZATIONS): Contract(NoParams, OrganizationListResponse),
    Key("PUT", _ORGANIZATIONS): Contract(
        OrganizationUpdateParams,
        Organization,
        lambda _: Request(
            {
                "name": "Home",
                "auth_domain": "home-lab.cloudflareaccess.com",
                "session_duration": "12h",
                "deny_unmatched_requests": True,
                "deny_unmatched_requests_exempted_zone_names": ["example.com"],
            }
        ),
    ),
    Key("POST", f"{_ORGANIZATIONS}/revoke_user"): Contract(
        OrganizationRevokeUsersParams,
        OrganizationRevokeUsersResponse,
        lambda _: Request({"email": "me@example.com"}),
    ),
    Key("GET", _TAGS): Contract(TagListParams, list[Tag], pages()),
    Key("POST", _TAGS): Contract(
        TagCreateParams, Tag, lambda _: Request({"name": "new"})
    ),
    Key("GET", _TAG): Contract(NoParams, Tag),
    Key("PUT", _TAG): Contract(
        TagUpdateParams, Tag, lambda _: Request({"name": "new"})
    ),
    Key("DELETE", _TAG): Contract(NoParams, TagDeleteResponse),
    Key("GET", _USERS): Contract(
        UserListParams, list[UserListResponse], pages(email="me@example.com")
    ),
    Key("GET", f"{_USERS}/{{user_id}}"): Contract(NoParams, UserGetResponse),
    Key("GET", _SESSIONS): Contract(NoParams, list[ActiveSessionListResponse]),
    Key("GET", f"{_SESSIONS}/{{nonce}}"): Contract(NoParams, ActiveSessionGetResponse),
    Key("PATCH", f"{_ACCESS}/seats"): Contract(
        SeatEditParams,
        list[Seat],
        lambda prepared: Request(
            [
                {
                    "seat_uid": prepared.seat,
                    "access_seat": False,
                    "gateway_seat": False,
                }
            ]
        ),
    ),
    Key("GET", f"{_ACCESS}/logs/access_requests"): Contract(
        AccessRequestListParams,
        AccessRequestListResponse,
        lambda _: Request(
            query={
                "limit": "25",
                "direction": "desc",
                "since": "2026-01-01T00:00:00Z",
                "email": "me@example.com",
            }
        ),
    ),
    Key("POST", _POLICY_TESTS): Contract(
        PolicyTestCreateParams,
        PolicyTestCreateResponse,
        lambda prepared: Request({"policies": [prepared.ids["policy_id"]]}),
    ),
    Key("GET", _POLICY_TEST): Contract(NoParams, PolicyTestGetResponse),
    Key("GET", f"{_POLICY_TEST}/users"): Contract(
        TestedUserListParams,
        list[TestedUserListResponse],
        lambda _: Request(query={"status": "success"}),
    ),
}

UNTYPED: Mapping[Key, str] = {
    Key("POST", "/graphql"): "the SDK has no GraphQL",
    Key("PUT", f"{_OWN_POLICY}/make_reusable"): "the SDK does not have it",
    Key("GET", f"{_ZONE}/settings"): "the SDK lists no settings, which is deprecated",
    **{
        Key("GET", f"{_ZONE}/{name}"): "gone: every answer is an error"
        for name in ("firewall/rules", "filters", "rate_limits")
    },
}
"""Endpoints without types in the SDK, with the reason."""

REGISTERED = tuple(
    Key(route.method, route.path)
    for resource in RESOURCES
    for route in resource.routes.all
)


def endpoint_of(method: str, path: str) -> Key:
    """Return the endpoint of a request."""
    for key in REGISTERED:
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(key.path))
        if key.method == method and re.fullmatch(pattern, path):
            return key
    raise LookupError(f"no endpoint for {method} {path}")


def request_problems(key: Key, query: Mapping[str, str], body: Any) -> set[Problem]:
    """Return the problems of a request with the SDK's parameter types."""
    kind = CONTRACTS[key].params
    sent = typed_query(query, kind)
    if isinstance(body, dict):
        sent |= body
    elif body is not None:
        # The SDK names a body that is no object.
        sent["body"] = body
    ids = set(re.findall(r"{(\w+)}", key.path))
    assert not ids & sent.keys(), "an id of the path was also sent as a parameter"
    # Some types contain ids of the path too, which are not part of query and body.
    return closest(
        problems(
            {**dict.fromkeys(ids & {*member.__annotations__}, "0"), **sent}, member
        )
        for member in members(kind)
    )
