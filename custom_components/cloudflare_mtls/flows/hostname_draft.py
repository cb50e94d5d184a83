"""Draft a protected hostname, without forms: look, propose, read, plan, apply.

Each object is made by one step of a dialog: the choices of an account, the chosen tunnel as it
was seen, and the draft itself.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Self

from homeassistant.core import HomeAssistant
from yarl import URL

from ..account import async_get_account_state
from ..const import (
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LAYOUT,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
)
from ..coordinator.web_server import async_find_service
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError, Permission, PermissionMissing, PlanChanged
from ..engine.api.ingress import IngressRule, TunnelConfiguration
from ..engine.api.models import DnsRecord, Observation, Tunnel, Zone, ZoneType
from ..engine.api.names import in_letters
from ..engine.permissions import NEEDED, OPTIONAL, Allowance, find_permissions
from ..engine.rules.adoption import MadeByHand
from ..engine.rules.marks import RECORD_COMMENT
from ..engine.rules.visitors import Visitor
from ..engine.sync.observe import observe
from ..engine.sync.plan import Plan
from ..engine.sync.problems import ProblemCode
from ..engine.sync.reach import Doubt, find_delegation, find_doubt, zone_of
from ..engine.sync.reconciler import Extent, Reconciler
from ..engine.sync.settings import (
    Found,
    HostnameSettings,
    Layout,
    ProtectedHostname,
    in_zone,
    is_exempt_path,
    is_service,
    propose,
    read_hostname,
)
from ..engine.sync.steps import address_record
from ..engine.tunnels.served import find_served
from ..quoting import Ours
from ..wording import Message, async_get_dialog_texts, describe, describe_problem
from .account_tunnels import AccountTunnels
from .allowed_devices import read_devices

SECTION_ADVANCED: Final = "advanced"


@dataclass(frozen=True, kw_only=True)
class AccountChoices:
    """The zones and tunnels of an account, and its hostnames as they are so far."""

    hass: HomeAssistant
    client: CloudflareClient
    account_id: str
    zones: Mapping[str, Zone]
    # Those of other accounts too: one of them may be closer to a hostname.
    visible_zones: tuple[Zone, ...]
    tunnels: AccountTunnels
    # Asked for each time: an account that is loaded again has another one.
    reconciler_for: Callable[[HostnameSettings], Reconciler]
    current: HostnameSettings | None
    # The names of the companion devices, by our ids.
    devices: Mapping[str, str]
    others: tuple[HostnameSettings, ...]

    @classmethod
    async def load(
        cls,
        hass: HomeAssistant,
        client: CloudflareClient,
        account_id: str,
        zones: Iterable[Zone],
        reconciler_for: Callable[[HostnameSettings], Reconciler],
        *,
        current: HostnameSettings | None = None,
        devices: Mapping[str, str] = MappingProxyType({}),
        others: Iterable[HostnameSettings] = (),
    ) -> Self | Message:
        """Return what there is to choose from, or why there is nothing.

        The current settings are those of the hostname to change; there are none for a new one.
        """
        visible = tuple(zones)
        of_account = {
            item.id: item for item in visible if item.account.id == account_id
        }
        if not of_account:
            return Message("no_zone")
        try:
            tunnels = await client.tunnels.list(account_id)
            served = await find_served(client, of_account)
        except EngineError as err:
            return describe(err)
        return cls(
            hass=hass,
            client=client,
            account_id=account_id,
            zones=of_account,
            visible_zones=visible,
            tunnels=AccountTunnels(client, account_id, tunnels, served),
            reconciler_for=reconciler_for,
            current=current,
            devices=devices,
            others=tuple(others),
        )

    async def check(self, zone: Zone, tunnel: Tunnel | None) -> Message | None:
        """Return why no hostname of a zone can be protected, if so, with a tunnel or before."""
        seen = await self._observe(zone, tunnel)
        return seen if isinstance(seen, Message) else None

    async def look_at(self, zone: Zone, tunnel: Tunnel) -> ChosenTunnel | Message:
        """Return a tunnel for a hostname of a zone, or why it cannot serve one."""
        seen = await self._observe(zone, tunnel)
        if isinstance(seen, Message):
            return seen
        observation, permissions = seen
        return ChosenTunnel(
            account=self,
            zone=observation.zone,
            tunnel=tunnel,
            records=observation.records,
            configuration=observation.configurations.get(tunnel.id),
            certificate_names=await self._find_certificate_names(zone.id),
            permissions=permissions,
        )

    async def _find_certificate_names(self, zone_id: str) -> Collection[str] | None:
        """Return for which names the edge has a certificate; None where that is not known."""
        with suppress(EngineError):
            return await self.client.certificate_packs.list_names(zone_id)
        return None

    async def _observe(
        self, zone: Zone, tunnel: Tunnel | None
    ) -> tuple[Observation, Ours] | Message:
        """Return what was seen and the table of permissions, or what is in the way.

        Everything is read once, so that a missing permission shows before anything is written.
        """
        table = Ours()
        try:
            found = await find_permissions(self.client, self.account_id, zone.id)
            table = await _permission_table(self.hass, found)
            _expect_needed(found)
            tunnel_ids = [tunnel.id] if tunnel else []
            observation = await observe(
                self.client, self.account_id, zone.id, tunnel_ids
            )
        except EngineError as err:
            message = describe(err)
        else:
            obstacle = _obstacle(zone, tunnel, observation)
            if obstacle is None:
                return observation, table
            message = obstacle
        return replace(
            message, placeholders={**message.placeholders, "permissions": table}
        )


@dataclass(frozen=True, kw_only=True)
class ChosenTunnel:
    """A tunnel that can serve hostnames of a zone, as both were seen."""

    account: AccountChoices
    zone: Zone
    tunnel: Tunnel
    records: tuple[DnsRecord, ...]
    # None where only the file beside cloudflared knows it.
    configuration: TunnelConfiguration | None
    # Of the edge's certificates; None where they could not be read.
    certificate_names: Collection[str] | None
    # A table in Markdown.
    permissions: Ours

    def propose(self) -> tuple[str, str]:
        """Return a hostname and a service that fit what the tunnel serves already.

        Each is empty where there is no good one: the hostname where all are protected already,
        the service where the address of Home Assistant is not one of the home network.
        """
        hass = self.account.hass
        taken = {item.hostname for item in self.account.others}
        proposal = propose(
            self.zone,
            self._ingress(),
            origins=(f":{hass.http.server_port}", "homeassistant"),
            taken=taken,
            own_hosts=_own_hosts(hass),
            is_reached=self._is_reached,
        )
        if proposal:
            hostname, service = proposal
            return in_letters(hostname), service
        hostname = f"ha-mobile.{self.zone.name}"
        service = async_find_service(hass) or ""
        return "" if hostname in taken else in_letters(hostname), service

    def _ingress(self) -> tuple[IngressRule, ...]:
        """Return the tunnel's ingress rules, those of a file as far as DNS tells of them."""
        if self.configuration:
            return self.configuration.ingress
        service = async_find_service(self.account.hass) or ""
        return tuple(
            IngressRule(hostname=record.name, path=None, service=service, raw={})
            for record in self.records
            if record.tunnel_id == self.tunnel.id
        )

    def read(self, user_input: Mapping[str, Any]) -> HostnameSettings | Message:
        """Return the settings that a person chose, or what is wrong with them."""
        advanced = user_input[SECTION_ADVANCED]
        hostname = read_hostname(user_input[CONF_HOSTNAME])
        service = user_input[CONF_SERVICE].strip()
        typed = (path.strip() for path in advanced.get(CONF_EXEMPT_PATHS, ()))
        # A row of the form may be left blank.
        paths = tuple(path for path in typed if path)
        if hostname is None:
            return Message("hostname_malformed", field=CONF_HOSTNAME)
        if not in_zone(hostname, self.zone):
            return Message(
                "hostname_outside_zone", {"zone": self.zone.name}, CONF_HOSTNAME
            )
        if name := find_delegation(hostname, self.zone, self.records):
            return Message(
                "hostname_delegated",
                {"hostname": hostname, "name": name},
                CONF_HOSTNAME,
            )
        if any(item.hostname == hostname for item in self.account.others):
            return Message("hostname_protected", {"hostname": hostname}, CONF_HOSTNAME)
        if not is_service(service):
            return Message("service_malformed", field=CONF_SERVICE)
        if wrong := next((path for path in paths if not is_exempt_path(path)), None):
            return Message("exempt_path_malformed", {"path": wrong})
        devices = read_devices(user_input)
        if isinstance(devices, Message):
            return devices
        current = self.account.current
        return HostnameSettings(
            zone_id=self.zone.id,
            protected=ProtectedHostname(
                hostname=hostname,
                tunnel_id=self.tunnel.id,
                service=service,
                layout=Layout(advanced[CONF_LAYOUT]),
                exempt_paths=paths,
                published=current is None or current.protected.published,
                found=self._found(hostname),
                devices=devices,
            ),
            keep_in_sync=advanced[CONF_KEEP_IN_SYNC],
        )

    def _found(self, hostname: str) -> Found:
        """Return whether the tunnel serves the hostname for somebody else's sake."""
        if self.configuration is None:
            return Found.ADOPTED
        current = self.account.current
        if current and current.protected.tunnel_id == self.tunnel.id:
            return current.protected.found
        record = address_record(self.records, hostname)
        is_ours = record is not None and record.comment == RECORD_COMMENT
        is_served = self.configuration.rule_for(hostname) is not None
        return Found.ADOPTED if is_served and not is_ours else Found.CREATED

    async def draft(self, user_input: Mapping[str, Any]) -> HostnameDraft | Message:
        """Return a draft of what a person chose, or what is wrong with it."""
        chosen = await self._for_zone_of(user_input[CONF_HOSTNAME])
        if isinstance(chosen, Message):
            return chosen
        settings = chosen.read(user_input)
        if isinstance(settings, Message):
            return settings
        return await chosen.offer(settings)

    async def _for_zone_of(self, text: str) -> ChosenTunnel | Message:
        """Return the tunnel for the zone that serves a hostname, or why it cannot be used."""
        zone = self._zone_of(read_hostname(text))
        if zone is None or zone.id == self.zone.id:
            return self
        account = self.account
        if account.current or zone.id not in account.zones:
            return Message("hostname_in_other_zone", {"zone": zone.name}, CONF_HOSTNAME)
        return await account.look_at(zone, self.tunnel)

    def _zone_of(self, hostname: str | None) -> Zone | None:
        return zone_of(hostname, self.account.visible_zones) if hostname else None

    def find_doubt(self, hostname: str) -> Doubt | None:
        """Return why visitors may not get to a hostname, as far as is known."""
        return find_doubt(hostname, self.zone, self.certificate_names)

    def _is_reached(self, hostname: str) -> bool:
        """Return whether nothing is known that keeps visitors from a hostname of the zone."""
        zone = self._zone_of(hostname)
        return (
            zone is not None
            and zone.id == self.zone.id
            and find_delegation(hostname, zone, self.records) is None
            and self.find_doubt(hostname) is not Doubt.NO_CERTIFICATE
        )

    async def offer(self, settings: HostnameSettings) -> HostnameDraft | Message:
        """Return a draft that takes over what was made by hand, or what is in the way."""
        if message := self._serves_otherwise(settings.protected):
            return message
        reconciler = self.account.reconciler_for(settings)
        try:
            plan = await reconciler.offer(settings.zone_id, {settings.hostname})
        except EngineError as err:
            return describe(err)
        return _problem_of(plan) or HostnameDraft(
            chosen=self,
            settings=settings,
            offered=plan.adoptable,
            takes_over=plan.adoptable,
            plan=plan,
        )

    def _serves_otherwise(self, item: ProtectedHostname) -> Message | None:
        """Return that the tunnel serves the hostname from something else already, if so."""
        current = self.account.current
        services = {item.service, *([current.protected.service] if current else [])}
        known = self.configuration
        rule = known.rule_for(item.hostname) if known else None
        if rule and rule.service not in services:
            return _in_use(item.hostname, rule.service)
        return None


