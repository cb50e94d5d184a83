"""Reads everything that decides who gets through Access."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from typing import Final

from ..api.access_models import WithId
from ..api.client import CloudflareClient
from .observation import AccessObservation, OwnIds

# Lists lag behind writes by up to 30 seconds.
LIST_LAG: Final = timedelta(seconds=45)


async def observe_access(
    client: CloudflareClient,
    account_id: str,
    *,
    stored: Iterable[OwnIds] = (),
    tunnel_ids: Collection[str] = (),
) -> AccessObservation:
    """Return what decides who gets through Access, all read at once.

    Lists lag behind writes, so that what is stored as ours is also read by id.
    A tunnel that is managed locally or gone has no configuration. Raises EngineError:
    ZeroTrustNotSetUp, or PermissionMissing where the token may not read something. An empty list
    of applications, which a token without the permission gets as well, is believed only of one
    that may edit them.
    """
    ids = tuple(stored)
    applications = client.access_applications
    reads = (
        asyncio.ensure_future(client.access_organization.get(account_id)),
        asyncio.ensure_future(client.access_identity_providers.list(account_id)),
        asyncio.ensure_future(client.access_tags.list(account_id)),
        asyncio.ensure_future(
            _read(
                account_id,
                applications.list,
                applications.find,
                {*_present(each.application for each in ids)}.union(
                    *(each.path_applications for each in ids)
                ),
            )
        ),
        asyncio.ensure_future(
            _read(
                account_id,
                client.access_policies.list,
                client.access_policies.find,
                _present(each.policy for each in ids),
            )
        ),
        asyncio.ensure_future(
            _read(
                account_id,
                client.access_groups.list,
                client.access_groups.find,
                _present(each.group for each in ids),
            )
        ),
        asyncio.ensure_future(
            asyncio.gather(
                *(
                    client.tunnels.get_configuration(account_id, tunnel_id)
                    for tunnel_id in tunnel_ids
                )
            )
        ),
    )
    # One that fails leaves no other one under way.
    await asyncio.gather(*reads, return_exceptions=True)
    organization, methods, tags, seen, policies, groups, configurations = reads
    observation = AccessObservation(
        organization=organization.result(),
        login_methods=methods.result(),
        tags=tags.result(),
        applications=seen.result(),
        policies=policies.result(),
        groups=groups.result(),
        configurations={
            each.tunnel_id: each for each in configurations.result() if each
        },
    )
    if not observation.applications:
        await applications.expect_edit_permission(account_id)
    return observation


async def _read[ItemT: WithId](
    account_id: str,
    read_list: Callable[[str], Awaitable[tuple[ItemT, ...]]],
    find: Callable[[str, str], Awaitable[ItemT | None]],
    ids: Collection[str],
) -> tuple[ItemT, ...]:
    """Return what is listed, but of these ids what is read by the id itself."""
    listed, found = await asyncio.gather(
        read_list(account_id),
        asyncio.gather(*(find(account_id, each) for each in sorted(ids))),
    )
    others = (each for each in listed if each.id not in ids)
    return (*others, *(each for each in found if each is not None))


def _present(ids: Iterable[str | None]) -> frozenset[str]:
    return frozenset(each for each in ids if each is not None)
