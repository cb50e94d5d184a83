"""Which Access applications stand in front of a hostname (pure)."""

from collections.abc import Iterable

from ..api.access_models import AccessApplication
from ..api.names import MAX_NAME
from .named_people import lets_strangers_pass


def covering(
    applications: Iterable[AccessApplication], hostname: str
) -> list[tuple[AccessApplication, str]]:
    """Return the applications that cover a hostname or a path of it, each with its address.

    Source: Cloudflare's docs, Access application paths: an exact hostname comes before a
    wildcard, and nothing is inherited; an application of a path covers that path alone.
    """
    found = [
        (application, uri)
        for application in applications
        for uri in application.uris
        if covers(host_of(uri), hostname)
    ]
    if any(host_of(uri) == hostname and not path_of(uri) for _, uri in found):
        return [each for each in found if host_of(each[1]) == hostname]
    return found


def asks_for_login(applications: Iterable[AccessApplication], hostname: str) -> bool:
    """Return whether no stranger reaches a hostname without a login, paths of their own aside.

    Which of two wildcards comes first is not documented, and an application of all paths comes
    before one of the hostname: none of them may let strangers pass.
    """
    found = covering(applications, hostname)
    return any(not path_of(uri) for _, uri in found) and not any(
        _lets_strangers_pass(application, hostname)
        for application, uri in found
        if is_of_all_paths(uri)
    )


def is_of_all_paths(uri: str) -> bool:
    """Return whether an address stands for a whole hostname, as far as anybody knows."""
    return not path_of(uri).strip("*/")


def _lets_strangers_pass(application: AccessApplication, hostname: str) -> bool:
    """Return whether an application that covers a hostname lets strangers pass there."""
    return any(
        lets_strangers_pass(policy) is not False for policy in application.policies
    ) or any(
        is_of_all_paths(uri) and covers(host_of(uri), hostname)
        for uri in application.public
    )


def host_of(uri: str) -> str:
    """Return the hostname of an address, which may hold stars."""
    return uri.partition("/")[0]


def path_of(uri: str) -> str:
    """Return the path of an address without its first slash; nothing for a whole hostname."""
    return uri.partition("/")[2]


def covers(pattern: str, hostname: str) -> bool:
    """Return whether a pattern covers a hostname: a star stands for a part of one label."""
    if len(pattern) > MAX_NAME:
        return False
    patterns, labels = pattern.split("."), hostname.split(".")
    return len(patterns) == len(labels) and all(
        map(_covers_label, patterns, labels, strict=True)
    )


def _covers_label(pattern: str, label: str) -> bool:
    # Of each part, the first place is as good as any later one: nothing is tried twice.
    beginning, *parts = pattern.split("*")
    if not parts:
        return beginning == label
    *middle, end = parts
    if not label.startswith(beginning):
        return False
    position = len(beginning)
    for part in filter(None, middle):
        found = label.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return label.endswith(end) and position <= len(label) - len(end)