@dataclass(frozen=True, kw_only=True)
class HostnameDraft:
    """Settings of a protected hostname, and the changes that they need at Cloudflare."""

    chosen: ChosenTunnel
    settings: HostnameSettings
    # What was made by hand: all that a person is asked about, and the part that becomes ours.
    offered: frozenset[MadeByHand]
    takes_over: frozenset[MadeByHand]
    plan: Plan

    @property
    def is_local(self) -> bool:
        """Return whether a person has to add the ingress rule to a file, or to an app's options."""
        return self.chosen.configuration is None

    @property
    def doubt(self) -> Doubt | None:
        """Return why visitors may not get to the hostname, as far as is known."""
        return self.chosen.find_doubt(self.settings.hostname)

    @property
    def shuts_out(self) -> bool:
        """Return whether people can use the hostname today without a certificate.

        Where somebody made such rules by hand, browsers and apps are shut out already.
        """
        return not self.offered and any(
            exposure.hostname == self.settings.hostname
            and exposure.visitor is Visitor.NO_CERTIFICATE
            for exposure in self.plan.exposures
        )

    @property
    def devices_before(self) -> frozenset[str] | None:
        """Return the devices that may use the hostname until now, None for all."""
        current = self.chosen.account.current
        return current.protected.devices if current else None

    async def decided(self, *, takes_over: bool) -> HostnameDraft | Message:
        """Return the draft with what a person decided of the offer, or what is in the way."""
        decided = replace(
            self, takes_over=self.offered if takes_over else frozenset[MadeByHand]()
        )
        try:
            decided = await decided.planned()
        except EngineError as err:
            return describe(err)
        return _problem_of(decided.plan) or decided

    async def planned(self) -> HostnameDraft:
        """Return the draft with the changes that it needs now; raise EngineError."""
        plan = await self._reconciler.plan(self.settings.zone_id, self._extent)
        return replace(self, plan=plan)

    async def renewed(self) -> HostnameDraft | Message:
        """Return the draft as it would begin now, or what is in the way."""
        chosen = self.chosen
        seen = await chosen.account.look_at(chosen.zone, chosen.tunnel)
        return seen if isinstance(seen, Message) else await seen.offer(self.settings)

    async def apply(self, is_outdated: Callable[[], bool]) -> None:
        """Make the changes that were shown, and no others; raise EngineError."""
        confirmed = replace(self.plan, adoptable=self.offered)
        extent = replace(self._extent, confirmed={self.settings.zone_id: confirmed})
        account = self.chosen.account
        shared = async_get_account_state(account.hass, account.account_id)
        async with shared.writing:
            # Settings may have changed while this waited for another writer.
            if is_outdated():
                raise PlanChanged
            outcome = await self._reconciler.sync(extent)
        outcome.raise_if_stopped()

    @property
    def _reconciler(self) -> Reconciler:
        return self.chosen.account.reconciler_for(self.settings)

    @property
    def _extent(self) -> Extent:
        return Extent(hostnames={self.settings.hostname}, takes_over=self.takes_over)


