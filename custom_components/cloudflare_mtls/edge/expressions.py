"""Rule expressions: who may reach a protected hostname (pure)."""

from collections.abc import Iterable, Mapping
from typing import Final

# The Rulesets API refuses longer ones.
MAX_LENGTH: Final = 4096

_VERIFIED: Final = (
    "cf.tls_client_auth.cert_verified and not cf.tls_client_auth.cert_revoked"
)
# Both halves are needed: cert_verified stays true for a revoked certificate.
_UNVERIFIED: Final = (
    "(not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)"
)

_PATH: Final = "http.request.uri.path"
# A zone may have switched URL normalisation off: nothing climbs out of an exempt path.
_PLAIN_PATH: Final = f'not {_PATH} contains ".." and not {_PATH} contains "%"'


def skip_expression(hostnames: Iterable[str]) -> str:
    """Return what the skip rule matches: a good certificate on one of the hostnames.

    Source: Cloudflare's field reference, cf.tls_client_auth.*.
    """
    names = " ".join(_quoted(hostname) for hostname in sorted(hostnames))
    return f"http.host in {{{names}}} and {_VERIFIED}"


def block_expression(exempt_paths: Mapping[str, tuple[str, ...]]) -> str:
    """Return what the block rule matches: each hostname given, without a good certificate.

    Each hostname brings the path prefixes that stay open. The hostname is matched as a
    prefix, in lower case: a port or a trailing dot in the Host header must not be a way
    around, and whether http.host keeps them is documented nowhere.
    """
    hosts = " or ".join(
        _reach(hostname, paths) for hostname, paths in sorted(exempt_paths.items())
    )
    return f"({hosts}) and {_UNVERIFIED}"


def _reach(hostname: str, exempt_paths: tuple[str, ...]) -> str:
    host = f"starts_with(lower(http.host), {_quoted(hostname)})"
    if not exempt_paths:
        return host
    prefixes = " or ".join(
        f"starts_with({_PATH}, {_quoted(path)})" for path in exempt_paths
    )
    return f"({host} and not (({prefixes}) and {_PLAIN_PATH}))"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
