"""The token of a login: nothing but a good one of our own application is believed."""

import base64
from datetime import UTC, datetime, timedelta
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
import jwt
import pytest

from custom_components.cloudflare_mtls.engine.access.tokens import (
    TeamKeys,
    TokenFault,
    TokenInvalid,
    verify_token,
)
from custom_components.cloudflare_mtls.engine.api.errors import EngineError
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from tests.spoiling import every_spoilt

TEAM = "our-team.cloudflareaccess.com"
AUDIENCE = 64 * "a"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    """Return a public key as the team's page has it."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {
        "kid": kid,
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "e": public["e"],
        "n": public["n"],
    }


PAGE = {
    "keys": [jwk(OTHER_KEY, "old"), jwk(KEY, "new")],
    "public_cert": {"kid": "new", "cert": "-----BEGIN CERTIFICATE-----"},
    "public_certs": [],
}
KEYS = TeamKeys.parse(Fields(PAGE))


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of a good token; what is None is left out, and times are from now on."""
    now = datetime.now(UTC)
    found: dict[str, Any] = {
        "aud": [AUDIENCE],
        "email": "Owner@example.com",
        "exp": now + timedelta(hours=1),
        "iat": now,
        "nbf": now,
        "iss": f"https://{TEAM}",
        "type": "app",
        "identity_nonce": "n",
        "sub": "s",
        "country": "DE",
    } | changed
    return {
        key: now + value if isinstance(value, timedelta) else value
        for key, value in found.items()
        if value is not None
    }


def signed(
    kid: str | None = "new", key: Any = KEY, algorithm: str = "RS256", **changed: Any
) -> str:
    """Return a signed token."""
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers=headers)


def fault_of(token: str) -> TokenFault:
    """Return why a token is not believed."""
    with pytest.raises(TokenInvalid) as raised:
        verify_token(token, KEYS, auth_domain=TEAM, audience=AUDIENCE)
    return raised.value.fault


@pytest.mark.parametrize(
    "changed",
    [{}, {"kid": "old", "key": OTHER_KEY}, {"aud": AUDIENCE}],
    ids=["new key", "old key", "one audience"],
)
def test_good(changed: dict[str, Any]) -> None:
    """Either key is good, and so is an audience outside a list."""
    who = verify_token(signed(**changed), KEYS, auth_domain=TEAM, audience=AUDIENCE)
    assert who.email == "owner@example.com"
    assert (
        timedelta(minutes=59) < who.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    )


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"aud": ["b"]}, TokenFault.WRONG_AUDIENCE),
        ({"aud": []}, TokenFault.MALFORMED),
        ({"exp": 10**30}, TokenFault.MALFORMED),
        ({"aud": None}, TokenFault.MALFORMED),
        ({"iss": "https://other.cloudflareaccess.com"}, TokenFault.WRONG_TEAM),
        ({"iss": TEAM}, TokenFault.WRONG_TEAM),
        ({"iss": None}, TokenFault.MALFORMED),
        ({"exp": timedelta(minutes=-2)}, TokenFault.EXPIRED),
        ({"exp": None}, TokenFault.MALFORMED),
        ({"nbf": timedelta(minutes=2)}, TokenFault.TOO_EARLY),
        ({"email": None, "common_name": "x"}, TokenFault.NO_EMAIL),
        ({"email": ""}, TokenFault.NO_EMAIL),
        ({"email": ["owner@example.com"]}, TokenFault.NO_EMAIL),
        ({"kid": None}, TokenFault.UNKNOWN_KEY),
        ({"kid": "future"}, TokenFault.UNKNOWN_KEY),
        ({"kid": "old"}, TokenFault.WRONG_SIGNATURE),
        ({"algorithm": "PS256"}, TokenFault.MALFORMED),
        ({"algorithm": "RS512"}, TokenFault.MALFORMED),
    ],
)
def test_bad(changed: dict[str, Any], fault: TokenFault) -> None:
    """One thing that is wrong is enough."""
    assert fault_of(signed(**changed)) is fault


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": timedelta(seconds=-30)},
        {"nbf": timedelta(seconds=30)},
    ],
)
def test_clocks_differ_a_little(changed: dict[str, Any]) -> None:
    """Half a minute is nobody's fault."""
    verify_token(signed(**changed), KEYS, auth_domain=TEAM, audience=AUDIENCE)


def test_public_key_as_a_shared_secret() -> None:
    """A signature made with what everybody knows proves nothing."""
    parts = [
        base64.urlsafe_b64encode(
            json.dumps(part, default=lambda time: int(time.timestamp())).encode()
        ).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": "new"}, claims())
    ]
    message = b".".join(parts)
    secret = json.dumps(jwk(KEY, "new")).encode()
    signature = base64.urlsafe_b64encode(hmac.digest(secret, message, hashlib.sha256))
    token = b".".join((message, signature.rstrip(b"="))).decode()
    assert fault_of(token) is TokenFault.MALFORMED


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "ä.b.c",
        "..",
        9000 * "x",
        "\x00",
        f"{base64.urlsafe_b64encode(6000 * b'[').decode()}.b.c",
    ],
    ids=range(7),
)
def test_malformed(token: str) -> None:
    """Whatever somebody sends raises nothing else."""
    assert fault_of(token) is TokenFault.MALFORMED


def test_token_that_somebody_changed() -> None:
    """Cut off, added to, or without a signature, it proves nothing."""
    faults = (TokenFault.MALFORMED, TokenFault.WRONG_SIGNATURE)
    assert fault_of(signed()[:-8]) in faults
    assert fault_of(signed() + ".x") in faults
    assert fault_of(signed(key=None, algorithm="none")) in faults


def test_keys_of_other_kinds_are_left_out() -> None:
    """Only RSA keys sign what is read here."""
    curve = json.loads(
        jwt.algorithms.ECAlgorithm.to_jwk(
            ec.generate_private_key(ec.SECP256R1()).public_key()
        )
    )
    odd = [
        {**curve, "kid": "curve"},
        {"kid": "none", "kty": "RSA"},
        {**jwk(KEY, "x"), "alg": "RS512"},
    ]
    assert TeamKeys.parse(Fields({"keys": [*odd, jwk(KEY, "new")]})).keys.keys() == {
        "new"
    }


def test_spoilt_page() -> None:
    """A page with one value spoilt is read, or is an EngineError."""
    for other in every_spoilt(PAGE):
        try:
            keys = TeamKeys.parse(Fields(other))
        except EngineError:
            continue
        try:
            verify_token(signed(), keys, auth_domain=TEAM, audience=AUDIENCE)
        except TokenInvalid:
            continue
