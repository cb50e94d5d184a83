"""Coordinator of what connectors say of themselves, at home and without a call to Cloudflare."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.hassio import is_hassio
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from ..account import async_get_account_state
from ..cloudflared_app import AppError, async_find_apps
from ..const import CONF_ACCOUNT_ID, CONF_METRICS_ADDRESSES, LOGGER
from ..engine.api.errors import Unavailable
from ..engine.api.ingress import TunnelConfiguration
from ..engine.arrival import Arrival
from ..engine.moment import Moment
from ..engine.sync.settings import ProtectedHostname
from ..engine.tunnels.reports import ConnectorReport, RuleState, worst_rule_state
from ..issues import Issue, async_report, rule_issue
from ..metrics_server import ProcessEnded, async_metrics_server
from ..subentries import hostnames_of

_INTERVAL: Final = timedelta(seconds=10)
# A connector reads its file once, when it starts; then it has another id. Only Cloudflare can
# give it other rules while it runs.
_WHOLE_REPORT_INTERVAL: Final = timedelta(minutes=5)
_APPS_INTERVAL: Final = timedelta(minutes=15)


class ReportCoordinator(DataUpdateCoordinator[Mapping[str, ConnectorReport]]):
    """Watches the connectors whose metrics servers are known, by their addresses."""

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        local_tunnel_names: Callable[[], Mapping[str, str]],
        arrival_at: Callable[[str], Arrival | None],
        look_again: Callable[[str], None],
    ) -> None:
        """Take what tells the names of local tunnels and what visits met, and what reads a tunnel."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{entry.title} connectors",
            update_interval=None,
            always_update=False,
        )
        self.data = {}
        self._local_tunnel_names = local_tunnel_names
        self._arrival_at = arrival_at
        self._look_again = look_again
        self._read_on: dict[str, Moment] = {}
        self._app_addresses: list[str] = []
        self._apps_found_on: Moment | None = None
        self._has_looked = False
        self._shared = async_get_account_state(hass, entry.data[CONF_ACCOUNT_ID])

    def of_tunnel(self, tunnel_id: str) -> tuple[ConnectorReport, ...]:
        """Return what is known of the connectors of a tunnel."""
        return tuple(
            report for report in self.data.values() if report.tunnel_id == tunnel_id
        )

    def rule_state(self, protected: ProtectedHostname) -> RuleState | None:
        """Return what becomes of requests for a hostname at the worst connector of its tunnel."""
        reports = self.of_tunnel(protected.tunnel_id)
        return worst_rule_state(reports, protected.hostname)

    def local_configurations(self) -> list[TunnelConfiguration] | None:
        """Return the rules of local tunnels as they were told last; None before the first look.

        A connector that has fallen silent still has its rules.
        """
        if not self._has_looked:
            return None
        names = self._local_tunnel_names()
        return [
            TunnelConfiguration(
                tunnel_id=report.tunnel_id, ingress=report.ingress, raw={}
            )
            for address, report in self._shared.connectors.items()
            if report.tunnel_id in names and address in self._addresses
        ]

    @callback
    def async_keep_up(self) -> None:
        """Report the rules that connectors of local tunnels lack."""
        async_report(
            self.hass, self.config_entry.entry_id, "connectors", list(self._issues())
        )

    @override
    async def _async_update_data(self) -> Mapping[str, ConnectorReport]:
        await self._find_apps()
        addresses = self._addresses
        # Without an address there is nothing to look at, until a person enters one or installs an app.
        waiting = _APPS_INTERVAL if is_hassio(self.hass) else None
        self.update_interval = _INTERVAL if addresses else waiting
        read = await asyncio.gather(*map(self._read, addresses))
        reports = {
            address: report
            for address, report in zip(addresses, read, strict=True)
            if report
        }
        # A connector may have fallen silent before the account was reloaded.
        self._shared.connectors = {**self._shared.connectors, **reports}
        self._has_looked = True
        for address in reports.keys() & self.data.keys():
            if _connected(reports[address]) != _connected(self.data[address]):
                self._look_again(reports[address].tunnel_id)
        return reports

    async def _read(self, address: str) -> ConnectorReport | None:
        """Return what the connector at an address says now; None where it says nothing."""
        server, last = async_metrics_server(self.hass, address), self.data.get(address)
        try:
            readiness = await server.read_readiness()
            is_same = last and last.readiness.connector_id == readiness.connector_id
            if last and is_same and not self._is_due(address):
                return last.now(readiness)
            report = await server.read_report(readiness)
        except ProcessEnded:
            return last.after_its_end() if last else None
        except Unavailable as err:
            LOGGER.debug("%s: a metrics server gave no answer: %s", self.name, err)
            return None
        self._read_on[address] = Moment.now()
        return report if is_same or last is None else report.in_place_of(last)

    def _is_due(self, address: str) -> bool:
        return self._read_on[address].age >= _WHOLE_REPORT_INTERVAL

    async def _find_apps(self) -> None:
        """Note where the apps Cloudflared tell of themselves; while nobody says so, they stay where they were."""
        if self._apps_found_on and self._apps_found_on.age < _APPS_INTERVAL:
            return
        self._apps_found_on = Moment.now()
        with suppress(AppError):
            apps = await async_find_apps(self.hass)
            self._app_addresses = [app.address for app in apps]

    @property
    def _addresses(self) -> list[str]:
        typed = self.config_entry.options.get(CONF_METRICS_ADDRESSES, ())
        return list(dict.fromkeys([*typed, *self._app_addresses]))

    def _issues(self) -> Iterator[Issue]:
        """Yield an issue for each published hostname that a local tunnel does not serve.

        The configuration of another tunnel is Cloudflare's, and its drift is told.
        """
        names = self._local_tunnel_names()
        for settings in hostnames_of(self.config_entry.subentries).values():
            protected = settings.protected
            name = names.get(protected.tunnel_id)
            if name is None or not protected.published:
                continue
            # The visit met the same, and its repair says the same.
            if self._arrival_at(protected.hostname) is Arrival.NO_RULE:
                continue
            reports = self.of_tunnel(protected.tunnel_id)
            if issue := rule_issue(protected.hostname, name, reports):
                yield issue


def _connected(report: ConnectorReport) -> str | None:
    """Return the connector that is connected, if one is."""
    return report.readiness.connector_id if report.is_connected else None
