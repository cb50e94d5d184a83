"""The options of the app Cloudflared: which hostnames it serves, and what may be changed there (pure).

At each start, the app writes its config file from these options, and points the DNS records of its
hostnames at its tunnel. Facts of this module are from its options and start-up script, 7.0.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from ..api.models import ConnectorToken
from ..api.names import in_dns, is_at_or_below
from ..sync.settings import ProtectedHostname
from .file_rule import app_entry

HOSTS: Final = "additional_hosts"
_FIRST_HOST: Final = "external_hostname"
TOKEN: Final = "tunnel_token"
_SECRET: Final = "!secret "
_SET_UP_BY: Final = (
    TOKEN,
    _FIRST_HOST,
    HOSTS,
    "catch_all_service",
    "nginx_proxy_manager",
)
_HOST_KEYS: Final = frozenset({"hostname", "service", "disableChunkedEncoding"})

type Options = Mapping[str, Any]


class Obstacle(StrEnum):
    """Why a person has to change the options of an app."""

    TOKEN = "token"
    """With a token, the app ignores its other options."""
    SECRET = "secret"
    """Home Assistant would write the values of secrets out in plain text."""
    OTHER_ZONE = "other_zone"
    """The app makes DNS records in one zone, and nothing shows that it is the hostname's."""
    IN_USE = "in_use"
    """The app serves the hostname from another service."""
    MALFORMED = "malformed"
    """The options are none that this knows."""


def find_obstacle(
    options: Options, known: Collection[str], item: ProtectedHostname, zone_name: str
) -> Obstacle | None:
    """Return why a hostname of a zone can't be added by itself, if so.

    Known are the names of the options that the app has: the Supervisor drops all others when somebody
    saves the options.
    """
    hosts = _hosts(options)
    if hosts is None or not options.keys() <= set(known):
        return Obstacle.MALFORMED
    if options.get(TOKEN):
        return Obstacle.TOKEN
    if _has_secret(options):
        return Obstacle.SECRET
    served = [*hosts, str(options.get(_FIRST_HOST) or "")]
    if not any(is_at_or_below(hostname, zone_name) for hostname in served):
        return Obstacle.OTHER_ZONE
    if item.hostname == served[-1] or hosts.get(item.hostname, item.service) != (
        item.service
    ):
        return Obstacle.IN_USE
    return None


def serves(options: Options, item: ProtectedHostname) -> bool:
    """Return whether the app leads a hostname to the service that it should."""
    return (_hosts(options) or {}).get(item.hostname) == item.service


def names(options: Options, hostname: str) -> bool:
    """Return whether the app names a hostname in its options, in any letters, whatever it leads it to."""
    hosts = options.get(HOSTS)
    named = [
        host.get("hostname")
        for host in (hosts if isinstance(hosts, list) else [])
        if isinstance(host, Mapping)
    ]
    return any(
        in_dns(name).removesuffix(".") == hostname
        for name in (*named, options.get(_FIRST_HOST))
        if isinstance(name, str)
    )


def is_unused(options: Options) -> bool:
    """Return whether nobody has set up the app yet: with these options it does not start."""
    return not any(options.get(key) for key in _SET_UP_BY)


def with_token(options: Options, token: ConnectorToken) -> Options:
    """Return the options with which an unused app runs a tunnel that Cloudflare manages."""
    return {**options, TOKEN: token.secret}


def with_host(options: Options, item: ProtectedHostname) -> Options:
    """Return the options with a hostname added below all others, and everything else as it is."""
    return {**options, HOSTS: [*options.get(HOSTS, ()), dict(app_entry(item))]}


def without_host(options: Options, item: ProtectedHostname) -> Options:
    """Return the options without the entry of a hostname as it was added, and nothing else."""
    entry = app_entry(item)
    return {**options, HOSTS: [host for host in options[HOSTS] if host != entry]}


def _hosts(options: Options) -> Mapping[str, str] | None:
    """Return the service of each additional hostname; None where the options are malformed."""
    hosts = options.get(HOSTS, [])
    if not isinstance(hosts, list) or not all(map(_is_host, hosts)):
        return None
    return {host["hostname"]: host["service"] for host in hosts}


def _is_host(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() <= _HOST_KEYS
        and all(isinstance(value.get(key), str) for key in ("hostname", "service"))
    )


def _has_secret(value: object) -> bool:
    """Return whether a value, or one within it, stands for a secret."""
    match value:
        case str():
            return value.startswith(_SECRET)
        case Mapping():
            return _any_secret(value.values())
        case list():
            return _any_secret(value)
    return False


def _any_secret(values: Iterable[object]) -> bool:
    return any(map(_has_secret, values))
