"""What Cloudflare answers about Access: parsed once, never changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
import re
from typing import Any, Final, Protocol, Self

from .json_fields import Fields, encoded, malformed
from .names import in_dns
from .selectors import Everyone, SelectorRules

# The types of application that protect a hostname; others are only links, or protect something else.
_IN_FRONT_OF_A_HOSTNAME: Final = frozenset({"self_hosted", "ssh", "vnc", "rdp"})

_DURATION: Final = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")


class WithId(Protocol):
    """Anything that Cloudflare knows by an id."""

    @property
    def id(self) -> str:
        """Return the id."""


@dataclass(frozen=True, kw_only=True)
class Organization:
    """The account's Zero Trust organization.

    auth_domain: the domain of the login pages, such as "team.cloudflareaccess.com".
    denies_unmatched: whether a hostname without an application is refused to everybody.
    exempt_zones: names of the zones in which it is not.
    """

    auth_domain: str
    denies_unmatched: bool = False
    exempt_zones: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read GET /accounts/{account_id}/access/organizations; most fields may be left out."""
        exempt = fields.texts("deny_unmatched_requests_exempted_zone_names")
        return cls(
            auth_domain=in_dns(fields.text("auth_domain")),
            denies_unmatched=fields.flag("deny_unmatched_requests", default=False),
            exempt_zones=frozenset(map(in_dns, exempt)),
        )

    @property
    def team(self) -> str:
        """Return the team's name, as cloudflared wants it."""
        return self.auth_domain.partition(".")[0]


ONE_TIME_PIN: Final = "onetimepin"
CLOUDFLARE_ACCOUNT: Final = "cloudflare"
# Source: Cloudflare's API reference, identity providers, type.
LOGIN_METHOD_TYPES: Final = frozenset(
    {
        ONE_TIME_PIN,
        CLOUDFLARE_ACCOUNT,
        "azureAD",
        "centrify",
        "facebook",
        "github",
        "google",
        "google-apps",
        "linkedin",
        "oidc",
        "okta",
        "onelogin",
        "pingone",
        "saml",
        "yandex",
    }
)


@dataclass(frozen=True, kw_only=True)
class LoginMethod:
    """A login method, which Cloudflare's API calls identity provider.

    contents: a text that is another one once the provider, or what it asks for, is another.
    """

    id: str
    type: str
    name: str
    contents: str = ""

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/access/identity_providers."""
        kind = fields.text("type")
        return cls(
            id=fields.text("id"),
            type=kind,
            name=fields.optional_text("name") or kind,
            contents=sha256(encoded(fields.raw().get("config")).encode()).hexdigest(),
        )

    @property
    def is_one_time_pin(self) -> bool:
        """Return whether people get a code by e-mail; an account has one such method at most."""
        return self.type == ONE_TIME_PIN


class Decision(StrEnum):
    """What a policy does with the visitors that its rules match."""

    ALLOW = "allow"
    DENY = "deny"
    NON_IDENTITY = "non_identity"
    """It lets programs in, without a login."""
    BYPASS = "bypass"
    """It lets visitors pass as if there were no application."""


@dataclass(frozen=True, kw_only=True)
class AccessPolicy:
    """A policy; a decision that we do not know is None.

    session: how long a login by it lasts, where that overrides the application's session; as
        Cloudflare writes it, else empty. application_count: how many applications use it; None for
        one that only lives in its application, and where an answer does not say.
    """

    id: str
    name: str
    decision: Decision | None
    rules: SelectorRules
    session: str
    reusable: bool
    application_count: int | None = field(compare=False)
    raw: Mapping[str, Any] = field(compare=False)

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/access/policies, or of an application's."""
        try:
            decision = Decision(fields.text("decision"))
        except ValueError:
            decision = None
        return cls(
            id=fields.text("id"),
            name=fields.optional_text("name") or fields.text("id"),
            decision=decision,
            rules=SelectorRules.parse(fields),
            session=fields.optional_text("session_duration") or "",
            reusable=fields.flag("reusable", default=False),
            application_count=fields.number("app_count"),
            raw=fields.raw(),
        )

    @property
    def lets_all_pass(self) -> bool:
        """Return whether the policy lets everybody pass without a login."""
        return (
            self.decision is Decision.BYPASS
            and Everyone() in self.rules.include
            and not self.rules.require
            and not self.rules.exclude
        )


