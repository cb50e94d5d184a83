"""The marks by which Access objects are known to be ours (pure).

Applications carry a tag. Policies and groups can carry none, so that they are known by the id of an
application of ours that uses them, by an id that was stored, or, while nothing uses them, by their
name.
"""

from typing import Final

TAG: Final = "home-assistant"


def policy_name(hostname: str) -> str:
    """Return the name of the policy that says who may log in."""
    return f"Home Assistant: {hostname}"


def group_name(hostname: str) -> str:
    """Return the name of the group of countries."""
    return f"Home Assistant: countries for {hostname}"


def application_name(address: str) -> str:
    """Return the name of an application, which the login page shows."""
    return f"Home Assistant ({address})"
