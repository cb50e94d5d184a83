"""Certificate authorities: one per account for client certificates, one for the edge."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .clock import machine_now, now
from .state import new_uuid

type ServerKey = ec.EllipticCurvePrivateKey
type PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True)
class Authority:
    """A certificate authority: its certificate and key."""

    id: str
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @classmethod
    def create(
        cls, subject: x509.Name, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    ) -> Authority:
        """Create a self-signed authority that is valid for ten years."""
        public_key = key.public_key()
        identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() - timedelta(days=1))
            .not_valid_after(now() + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(new_uuid(), certificate, key)

    def sign_client(
        self,
        csr: x509.CertificateSigningRequest,
        not_before: datetime,
        not_after: datetime,
    ) -> x509.Certificate:
        """Sign a client's request; keep its subject, drop its extensions."""
        # GUESS: Cloudflare does not copy subject alternative names.
        public_key = csr.public_key()
        assert isinstance(public_key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        return self._sign(
            self._builder(csr.subject, public_key, not_before, not_after).add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
            )
        )

    def sign_server(
        self, hosts: Sequence[str], public_key: PublicKey
    ) -> x509.Certificate:
        """Sign the edge's certificate for these names, called by the first of them."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        names = [
            *(x509.DNSName(host) for host in hosts),
            x509.IPAddress(IPv4Address("127.0.0.1")),
        ]
        # Valid for long, because a test may have frozen the machine's time in the past.
        today, day = machine_now(), timedelta(days=1)
        return self._sign(
            self._builder(subject, public_key, today - day, today + 3650 * day)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )

    def _builder(
        self,
        subject: x509.Name,
        public_key: PublicKey,
        not_before: datetime,
        not_after: datetime,
    ) -> x509.CertificateBuilder:
        issuer_key = self.key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), False
            )
        )

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self.key, hashes.SHA256())


class ClientAuthorities:
    """The managed CA of each account, created on first use, and those that its owner brought."""

    def __init__(self) -> None:
        """Start without any CA."""
        self._by_account: dict[str, Authority] = {}
        # GUESS: each holds for every hostname that is associated with the managed CA.
        self.brought: dict[str, list[Authority]] = {}
        self._creating = asyncio.Lock()

    def existing(self, account_id: str) -> Authority | None:
        """Return an account's CA, or None if it has not been created yet."""
        return self._by_account.get(account_id)

    def all_of(self, account_id: str) -> list[Authority]:
        """Return every CA whose certificates the edge verifies in an account."""
        managed = self.existing(account_id)
        return [*([managed] if managed else []), *self.brought.get(account_id, ())]

    async def get(self, account_id: str) -> Authority:
        """Return an account's CA; create it on first use."""
        async with self._creating:
            if account_id not in self._by_account:
                self._by_account[account_id] = await _in_thread(
                    lambda: _managed_authority(account_id)
                )
        return self._by_account[account_id]


def edge_authority() -> Authority:
    """Create the CA that signs the edge's server certificates."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox edge CA")])
    return Authority.create(subject, new_server_key())


def new_server_key() -> ServerKey:
    """Create a key for a server certificate."""
    return ec.generate_private_key(ec.SECP256R1())


def _managed_authority(account_id: str) -> Authority:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "California"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "San Francisco"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Cloudflare, Inc."),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "www.cloudflare.com"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Managed CA {account_id}"),
        ]
    )
    return Authority.create(subject, rsa.generate_private_key(65537, 2048))


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


async def _in_thread[T](work: Callable[[], T]) -> T:
    # Use a separate pool, because Home Assistant's tests fail if a thread is left running.
    with ThreadPoolExecutor(max_workers=1) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
