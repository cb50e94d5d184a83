"""What Home Assistant shows of the account, and does for it."""

import re

from .flow import Flow
from .home_assistant import DOMAIN, JSON
from .report import expect, expect_equal, until
from .world import World


async def add_new_hostname(world: World) -> Flow:
    """Open the dialog that protects another hostname, and go on with a new one, to its domain."""
    flow = await Flow.add(world.admin, world.entry_id, "protected_hostname")
    if flow.answer["step_id"] == "which":
        await flow.submit()
    flow.expect_step("zone")
    return flow


async def entity_id(world: World, key: str, of: str | None = None) -> str:
    """Return the id of the entity with a key; `of` names its device or tunnel."""
    entities = await world.socket.command("config/entity_registry/list")
    found = [
        entity["entity_id"]
        for entity in entities
        if entity["platform"] == DOMAIN
        and entity["unique_id"].endswith(f"{of or ''}_{key}")
    ]
    expect(len(found) == 1, f"{key} names the entities {found}")
    entity_id: str = found[0]
    return entity_id


async def refresh(world: World) -> None:
    """Make Home Assistant refresh from Cloudflare now, as it does every 15 minutes."""
    hostname = await subentry_of(world, world.hostname)
    sensor = await entity_id(world, "drift", of=hostname["subentry_id"])
    await world.admin.post(
        "/api/services/homeassistant/update_entity", {"entity_id": sensor}
    )


async def list_certificates(world: World) -> list[JSON]:
    """Perform the action `list_certificates`."""
    answer = await world.admin.act(
        f"{DOMAIN}.list_certificates", config_entry_id=world.entry_id
    )
    certificates: list[JSON] = answer["certificates"]
    return certificates


async def until_entry_is_loaded(world: World) -> None:
    """Wait until the entry has reloaded after a change."""

    async def is_loaded() -> bool | None:
        return True if await entry_states(world) == ["loaded"] else None

    await until("the entry is loaded", is_loaded)


async def turn_switch(world: World, state: str, entity_id: str) -> None:
    """Turn a switch on or off, and wait until the entry has reloaded."""
    await world.admin.post(
        f"/api/services/switch/turn_{state}", {"entity_id": entity_id}
    )

    async def is_turned() -> bool | None:
        if await world.admin.state(entity_id) != state:
            return None
        return True if await entry_states(world) == ["loaded"] else None

    await until(f"{entity_id} is {state}", is_turned)


async def entry_states(world: World) -> list[str]:
    """Return the state of each of the integration's entries."""
    path = f"/api/config/config_entries/entry?domain={DOMAIN}"
    return [entry["state"] for entry in await world.admin.get(path)]


async def sync_hostnames(world: World, **options: bool) -> JSON:
    """Perform the action `sync`."""
    return await world.admin.act(
        f"{DOMAIN}.sync", config_entry_id=world.entry_id, **options
    )


async def create_certificate(world: World, name: str) -> JSON:
    """Perform the action `mint_certificate`."""
    return await world.admin.act(
        f"{DOMAIN}.mint_certificate", config_entry_id=world.entry_id, name=name
    )


async def subentries_of(world: World) -> dict[str, JSON]:
    """Return the account's hostnames and companion devices, by their names."""
    subentries = await world.socket.command(
        "config_entries/subentries/list", entry_id=world.entry_id
    )
    return {item["title"]: item for item in subentries}


async def subentry_of(world: World, title: str) -> JSON:
    """Return the account's companion device or hostname of this name."""
    found = await subentries_of(world)
    expect(title in found, f"{title} is not among {list(found)}")
    return found[title]


async def remove_subentry(world: World, title: str) -> None:
    """Remove the account's companion device or hostname of this name."""
    await world.socket.command(
        "config_entries/subentries/delete",
        entry_id=world.entry_id,
        subentry_id=(await subentry_of(world, title))["subentry_id"],
    )


def certificate_events(world: World, kind: str) -> list[JSON]:
    """Return the data of the certificate events of one type."""
    return [
        event["data"]
        for event in world.socket.events
        if event["event_type"] == f"{DOMAIN}_certificate"
        and event["data"]["type"] == kind
    ]


async def until_state(world: World, key: str, of: str, wanted: str) -> None:
    """Wait until an entity has a state."""
    sensor = await entity_id(world, key, of=of)

    async def is_so() -> bool | None:
        return True if await world.admin.state(sensor) == wanted else None

    await until(f"{sensor} is {wanted}", is_so)


async def until_all_is_stored(world: World) -> None:
    """Wait until the devices and the switch's state are written to storage."""
    titles = set(await subentries_of(world))

    async def is_stored() -> bool | None:
        [stored] = [
            entry["subentries"]
            for entry in world.home.stored("core.config_entries")["entries"]
            if entry["entry_id"] == world.entry_id
        ]
        published = [
            subentry["data"]["published"]
            for subentry in stored
            if subentry["subentry_type"] == "protected_hostname"
        ]
        known = {subentry["title"] for subentry in stored}
        return True if (known, published) == (titles, [True]) else None

    await until("the devices and the switch are stored", is_stored)


async def translations(world: World, category: str = "config") -> JSON:
    """Return the English texts of a category, as the front end gets them."""
    answer = await world.socket.command(
        "frontend/get_translations",
        language="en",
        category=category,
        integration=DOMAIN,
    )
    texts: JSON = answer["resources"]
    return texts


async def submit_device(world: World, flow: Flow, **choices: str) -> None:
    """Submit a device's dialog, and wait until it shows the QR code and the link."""
    await flow.submit(**choices)
    await flow.until_shown(world.socket)
    read_handover(world, flow)


def read_handover(world: World, flow: Flow) -> None:
    """Read the link in a dialog, and the code where it shows one."""
    flow.expect_step("handover")
    shown = flow.answer["description_placeholders"]
    link: str = shown["url"]
    for code in flow.answer["data_schema"]:
        expect_equal(code["selector"]["qr_code"]["data"], link, "the QR code")
    local_url, url = world.home.local_url, world.home.url
    expect(link.startswith(f"{local_url}/"), "the link is not to this Home Assistant")
    # Nothing looks up the name here.
    world.link = link.replace(local_url, url, 1)
    world.links.append(world.link)
    # Only where somebody may have a link that asks for it.
    world.codes += re.findall(r"\*\*([0-9]{6})\*\*", shown["asked"])