@dataclass(frozen=True, kw_only=True)
class AccessGroup:
    """A group: rules that several policies share."""

    id: str
    name: str
    rules: SelectorRules
    raw: Mapping[str, Any] = field(compare=False)

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/access/groups."""
        return cls(
            id=fields.text("id"),
            name=fields.optional_text("name") or fields.text("id"),
            rules=SelectorRules.parse(fields),
            raw=fields.raw(),
        )


@dataclass(frozen=True, kw_only=True)
class AccessApplication:
    """An Access application, and the public addresses that it protects.

    public: the addresses below them that are excepted, so that everybody passes there.
    audience: what its tokens, and its redirects to the login page, name it by.
    policies: in the order in which they are tried.
    allowed_login_methods: their ids; none means all of the account's.
    """

    id: str
    name: str
    uris: tuple[str, ...]
    public: tuple[str, ...]
    audience: str
    policies: tuple[AccessPolicy, ...]
    allowed_login_methods: frozenset[str]
    session: timedelta | None
    tags: frozenset[str]
    raw: Mapping[str, Any] = field(compare=False)

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/access/apps.

        An application that protects no hostname, such as a link, has no address and may have no
        audience.
        """
        policies = map(_attached_policy, fields.values("policies"))
        return cls(
            id=fields.text("id"),
            name=fields.optional_text("name") or fields.text("id"),
            uris=tuple(_uris(fields)),
            public=tuple(_public(fields)),
            audience=fields.optional_text("aud") or "",
            policies=tuple(sorted(policies, key=_precedence)),
            allowed_login_methods=frozenset(fields.texts("allowed_idps")),
            session=parse_duration(fields.optional_text("session_duration") or "24h"),
            tags=frozenset(fields.texts("tags")),
            raw=fields.raw(),
        )

    @property
    def lets_all_pass(self) -> bool:
        """Return whether everybody passes without a login."""
        return any(policy.lets_all_pass for policy in self.policies)


def is_same_application(one: AccessApplication, other: AccessApplication) -> bool:
    """Return whether two looks show the same application.

    What its policies say may differ: they are changed without it.
    """
    policies = [[policy.id for policy in each.policies] for each in (one, other)]
    without = [replace(each, policies=()) for each in (one, other)]
    return policies[0] == policies[1] and without[0] == without[1]


@dataclass(frozen=True, kw_only=True)
class LoginRow:
    """A row of the log of logins: one login makes several.

    address: the IP address that the visitor came from. hostname: where they came to.
    method: the type of the login method.
    """

    application_id: str
    hostname: str
    email: str
    allowed: bool
    at: datetime
    address: str
    country: str
    method: str
    ray_id: str

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/access/logs/access_requests."""
        if (at := fields.time("created_at")) is None:
            raise malformed("created_at")
        return cls(
            application_id=fields.optional_text("app_uid") or "",
            hostname=in_dns(
                (fields.optional_text("app_domain") or "").partition("/")[0]
            ),
            email=(fields.optional_text("user_email") or "").lower(),
            allowed=fields.flag("allowed", default=False),
            at=at,
            address=fields.optional_text("ip_address") or "",
            country=(fields.optional_text("country") or "").upper(),
            method=fields.optional_text("connection") or "",
            ray_id=fields.optional_text("ray_id") or "",
        )


@dataclass(frozen=True, kw_only=True)
class LoginRows:
    """Rows of the log of logins.

    is_whole: whether these are all of the time that was asked for. has_all_allowed: whether at least
    everybody who was let in is among them.
    """

    rows: tuple[LoginRow, ...]
    is_whole: bool
    has_all_allowed: bool


@dataclass(frozen=True, kw_only=True)
class AccessUser:
    """A person who has logged in at least once, to any application of the account."""

    id: str
    email: str
    has_seat: bool

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/access/users."""
        return cls(
            id=fields.text("id"),
            email=(fields.optional_text("email") or "").lower(),
            has_seat=fields.flag("access_seat", default=False),
        )


def parse_duration(text: str) -> timedelta | None:
    """Return a duration that Go writes in hours, minutes and seconds; None for any other text."""
    if not text or (found := _DURATION.fullmatch(text)) is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _attached_policy(value: object) -> AccessPolicy:
    """Read a policy of an application; of one that is only named, nothing else is known."""
    if not isinstance(value, str):
        return AccessPolicy.parse(Fields(value))
    return AccessPolicy(
        id=value,
        name=value,
        decision=None,
        rules=SelectorRules(include=frozenset()),
        session="",
        reusable=True,
        application_count=None,
        raw={},
    )


def _precedence(policy: AccessPolicy) -> float:
    """Return the place of an application's policy; one without a number stays where it is."""
    number = policy.raw.get("precedence")
    return number if isinstance(number, int) else 0


def _uris(fields: Fields) -> Iterable[str]:
    """Yield the addresses; Cloudflare ignores the older keys where the newest is set."""
    if fields.optional_text("type") not in _IN_FRONT_OF_A_HOSTNAME:
        return
    destinations = fields.objects("destinations")
    if destinations:
        for destination in destinations:
            uri = destination.optional_text("uri")
            if uri and destination.optional_text("type") in (None, "public"):
                yield _uri_in_dns(uri)
        return
    domain = fields.optional_text("domain")
    domains = fields.texts("self_hosted_domains") or ((domain,) if domain else ())
    for each in domains:
        yield _uri_in_dns(each)


def _public(fields: Fields) -> Iterable[str]:
    """Yield the addresses that are excepted from the application; an unknown exception counts."""
    for destination in fields.objects("destinations"):
        if uri := destination.optional_text("uri"):
            for override in destination.objects("overrides"):
                path = override.optional_text("path_pattern") or "/"
                yield _uri_in_dns(f"{uri.partition('/')[0]}/{path.removeprefix('/')}")


def _uri_in_dns(uri: str) -> str:
    host, slash, path = uri.partition("/")
    return f"{in_dns(host)}{slash}{path.lower()}"
