"""Tests of the address from which devices download certificates: looked at before one is created."""

from typing import Any

from homeassistant.components.http import ApiConfig
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import act, issues, submit
from tests.dialogs import CHOSEN, add, begin_repair, certificates, renew

WARNING = "Other devices may not be able to open"
PATH = "/api/cloudflare_mtls/handover"


async def find_at(
    hass: HomeAssistant,
    local_ip: str | None,
    internal_url: str | None = None,
    *,
    tls: bool = False,
) -> None:
    """Set where Home Assistant is found, and where it is from outside."""
    await hass.config.async_update(
        internal_url=internal_url, external_url="https://home.example.com"
    )
    hass.config.api = (
        ApiConfig(local_ip=local_ip, host="0.0.0.0", port=8123, use_ssl=tls)
        if local_ip
        else None
    )


def said(result: Any) -> str:
    """Return what a form says of the address."""
    return str(result["description_placeholders"]["local_address"])


def links(result: Any) -> set[str]:
    """Return where the link leads, and the QR code where there is one."""
    codes = [item.config["data"] for item in result["data_schema"].schema.values()]
    url = result["description_placeholders"]["url"]
    return {each.partition(PATH)[0] for each in (url, *codes)}


@pytest.mark.parametrize(
    ("local_ip", "internal_url", "address"),
    [
        ("172.18.0.5", None, "http://172.18.0.5:8123"),
        ("172.17.0.2", None, "http://172.17.0.2:8123"),
        ("10.88.0.7", None, "http://10.88.0.7:8123"),
        ("172.30.32.1", "http://homeassistant:8123", "http://homeassistant:8123"),
        ("172.18.0.5", "http://ha", "http://ha"),
        (None, "http://host.docker.internal:8123", "http://host.docker.internal:8123"),
        ("172.18.0.5", "http://172.18.0.5:8123", "http://172.18.0.5:8123"),
    ],
)
async def test_address_of_a_container(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    local_ip: str,
    internal_url: str | None,
    address: str,
) -> None:
    """The dialog warns before anything is created, and again beside the QR code."""
    await find_at(hass, local_ip, internal_url)

    result = await add(hass, loaded_entry)

    assert f"{WARNING} `{address}`" in said(result)
    assert certificates(sandbox) == {}
    result = await submit(hass, result, CHOSEN)
    assert f"{WARNING} `{address}`" in said(result)
    assert links(result) == {address}


@pytest.mark.parametrize(
    ("local_ip", "internal_url", "address"),
    [
        ("192.168.1.10", None, "http://192.168.1.10:8123"),
        ("172.18.0.5", "http://192.168.1.10:8123", "http://192.168.1.10:8123"),
        ("172.18.0.5", "http://ha.lan:8123", "http://ha.lan:8123"),
        # What other devices can open is offered instead.
        ("192.168.1.10", "http://homeassistant:8123", "http://192.168.1.10:8123"),
        ("192.168.1.10", "http://localhost:8123", "http://192.168.1.10:8123"),
        ("192.168.1.10", "http://127.0.0.1:8123", "http://192.168.1.10:8123"),
        ("192.168.1.10", "http://172.18.0.5:8123", "http://192.168.1.10:8123"),
    ],
)
async def test_address_on_the_home_network(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    local_ip: str,
    internal_url: str | None,
    address: str,
) -> None:
    """The dialog says which address devices will be sent to."""
    await find_at(hass, local_ip, internal_url)

    result = await add(hass, loaded_entry)

    assert said(result) == (
        f"\n\nThe device downloads it on your home network, from `{address}`."
    )
    result = await submit(hass, result, CHOSEN)
    assert links(result) == {address}
    assert said(result) == ""


@pytest.mark.parametrize(
    ("local_ip", "internal_url", "tls"),
    [
        ("127.0.0.1", None, False),
        ("127.0.0.1", "http://localhost:8123", False),
        ("172.18.0.5", "http://[::1]:8123", False),
        # By its number, no device would trust it.
        ("192.168.1.10", "https://localhost:8123", True),
        (None, None, False),
    ],
)
async def test_address_of_this_machine_alone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    local_ip: str | None,
    internal_url: str | None,
    tls: bool,
) -> None:
    """No device could download a certificate, so none is created."""
    await find_at(hass, local_ip, internal_url, tls=tls)

    result = await add(hass, loaded_entry)

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_local_url")
    assert certificates(sandbox) == {}


LOCAL, NUMERIC = "http://homeassistant.local:8123", "http://192.168.1.10:8123"


@pytest.mark.parametrize(
    ("system", "first", "second"),
    [
        ("android", NUMERIC, LOCAL),
        ("wear_os", NUMERIC, LOCAL),
        ("ios", LOCAL, NUMERIC),
        ("macos", LOCAL, NUMERIC),
        ("windows", LOCAL, NUMERIC),
        ("linux", LOCAL, NUMERIC),
        ("chromeos", LOCAL, NUMERIC),
    ],
)
async def test_name_that_not_every_device_finds(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    system: str,
    first: str,
    second: str,
) -> None:
    """Many Android devices find no name that ends with .local, so they begin with the number."""
    await find_at(hass, "192.168.1.10", LOCAL)

    result = await add(hass, loaded_entry)

    assert f"on your home network, from `{LOCAL}`, `{NUMERIC}`." in said(result)
    result = await submit(hass, result, {**CHOSEN, "system": system})
    assert links(result) == {first}
    token = result["description_placeholders"]["url"].partition("#")[2]
    assert f"use [this link]({second}{PATH}#{token})" in said(result)


@pytest.mark.parametrize(
    ("local_ip", "tls"), [("172.18.0.5", False), ("192.168.1.10", True), (None, False)]
)
async def test_name_without_a_number_that_other_devices_reach(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    local_ip: str | None,
    tls: bool,
) -> None:
    """The name alone is offered."""
    await find_at(hass, local_ip, "https://ha.local:8123", tls=tls)
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    assert links(result) == {"https://ha.local:8123"}
    assert said(result) == ""


async def test_renewal(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It warns before the next certificate is created, too."""
    await submit(hass, await submit(hass, await add(hass, loaded_entry), CHOSEN))
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    await find_at(hass, "172.18.0.5")

    result = await renew(hass, loaded_entry, subentry.subentry_id)

    assert WARNING in said(result)
    assert len(certificates(sandbox)) == 1


async def test_certificate_that_an_action_created(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """Its repair says what is wrong with the link, also where there is no address at all."""
    assert await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    await find_at(hass, None)
    await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    flow = await begin_repair(client, issues(hass)["certificate_ready"])

    assert "Home Assistant doesn't know its own address" in said(flow)
