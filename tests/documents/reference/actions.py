"""The actions, their fields and their responses, in docs/reference.md."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .texts import ENGLISH, phrase, read_yaml, row, same_keys, table

_SERVICES: Final = read_yaml("services.yaml")
_STATUS: Final[Mapping[str, str]] = {
    "certificate_id": "the certificate",
    "status": "as Cloudflare calls it, such as `active`, `pending_revocation` or `revoked`",
}
_CERTIFICATE: Final[Mapping[str, str]] = {
    "device_id": "the companion device in Home Assistant; null for a certificate that belongs to none of yours",
    "certificate_id": "the certificate; other actions take it",
    "serial_number": "as the certificate has it",
    "fingerprint_sha256": "of the certificate",
    "issued_on": "a time",
    "expires_on": "a time",
}
_CREATED: Final[Mapping[str, str]] = {
    **_CERTIFICATE,
    "handover_url": "the page to open on the device, which asks for a code; the code is in a repair that only administrators see",
    "handover_expires_at": "until then, the page can be opened once",
}
_STEPS: Final[Mapping[str, str]] = {
    "steps": "what was changed, or would be",
    "steps.kind": "such as `block_rule` or `dns_record`",
    "steps.action": "such as `create`, `update` or `delete`",
    "steps.target": "what was changed",
    "steps.detail": "more about it",
    "steps.applied": "whether it was done",
    "problems": "what only a person can solve",
    "problems.code": "the kind of the problem",
    "problems.message": "the same in words",
}
_SYNC: Final[Mapping[str, str]] = {
    "in_sync": "true where nothing is left to do",
    "exposed": "whether somebody reaches one of them without a good certificate; null where that is not known",
    **_STEPS,
}
_RESPONSES: Final[Mapping[str, Mapping[str, str]]] = {
    "mint_certificate": _CREATED,
    "renew_certificate": _CREATED,
    "revoke_certificate": _STATUS,
    "restore_certificate": _STATUS,
    "list_certificates": {
        "certificates": "all of them; of one that can't be read only `certificate_id`, `status` and `trusted`",
        **{f"certificates.{key}": text for key, text in _CERTIFICATE.items()},
        "certificates.name": "the name in the certificate",
        "certificates.status": _STATUS["status"],
        "certificates.trusted": "whether it was created here, or you confirmed it",
        "certificates.hostnames": "the protected hostnames that it opens",
        "certificates.last_seen": "when a device last came with it, as Cloudflare told; null if it did not, or nothing was told",
        "unread_zones": "the domains of the account that could not be read",
    },
    "sync": _SYNC,
    "remove_hostname": _SYNC,
    "create_tunnel": {
        "tunnel_id": "the tunnel at Cloudflare",
        "name": "what it is called there",
        "status": "`inactive`, until cloudflared runs it",
    },
    "verify": {
        "without_certificate": "what the visit met",
        "without_certificate.status": "of the answer; null without one",
        "without_certificate.verdict": "[what it means](#what-a-visit-without-a-certificate-met)",
        "other_ports": "the same by port",
        "enforced": "true where every request was blocked and the rules, as they were read within the last hour, let nobody else in; false where somebody is known to get past them; null where that can't be seen",
        "stranger_at": "when somebody without a valid certificate was last seen to come through; null if nobody did within a day",
        "exposed_to": (
            "who gets past the rules that Cloudflare has now; null if they could not be read, and an empty list if nobody does"
        ),
        "exposed_to.visitor": "what they show; `allowed_visitor` stands for those whom an IP Access rule allows",
        "exposed_to.rule": "through which rule",
        "reaches_home_assistant": (
            "whether a visit with a new certificate, or a device, reached Home Assistant last; null if that is not known"
        ),
        "with_certificate": "where that ended: `home`, or what stood in the way, such as `no_rule` or `login`",
    },
    "get_blocked_requests": {
        "total": "how many; read it as *at least*",
        "sampled": "always true: of very many requests, Cloudflare tells of some",
        "since": "how far back the answer reaches",
        "requests": "up to 200, the newest first",
        "requests.time": "when",
        "requests.country": "from where, as Cloudflare tells",
        "requests.method": "such as `GET`",
        "requests.path": "without what stands behind `?`",
        "requests.user_agent": "what the visitor says it is",
        "requests.rule": "the custom rule that blocked it; null if another part of Cloudflare did, or if the rule can't be read",
        "requests.service": "the part of Cloudflare that did, such as *Custom rules* or *Bot Fight Mode*",
    },
    "protect_with_access": {
        **{key: text for key, text in _SYNC.items() if key != "exposed"},
        "trial": "of a new login: somebody has to log in, or Home Assistant removes it again",
        "trial.url": "where to log in",
        "trial.until": "the last moment",
    },
    "end_access_sessions": {},
    "get_access_logins": {
        "total": "how many",
        "since": "how far back the answer reaches",
        "complete": "`false` if Cloudflare's log has more entries than Home Assistant reads, so that refused logins may be missing",
        "logins": "up to 200, the newest first",
        "logins.time": "when",
        "logins.result": "`allowed` or `refused`",
        "logins.email": "of the person",
        "logins.ip_address": "of the person",
        "logins.country": "from where, as Cloudflare tells",
        "logins.method": "the login method",
    },
    "get_dashboard": {
        "views": "the dashboard's views: one, with a section for each device",
    },
}


def actions() -> Iterator[str]:
    """Yield each action: what it does, its fields, and what it returns."""
    same_keys(_RESPONSES, _SERVICES)
    for key, described in _SERVICES.items():
        texts = ENGLISH["services"][key]
        yield f"### {texts['name']}"
        yield ""
        yield f"`cloudflare_mtls.{key}`. {texts['description']}"
        yield ""
        yield from table("field", "meaning", "value")
        for field, details in described["fields"].items():
            named = texts["fields"][field]
            is_required = " (required)" if details.get("required") else ""
            yield row(
                f"*{named['name']}* `{field}`{is_required}",
                phrase(named["description"]),
                _value(details),
            )
        yield ""
        if response := _RESPONSES[key]:
            yield from table("response", "meaning")
            yield from (row(f"`{name}`", text) for name, text in response.items())
        else:
            yield "It has no response."
        yield ""


def documented_response(action: str) -> set[str]:
    """Return the names of all that an action returns; a dot leads into what is nested."""
    return set(_RESPONSES[action])


def _value(field: Mapping[str, Any]) -> str:
    """Return what may be entered in a field, and what counts without it."""
    parts = []
    match field["selector"]:
        case {"select": {"options": [*options]}}:
            parts.append(", ".join(f"`{option}`" for option in options))
        case {"number": {"min": least, "max": most}}:
            parts.append(f"{least} to {most}")
        case {"config_entry": _}:
            parts.append("the account")
        case {"device": {"model": model}}:
            parts.append(f"a {model.lower()}")
        case {"device": _}:
            parts.append("a device with the companion app")
        case {"boolean": _}:
            parts.append("true or false")
        case {"text": {"multiple": True}}:
            parts.append("a list")
    if "default" in field:
        parts.append(f"`{str(field['default']).lower()}` by default")
    elif "example" in field:
        parts.append(f"for example `{field['example']}`")
    return "; ".join(parts)
