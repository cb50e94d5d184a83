"""What the dialog looks at before it writes: the zone, the DNS and the TLS around a hostname."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, CertificatePack, DnsRecord
from tests.common import (
    HOSTNAME_ID,
    choose,
    is_loaded,
    sentences,
    settle,
    submit,
    zone_of,
)
from tests.dialogs import assert_protected, start, to_hostname, to_zone, zone_and_tunnel
from tests.faults import Faults

DEEP = "ha-mobile.lab.example.com"
SERVICE = "http://homeassistant:8123"


def serve(sandbox: Sandbox, hostname: str) -> None:
    """Have the tunnel lead a browser's hostname to Home Assistant, and nothing else."""
    config = sandbox.state.tunnels[sandbox.tunnel_id].config
    assert config
    config["ingress"] = [
        {"hostname": hostname, "service": SERVICE},
        {"service": "http_status:404"},
    ]


async def proposed(hass: HomeAssistant, sandbox: Sandbox) -> Any:
    """Return the hostname that the dialog proposes."""
    result = await to_hostname(hass, sandbox)
    return result["data_schema"]({"advanced": {}})["hostname"]


async def enter(hass: HomeAssistant, sandbox: Sandbox, hostname: str) -> Any:
    """Open the dialog and enter a hostname; nothing is written for it so far."""
    result = await to_hostname(hass, sandbox)
    result = await submit(hass, result, {**choose(), "hostname": hostname})
    assert sandbox.journal.writes == []
    return result


async def choose_next(hass: HomeAssistant, result: Any, step: str) -> Any:
    """Choose what a menu offers."""
    return await submit(hass, result, {"next_step_id": step})


