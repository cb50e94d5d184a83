"""Decides which settings of an origin a new ingress rule takes over from another rule (pure)."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from ..api.ingress import IngressRule, TunnelConfiguration

type OriginRequest = tuple[tuple[str, bool | int | str], ...]

_TRUST_AND_TIME: Final = frozenset(
    {
        "caPool",
        "connectTimeout",
        "keepAliveTimeout",
        "noTLSVerify",
        "tcpKeepAlive",
        "tlsTimeout",
    }
)
# Where one proxy serves several applications, these decide which of them answers.
_NAMES: Final = frozenset({"httpHostHeader", "originServerName"})


def settings_of_siblings(
    configuration: TunnelConfiguration, hostname: str, service: str
) -> OriginRequest:
    """Return the origin settings that a new rule for a hostname takes over, by key.

    All come from one rule for the same service: best from that of the browser's hostname, which
    the hostname is named after. Any other rule may be for another application, so no name is
    taken from it. Settings that say whom an application lets in are never taken over.

    Source: PUT /accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations, originRequest.
    """
    own = configuration.rule_for(_browser_hostname(hostname))
    if own and own.service == service:
        return tuple(_settings(own, _TRUST_AND_TIME | _NAMES))
    found = (
        tuple(_settings(rule, _TRUST_AND_TIME))
        for rule in configuration.ingress
        if rule.service == service
    )
    return next(filter(None, found), ())


def _browser_hostname(hostname: str) -> str:
    """Return the hostname that a hostname is named after, the way that one is proposed."""
    label, _, rest = hostname.partition(".")
    return rest if label == "mobile" else f"{label.removesuffix('-mobile')}.{rest}"


def _settings(
    rule: IngressRule, keys: Collection[str]
) -> Iterator[tuple[str, bool | int | str]]:
    settings = rule.raw.get("originRequest")
    if not isinstance(settings, Mapping):
        return
    for key, value in settings.items():
        if key in keys and isinstance(value, bool | int | str):
            yield key, value
