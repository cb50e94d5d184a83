"""What of an account's Access is ours, by its name and its tag, and what is of others."""

from typing import Any

from custom_components.cloudflare_mtls.engine.access.marks import TAG
from sandbox.state import Access


def ours(access: Access) -> list[str]:
    """Return the names of what is ours, each as often as it is there."""
    named: tuple[Any, ...] = (*access.applications.values(), *access.policies.values())
    return [
        item.name
        for item in (*named, *access.groups.values())
        if item.name.startswith("Home Assistant")
    ] + [tag for tag in access.tags if tag == TAG]


def counts(access: Access) -> dict[str, int]:
    """Return how often each name of ours is there."""
    names = ours(access)
    return {name: names.count(name) for name in names}


def foreign(access: Access) -> list[Any]:
    """Return what others made."""
    items: tuple[Any, ...] = (
        *access.applications.values(),
        *access.policies.values(),
        *access.groups.values(),
    )
    return [item for item in items if not item.name.startswith("Home Assistant")]
