"""The ingress rule that a person adds to the file of a locally managed tunnel (pure)."""

from collections.abc import Mapping
from typing import Any, Final

from ..sync.settings import ProtectedHostname

_HTTPS: Final = "https://"


def file_rule(item: ProtectedHostname) -> Mapping[str, Any]:
    """Return the ingress rule as config.yml takes it, its keys as cloudflared spells them.

    A server at home has a certificate for its public name, if any, and is asked by another one:
    cloudflared would answer 502.

    Source: cloudflared 2026.8.2, config.yml, ingress and originRequest.
    """
    rule = {"hostname": item.hostname, "service": item.service}
    if item.service.startswith(_HTTPS):
        return {**rule, "originRequest": {"noTLSVerify": True}}
    return rule


def app_entry(item: ProtectedHostname) -> Mapping[str, Any]:
    """Return the entry of the app Cloudflared's option additional_hosts: it trusts any certificate.

    Source: the app's options and start-up script, 7.0.
    """
    return {"hostname": item.hostname, "service": item.service}
