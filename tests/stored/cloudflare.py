"""What stands at Cloudflare while an account is recorded, and how a sandbox gets to hold it again."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
import pytest

from sandbox import Sandbox, edge
from sandbox.expressions import Request
from sandbox.firewall import Verdict, judge
from sandbox.state import (
    TRANSFORM_PHASE,
    AccessApplication,
    AccessGroup,
    AccessPolicy,
    CertificateStatus,
    ClientCertificate,
    DnsRecord,
    IdentityProvider,
    LoginRow,
    Rule,
    Ruleset,
)
from tests.common import fingerprint_of, zone_of
from tests.faults import Faults
from tests.logins import access_of


class Trouble:
    """What goes wrong at Cloudflare all the time: calls that it refuses, hostnames that everybody reaches."""

    def __init__(self, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin without any."""
        self._faults = faults
        self.refused: list[str] = []
        self.open: list[str] = []
        monkeypatch.setattr(edge.firewall, "judge", self._judge)

    def refuse_to_delete(self, path: str) -> None:
        """Refuse to delete what is at this path, from now on."""
        self.refused.append(path)
        self._faults.refuse("DELETE", f"{path}$", 400, 1400, "No")

    def let_in(self, hostname: str) -> None:
        """Let everybody in at a hostname, whatever its rules say."""
        self.open.append(hostname)

    def _judge(self, rules: Any, request: Request, *rest: Any) -> Verdict:
        if request["http.host"] in self.open:
            return Verdict(None, frozenset())
        return judge(rules, request, *rest)


def what_stands(sandbox: Sandbox, trouble: Trouble) -> dict[str, Any]:
    """Return what stands at Cloudflare, as JSON has it."""
    zone, access = zone_of(sandbox), access_of(sandbox)
    found = {
        "certificates": [
            {
                "id": item.id,
                "subject": item.certificate.subject.rfc4514_string(),
                "not_before": item.certificate.not_valid_before_utc,
                "not_after": item.certificate.not_valid_after_utc,
                "days": item.validity_days,
                "status": item.status,
                "fingerprint": fingerprint_of(item.certificate),
            }
            for item in zone.certificates.values()
        ],
        "rules": [asdict(rule) for rule in zone.rules],
        "header_rules": [asdict(rule) for rule in zone.rules_of(TRANSFORM_PHASE)],
        "associations": zone.associations,
        "records": [asdict(record) for record in zone.dns_records.values()],
        "configuration": sandbox.state.tunnels[sandbox.tunnel_id].config,
        "providers": [asdict(item) for item in access.identity_providers],
        "applications": [asdict(item) for item in access.applications.values()],
        "policies": [asdict(item) for item in access.policies.values()],
        "groups": [asdict(item) for item in access.groups.values()],
        "tags": access.tags,
        "log": [asdict(row) for row in access.people.log],
        "refused": trouble.refused,
        "open": trouble.open,
    }
    text = json.dumps(found, default=datetime.isoformat)
    return dict(json.loads(text))


async def sign_again(
    sandbox: Sandbox, certificates: list[dict[str, Any]]
) -> dict[str, str]:
    """Sign certificates with the same words and dates; return the new fingerprints by the old ones."""
    authority = await sandbox.authorities.get(sandbox.account_id)
    fingerprints = {}
    for item in certificates:
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name.from_rfc4514_string(item["subject"]))
            .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        )
        begins, ends = (
            datetime.fromisoformat(item[key]) for key in ("not_before", "not_after")
        )
        signed = authority.sign_client(request, begins, ends)
        zone_of(sandbox).certificates[item["id"]] = ClientCertificate(
            signed,
            request,
            item["days"],
            CertificateStatus(item["status"]),
            item["id"],
        )
        fingerprints[item["fingerprint"]] = fingerprint_of(signed)
    return fingerprints


def stand_again(sandbox: Sandbox, trouble: Trouble, stood: Mapping[str, Any]) -> None:
    """Have everything else stand at Cloudflare again."""
    zone, access = zone_of(sandbox), access_of(sandbox)
    entrypoint = zone.entrypoint()
    assert entrypoint
    entrypoint.rules = [_made(Rule, rule) for rule in stood["rules"]]
    rules = [_made(Rule, rule) for rule in stood["header_rules"]]
    zone.add_ruleset(Ruleset(TRANSFORM_PHASE, rules))
    zone.associations = stood["associations"]
    zone.dns_records = {item["id"]: _made(DnsRecord, item) for item in stood["records"]}
    sandbox.state.tunnels[sandbox.tunnel_id].config = stood["configuration"]
    access.identity_providers = [
        _made(IdentityProvider, item) for item in stood["providers"]
    ]
    access.policies = {
        item["id"]: _made(AccessPolicy, item) for item in stood["policies"]
    }
    access.applications = {
        item["id"]: _application(item, access.policies)
        for item in stood["applications"]
    }
    access.groups = {item["id"]: _made(AccessGroup, item) for item in stood["groups"]}
    access.tags = stood["tags"]
    access.people.log = [_made(LoginRow, row) for row in stood["log"]]
    for path in stood["refused"]:
        trouble.refuse_to_delete(path)
    for hostname in stood["open"]:
        trouble.let_in(hostname)


def _application(
    data: Mapping[str, Any], policies: Mapping[str, AccessPolicy]
) -> AccessApplication:
    """Return an application; it shares the policies of the account."""
    used = [
        policies.get(item["id"]) or _made(AccessPolicy, item)
        for item in data["policies"]
    ]
    return _made(AccessApplication, {**data, "policies": used})


def _made[T](kind: type[T], data: Mapping[str, Any]) -> T:
    """Return a dataclass as it was before it became JSON."""
    moments = {
        each.name
        for each in fields(kind)  # type: ignore[arg-type]
        if isinstance(each.type, type) and issubclass(each.type, datetime)
    }
    return kind(
        **{
            key: datetime.fromisoformat(value) if key in moments else value
            for key, value in data.items()
        }
    )
