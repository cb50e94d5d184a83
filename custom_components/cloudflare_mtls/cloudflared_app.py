"""The app Cloudflared of Home Assistant OS: found, and changed once a person asks for it.

The Supervisor lets any integration change any app. So this changes one entry of one option, and puts
it back only while the options are as it left them. Nothing of an app's options is logged.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.hassio import is_hassio

from .engine.api.errors import Unavailable
from .engine.api.models import ConnectorToken
from .engine.tunnels.app_options import (
    HOSTS,
    TOKEN,
    Options,
    is_unused,
    names,
    with_token,
)
from .engine.tunnels.reports import ConnectorReport
from .metrics_server import MetricsServer, ProcessEnded, async_metrics_server
from .to_the_end import to_the_end

if TYPE_CHECKING:
    from aiohasupervisor import SupervisorClient
    from aiohasupervisor.models import InstalledAddonComplete

# Each repository of apps has its own prefix.
_SLUG_END: Final = "_cloudflared"
# In the network of the apps; the app says so in its configuration.
_METRICS_PORT: Final = 36500

# As the Supervisor calls them. While it starts, an app counts as started.
_ENDED: Final = frozenset({"error", "stopped"})
_RESTART_SECONDS: Final = 180.0
# From its start until the edge sends it requests.
_CONNECT_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 2.0


class AppTrouble(StrEnum):
    """Why the options of an app are not changed."""

    UNAVAILABLE = "unavailable"
    CHANGED = "changed"
    """The options are not those that a person saw."""
    REFUSED = "refused"
    NOT_BACK = "not_back"
    """The app did not do what its new options say, and has the old ones again."""
    LEFT = "left"
    """The app did not do what its new options say, and they could not be put back."""


class AppError(Exception):
    """An app is not as it should be."""

    def __init__(self, trouble: AppTrouble, detail: str = "") -> None:
        """Say why, with the Supervisor's words if it has any."""
        super().__init__(trouble)
        self.trouble = trouble
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class InstalledApp:
    """An installed app Cloudflared, and the options that it has.

    name: also with the slug, which begins with the app's repository: several may be called the same.
    """

    slug: str
    name: str
    options: Options = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class App(InstalledApp):
    """One that runs: where it tells of itself, the options that it knows, and the connector that it runs."""

    address: str
    known_options: frozenset[str]
    connector: ConnectorReport


async def async_find_unused_apps(hass: HomeAssistant) -> Mapping[str, InstalledApp]:
    """Return the apps that may run a new tunnel, by slug; none where the Supervisor is away."""
    unused: dict[str, InstalledApp] = {}
    if not is_hassio(hass):
        return unused
    client = _client(hass)
    with suppress(AppError):
        for slug in await _slugs(client):
            info = await _info(client, slug)
            if TOKEN in _known_options(info) and is_unused(info.options):
                name, options = _name(info), info.options
                unused[slug] = InstalledApp(slug=slug, name=name, options=options)
    return unused


@to_the_end("The start of an app")
async def async_run_tunnel(
    hass: HomeAssistant, app: InstalledApp, token: ConnectorToken
) -> None:
    """Have an unused app run a tunnel that Cloudflare manages; raise AppError."""
    client = _client(hass)
    await _expect_unchanged(client, app)
    await _set_options(client, app.slug, with_token(app.options, token))
    await _restart(client, app)


async def async_find_apps(hass: HomeAssistant) -> list[App]:
    """Return the apps Cloudflared that run; raise AppError where the Supervisor does not answer."""
    if not is_hassio(hass):
        return []
    client = _client(hass)
    found = [await _find(hass, client, slug) for slug in await _slugs(client)]
    return [app for app in found if app]


async def async_find_app(hass: HomeAssistant, tunnel_id: str) -> App | None:
    """Return the app that runs a tunnel; raise AppError where the Supervisor does not answer."""
    apps = await async_find_apps(hass)
    return next((app for app in apps if app.connector.tunnel_id == tunnel_id), None)


async def async_is_named(hass: HomeAssistant, hostname: str) -> bool:
    """Return whether an app Cloudflared names a hostname, whether it runs or not; raise AppError."""
    if not is_hassio(hass):
        return False
    client = _client(hass)
    found = [await _info(client, slug) for slug in await _slugs(client)]
    return any(names(info.options, hostname) for info in found)


@to_the_end("The change of an app's options")
async def async_change_app(
    hass: HomeAssistant,
    app: App,
    options: Options,
    is_done: Callable[[ConnectorReport], bool],
) -> None:
    """Give an app other options and restart it, until its connector does what they say.

    Raises AppError. Where the connector does not come back, the app gets the old options again.
    """
    client, server = _client(hass), async_metrics_server(hass, app.address)
    await _expect_unchanged(client, app)
    verdict = await _answer(client.addons.addon_config_validate(app.slug, {**options}))
    if not verdict.valid:
        raise AppError(AppTrouble.REFUSED, _reason(verdict.message))
    if (
        await _write(client, app, options)
        and await _is_restarted(client, app)
        and await _becomes(client, server, app, is_done)
    ):
        return
    raise AppError(await _put_back(client, server, app, options))


