"""Whether rules of Access let in only people, programs and places that somebody named (pure)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from ..api.access_models import AccessApplication, AccessGroup, AccessPolicy, Decision
from ..api.selectors import (
    CountryIs,
    EmailEndsIn,
    EmailIs,
    Everyone,
    FromNetwork,
    InGroup,
    LoggedInBy,
    OtherSelector,
    Selector,
    SelectorRules,
)
from ..rules.truth import Truth, combine, negate

# What these compare with, somebody chose for one's own people or programs. All others, such as the
# risk of a user or a code of two factors, are as true of strangers.
_NAMING: Final = frozenset(
    {
        "email_list",
        "azureAD",
        "gsuite",
        "github-organization",
        "okta",
        "saml",
        "oidc",
        "cloudflare_account_member",
        "service_token",
        "any_valid_service_token",
        "common_name",
        "linked_app_token",
    }
)

# Where anybody may have an address: the free mail services that most people use.
_PUBLIC_MAIL: Final = frozenset(
    {
        "126.com",
        "163.com",
        "aol.com",
        "bol.com.br",
        "fastmail.com",
        "free.fr",
        "freenet.de",
        "gmail.com",
        "gmx.at",
        "gmx.ch",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hotmail.com",
        "hotmail.de",
        "hotmail.fr",
        "hotmail.it",
        "icloud.com",
        "interia.pl",
        "laposte.net",
        "libero.it",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "me.com",
        "msn.com",
        "o2.pl",
        "onet.pl",
        "orange.fr",
        "outlook.com",
        "outlook.de",
        "outlook.fr",
        "outlook.it",
        "pm.me",
        "posteo.de",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "seznam.cz",
        "t-online.de",
        "tuta.com",
        "tutanota.com",
        "uol.com.br",
        "virgilio.it",
        "web.de",
        "wp.pl",
        "yahoo.com",
        "yahoo.de",
        "yahoo.es",
        "yahoo.fr",
        "yahoo.it",
        "yandex.com",
        "yandex.ru",
        "ymail.com",
        "zoho.com",
    }
)

_ASK_FOR_A_LOGIN: Final = (Decision.ALLOW, Decision.DENY)
_LET_IN: Final = (Decision.ALLOW, Decision.NON_IDENTITY, Decision.BYPASS)


def lets_strangers_pass(
    policy: AccessPolicy, groups: Mapping[str, AccessGroup] = MappingProxyType({})
) -> Truth:
    """Return whether a policy lets somebody pass without a login whom it does not name.

    None where that is not understood, as what is in a group that is not among these.

    Source: Cloudflare's docs, Access policies, actions: Bypass and Service Auth ask for no login.
    """
    if policy.decision in _ASK_FOR_A_LOGIN:
        return False
    return None if policy.decision is None else negate(names_all(policy.rules, groups))


def strangers_pass(
    application: AccessApplication | None, groups: Mapping[str, AccessGroup]
) -> Truth:
    """Return whether an application lets somebody pass without a login whom it does not name."""
    policies = application.policies if application else ()
    return combine("or", [lets_strangers_pass(each, groups) for each in policies])


def lets_anybody_in(policy: AccessPolicy, groups: Mapping[str, AccessGroup]) -> bool:
    """Return whether it is certain that a policy lets strangers in, after a login or without one."""
    return policy.decision in _LET_IN and names_all(policy.rules, groups) is False


def may_let_strangers_in(
    policy: AccessPolicy, groups: Mapping[str, AccessGroup]
) -> bool:
    """Return whether somebody may get in whom the policy does not name; what is not understood may."""
    return policy.decision is not Decision.DENY and (
        policy.decision is None or names_all(policy.rules, groups) is not True
    )


def names_all(
    rules: SelectorRules, groups: Mapping[str, AccessGroup] = MappingProxyType({})
) -> Truth:
    """Return whether rules name everybody whom they let in; None where that is not understood.

    They do if each way in names somebody, or if something that is required does.
    """

    def truths(selectors: Iterable[Selector]) -> list[Truth]:
        return [_names(each, groups) for each in selectors]

    return combine(
        "or", (combine("and", truths(rules.include)), *truths(rules.require))
    )


def _names(selector: Selector, groups: Mapping[str, AccessGroup]) -> Truth:
    match selector:
        case EmailIs():
            return True
        case EmailEndsIn(domain):
            return domain not in _PUBLIC_MAIL
        # Somebody else has the same country, and can use the same login method.
        case Everyone() | LoggedInBy() | CountryIs():
            return False
        case FromNetwork() as network:
            return _is_small(network)
        case InGroup(group_id):
            if (group := groups.get(group_id)) is None:
                return None
            # A group that contains itself ends there.
            others = {key: each for key, each in groups.items() if key != group_id}
            return names_all(group.rules, others)
        case OtherSelector() as other:
            return True if other.kind in _NAMING else None


def _is_small(network: FromNetwork) -> Truth:
    """Return whether a network is one address; None where it may be that of a home or a company."""
    match network.parsed:
        case None:
            return None
        case parsed if parsed.prefixlen == parsed.max_prefixlen:
            return True
        case parsed:
            return None if parsed.prefixlen else False