async def test_proposal_below_what_certificates_cover(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Beside the browser's hostname there would be no certificate, so it is one level up."""
    serve(sandbox, "ha.lab.example.com")
    assert await proposed(hass, sandbox) == "ha-mobile.example.com"


@pytest.mark.parametrize(
    ("names", "hostname"),
    [
        (["example.com", "*.example.com", "*.lab.example.com"], DEEP),
        (["example.com", "*.example.com", DEEP], DEEP),
        (["example.com", "*.example.com", "ha.lab.example.com"], "ha-mobile.example.com"),
        (["EXAMPLE.com", "*.Example.com", "*.LAB.example.com"], DEEP),
        ([], DEEP),
    ],
)  # fmt: skip
async def test_proposal_by_certificates(
    hass: HomeAssistant, sandbox: Sandbox, names: list[str], hostname: str
) -> None:
    """It has one, where any name of the zone has one."""
    serve(sandbox, "ha.lab.example.com")
    zone_of(sandbox).certificate_packs = [CertificatePack(names, "advanced")]
    assert await proposed(hass, sandbox) == hostname


@pytest.mark.parametrize(
    ("hostname", "covered"),
    [
        ("ha-mobile.example.com", True),
        ("example.com", True),
        ("ha-mobile.lab.example.com", False),
        ("a.b.c.example.com", False),
    ],
)
async def test_hostname_and_certificates(
    hass: HomeAssistant, sandbox: Sandbox, hostname: str, covered: bool
) -> None:
    """Where the edge has no certificate, the dialog says so before it goes on."""
    result = await enter(hass, sandbox, hostname)

    assert result["step_id"] == ("preview" if covered else "no_certificate")


async def test_another_hostname_instead(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """Back at the hostname, the dialog proposes one that works; the rest stays as typed."""
    serve(sandbox, "ha.lab.example.com")
    result = await to_hostname(hass, sandbox)
    typed = {**choose(layout="block_only"), "hostname": DEEP, "service": "http://ha:80"}
    result = await submit(hass, result, typed)
    result = await submit(hass, result, {"purpose": "home_assistant"})
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["hostname", "accept"]
    assert result["description_placeholders"] == {
        "hostname": DEEP,
        "zone": "example.com",
        "proposal": "ha-mobile.example.com",
    }

    result = await choose_next(hass, result, "hostname")

    assert result["step_id"] == "hostname"
    markers = {str(key): key for key in result["data_schema"].schema}
    assert markers["hostname"].default() == "ha-mobile.example.com"
    assert markers["hostname"].description is None
    assert markers["service"].description == {"suggested_value": "http://ha:80"}
    typed["hostname"] = "ha-mobile.example.com"
    result = await submit(hass, result, typed)
    result = await submit(hass, result, {"purpose": "home_assistant"})
    assert result["step_id"] == "preview"
    await submit(hass, result)
    assert_protected(sandbox, "ha-mobile.example.com")


async def test_certificate_that_is_still_to_come(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Somebody who orders one can go on."""
    result = await enter(hass, sandbox, DEEP)

    result = await choose_next(hass, result, "accept")

    assert result["step_id"] == "preview"
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert_protected(sandbox, DEEP)
    await settle(hass)


@pytest.mark.parametrize("status", ["pending_validation", "initializing"])
async def test_certificate_that_is_only_ordered(
    hass: HomeAssistant, sandbox: Sandbox, status: str
) -> None:
    """It is no certificate yet."""
    pack = CertificatePack(["*.lab.example.com"], "advanced", status)
    zone_of(sandbox).certificate_packs.append(pack)
    assert (await enter(hass, sandbox, DEEP))["step_id"] == "no_certificate"


async def test_zone_without_any_certificate(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Universal SSL can be off, or not there yet."""
    zone_of(sandbox).certificate_packs = []
    result = await enter(hass, sandbox, "ha-mobile.example.com")
    assert result["step_id"] == "no_certificate"


@pytest.mark.parametrize(
    "refuse",
    [
        lambda faults: faults.refuse("GET", "/ssl/certificate_packs", 403, 9109, "No"),
        lambda faults: faults.refuse("GET", "/ssl/certificate_packs", 400, 1, "No"),
        lambda faults: faults.refuse("GET", "/ssl/certificate_packs", 500, 1, "No"),
    ],
)
async def test_certificates_that_cannot_be_read(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, refuse: Any
) -> None:
    """Nothing is claimed about what is not known."""
    serve(sandbox, "ha.lab.example.com")
    refuse(faults)

    result = await to_hostname(hass, sandbox)
    assert result["data_schema"]({"advanced": {}})["hostname"] == DEEP
    result = await submit(hass, result, choose())

    assert result["step_id"] == "preview"


@pytest.mark.parametrize(
    ("typed", "zone_name"),
    [
        ("ha-mobile.lab.example.com", "lab.example.com"),
        ("lab.example.com", "lab.example.com"),
        ("ha-mobile.example.com", "example.com"),
        ("ha-mobile.myexample.com", "myexample.com"),
        ("HA-Mobile.LAB.example.com.", "lab.example.com"),
    ],
)
async def test_zone_of_a_hostname(
    hass: HomeAssistant, sandbox: Sandbox, typed: str, zone_name: str
) -> None:
    """It is the one with the longest name that fits: the preview names it, and only it changes."""
    zones = {"example.com": zone_of(sandbox)}
    for name in ("lab.example.com", "myexample.com"):
        zones[name] = sandbox.state.add_zone(name)
    result = await enter(hass, sandbox, typed)
    assert result["step_id"] == "preview"
    before = result["description_placeholders"]["before"]
    assert f"in the domain `{zone_name}`" in before

    result = await submit(hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert is_loaded(result["result"])
    (subentry,) = result["result"].subentries.values()
    assert subentry.data["zone_id"] == zones[zone_name].id
    written = {entry.path.split("/")[2] for entry in sandbox.journal.writes}
    assert written & {zone.id for zone in zones.values()} == {zones[zone_name].id}
    await settle(hass)


async def test_name_that_only_ends_like_another_zone(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A zone has whole labels: notlab is not below lab, and needs a certificate of its own."""
    sandbox.state.add_zone("lab.example.com")
    result = await enter(hass, sandbox, "ha-mobile.notlab.example.com")
    assert result["step_id"] == "no_certificate"
    assert result["description_placeholders"]["zone"] == "example.com"


async def test_proposal_where_another_zone_is_closer(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """For the chosen zone, a hostname of that zone is proposed."""
    sandbox.state.add_zone("lab.example.com")
    zone_of(sandbox).certificate_packs.append(CertificatePack(["*.lab.example.com"]))
    serve(sandbox, "ha.lab.example.com")
    assert await proposed(hass, sandbox) == "ha-mobile.example.com"


async def test_closer_zone_that_is_not_active(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """It is refused like one that is chosen."""
    sandbox.state.add_zone("lab.example.com").paused = True
    result = await enter(hass, sandbox, DEEP)
    assert result["errors"] == {"base": "zone_not_active"}
    assert "lab.example.com" in sentences(result)["base"]


async def test_closer_zone_of_another_account(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The other zone serves the hostname, and the token may not write there."""
    account = sandbox.state.add_account("Parents")
    sandbox.state.add_zone("lab.example.com", account)
    result = await submit(hass, await start(hass), {"api_token": sandbox.token})
    result = await submit(hass, result, {"account_id": sandbox.account_id})
    result = await submit(hass, result, zone_and_tunnel(sandbox))

    result = await submit(hass, result, {**choose(), "hostname": DEEP})

    assert result["errors"] == {"hostname": "hostname_in_other_zone"}
    assert "lab.example.com" in sentences(result)["hostname"]
    assert sandbox.journal.writes == []


async def test_closer_zone_that_came_later(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A hostname that is protected in the former zone is not changed there any more."""
    sandbox.state.add_zone("home-mobile.example.com")
    sandbox.journal.clear()
    result = await loaded_entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    typed = {"tunnel_id": sandbox.tunnel_id, "service": SERVICE, **choose()}
    result = await submit(hass, result, typed)

    assert result["errors"] == {"base": "hostname_in_other_zone"}
    assert sandbox.journal.writes == []


@pytest.mark.parametrize(
    ("name", "hostname"),
    [
        ("lab.example.com", "ha-mobile.lab.example.com"),
        ("lab.example.com", "a.ha-mobile.lab.example.com"),
        ("ha-mobile.example.com", "ha-mobile.example.com"),
        ("LAB.example.com", "lab.example.com"),
    ],
)
async def test_delegated_name(
    hass: HomeAssistant, sandbox: Sandbox, name: str, hostname: str
) -> None:
    """Other name servers answer for it, so a record here would lead nobody anywhere."""
    zone_of(sandbox).add_dns_record(DnsRecord("NS", name, "ns1.example.net"))

    result = await enter(hass, sandbox, hostname)

    assert result["errors"] == {"hostname": "hostname_delegated"}
    assert f"delegates {name.lower()}" in sentences(result)["hostname"]


async def test_name_servers_of_the_zone_itself(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """They delegate nothing, nor do those of other names."""
    for name in ("example.com", "lab.example.com", "mobile.example.com"):
        zone_of(sandbox).add_dns_record(DnsRecord("NS", name, "ns1.example.net"))
    result = await enter(hass, sandbox, "ha-mobile.example.com")
    assert result["step_id"] == "preview"


@pytest.mark.parametrize("kind", ["A", "AAAA"])
async def test_other_address_record(
    hass: HomeAssistant, sandbox: Sandbox, kind: str
) -> None:
    """It leads somewhere else, so it is left alone."""
    content = {"A": "192.0.2.1", "AAAA": "2001:db8::1"}[kind]
    zone_of(sandbox).add_dns_record(DnsRecord(kind, "ha-mobile.example.com", content))
    result = await enter(hass, sandbox, "ha-mobile.example.com")
    assert result["errors"] == {"hostname": "hostname_in_use"}
    assert content in sentences(result)["hostname"]


async def test_zone_whose_dns_is_elsewhere(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The dialog says which record the other provider needs; depth is no matter there."""
    zone_of(sandbox).type = "partial"
    result = await enter(hass, sandbox, DEEP)
    assert result["step_id"] == "partial_zone"
    assert result["description_placeholders"] == {
        "hostname": DEEP,
        "zone": "example.com",
        "target": f"{DEEP}.cdn.cloudflare.net",
    }

    result = await choose_next(hass, result, "accept")

    assert result["step_id"] == "preview"
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)


async def test_zone_that_copies_its_records(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Nobody can add a record to it at Cloudflare."""
    zone_of(sandbox).type = "secondary"
    result = await to_zone(hass, sandbox)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["errors"] == {"zone_id": "zone_secondary"}
    assert "example.com" in sentences(result)["zone_id"]
    assert sandbox.journal.writes == []


async def test_token_for_one_zone_only(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A closer zone that the token cannot see shows by its delegation."""
    sandbox.state.add_zone("lab.example.com")
    zone_of(sandbox).add_dns_record(
        DnsRecord("NS", "lab.example.com", "bob.ns.cloudflare.com")
    )
    token = sandbox.state.add_token(
        permissions=ALL_PERMISSIONS, zones=[sandbox.zone_id]
    )
    result = await submit(hass, await start(hass), {"api_token": token})
    result = await submit(hass, result, zone_and_tunnel(sandbox))

    result = await submit(hass, result, {**choose(), "hostname": DEEP})

    assert result["errors"] == {"hostname": "hostname_delegated"}
    assert sandbox.journal.writes == []
