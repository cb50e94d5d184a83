"""Closes rules that let revoked certificates in, before a certificate is revoked."""

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Final

from ..const import LOGGER
from ..engine.api.errors import EngineError
from ..engine.rules.exposure import Visitor
from ..engine.sync.reconciler import Extent, Reconciler

# Rules that let an unaccepted certificate in may let a revoked one in too.
_OPEN_TO_REVOKED: Final = (
    Visitor.REVOKED_CERTIFICATE,
    Visitor.UNACCEPTED_CERTIFICATE,
)


async def async_close_to_revoked(
    writing: Callable[[], AbstractAsyncContextManager[Reconciler]],
    hostnames: Collection[str],
) -> None:
    """Fix the hostnames that let revoked certificates in.

    Nothing is raised: a hostname that could not be closed is reported as exposed.
    """
    try:
        async with writing() as reconciler:
            zones = await reconciler.preview(Extent(hostnames=hostnames))
            open_hostnames = {
                exposure.hostname
                for zone in zones.values()
                for exposure in zone.left.exposures
                if exposure.visitor in _OPEN_TO_REVOKED
            }
            await reconciler.sync(Extent(hostnames=open_hostnames))
    except EngineError as err:
        LOGGER.debug("Rules could not be fixed before a revocation: %s", err)
