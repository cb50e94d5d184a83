"""Lists in which several have the same name: a person can tell which one they choose."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.wording import async_get_texts, describe_moment
from sandbox import Sandbox
from sandbox.state import AccessGroup
from tests.common import HOSTNAME, HOSTNAME_ID, act, settle
from tests.engine.access.helpers import OWNER
from tests.limited import PHONE, TABLET, set_up_home
from tests.logins import access_of, only_another_login

from .login_dialog import to_people
from .test_allowed_devices import changes, reconfigure


def labels(result: Any, field: str) -> dict[str, str]:
    """Return what a person chooses from, by its ids."""
    options = result["data_schema"].schema[field].config["options"]
    return {item["value"]: item["label"] for item in options}


def rename(hass: HomeAssistant, entry: MockConfigEntry, old: str, new: str) -> None:
    """Rename a device in Home Assistant's own menu, which takes any name."""
    (device,) = (item for item in entry.subentries.values() if item.title == old)
    hass.config_entries.async_update_subentry(entry, device, title=new)


async def now_in_words(hass: HomeAssistant) -> str:
    """Return the time as people read it."""
    return describe_moment(await async_get_texts(hass, "common"), dt_util.utcnow())


async def test_devices_that_were_renamed_to_the_same(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """They say when they were added: in the list, and where a preview says who loses access."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    first = await now_in_words(hass)
    freezer.tick(timedelta(days=2))
    second = await now_in_words(hass)
    await act(
        hass,
        entry,
        "mint_certificate",
        name="Laptop",
        key_type="ec_p256",
        hostname=HOSTNAME,
    )
    await settle(hass)
    rename(hass, entry, "Laptop", "PHONE")
    await settle(hass)

    form = await entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)

    offered = labels(form, "devices")
    assert offered.pop(PHONE) == f"Phone (added {first})"
    assert offered.pop(TABLET) == "Tablet"
    assert sorted(offered.values()) == [f"PHONE (added {second})", "all"]
    said = changes(await reconfigure(hass, entry, HOSTNAME_ID, [PHONE]))
    assert f"- `PHONE (added {second})`" in said


async def test_devices_that_were_added_in_the_same_minute(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """The clock stands still."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    rename(hass, entry, "Tablet", "Phone")
    await settle(hass)

    offered = labels(
        await entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID), "devices"
    )

    assert offered[PHONE].endswith(" (…0001)")
    assert offered[TABLET].endswith(" (…0002)")


async def test_groups_with_the_same_name(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """As each list: each shows the end of its id, which Cloudflare shows too."""
    only_another_login(sandbox)
    people = [{"email": {"email": OWNER}}]
    access_of(sandbox).groups |= {
        key: AccessGroup(name, people, id=key)
        for key, name in (("a-1111", "Family"), ("b-2222", "family"), ("c", "Friends"))
    }

    offered = labels(await to_people(hass, loaded_entry), "group_id")

    assert offered["a-1111"] == "Family (…1111)"
    assert offered["b-2222"] == "family (…2222)"
    assert offered["c"] == "Friends"
