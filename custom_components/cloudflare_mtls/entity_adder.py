"""Adds the entities of a platform: those of what is there, and later those of what is new."""

from collections.abc import Callable, Collection, Iterable, Sequence

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import (
    SUBENTRY_COMPANION_DEVICE,
    SUBENTRY_LOGIN_HOSTNAME,
    SUBENTRY_PROTECTED_HOSTNAME,
)
from .entity import SIGNAL_SUBENTRIES
from .runtime_data import CloudflareConfigEntry

type Create[DescriptionT] = Callable[[CloudflareConfigEntry, DescriptionT, str], Entity]


class EntityAdder:
    """Adds the entities of one platform to an account."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: CloudflareConfigEntry,
        async_add_entities: AddConfigEntryEntitiesCallback,
    ) -> None:
        """Initialize the adder."""
        self._hass = hass
        self._entry = entry
        self._async_add_entities = async_add_entities

    @callback
    def async_add_account[DescriptionT](
        self,
        create: Callable[[CloudflareConfigEntry, DescriptionT], Entity],
        descriptions: Sequence[DescriptionT],
    ) -> None:
        """Add the account's own entities."""
        self._async_add_entities(create(self._entry, item) for item in descriptions)

    @callback
    def async_add_tunnels[DescriptionT](
        self, create: Create[DescriptionT], descriptions: Sequence[DescriptionT]
    ) -> None:
        """Add the entities of every tunnel."""
        tunnels = self._entry.runtime_data.tunnels

        @callback
        def add(tunnel_id: str) -> None:
            self._async_add_entities(
                create(self._entry, item, tunnel_id) for item in descriptions
            )

        check = _async_track(lambda: tunnels.data, add)
        self._entry.async_on_unload(tunnels.async_add_listener(check))

    @callback
    def async_add_hostnames[DescriptionT](
        self, create: Create[DescriptionT], descriptions: Sequence[DescriptionT]
    ) -> None:
        """Add the entities of every protected hostname."""
        self._async_add_subentries(SUBENTRY_PROTECTED_HOSTNAME, create, descriptions)

    @callback
    def async_add_logins[DescriptionT](
        self, create: Create[DescriptionT], descriptions: Sequence[DescriptionT]
    ) -> None:
        """Add the entities of every login hostname."""
        self._async_add_subentries(SUBENTRY_LOGIN_HOSTNAME, create, descriptions)

    @callback
    def async_add_account_with_logins[DescriptionT](
        self,
        create: Callable[[CloudflareConfigEntry, DescriptionT], Entity],
        descriptions: Sequence[DescriptionT],
    ) -> None:
        """Add entities of the account that it has as long as it has a login hostname."""

        @callback
        def current() -> list[str]:
            logins = self._entry.get_subentries_of_type(SUBENTRY_LOGIN_HOSTNAME)
            return [self._entry.entry_id] if any(logins) else []

        @callback
        def add(entry_id: str) -> None:
            self.async_add_account(create, descriptions)

        check = _async_track(current, add)

        @callback
        def follow() -> None:
            check()
            if not current():
                self._async_remove(create(self._entry, item) for item in descriptions)

        # The last one may have gone while the account was not set up.
        follow()
        self._async_follow_subentries(follow)

    @callback
    def _async_remove(self, entities: Iterable[Entity]) -> None:
        """Remove entities of the account, as far as they are there."""
        gone = {entity.unique_id for entity in entities}
        registry = er.async_get(self._hass)
        for item in er.async_entries_for_config_entry(registry, self._entry.entry_id):
            if item.unique_id in gone:
                registry.async_remove(item.entity_id)

    @callback
    def async_add_companions[DescriptionT](
        self, create: Create[DescriptionT], descriptions: Sequence[DescriptionT]
    ) -> None:
        """Add the entities of every companion device."""
        self._async_add_subentries(SUBENTRY_COMPANION_DEVICE, create, descriptions)

    @callback
    def _async_add_subentries[DescriptionT](
        self,
        subentry_type: str,
        create: Create[DescriptionT],
        descriptions: Sequence[DescriptionT],
    ) -> None:
        entry = self._entry

        @callback
        def current() -> list[str]:
            subentries = entry.get_subentries_of_type(subentry_type)
            return [subentry.subentry_id for subentry in subentries]

        @callback
        def add(subentry_id: str) -> None:
            self._async_add_entities(
                (create(entry, item, subentry_id) for item in descriptions),
                config_subentry_id=subentry_id,
            )

        self._async_follow_subentries(_async_track(current, add))

    @callback
    def _async_follow_subentries(self, check: Callable[[], None]) -> None:
        """Check again whenever subentries were added, changed or removed."""

        @callback
        def changed(subentry_ids: Collection[str]) -> None:
            check()

        signal = SIGNAL_SUBENTRIES.format(self._entry.entry_id)
        self._entry.async_on_unload(
            async_dispatcher_connect(self._hass, signal, changed)
        )


@callback
def _async_track(
    current: Callable[[], Collection[str] | None], add: Callable[[str], None]
) -> Callable[[], None]:
    """Call add with the id of everything that is there, and return what looks for new ids.

    While it is not known what is there, nothing is taken for gone.
    """
    known: set[str] = set()

    @callback
    def check() -> None:
        if (found := current()) is None:
            return
        for item in found:
            if item not in known:
                add(item)
        known.clear()
        known.update(found)

    check()
    return check