def _own_hosts(hass: HomeAssistant) -> set[str]:
    """Return the hosts of the addresses that Home Assistant is set to."""
    urls = (hass.config.external_url, hass.config.internal_url)
    return {URL(url).host or "" for url in urls if url}


def _obstacle(
    zone: Zone, tunnel: Tunnel | None, observation: Observation
) -> Message | None:
    """Return what keeps a zone and a tunnel from being used, if something does."""
    if not observation.zone.active:
        return Message("zone_not_active", {"zone": zone.name}, CONF_ZONE_ID)
    if tunnel and tunnel.id in observation.unread_tunnels:
        return Message("unavailable")
    if observation.zone.type is ZoneType.SECONDARY:
        return Message("zone_secondary", {"zone": zone.name}, CONF_ZONE_ID)
    if tunnel and tunnel.id in observation.gone_tunnels:
        return Message("tunnel_deleted", {"tunnel": tunnel.name}, CONF_TUNNEL_ID)
    return None


def _expect_needed(found: Mapping[Permission, Allowance]) -> None:
    """Raise PermissionMissing if the token lacks a permission that is not optional."""
    for permission in NEEDED:
        if found[permission] is Allowance.NO:
            raise PermissionMissing(permission)


async def _permission_table(
    hass: HomeAssistant, found: Mapping[Permission, Allowance]
) -> Ours:
    """Return what the token may and may not do, as a table in Markdown."""
    text = await async_get_dialog_texts(hass)
    lines = [
        f"| {permission} | {text(_permission_key(permission, allowance))} |"
        for permission, allowance in found.items()
    ]
    return Ours("\n".join(["", "", text("permissions"), "|---|---|", *lines]))


def _permission_key(permission: Permission, allowance: Allowance) -> str:
    """Return the key of the words for whether a token has a permission."""
    if allowance is Allowance.NO and permission in OPTIONAL:
        return "permission_off"
    return f"permission_{allowance}"


def _problem_of(plan: Plan) -> Message | None:
    """Return what only a person can clear away before a plan can be carried out."""
    for problem in plan.problems:
        if problem.code is ProblemCode.RECORD_IN_THE_WAY:
            return _in_use(problem.target, problem.detail)
        return describe_problem(problem)
    return None


def _in_use(hostname: str, by: str) -> Message:
    return Message("hostname_in_use", {"hostname": hostname, "by": by}, CONF_HOSTNAME)
