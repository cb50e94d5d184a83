"""Which policy decides on a request or a login: the rules, evaluated as Access does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any, Protocol

from ..state import AccessGroup, AccessPolicy
from .selectors import IDENTITY

_DEEPEST = 10


class _Rules(Protocol):
    include: list[dict[str, Any]]
    require: list[dict[str, Any]]
    exclude: list[dict[str, Any]]


@dataclass(frozen=True)
class Identity:
    """Who logged in, and by which login method."""

    email: str
    provider_id: str


@dataclass(frozen=True)
class Facts:
    """What is known of a request."""

    country: str
    ip: IPv4Address | IPv6Address | None
    groups: Mapping[str, AccessGroup]
    identity: Identity | None = None
    admitted_by: str = ""
    """The id of the policy that let the person in: their identity is not checked against it again."""


def passes_without_login(policies: Sequence[AccessPolicy], facts: Facts) -> bool:
    """Return whether a policy asks for no login at all, which is looked at before all others."""
    return any(
        applies(policy, facts)
        for policy in policies
        if policy.decision in ("bypass", "non_identity")
    )


def deciding_policy(
    policies: Sequence[AccessPolicy], facts: Facts
) -> AccessPolicy | None:
    """Return the first policy by precedence that allows or denies; None if none does."""
    for policy in policies:
        if policy.decision in ("allow", "deny") and applies(policy, facts):
            return policy
    return None


def applies(policy: AccessPolicy, facts: Facts) -> bool:
    """Return whether a policy is about a request: any of include, all of require, none of exclude."""
    return _Evaluation(facts, policy.id == facts.admitted_by).holds(policy, 0)


def could_admit(policies: Iterable[AccessPolicy], facts: Facts) -> bool:
    """Return whether an address is named by some policy that allows, wherever the person is."""
    return any(
        _Evaluation(facts, False).names(policy)
        for policy in policies
        if policy.decision == "allow"
    )


class _Evaluation:
    """Evaluates rules; a person who was admitted has every identity that they may need."""

    def __init__(self, facts: Facts, is_admitted: bool) -> None:
        self._facts = facts
        self._is_admitted = is_admitted

    def holds(self, rules: _Rules, depth: int) -> bool:
        """Return whether include, require and exclude hold."""
        # Groups may refer to each other.
        if depth > _DEEPEST:
            return False
        return (
            any(self._is_met(rule, depth, wanted=True) for rule in rules.include)
            and all(self._is_met(rule, depth, wanted=True) for rule in rules.require)
            and not any(
                self._is_met(rule, depth, wanted=False) for rule in rules.exclude
            )
        )

    def names(self, rules: _Rules) -> bool:
        """Return whether include names the person, and exclude does not."""
        return any(
            self._is_met(rule, 0, wanted=True) for rule in rules.include
        ) and not any(self._is_met(rule, 0, wanted=False) for rule in rules.exclude)

    def _is_met(self, rule: dict[str, Any], depth: int, *, wanted: bool) -> bool:
        [(kind, value)] = rule.items()
        if kind in IDENTITY and self._is_admitted:
            return wanted
        if kind == "group":
            group = self._facts.groups.get(value["id"])
            return group is not None and self.holds(group, depth + 1)
        return self._matches(kind, value)

    def _matches(self, kind: str, value: dict[str, Any]) -> bool:
        facts, person = self._facts, self._facts.identity
        match kind:
            case "everyone":
                return True
            case "geo":
                return bool(value["country_code"] == facts.country)
            case "ip":
                return facts.ip is not None and facts.ip in ip_network(
                    value["ip"], strict=False
                )
            case "email" if person is not None:
                return bool(value["email"].lower() == person.email)
            case "email_domain" if person is not None:
                domain = value["domain"].lower().removeprefix("@")
                return bool(person.email.partition("@")[2] == domain)
            case "login_method" if person is not None:
                return bool(value["id"] == person.provider_id)
        # Nothing else can be true here: nobody has a device, a service token or a list.
        return False
