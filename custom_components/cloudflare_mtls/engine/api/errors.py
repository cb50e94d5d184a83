"""Everything that can go wrong between here and Cloudflare."""

from enum import StrEnum


class Permission(StrEnum):
    """A permission of an API token, as Cloudflare's dashboard names it.

    Where the engine writes something, it asks for the permission to edit from the beginning,
    so that nobody has to extend the token later.
    """

    ZONE_READ = "Zone / Zone / Read"
    DNS_EDIT = "Zone / DNS / Edit"
    CERTIFICATES_EDIT = "Zone / SSL and Certificates / Edit"
    RULES_EDIT = "Zone / Zone WAF / Edit"
    TUNNEL_EDIT = "Account / Cloudflare Tunnel / Edit"
    ANALYTICS_READ = "Zone / Analytics / Read"
    SETTINGS_READ = "Zone / Zone Settings / Read"
    SETTINGS_EDIT = "Zone / Zone Settings / Edit"
    BOTS_READ = "Zone / Bot Management / Read"
    BOTS_EDIT = "Zone / Bot Management / Edit"
    ACCESS_EDIT = "Account / Access: Apps and Policies / Edit"
    ACCESS_ORGANIZATION_EDIT = (
        "Account / Access: Organizations, Identity Providers, and Groups / Edit"
    )
    ACCESS_LOGINS_READ = "Account / Access: Audit Logs / Read"
    FIREWALL_READ = "Zone / Firewall Services / Read"
    WORKERS_READ = "Zone / Workers Routes / Read"
    HEADER_RULES_EDIT = "Zone / Transform Rules / Edit"


class TokenProblem(StrEnum):
    """Why Cloudflare refuses a token as a whole."""

    INVALID = "invalid"
    DISABLED = "disabled"
    EXPIRED = "expired"
    LOCATION = "location"


class EngineError(Exception):
    """Cloudflare did not do what it was asked."""


class TokenRejected(EngineError):
    """The token itself is refused, whatever it is used for."""

    def __init__(self, problem: TokenProblem = TokenProblem.INVALID) -> None:
        """Say why the token is refused."""
        super().__init__(f"token {problem}")
        self.problem = problem


class PlanChanged(EngineError):
    """What there is to do is not what a person saw and confirmed, so nothing was written."""


class PermissionMissing(EngineError):
    """The token is good, but may not do this."""

    def __init__(self, permission: Permission) -> None:
        """Name the permission that the token lacks."""
        super().__init__(f"permission missing: {permission}")
        self.permission = permission


class RateLimited(EngineError):
    """Cloudflare wants no further requests for a while."""

    def __init__(self, retry_after: float) -> None:
        """Take the pause that Cloudflare asks for, in seconds."""
        super().__init__(f"rate limited for {retry_after:.0f} s")
        self.retry_after = retry_after


class Unavailable(EngineError):
    """No usable answer: after a write, nobody knows whether it took effect."""


class TooManyPages(Unavailable):
    """A list is longer than anybody wants to read."""


class Rejected(EngineError):
    """Cloudflare understood the request and refused it."""

    def __init__(self, code: int | None, message: str) -> None:
        """Take Cloudflare's error code, where it gave one, and its message."""
        super().__init__(f"{message} ({code})" if code is not None else message)
        self.code = code
        self.message = message


class NotFound(Rejected):
    """The object is not there."""


class NotListed(EngineError):
    """Cloudflare knows the certificate in no zone that the token reaches.

    It may be in another one, or in one that is gone: then it is still valid.
    """


class TooMuchAsked(Rejected):
    """The zone's plan answers only queries that reach back less far, or cover less time."""

    def __init__(self, message: str, *, seconds: int, too_old: bool) -> None:
        """Take Cloudflare's message, and how many seconds it allows."""
        super().__init__(None, message)
        self.seconds = seconds
        self.too_old = too_old


class ZeroTrustNotSetUp(Rejected):
    """The account has no Zero Trust organization yet; only a person can create one."""


class PolicyUnknownYet(Rejected):
    """A policy that was created a moment ago is not known everywhere yet."""


class QuotaExceeded(Rejected):
    """The plan's limit is reached."""


class Conflict(Rejected):
    """Something that is not ours is in the way."""


def expect_agreement(agree: bool) -> None:
    """Raise Unavailable where Cloudflare's answers contradict each other."""
    if not agree:
        raise Unavailable("the answers contradict each other")
