"""What was read around a zone's custom rules: it can stop a device that the rules let in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..api.access_models import AccessApplication
from ..api.ingress import TunnelConfiguration
from ..api.models import IpAccessRule, Setting, WorkerRoute, Zone


@dataclass(frozen=True, kw_only=True)
class ZoneSurroundings:
    """What was read around one zone's rules; None, or missing, where the token could never read it.

    Allowing are the IP Access rules for whose visitors no custom rule is evaluated.
    """

    settings: Mapping[Setting, str] = field(default_factory=dict)
    bot_fight_mode: bool | None = None
    allowing: tuple[IpAccessRule, ...] = ()
    worker_routes: tuple[WorkerRoute, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What was read around the rules of an account's zones, by zone id.

    Visible are all zones that the token sees, those of other accounts too. Applications are None
    where the token may not read them. Configurations are those of the account's tunnels, by id,
    except of unread tunnels: nobody could read theirs yet.
    """

    zones: Mapping[str, ZoneSurroundings] = field(default_factory=dict)
    applications: tuple[AccessApplication, ...] | None = None
    visible_zones: tuple[Zone, ...] = ()
    configurations: Mapping[str, TunnelConfiguration] = field(default_factory=dict)
    unread_tunnels: frozenset[str] = frozenset()

    def of(self, zone_id: str) -> ZoneSurroundings:
        """Return what was read of a zone."""
        return self.zones.get(zone_id, ZoneSurroundings())
