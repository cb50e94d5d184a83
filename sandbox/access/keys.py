"""The keys with which a team signs its tokens, and tokens that were signed."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import secrets
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
import jwt
from jwt.algorithms import RSAAlgorithm
from jwt.types import Options

from ..clock import now

_RETIRED_KEY_VALIDITY = timedelta(days=7)
_UNCHECKED: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
}


@dataclass
class SigningKey:
    """A key with its certificate."""

    key: rsa.RSAPrivateKey
    certificate: str
    kid: str = field(default_factory=lambda: secrets.token_hex(32))
    retired_at: datetime | None = None

    def is_valid(self) -> bool:
        """Return whether tokens that this key signed are still accepted."""
        return (
            self.retired_at is None or now() < self.retired_at + _RETIRED_KEY_VALIDITY
        )

    def as_jwk(self) -> dict[str, Any]:
        """Return the public half as a JSON web key."""
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {
            "kid": self.kid,
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "e": public["e"],
            "n": public["n"],
        }


class KeySet:
    """The keys of one team: the newest signs, and the one before is still good for a while."""

    def __init__(self, keys: list[SigningKey]) -> None:
        """Take keys, the oldest first."""
        self._keys = keys

    def rotate(self, new: SigningKey) -> None:
        """Sign with a new key from now on."""
        self._keys[-1].retired_at = now()
        self._keys.append(new)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a token with these claims."""
        key = self._keys[-1]
        return jwt.encode(
            dict(claims), key.key, algorithm="RS256", headers={"kid": key.kid}
        )

    def claims(self, token: str, kind: str) -> dict[str, Any] | None:
        """Return what a token of a kind says; None if it was not signed here, or is not valid now."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next(each for each in self._valid() if each.kid == kid)
            read: dict[str, Any] = jwt.decode(
                token, key.key.public_key(), algorithms=["RS256"], options=_UNCHECKED
            )
        except jwt.InvalidTokenError, StopIteration, ValueError:
            return None
        # The library would ask the machine's clock.
        is_valid = read["nbf"] <= now().timestamp() < read["exp"]
        return read if is_valid and read["type"] == kind else None

    def published(self) -> dict[str, Any]:
        """Return the document in which everybody finds the public keys."""
        valid = self._valid()
        certificates = [{"kid": key.kid, "cert": key.certificate} for key in valid]
        return {
            "keys": [key.as_jwk() for key in valid],
            "public_cert": certificates[-1],
            "public_certs": certificates,
        }

    def _valid(self) -> list[SigningKey]:
        return [key for key in self._keys if key.is_valid()]


class TeamKeys:
    """The keys of every team, created on first use."""

    def __init__(self) -> None:
        """Start without any key."""
        self._by_account: dict[str, KeySet] = {}
        self._creating = asyncio.Lock()

    def existing(self, account_id: str) -> KeySet | None:
        """Return an account's keys; None if none were created yet."""
        return self._by_account.get(account_id)

    async def get(self, account_id: str) -> KeySet:
        """Return an account's keys; create them on first use."""
        async with self._creating:
            if account_id not in self._by_account:
                old, new = await _new_key(), await _new_key()
                old.retired_at = now()
                self._by_account[account_id] = KeySet([old, new])
        return self._by_account[account_id]

    async def rotate(self, account_id: str) -> None:
        """Have an account sign with a new key."""
        (await self.get(account_id)).rotate(await _new_key())


async def _new_key() -> SigningKey:
    # A separate pool, because Home Assistant's tests fail if a thread is left running.
    with ThreadPoolExecutor(max_workers=1) as pool:
        key = await asyncio.get_running_loop().run_in_executor(
            pool, rsa.generate_private_key, 65537, 2048
        )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cloudflareaccess.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now())
        .not_valid_after(now() + timedelta(days=60))
        .sign(key, hashes.SHA256())
    )
    return SigningKey(key, certificate.public_bytes(Encoding.PEM).decode())
