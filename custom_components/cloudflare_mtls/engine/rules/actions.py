"""What a custom rule does with the requests that it matches (pure)."""

from collections.abc import Mapping
from typing import Any

from ..api.models import Rule
from .skippable import Skippable
from .truth import Truth


def ends_evaluation(rule: Rule) -> Truth:
    """Return whether some requests that the rule matches pass all custom rules after it.

    None where that is not known: Cloudflare "accepts the matched request" of a visitor who
    solved a challenge, a rule may execute others that nobody has read, and an action or a
    parameter that is not known here may do anything.

    Sources: developers.cloudflare.com, actions reference; WAF custom rules, skip options;
    custom rulesets.
    """
    match rule.action:
        case "block" | "log":
            return False
        case "skip":
            return _skips_custom_rules(rule.action_parameters)
        case _:
            return None


def _skips_custom_rules(parameters: Mapping[str, Any]) -> Truth:
    if "current" in (parameters.get("ruleset"), parameters.get("phase")):
        return True
    skips_others_only = all(
        key in ("phases", "products")
        and isinstance(names, list)
        and all(name in list(Skippable) for name in names)
        for key, names in parameters.items()
    )
    return False if skips_others_only else None
