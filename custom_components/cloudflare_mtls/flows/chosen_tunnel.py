"""A tunnel that a person chose for hostnames of a zone, and what it serves already, without forms."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from homeassistant.core import HomeAssistant
from yarl import URL

from ..const import CONF_HOSTNAME
from ..coordinator.web_server import async_find_service, async_read_server
from ..engine.api.errors import EngineError
from ..engine.api.ingress import IngressRule, TunnelConfiguration
from ..engine.api.models import DnsRecord, Observation, Tunnel, Zone
from ..engine.api.names import in_letters
from ..engine.checks.origin import Origin
from ..engine.rules.exposure import records_to_an_origin
from ..engine.rules.marks import RECORD_COMMENT
from ..engine.rules.pairs import pair_naming, read_pairs
from ..engine.sync.reach import Doubt, find_delegation, find_doubt, zone_of
from ..engine.sync.settings import Found, Purpose, propose
from ..engine.sync.steps import address_record
from ..quoting import Ours
from ..wording import Message
from .account_choices import AccountChoices


@dataclass(frozen=True, kw_only=True)
class ChosenTunnel:
    """A tunnel that can serve hostnames of a zone, as both were seen."""

    account: AccountChoices
    tunnel: Tunnel
    observation: Observation
    # Of the edge's certificates; None where they could not be read.
    certificate_names: Collection[str] | None
    # A table in Markdown.
    permissions: Ours

    @property
    def zone(self) -> Zone:
        """Return the zone."""
        return self.observation.zone

    @property
    def records(self) -> tuple[DnsRecord, ...]:
        """Return the zone's DNS records."""
        return self.observation.records

    @property
    def configuration(self) -> TunnelConfiguration | None:
        """Return the tunnel's configuration; None where only the file beside cloudflared knows it."""
        return self.observation.configurations.get(self.tunnel.id)

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

    def serves(self, hostname: str) -> bool:
        """Return whether visitors reach a hostname by this tunnel for somebody else's sake.

        A name that only wildcards lead there is a new one: it gets a record and a rule of its own.
        """
        record = address_record(self.records, hostname)
        if record and record.comment == RECORD_COMMENT:
            return False
        leading = records_to_an_origin(self.observation, hostname)
        known = self.configuration
        is_named = record or (known and known.rule_for(hostname))
        return bool(is_named) and any(
            item.tunnel_id == self.tunnel.id for item in leading
        )

    def service_of(self, hostname: str) -> str | None:
        """Return from what the tunnel serves a hostname; None where no rule says so."""
        return self.configuration.service_of(hostname) if self.configuration else None

    def found(self, hostname: str) -> Found:
        """Return whether the tunnel serves the hostname for somebody else's sake."""
        current = self.account.current
        if self.configuration is None:
            return Found.ADOPTED
        if current and current.protected.tunnel_id == self.tunnel.id:
            return current.protected.found
        record = address_record(self.records, hostname)
        is_ours = record is not None and record.comment == RECORD_COMMENT
        is_served = self.configuration.rule_for(hostname) is not None
        is_theirs = self.serves(hostname) or (is_served and not is_ours)
        return Found.ADOPTED if is_theirs else Found.CREATED

    def was_asked(self, hostname: str) -> bool:
        """Return whether visitors of a hostname were asked for a certificate before it is protected."""
        if current := self.account.current:
            return current.protected.was_asked
        ours = pair_naming(read_pairs(self.observation.ruleset), hostname)
        return ours is None and self.observation.is_associated(hostname)

    def guess_purpose(self, hostname: str, service: str) -> Purpose:
        """Return what a hostname is for, as its name and its service tell."""
        hass = self.account.hass
        origin = Origin.read(service)
        is_home = hostname in _own_hosts(hass) or (
            origin is not None and origin.may_be(async_read_server(hass))
        )
        return Purpose.HOME_ASSISTANT if is_home else Purpose.OTHER

    def zone_of(self, hostname: str) -> Zone | None:
        """Return the zone that serves a hostname, of all that are visible."""
        return zone_of(hostname, self.account.visible_zones)

    def find_doubt(self, hostname: str) -> Doubt | None:
        """Return why visitors may not get to a hostname, as far as is known."""
        return find_doubt(hostname, self.zone, self.certificate_names)

    def _is_reached(self, hostname: str) -> bool:
        """Return whether nothing is known that keeps visitors from a hostname of the zone."""
        zone = self.zone_of(hostname)
        return (
            zone is not None
            and zone.id == self.zone.id
            and find_delegation(hostname, zone, self.records) is None
            and self.find_doubt(hostname) is not Doubt.NO_CERTIFICATE
        )


async def look_at(
    account: AccountChoices, zone: Zone, tunnel: Tunnel
) -> ChosenTunnel | Message:
    """Return a tunnel for a hostname of a zone, or why it cannot serve one."""
    seen = await account.observe(zone, tunnel)
    if isinstance(seen, Message):
        return seen
    observation, permissions = seen
    certificate_names: Collection[str] | None = None
    with suppress(EngineError):
        certificate_names = await account.client.certificate_packs.list_names(zone.id)
    return ChosenTunnel(
        account=account,
        tunnel=tunnel,
        observation=observation,
        certificate_names=certificate_names,
        permissions=permissions,
    )


async def chosen_for(chosen: ChosenTunnel, hostname: str) -> ChosenTunnel | Message:
    """Return what serves a hostname that a person typed: maybe another zone, or another tunnel."""
    account, zone = chosen.account, chosen.zone_of(hostname)
    found: ChosenTunnel | Message = chosen
    if zone and zone.id != chosen.zone.id:
        if account.current or zone.id not in account.zones:
            return Message("hostname_in_other_zone", {"zone": zone.name}, CONF_HOSTNAME)
        found = await look_at(account, zone, chosen.tunnel)
    if isinstance(found, Message) or account.current:
        return found
    tunnel = _tunnel_of_owner(found, hostname)
    return await look_at(account, found.zone, tunnel) if tunnel else found


def _tunnel_of_owner(chosen: ChosenTunnel, hostname: str) -> Tunnel | None:
    """Return another tunnel of the account to which somebody leads a hostname, if so."""
    record = address_record(chosen.records, hostname)
    if record is None or record.comment == RECORD_COMMENT:
        return None
    tunnel = chosen.account.tunnels.by_id.get(record.tunnel_id or "")
    return None if tunnel == chosen.tunnel else tunnel


def _own_hosts(hass: HomeAssistant) -> set[str]:
    """Return the hosts of the addresses that Home Assistant is set to."""
    urls = (hass.config.external_url, hass.config.internal_url)
    return {URL(url).host or "" for url in urls if url}