async def _write(client: SupervisorClient, app: App, options: Options) -> bool:
    """Give an app other options; return whether they are seen to be kept, and raise AppError if refused."""
    try:
        await _set_options(client, app.slug, options)
    except AppError as err:
        # It refuses before it keeps anything; an answer that got lost says nothing.
        if err.trouble is AppTrouble.REFUSED:
            raise
        return False
    try:
        return (await _info(client, app.slug)).options == options
    except AppError:
        return False


async def _expect_unchanged(client: SupervisorClient, app: InstalledApp) -> None:
    """Raise AppError unless an app has the options that a person saw."""
    if (await _info(client, app.slug)).options != app.options:
        raise AppError(AppTrouble.CHANGED)


async def _restart(client: SupervisorClient, app: InstalledApp) -> None:
    """Restart an app; raise AppError unless the Supervisor says that it did."""
    try:
        # The client itself waits for ever.
        async with asyncio.timeout(_RESTART_SECONDS):
            await _answer(client.addons.restart_addon(app.slug))
    except TimeoutError:
        raise AppError(AppTrouble.UNAVAILABLE) from None


async def _is_restarted(client: SupervisorClient, app: InstalledApp) -> bool:
    """Restart an app; return whether the Supervisor says that it did."""
    with suppress(AppError):
        await _restart(client, app)
        return True
    return False


async def _becomes(
    client: SupervisorClient,
    server: MetricsServer,
    app: App,
    is_done: Callable[[ConnectorReport], bool],
) -> bool:
    """Wait until an app runs another connector, or ends; return whether that does what it should."""
    former = app.connector.readiness.connector_id
    for _ in range(int(_CONNECT_SECONDS / _POLL_SECONDS)):
        with suppress(ProcessEnded, Unavailable):
            readiness = await server.read_readiness()
            if readiness.connector_id != former and readiness.connections:
                return is_done(await server.read_report(readiness))
        if await _has_ended(client, app):
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def _has_ended(client: SupervisorClient, app: App) -> bool:
    """Return whether an app runs no longer, as far as the Supervisor says."""
    try:
        return (await _info(client, app.slug)).state in _ENDED
    except AppError:
        return False


async def _put_back(
    client: SupervisorClient, server: MetricsServer, app: App, written: Options
) -> AppTrouble:
    """Give an app its former options, unless somebody changed them since; return what came of it."""
    try:
        current = (await _info(client, app.slug)).options
        if current == written:
            await _set_options(client, app.slug, app.options)
        elif current != app.options:
            return AppTrouble.LEFT
    except AppError:
        return AppTrouble.LEFT
    if await _still_runs(server, app):
        return AppTrouble.NOT_BACK
    await _is_restarted(client, app)
    is_back = await _becomes(client, server, app, lambda report: report.is_connected)
    return AppTrouble.NOT_BACK if is_back else AppTrouble.LEFT


async def _still_runs(server: MetricsServer, app: App) -> bool:
    """Return whether an app was never restarted."""
    try:
        readiness = await server.read_readiness()
    except ProcessEnded, Unavailable:
        return False
    return readiness == app.connector.readiness


async def _find(hass: HomeAssistant, client: SupervisorClient, slug: str) -> App | None:
    """Return an app if it runs, is of a version that this knows, and its connector answers."""
    info = await _info(client, slug)
    known = _known_options(info)
    address = f"{info.hostname}:{_METRICS_PORT}"
    server = async_metrics_server(hass, address)
    if HOSTS not in known:
        return None
    try:
        report = await server.read_report(await server.read_readiness())
    except ProcessEnded, Unavailable:
        return None
    return App(
        slug=slug,
        name=_name(info),
        address=address,
        options=info.options,
        known_options=known,
        connector=report,
    )


async def _slugs(client: SupervisorClient) -> list[str]:
    installed = await _answer(client.addons.list())
    return [item.slug for item in installed if item.slug.endswith(_SLUG_END)]


def _name(info: InstalledAddonComplete) -> str:
    return f"{info.name} ({info.slug})"


def _known_options(info: InstalledAddonComplete) -> frozenset[str]:
    return frozenset(str(item.get("name")) for item in info.schema or ())


def _client(hass: HomeAssistant) -> SupervisorClient:
    # Without a Supervisor, nothing else imports this.
    from homeassistant.components.hassio import get_supervisor_client  # noqa: PLC0415

    return get_supervisor_client(hass)


async def _info(client: SupervisorClient, slug: str) -> InstalledAddonComplete:
    return await _answer(client.addons.addon_info(slug))


async def _set_options(client: SupervisorClient, slug: str, options: Options) -> None:
    from aiohasupervisor.models import AddonsOptions  # noqa: PLC0415

    await _answer(
        client.addons.set_addon_options(slug, AddonsOptions(config={**options}))
    )


async def _answer[ResultT](request: Awaitable[ResultT]) -> ResultT:
    """Return what the Supervisor answers; raise AppError where it does not, or refuses."""
    from aiohasupervisor import SupervisorBadRequestError, SupervisorError  # noqa: PLC0415

    try:
        return await request
    except SupervisorBadRequestError as err:
        raise AppError(AppTrouble.REFUSED, _reason(str(err))) from None
    # The client raises the others where an answer is not as it expects.
    except SupervisorError, LookupError, TypeError, ValueError:
        raise AppError(AppTrouble.UNAVAILABLE) from None


def _reason(message: str) -> str:
    """Return why options are refused, without the options themselves, which hold secrets.

    Source: Supervisor of 2026-08-21, apps/options.py.
    """
    return message.partition(". Got ")[0]
