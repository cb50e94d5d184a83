"""The repairs, and the checks that lead to some of them, in docs/reference.md."""

from collections.abc import Iterator, Mapping
import re
from typing import Any, Final

from custom_components.cloudflare_mtls.engine.checks.specs import SPECS, Check

from .texts import ENGLISH, row, same_keys, table

_ISSUES: Final[Mapping[str, Any]] = ENGLISH["issues"]
_PAGE: Final = "troubleshooting.md"
_CHECK: Final = "check_"
_WHY: Final[Mapping[Check, str]] = {
    Check.ZONE_PAUSED: "Cloudflare serves nothing for a domain that is paused",
    Check.ZONE_INACTIVE: "Cloudflare serves nothing for it",
    Check.OTHER_ZONE: "Cloudflare serves the hostname from a domain that is closer to it, such as `lab.example.com`",
    Check.DELEGATED: "NS records have other name servers answer, so devices no longer reach Cloudflare",
    Check.WEBSOCKETS_OFF: "the app talks over a WebSocket, and can't connect without",
    Check.UNDER_ATTACK: "only a browser passes its page; with two custom rules, your devices skip it",
    Check.BOT_FIGHT_MODE: "it sometimes blocks the app as a bot, and no rule can make an exception",
    Check.ZERO_RTT_ON: "a request is sent before the certificate is shown, so the app fails now and then",
    Check.TLS_1_3_ONLY: "older versions of the app for iOS open their WebSocket with TLS 1.2",
    Check.HTTP3_ON: "some browsers of computers show no certificate over HTTP/3; only if one of your devices is a computer",
    Check.RULE_BLOCKS: "a custom rule ahead of ours blocks or challenges your devices too",
    Check.RULE_MAY_BLOCK: "a custom rule ahead of ours may do so",
    Check.ACCESS_LOGIN: "Access asks for a login on a page that the app can't show",
    Check.IP_ACCESS_ALLOW: "nobody whom an IP Access rule allows needs a certificate: Cloudflare skips all custom rules for them",
    Check.WORKERS: "a Worker that fetches from your hostname reaches it past the custom rules",
    Check.OPEN_HOSTNAME: (
        "another hostname leads to the same service, so strangers can try there what they can't try here, unless Access asks for "
        "a login"
    ),
    Check.NO_CATCH_ALL: "without a rule for all other requests, cloudflared refuses its configuration",
    Check.ORIGIN_CERTIFICATE: "cloudflared refuses a certificate that is for another name, and the app gets 502",
    Check.ORIGIN_LOCAL_NAME: "most containers, and many other connectors, can't find a name that ends with .local, and the app gets 502",
    Check.ORIGIN_PORT: "Home Assistant listens on another port, and the app gets 502; only for a tunnel that leads to this machine",
    Check.ORIGIN_SCHEME: "Home Assistant expects the other one of http and https, and the app gets 502 or 400; only for a tunnel that leads to this machine",
    Check.PROXY_NOT_TRUSTED: "all that comes through the tunnel gets 400 Bad Request; only for a tunnel that leads to this machine",
}


def repairs() -> Iterator[str]:
    """Yield every repair, and what its dialog offers."""
    yield from table("repair", "its dialog offers")
    keys = [key for key in _ISSUES if not key.startswith(_CHECK)]
    for key in sorted(keys, key=_title):
        yield row(_link(key), _offers(_ISSUES[key]))


def checks() -> Iterator[str]:
    """Yield every check: the repair that it opens, why, and what its dialog offers."""
    same_keys(_WHY, SPECS)
    yield from table("repair", "why", "its dialog offers")
    for check, why in _WHY.items():
        key = f"{_CHECK}{check}"
        yield row(_link(key), why, _offers(_ISSUES[key]))


def _link(key: str) -> str:
    return f"[{_title(key)}]({_PAGE}#{key})"


def _title(key: str) -> str:
    """Return the title of a repair, with words in place of what differs."""
    return re.sub(r"\{(\w+)\}", r"*\1*", str(_ISSUES[key]["title"]))


def _offers(issue: Mapping[str, Any]) -> str:
    """Return what a person can choose in the dialog of a repair, besides to ignore it."""
    if not (flow := issue.get("fix_flow")):
        return ""
    first: Mapping[str, Any] = next(iter(flow["step"].values()))
    offered = first.get("menu_options", {"handover": first.get("title")})
    return ", ".join(f"*{label}*" for key, label in offered.items() if key != "ignore")
