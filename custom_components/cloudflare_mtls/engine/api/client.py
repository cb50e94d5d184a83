"""Cloudflare's API: sends requests, returns models, raises edge errors.

The only module that imports Cloudflare's SDK, and of it only the verbs: the resource classes
would cost seconds of event loop and some hundred megabytes on first use.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from http import HTTPStatus
import re
from typing import Any, Final
from urllib.parse import quote

from cloudflare import (
    APIConnectionError,
    APIStatusError,
    AsyncCloudflare,
    RateLimitError,
)

from ..rules.marks import SKIP_REF
from ..sync.skippable import Skippable, skip_parameters
from .errors import (
    Conflict,
    EngineError,
    NotFound,
    Permission,
    PermissionMissing,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
    Unavailable,
)
from .graphql_errors import query_error
from .json_fields import Fields, malformed
from .models import (
    AccessApplication,
    CertificateStatus,
    ClientCertificate,
    Connector,
    ConnectorToken,
    DnsRecord,
    Observation,
    Rule,
    Ruleset,
    Setting,
    TokenStatus,
    Tunnel,
    TunnelConfiguration,
    Zone,
)
from .pause import Pause
from .recent_writes import RecentWrites
from .rest_errors import (
    calls_token_dead,
    code_of,
    failure_of,
    is_unknown_yet,
    rejection,
    token_problem,
)

BASE_URL: Final = "https://api.cloudflare.com/client/v4"
PHASE: Final = "http_request_firewall_custom"

ACCOUNT_TOKEN_PREFIX: Final = "cfat_"

# Cloudflare blocks for up to five minutes when it gives no Retry-After.
_DEFAULT_RETRY_AFTER: Final = 300.0
_TIMEOUT: Final = 30.0
_MAX_PAGES: Final = 100
# A large account needs a hundred answers at once, each of which would be a connection.
_MAX_AT_ONCE: Final = 12
_DRY_RUN: Final = {"dry_run": "true"}

# Not all of Cloudflare knows a token that was created a moment ago.
UNKNOWN_YET_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)

_AUTHENTICATION_ERROR: Final = 10000
_TUNNEL_OR_CONFIGURATION_NOT_FOUND: Final = frozenset({1002, 1055})
_ENTRYPOINT_NOT_FOUND: Final = 10003
_CERTIFICATE_ALREADY_REVOKED: Final = 1407
# Nobody recorded how a further tunnel is refused, only that there is a limit.
_TUNNEL_QUOTA: Final = re.compile(r"\b(limit|maximum|quota)\b", re.IGNORECASE)


class CloudflareClient:
    """The part of Cloudflare's API that decides who reaches a hostname.

    Every method raises EngineError: TokenRejected, PermissionMissing, RateLimited, Unavailable,
    or Rejected and what derives from it.
    """

    def __init__(
        self,
        token: str,
        *,
        account_id: str | None = None,
        base_url: str = BASE_URL,
        http_client: Any = None,
        recent: RecentWrites | None = None,
        pause: Pause | None = None,
        query_pause: Pause | None = None,
    ) -> None:
        """Take an API token of a user, or of the account; a given HTTP client is never closed.

        Clients of the same account share what was written a moment ago, and the pauses that
        Cloudflare asks for: while one holds, RateLimited is raised and nothing is sent.
        Queries are counted for themselves too, and have a pause of their own.
        """
        # What no header can carry would be quoted in the HTTP client's error.
        self._can_be_sent = token.isascii() and token.isprintable()
        self._account_token = token.startswith(ACCOUNT_TOKEN_PREFIX)
        self._account_id = account_id
        self._recent = recent or RecentWrites()
        self._pause = pause or Pause()
        self._query_pause = query_pause or Pause()
        self._at_once = asyncio.Semaphore(_MAX_AT_ONCE)
        self._skippable: dict[str, frozenset[Skippable]] = {}
        self._sdk = AsyncCloudflare(
            api_token=token,
            base_url=base_url,
            http_client=http_client,
            timeout=_TIMEOUT,
            # The SDK repeats POSTs too, which can create a second certificate.
            max_retries=0,
            # Credentials in the process's environment would take the token's place.
            default_headers={"Authorization": f"Bearer {token}"},
        )

    async def verify_token(self) -> None:
        """Raise TokenRejected unless the token is active.

        An account's token can only be verified where its account is known; before that,
        this does nothing.

        Source: GET /user/tokens/verify, GET /accounts/{account_id}/tokens/verify.
        """
        if not self._account_token:
            path = "/user/tokens/verify"
        elif self._account_id is not None:
            path = f"/accounts/{_segment(self._account_id)}/tokens/verify"
        else:
            return
        try:
            result = Fields((await self._send("GET", path)).get("result"))
        except APIStatusError as err:
            _raise_unless_refused(err)
            raise TokenRejected(token_problem(err.body)) from err
        match result.optional_text("status"):
            case TokenStatus.ACTIVE:
                return
            case TokenStatus.DISABLED:
                raise TokenRejected(TokenProblem.DISABLED)
            case TokenStatus.EXPIRED:
                raise TokenRejected(TokenProblem.EXPIRED)
            case _:
                raise TokenRejected

    async def zones(self) -> tuple[Zone, ...]:
        """Return the zones that the token can see: none where it may not read zones.

        Source: GET /zones.
        """
        return await self._all(
            Zone.parse,
            "/zones",
            Permission.ZONE_READ,
            per_page=50,
        )

    async def observe(
        self, account_id: str, zone_id: str, tunnel_ids: Iterable[str]
    ) -> Observation:
        """Return all that decides who reaches the zone's hostnames, read at once.

        A tunnel that is managed locally has no configuration there, and one that is gone
        is among those.
        """
        tunnel_ids = tuple(tunnel_ids)
        zone, ruleset, associations, records, configurations = await asyncio.gather(
            self.zone(zone_id),
            self.ruleset(zone_id),
            self.hostname_associations(zone_id),
            self.dns_records(zone_id),
            asyncio.gather(
                *(self.tunnel_configuration(account_id, item) for item in tunnel_ids)
            ),
        )
        known = {item.tunnel_id: item for item in configurations if item}
        unknown = [item for item in tunnel_ids if item not in known]
        gone = await asyncio.gather(
            *(self.tunnel_is_gone(account_id, item) for item in unknown)
        )
        return Observation(
            zone=zone,
            ruleset=ruleset,
            associations=associations,
            records=records,
            configurations=known,
            gone_tunnels=frozenset(
                item for item, is_gone in zip(unknown, gone, strict=True) if is_gone
            ),
        )

    async def zone(self, zone_id: str) -> Zone:
        """Return a zone.

        Source: GET /zones/{zone_id}.
        """
        envelope = await self._request(
            "GET", f"/zones/{_segment(zone_id)}", Permission.ZONE_READ
        )
        return Zone.parse(_result(envelope))

    async def tunnels(self, account_id: str) -> tuple[Tunnel, ...]:
        """Return the account's tunnels, deleted ones left out.

        Source: GET /accounts/{account_id}/cfd_tunnel.
        """
        return await self._all(
            Tunnel.parse,
            f"/accounts/{_segment(account_id)}/cfd_tunnel",
            Permission.TUNNEL_EDIT,
            per_page=100,
            is_deleted="false",
        )

    async def create_tunnel(self, account_id: str, name: str) -> Tunnel:
        """Create a remotely managed tunnel; Conflict where the account has one of that name.

        Source: POST /accounts/{account_id}/cfd_tunnel. The answer holds the connector's
        secrets too, of which nothing is kept.
        """
        try:
            envelope = await self._request(
                "POST",
                f"/accounts/{_segment(account_id)}/cfd_tunnel",
                Permission.TUNNEL_EDIT,
                body={"name": name, "config_src": "cloudflare"},
            )
        except Conflict:
            raise
        except Rejected as err:
            if _TUNNEL_QUOTA.search(err.message):
                raise QuotaExceeded(err.code, err.message) from err
            raise
        return Tunnel.parse(_result(envelope))

    async def connector_token(self, account_id: str, tunnel_id: str) -> ConnectorToken:
        """Return what a connector needs to run the tunnel; NotFound where that is gone.

        Source: GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}/token, which takes the
        permission to edit.
        """
        envelope = await self._request(
            "GET",
            f"{_tunnel_path(account_id, tunnel_id)}/token",
            Permission.TUNNEL_EDIT,
        )
        return ConnectorToken(envelope.text("result"))

    async def connectors(
        self, account_id: str, tunnel_id: str, *, running: bool = False
    ) -> tuple[Connector, ...]:
        """Return the connectors that run the tunnel now; of one that runs, null tells nothing.

        Source: GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}/connections; the list of
        tunnels carries no connections since October 2026.
        """
        envelope = await self._request(
            "GET",
            f"{_tunnel_path(account_id, tunnel_id)}/connections",
            Permission.TUNNEL_EDIT,
        )
        found = envelope.objects("result", required=running)
        return tuple(Connector.parse(item) for item in found)

    async def tunnel_configuration(
        self, account_id: str, tunnel_id: str
    ) -> TunnelConfiguration | None:
        """Return the tunnel's configuration, or None where it is managed locally or gone.

        Source: GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations.
        """
        try:
            envelope = await self._request(
                "GET",
                _configuration_path(account_id, tunnel_id),
                Permission.TUNNEL_EDIT,
            )
        except NotFound as err:
            if err.code in _TUNNEL_OR_CONFIGURATION_NOT_FOUND:
                return None
            raise
        result = _result(envelope)
        if result.optional_text("source") == "local":
            return None
        return TunnelConfiguration.parse(tunnel_id, result)

    async def tunnel_is_gone(self, account_id: str, tunnel_id: str) -> bool:
        """Tell whether a tunnel was deleted, which does not show in how it is answered.

        Source: GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}.
        """
        try:
            envelope = await self._request(
                "GET",
                _tunnel_path(account_id, tunnel_id),
                Permission.TUNNEL_EDIT,
            )
        except NotFound as err:
            if err.code in _TUNNEL_OR_CONFIGURATION_NOT_FOUND:
                return True
            raise
        return _result(envelope).time("deleted_at") is not None

    async def put_tunnel_configuration(
        self, account_id: str, tunnel_id: str, config: Mapping[str, Any]
    ) -> TunnelConfiguration:
        """Replace the tunnel's whole configuration and return what Cloudflare made of it.

        Source: PUT /accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations.
        """
        envelope = await self._request(
            "PUT",
            _configuration_path(account_id, tunnel_id),
            Permission.TUNNEL_EDIT,
            body={"config": config},
        )
        return TunnelConfiguration.parse(tunnel_id, _result(envelope))

    async def dns_records(self, zone_id: str) -> tuple[DnsRecord, ...]:
        """Return every DNS record of the zone.

        Source: GET /zones/{zone_id}/dns_records.
        """
        return await self._all(
            DnsRecord.parse,
            f"/zones/{_segment(zone_id)}/dns_records",
            Permission.DNS_EDIT,
            per_page=1000,
        )

    async def create_dns_record(
        self, zone_id: str, record: Mapping[str, Any]
    ) -> DnsRecord:
        """Create a DNS record.

        Source: POST /zones/{zone_id}/dns_records.
        """
        envelope = await self._request(
            "POST",
            f"/zones/{_segment(zone_id)}/dns_records",
            Permission.DNS_EDIT,
            body=record,
        )
        return DnsRecord.parse(_result(envelope))

    async def edit_dns_record(
        self, zone_id: str, record_id: str, changes: Mapping[str, Any]
    ) -> DnsRecord:
        """Change the given fields of a DNS record and no others.

        Source: PATCH /zones/{zone_id}/dns_records/{record_id}.
        """
        envelope = await self._request(
            "PATCH",
            f"/zones/{_segment(zone_id)}/dns_records/{_segment(record_id)}",
            Permission.DNS_EDIT,
            body=changes,
        )
        return DnsRecord.parse(_result(envelope))

    async def delete_dns_record(self, zone_id: str, record_id: str) -> None:
        """Delete a DNS record; one that is gone already counts as deleted.

        Source: DELETE /zones/{zone_id}/dns_records/{record_id}.
        """
        try:
            await self._request(
                "DELETE",
                f"/zones/{_segment(zone_id)}/dns_records/{_segment(record_id)}",
                Permission.DNS_EDIT,
            )
        except NotFound:
            return

    async def client_certificates(self, zone_id: str) -> tuple[ClientCertificate, ...]:
        """Return the zone's client certificates, revoked ones included.

        Source: GET /zones/{zone_id}/client_certificates; without a status it lists active ones.
        """
        listed = await self._all(
            ClientCertificate.parse,
            _certificates_path(zone_id),
            Permission.CERTIFICATES_EDIT,
            per_page=50,
            status="all",
        )
        return self._recent.certificates(zone_id, listed)

    async def create_client_certificate(
        self, zone_id: str, csr: str, validity_days: int
    ) -> ClientCertificate:
        """Have a certificate signed; called twice, it makes two.

        Source: POST /zones/{zone_id}/client_certificates.
        """
        envelope = await self._request(
            "POST",
            _certificates_path(zone_id),
            Permission.CERTIFICATES_EDIT,
            body={"csr": csr, "validity_days": validity_days},
        )
        certificate = ClientCertificate.parse(_result(envelope))
        self._recent.created(zone_id, certificate)
        return certificate

    async def revoke_client_certificate(
        self, zone_id: str, certificate_id: str
    ) -> CertificateStatus:
        """Revoke a certificate; one that is revoked already counts as revoked.

        Source: DELETE /zones/{zone_id}/client_certificates/{certificate_id}.
        """
        try:
            envelope = await self._request(
                "DELETE",
                f"{_certificates_path(zone_id)}/{_segment(certificate_id)}",
                Permission.CERTIFICATES_EDIT,
            )
        except Rejected as err:
            if err.code == _CERTIFICATE_ALREADY_REVOKED:
                self._recent.revoked(certificate_id)
                return CertificateStatus.REVOKED
            raise
        self._recent.revoked(certificate_id)
        # Some answers are bare successes.
        result = envelope.object("result") or Fields({})
        if result.optional_text("status") == CertificateStatus.REVOKED:
            return CertificateStatus.REVOKED
        return CertificateStatus.PENDING_REVOCATION

    async def restore_client_certificate(
        self, zone_id: str, certificate_id: str
    ) -> CertificateStatus:
        """Take a revocation back; Cloudflare refuses it for what is not revoked.

        Source: PATCH /zones/{zone_id}/client_certificates/{certificate_id}.
        """
        envelope = await self._request(
            "PATCH",
            f"{_certificates_path(zone_id)}/{_segment(certificate_id)}",
            Permission.CERTIFICATES_EDIT,
            body={"reactivate": True},
        )
        self._recent.restored(certificate_id)
        # Revocations are answered by bare successes at times: this may be as well.
        result = envelope.object("result") or Fields({})
        if result.optional_text("status") == CertificateStatus.ACTIVE:
            return CertificateStatus.ACTIVE
        return CertificateStatus.PENDING_REACTIVATION

    async def hostname_associations(self, zone_id: str) -> tuple[str, ...]:
        """Return the hostnames whose visitors are asked for a client certificate.

        Source: GET /zones/{zone_id}/certificate_authorities/hostname_associations.
        """
        envelope = await self._request(
            "GET", _associations_path(zone_id), Permission.CERTIFICATES_EDIT
        )
        seen = _result(envelope).texts("hostnames")
        return self._recent.associations(zone_id, seen)

    async def put_hostname_associations(
        self,
        zone_id: str,
        hostnames: tuple[str, ...],
        *,
        replacing: tuple[str, ...],
    ) -> tuple[str, ...]:
        """Replace the whole list of hostnames, which reads show for a while as it was.

        Source: PUT /zones/{zone_id}/certificate_authorities/hostname_associations.
        """
        envelope = await self._request(
            "PUT",
            _associations_path(zone_id),
            Permission.CERTIFICATES_EDIT,
            body={"hostnames": list(hostnames)},
        )
        written = _result(envelope).texts("hostnames")
        self._recent.associated(zone_id, replacing, written)
        return written

    async def ruleset(self, zone_id: str) -> Ruleset:
        """Return the zone's custom rules; a zone that never had one has an empty ruleset.

        Source: GET /zones/{zone_id}/rulesets/phases/{phase}/entrypoint.
        """
        try:
            envelope = await self._request(
                "GET",
                f"/zones/{_segment(zone_id)}/rulesets/phases/{PHASE}/entrypoint",
                Permission.RULES_EDIT,
            )
        except NotFound as err:
            if err.code == _ENTRYPOINT_NOT_FOUND:
                return Ruleset()
            raise
        return Ruleset.parse(_result(envelope))

    async def create_ruleset(self, zone_id: str, rule: Mapping[str, Any]) -> Ruleset:
        """Create the zone's ruleset for custom rules, with its first rule.

        Source: POST /zones/{zone_id}/rulesets.
        """
        envelope = await self._request(
            "POST",
            f"/zones/{_segment(zone_id)}/rulesets",
            Permission.RULES_EDIT,
            body=_first_ruleset(rule),
        )
        return Ruleset.parse(_result(envelope))

    async def create_rule(
        self, zone_id: str, ruleset_id: str, rule: Mapping[str, Any]
    ) -> Ruleset:
        """Add a rule and return the ruleset that it made.

        Source: POST /zones/{zone_id}/rulesets/{ruleset_id}/rules.
        """
        envelope = await self._request(
            "POST",
            f"{_ruleset_path(zone_id, ruleset_id)}/rules",
            Permission.RULES_EDIT,
            body=rule,
        )
        return Ruleset.parse(_result(envelope))

    async def edit_rule(
        self, zone_id: str, ruleset_id: str, rule_id: str, rule: Mapping[str, Any]
    ) -> Ruleset:
        """Replace the whole definition of a rule, or, given only a position, move it.

        Source: PATCH /zones/{zone_id}/rulesets/{ruleset_id}/rules/{rule_id}.
        """
        envelope = await self._request(
            "PATCH",
            f"{_ruleset_path(zone_id, ruleset_id)}/rules/{_segment(rule_id)}",
            Permission.RULES_EDIT,
            body=rule,
        )
        return Ruleset.parse(_result(envelope))

    async def delete_rule(self, zone_id: str, ruleset_id: str, rule_id: str) -> Ruleset:
        """Delete a rule and return the ruleset that is left.

        Source: DELETE /zones/{zone_id}/rulesets/{ruleset_id}/rules/{rule_id}.
        """
        envelope = await self._request(
            "DELETE",
            f"{_ruleset_path(zone_id, ruleset_id)}/rules/{_segment(rule_id)}",
            Permission.RULES_EDIT,
        )
        return Ruleset.parse(_result(envelope))

    async def may_edit_rules(self, zone_id: str, ruleset_id: str | None) -> None:
        """Raise PermissionMissing unless the token may write custom rules; nothing is written.

        A zone that never had a custom rule has no ruleset id.

        Source: ?dry_run=true of the Rulesets API: it checks permissions and quota, and keeps nothing.
        """
        await self._try_rule(zone_id, Ruleset(id=ruleset_id), {"action": "block"}, None)

    async def zone_setting(self, zone_id: str, setting: Setting) -> str:
        """Return the value of one of the zone's settings.

        Source: GET /zones/{zone_id}/settings/{setting_id}; the list of all is deprecated.
        """
        envelope = await self._request(
            "GET", _setting_path(zone_id, setting), Permission.SETTINGS_READ
        )
        return _result(envelope).text("value")

    async def edit_zone_setting(
        self, zone_id: str, setting: Setting, value: str
    ) -> str:
        """Change one of the zone's settings and return the value that it has then.

        Source: PATCH /zones/{zone_id}/settings/{setting_id}.
        """
        envelope = await self._request(
            "PATCH",
            _setting_path(zone_id, setting),
            Permission.SETTINGS_EDIT,
            body={"value": value},
        )
        return _result(envelope).text("value")

    async def bot_fight_mode(self, zone_id: str) -> bool:
        """Tell whether Bot Fight Mode is on; paid plans have another one in its place.

        Source: GET /zones/{zone_id}/bot_management.
        """
        envelope = await self._request(
            "GET", _bot_management_path(zone_id), Permission.BOTS_READ
        )
        return _result(envelope).flag("fight_mode", default=False)

    async def put_bot_fight_mode(self, zone_id: str, *, enabled: bool) -> bool:
        """Switch Bot Fight Mode, and nothing else of it; tell whether it is on then.

        Source: PUT /zones/{zone_id}/bot_management changes what the body names.
        """
        envelope = await self._request(
            "PUT",
            _bot_management_path(zone_id),
            Permission.BOTS_EDIT,
            body={"fight_mode": enabled},
        )
        return _result(envelope).flag("fight_mode", default=False)

    async def access_applications(
        self, account_id: str
    ) -> tuple[AccessApplication, ...]:
        """Return the account's Access applications: none where Zero Trust was never set up.

        A token that may not read them is told that there are none, at times.

        Source: GET /accounts/{account_id}/access/apps.
        """
        try:
            return await self._all(
                AccessApplication.parse,
                f"/accounts/{_segment(account_id)}/access/apps",
                Permission.ACCESS_READ,
                per_page=100,
            )
        except NotFound:
            return ()

    async def skippable(self, zone_id: str, ruleset: Ruleset) -> frozenset[Skippable]:
        """Return what a skip rule of the zone may skip; nothing is written.

        What Cloudflare once took it takes again, and what it refused it is not asked twice.

        Source: ?dry_run=true of the Rulesets API; which plan takes what is documented nowhere.
        """
        own = ruleset.by_ref(SKIP_REF)
        known = _skipped_by(own) if own else frozenset[Skippable]()
        if known == frozenset(Skippable):
            self._skippable[zone_id] = known
        if zone_id not in self._skippable:
            try:
                found = await self._find_skippable(zone_id, ruleset, known)
            except PermissionMissing:
                # Who may only look shall see no drift in what cannot be asked.
                return known or frozenset(Skippable)
            self._skippable[zone_id] = found
        return self._skippable[zone_id] | known

    async def _find_skippable(
        self, zone_id: str, ruleset: Ruleset, known: frozenset[Skippable]
    ) -> frozenset[Skippable]:
        everything = frozenset(Skippable)
        if await self._takes(zone_id, ruleset, everything):
            return everything
        unknown = sorted(everything - known)
        taken = await asyncio.gather(
            *(self._takes(zone_id, ruleset, known | {item}) for item in unknown)
        )
        return known.union(
            item for item, is_taken in zip(unknown, taken, strict=True) if is_taken
        )

    async def _takes(
        self, zone_id: str, ruleset: Ruleset, skipped: frozenset[Skippable]
    ) -> bool:
        rule = {"action": "skip", "action_parameters": skip_parameters(skipped)}
        try:
            await self._try_rule(zone_id, ruleset, rule, ruleset.by_ref(SKIP_REF))
        except Rejected:
            return False
        return True

    async def _try_rule(
        self,
        zone_id: str,
        ruleset: Ruleset,
        rule: Mapping[str, Any],
        existing: Rule | None,
    ) -> None:
        """Have Cloudflare judge a rule, a new one or in an existing one's place; write nothing."""
        body: Mapping[str, Any] = {
            "expression": 'http.host eq "dry-run.invalid"',
            "enabled": False,
            **rule,
        }
        method, path = "POST", f"/zones/{_segment(zone_id)}/rulesets"
        if ruleset.id is None:
            body = _first_ruleset(body)
        else:
            path = f"{_ruleset_path(zone_id, ruleset.id)}/rules"
        if existing:
            # As it is, lest it be spoilt should Cloudflare not know of dry runs.
            body = {**_body(existing), **rule}
            method, path = "PATCH", f"{path}/{_segment(existing.id)}"
        try:
            await self._request(
                method, path, Permission.RULES_EDIT, body=body, query=_DRY_RUN
            )
        except QuotaExceeded:
            # The quota is judged last; the plan counts free slots itself.
            return

    async def query(
        self, document: str, variables: Mapping[str, Any], permission: Permission
    ) -> Fields:
        """Return the data that a GraphQL query asks for; a part of it counts as none.

        Raises TooMuchAsked as well, where a shorter time would be answered.

        Source: POST /graphql; its errors come with status 200.
        """
        self._query_pause.keep()
        body = {"query": document, "variables": variables}
        try:
            answer = await self._send("POST", "/graphql", body=body)
        except APIStatusError as err:
            _raise_unless_refused(err)
            raise await self._refusal(err.body, permission) from err
        # A token that is no good meets the envelope of all other requests.
        if answer.get("success") is False:
            if code_of(answer) == _AUTHENTICATION_ERROR:
                raise await self._refusal(answer, permission)
            raise rejection(HTTPStatus.OK, answer)
        if errors := answer.get("errors"):
            error = query_error(
                errors[0] if isinstance(errors, list) else errors, permission
            )
            if isinstance(error, RateLimited):
                raise self._query_pause.begin(error.retry_after)
            raise error
        if (data := Fields(answer).object("data")) is None:
            raise malformed("data")
        return data

    async def _all[ItemT](
        self,
        parse: Callable[[Fields], ItemT],
        path: str,
        permission: Permission,
        *,
        per_page: int,
        **query: str,
    ) -> tuple[ItemT, ...]:
        """Return the items of every page, parsed."""
        pages = self._pages(path, permission, per_page=per_page, **query)
        return tuple([parse(item) async for item in pages])

    async def _pages(
        self, path: str, permission: Permission, *, per_page: int, **query: str
    ) -> AsyncIterator[Fields]:
        """Yield the items of every page; raise Unavailable rather than leave some out."""
        seen = 0
        before: list[Mapping[str, Any]] = []
        for page in range(1, _MAX_PAGES + 1):
            envelope = await self._request(
                "GET",
                path,
                permission,
                query={"page": str(page), "per_page": str(per_page), **query},
            )
            items = envelope.objects("result", required=True)
            page_as_is = [item.raw() for item in items]
            if not items or page_as_is == before:
                # Some endpoints know no pages, and answer with the same one again.
                return
            for item in items:
                yield item
            seen, before = seen + len(items), page_as_is
            if _is_last(envelope, page, seen, per_page):
                return
        raise Unavailable("too many pages")

    async def _request(
        self,
        method: str,
        path: str,
        permission: Permission,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Fields:
        """Return the envelope of a success, or raise what its failure means."""
        try:
            envelope = await self._send(method, path, body=body, query=query)
        except APIStatusError as err:
            _raise_unless_refused(err)
            raise await self._refusal(err.body, permission) from err
        if envelope.get("success") is not True:
            raise rejection(HTTPStatus.OK, envelope)
        return Fields(envelope)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Return the JSON object that comes back; nothing that may have been done is sent again."""
        for pause in UNKNOWN_YET_PAUSES:
            try:
                return await self._send_once(method, path, body, query)
            except APIStatusError as err:
                if not is_unknown_yet(err.status_code, err.body):
                    raise
            await asyncio.sleep(pause)
        return await self._send_once(method, path, body, query)

    async def _send_once(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
    ) -> Mapping[str, Any]:
        if not self._can_be_sent:
            raise TokenRejected
        send = getattr(self._sdk, method.lower())
        arguments: dict[str, Any] = {"options": {"params": dict(query or {})}}
        if body is not None:
            arguments["body"] = body
        try:
            async with self._at_once:
                # Whoever waited for a place may have got a pause instead.
                self._pause.keep()
                answer = await send(path, cast_to=object, **arguments)
        except RateLimitError as err:
            raise self._pause.begin(_retry_after(err)) from err
        except APIConnectionError as err:
            raise Unavailable(type(err.__cause__ or err).__name__) from err
        except ValueError as err:
            # A body that says it is JSON and is not.
            raise Unavailable("malformed answer") from err
        if not isinstance(answer, Mapping):
            raise Unavailable("malformed answer")
        return answer

    async def _refusal(self, body: object, permission: Permission) -> EngineError:
        """Tell a dead token from a missing permission: only its verification can."""
        if token_problem(body) is TokenProblem.LOCATION:
            return TokenRejected(TokenProblem.LOCATION)
        if self._account_token and self._account_id is None:
            # It cannot be verified yet, but Cloudflare has a sentence of its own for dead ones.
            dead = calls_token_dead(body)
            return TokenRejected() if dead else PermissionMissing(permission)
        try:
            await self.verify_token()
        except TokenRejected as rejected:
            return rejected
        return PermissionMissing(permission)


def _raise_unless_refused(err: APIStatusError) -> None:
    """Raise what the failure means, unless it is about the token or its permissions."""
    if failure := failure_of(err.status_code, err.body):
        raise failure from err


def _retry_after(err: APIStatusError) -> float:
    """Return the pause in seconds that Cloudflare asks for."""
    try:
        seconds = float(err.response.headers.get("retry-after", ""))
    except ValueError:
        return _DEFAULT_RETRY_AFTER
    return seconds if 0 < seconds <= 86400 else _DEFAULT_RETRY_AFTER


def _result(envelope: Fields) -> Fields:
    """Return the result of an envelope; null never passes for an empty one."""
    if (result := envelope.object("result")) is None:
        raise malformed("result")
    return result


def _is_last(envelope: Fields, page: int, seen: int, per_page: int) -> bool:
    """Tell whether a page ends the list; tunnels count items, other lists count pages."""
    info = envelope.object("result_info") or Fields({})
    if (pages := info.number("total_pages")) is not None:
        return page >= pages
    if (total := info.number("total_count")) is not None:
        return seen >= total
    return seen < page * per_page


def _segment(value: str) -> str:
    """Return an id as one segment of a path, whatever is in it."""
    if value in {"", ".", ".."}:
        raise malformed("id")
    return quote(value, safe="")


def _first_ruleset(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"name": "default", "kind": "zone", "phase": PHASE, "rules": [rule]}


def _tunnel_path(account_id: str, tunnel_id: str) -> str:
    return f"/accounts/{_segment(account_id)}/cfd_tunnel/{_segment(tunnel_id)}"


def _configuration_path(account_id: str, tunnel_id: str) -> str:
    return f"{_tunnel_path(account_id, tunnel_id)}/configurations"


def _certificates_path(zone_id: str) -> str:
    return f"/zones/{_segment(zone_id)}/client_certificates"


def _associations_path(zone_id: str) -> str:
    return f"/zones/{_segment(zone_id)}/certificate_authorities/hostname_associations"


def _setting_path(zone_id: str, setting: Setting) -> str:
    return f"/zones/{_segment(zone_id)}/settings/{setting}"


def _bot_management_path(zone_id: str) -> str:
    return f"/zones/{_segment(zone_id)}/bot_management"


def _ruleset_path(zone_id: str, ruleset_id: str) -> str:
    return f"/zones/{_segment(zone_id)}/rulesets/{_segment(ruleset_id)}"


def _body(rule: Rule) -> dict[str, Any]:
    """Return an observed rule as the Rulesets API takes it."""
    return {
        "ref": rule.ref,
        "action": rule.action,
        "expression": rule.expression,
        "description": rule.description,
        "enabled": rule.enabled,
    }


def _skipped_by(rule: Rule) -> frozenset[Skippable]:
    """Return what an observed rule skips of what can be skipped."""
    parameters = Fields(rule.action_parameters)
    return frozenset(
        item for item in Skippable if item.value in parameters.texts(item.key)
    )
