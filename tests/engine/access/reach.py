"""Who reaches what through the sandbox's Access, whatever the engine thinks."""

from collections.abc import Iterator
from ipaddress import ip_address

from sandbox.access.coverage import covering
from sandbox.access.evaluation import (
    Facts,
    Identity,
    deciding_policy,
    passes_without_login,
)
from sandbox.state import Access
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER

PATHS = ("/", "/auth/token", "/api/webhook/abc", "/api/states")
COUNTRIES = ("DE", "AT", "US")
NOBODY = ""

type Way = tuple[str, str, str]


def reach(access: Access) -> frozenset[Way]:
    """Return who reaches which path of the browser's hostname, from which country."""
    return frozenset(_ways(access))


def _ways(access: Access) -> Iterator[Way]:
    for email in (NOBODY, OWNER, PARTNER, STRANGER):
        for country in COUNTRIES:
            for path in PATHS:
                if _reaches(access, email, country, path):
                    yield email, country, path


def _reaches(access: Access, email: str, country: str, path: str) -> bool:
    covered = covering(access.applications.values(), HOME, path)
    if covered is None:
        return True
    policies = covered.application.policies
    facts = Facts(country, ip_address("198.51.100.7"), access.groups)
    if passes_without_login(policies, facts):
        return True
    if not email:
        return False
    who = Facts(country, facts.ip, access.groups, Identity(email, "method"))
    policy = deciding_policy(policies, who)
    return policy is not None and policy.decision == "allow"
