"""People who logged in through Access: their seats, sessions, PINs and the log of logins."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
import secrets

from sandbox.clock import now

from .ids import new_uuid

PIN_VALIDITY = timedelta(minutes=10)


@dataclass
class AccessUser:
    """A person who logged in at least once, or whom somebody added."""

    email: str
    name: str = ""
    access_seat: bool = False
    gateway_seat: bool = False
    last_successful_login: datetime | None = None
    refused_until: datetime = field(default_factory=now)
    """Until then no login of this person succeeds."""
    id: str = field(default_factory=new_uuid)
    seat_uid: str = field(default_factory=new_uuid)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class ApplicationSession:
    """The token with which a session uses one application."""

    token: str = field(repr=False)
    application_id: str
    application_name: str
    hostname: str
    policy_id: str
    """The policy that let the person in."""
    expires_at: datetime
    binding: str = ""
    """What the second cookie holds; empty where the application wants no such cookie."""
    ends_at: datetime | None = None
    """When the edge learns that the token was revoked."""

    def lives(self) -> bool:
        """Return whether the edge still accepts the token."""
        return now() < min(self.expires_at, self.ends_at or self.expires_at)


@dataclass
class LoginSession:
    """A login of a person on the team's domain, with the applications that it was used for."""

    user_id: str
    email: str
    provider_id: str
    provider_type: str
    country: str
    ip: str
    expires_at: datetime
    applications: list[ApplicationSession] = field(default_factory=list)
    token: str = field(default="", repr=False)
    """The token for the team's own domain."""
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    created_at: datetime = field(default_factory=now)
    is_revoked: bool = False

    def lives(self) -> bool:
        """Return whether the session still gives access to further applications."""
        return not self.is_revoked and now() < self.expires_at

    def end(self, delay: float) -> None:
        """End the session and its tokens, once the edge follows."""
        self.is_revoked = True
        for each in self.applications:
            each.ends_at = now() + timedelta(seconds=delay)


@dataclass(frozen=True)
class SentPin:
    """A PIN that was mailed to a person."""

    email: str
    pin: str
    aud: str
    """The application that it is good for."""
    sent_at: datetime = field(default_factory=now)

    def is_valid(self) -> bool:
        """Return whether the PIN has not expired."""
        return now() < self.sent_at + PIN_VALIDITY


@dataclass(frozen=True)
class LoginRow:
    """A row of the log of logins."""

    allowed: bool
    app_uid: str
    app_name: str
    app_domain: str
    """The requested hostname, with the path."""
    connection: str
    user_email: str
    user_id: str
    country: str
    ip_address: str
    action: str = "login"
    app_type: str = "self_hosted"
    created_at: datetime = field(default_factory=now)
    ray_id: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class PolicyTest:
    """What policies would do with users, by their ids: approved or blocked."""

    results: dict[str, str]
    id: str = field(default_factory=new_uuid)


@dataclass
class AccessPeople:
    """The people of an account, and what they do."""

    seats: int = 50
    """How many seats the plan has."""
    users: dict[str, AccessUser] = field(default_factory=dict)
    sessions: dict[str, LoginSession] = field(default_factory=dict)
    """The sessions by their nonces, ended ones included."""
    arrivals: dict[str, ApplicationSession] = field(default_factory=dict, repr=False)
    """Tokens on their way to the hostname of an application, by what the redirect says."""
    pins: list[SentPin] = field(default_factory=list, repr=False)
    log: list[LoginRow] = field(default_factory=list)
    """The rows, the newest last."""
    policy_tests: dict[str, PolicyTest] = field(default_factory=dict)
    revoked_tokens_at: dict[str, datetime] = field(default_factory=dict)
    """When all tokens of an application were revoked, by its id: later ones need a new login."""

    def user_of(self, email: str) -> AccessUser | None:
        """Return the user with an address; case does not matter."""
        return next(
            (user for user in self.users.values() if user.email == email.lower()), None
        )

    def has_seat_for(self, email: str) -> bool:
        """Return whether a person has a seat, or one is free."""
        user = self.user_of(email)
        taken = sum(each.access_seat for each in self.users.values())
        return (user is not None and user.access_seat) or taken < self.seats

    def revoke_user(self, email: str, delay: float, refusal: float) -> None:
        """End every session of a person; the edge follows, and logins are refused for a while."""
        for session in self.sessions.values():
            if session.email == email.lower():
                session.end(delay)
        if (user := self.user_of(email)) is not None:
            user.refused_until = now() + timedelta(seconds=refusal)

    def revoke_application(self, application_id: str, delay: float) -> None:
        """End every person's session with one application, once the edge follows."""
        self.revoked_tokens_at[application_id] = now()
        for session in self.sessions.values():
            for each in session.applications:
                if each.application_id == application_id:
                    each.ends_at = now() + timedelta(seconds=delay)
