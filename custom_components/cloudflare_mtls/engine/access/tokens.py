"""Verifies the token that Access adds to the requests of people who have logged in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

# Home Assistant itself depends on it.
import jwt

from ..api.json_fields import Fields

HEADER: Final = "Cf-Access-Jwt-Assertion"
CERTS_PATH: Final = "/cdn-cgi/access/certs"

_ALGORITHM: Final = "RS256"
_LEEWAY: Final = 60
_LONGEST: Final = 8192
_MAX_KEYS: Final = 20


class TokenFault(StrEnum):
    """Why a token proves nothing."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    """Nobody signed it whose key is known; the keys change every few weeks."""
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_AUDIENCE = "wrong_audience"
    """It is for another application."""
    WRONG_TEAM = "wrong_team"
    EXPIRED = "expired"
    TOO_EARLY = "too_early"
    NO_EMAIL = "no_email"
    """A program has it, not a person."""


class TokenInvalid(Exception):
    """A token proves nothing."""

    def __init__(self, fault: TokenFault) -> None:
        """Say why."""
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, kw_only=True)
class TeamKeys:
    """The keys that sign a team's tokens, by their ids: the present one, and others for a while."""

    keys: Mapping[str, jwt.PyJWK]

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read https://{team}/cdn-cgi/access/certs; keys of other kinds are left out.

        Source: Cloudflare's docs, Validate JWTs: keys change every six weeks, and an old one is
        good for seven days more. Raises EngineError.
        """
        keys = {}
        for each in fields.objects("keys", required=True)[:_MAX_KEYS]:
            if (key := _read_key(each.raw())) is not None:
                keys[each.text("kid")] = key
        return cls(keys=keys)


@dataclass(frozen=True, kw_only=True)
class LoggedIn:
    """Who has logged in, as a valid token says; the e-mail address in lower case."""

    email: str
    expires_at: datetime


def verify_token(
    token: str, keys: TeamKeys, *, auth_domain: str, audience: str
) -> LoggedIn:
    """Return who has logged in to an application; raise TokenInvalid.

    auth_domain: the domain of the team's login pages. Signature, audience, issuer, expiry and the
    time from which the token is valid are checked, the times with a leeway of one minute.

    Source: Cloudflare's docs, Validate JWTs, and Application token.
    """
    if len(token) > _LONGEST:
        raise TokenInvalid(TokenFault.MALFORMED)
    try:
        claims = jwt.decode(
            token,
            _key_of(token, keys),
            algorithms=[_ALGORITHM],
            audience=audience,
            issuer=f"https://{auth_domain}",
            leeway=_LEEWAY,
            options={"require": ["aud", "exp", "iss"]},
        )
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except jwt.PyJWTError as err:
        raise TokenInvalid(_fault_of(err)) from err
    except (OverflowError, OSError, TypeError, ValueError) as err:
        # Of a time that is too far away, or none at all, there is no date.
        raise TokenInvalid(TokenFault.MALFORMED) from err
    email = claims.get("email")
    if not isinstance(email, str) or not email:
        raise TokenInvalid(TokenFault.NO_EMAIL)
    return LoggedIn(email=email.lower(), expires_at=expires_at)


def _read_key(raw: Mapping[str, Any]) -> jwt.PyJWK | None:
    if raw.get("kty") != "RSA" or raw.get("alg") not in (None, _ALGORITHM):
        return None
    try:
        return jwt.PyJWK(dict(raw), algorithm=_ALGORITHM)
    except jwt.PyJWTError, ValueError, TypeError:
        return None


def _key_of(token: str, keys: TeamKeys) -> jwt.PyJWK:
    key = keys.keys.get(str(jwt.get_unverified_header(token).get("kid")))
    if key is None:
        raise TokenInvalid(TokenFault.UNKNOWN_KEY)
    return key


def _fault_of(err: jwt.PyJWTError) -> TokenFault:
    match err:
        case jwt.InvalidSignatureError():
            return TokenFault.WRONG_SIGNATURE
        case jwt.ExpiredSignatureError():
            return TokenFault.EXPIRED
        case jwt.ImmatureSignatureError():
            return TokenFault.TOO_EARLY
        case jwt.InvalidAudienceError():
            return TokenFault.WRONG_AUDIENCE
        case jwt.InvalidIssuerError():
            return TokenFault.WRONG_TEAM
        case _:
            return TokenFault.MALFORMED
