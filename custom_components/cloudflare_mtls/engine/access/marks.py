"""The marks by which Access objects are known to be ours (pure).

Whatever its marks, ours is what has an id that was stored. Without one, applications are known by our
tag together with the name that we give them: anybody may choose the tag in the dashboard. Policies and
groups can carry no tag, so that they are known by the id of an application of ours that uses them, or,
while nothing uses them, by their name.
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
