"""Has something at Cloudflare not be readable, or not with this token, and be readable again."""

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS

from .faults import Faults


def go_away(sandbox: Sandbox, faults: Faults, why: str) -> None:
    """Have Cloudflare, the token, the rules or the tunnel fail, or take a permission from the token."""
    match why:
        case "Cloudflare":
            faults.unavailable("*", "")
        case "token":
            faults.refuse("*", "", 401, 1000, "Invalid API Token")
        case "tunnel":
            faults.unavailable("GET", "/configurations")
        case "rules":
            faults.unavailable("GET", "/rulesets")
        case _:
            token = sandbox.state.tokens[sandbox.token]
            token.permissions = ALL_PERMISSIONS - {why}


def come_back(sandbox: Sandbox, faults: Faults) -> None:
    """Have everything be readable again."""
    faults.clear()
    sandbox.state.tokens[sandbox.token].permissions = ALL_PERMISSIONS
