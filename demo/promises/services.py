"""Nextcloud and Proxmox beside Home Assistant: which device opens which."""

from ..account import add_new_hostname, refresh, subentry_of, submit_device, until_state
from ..browser import ANDROID
from ..devices import download_bundle_in_browser, run_test, visit_in_browser
from ..expectations import DEVICE
from ..flow import Flow
from ..phone import Phone
from ..promise import promise
from ..report import expect, expect_equal, until
from ..services import Service
from ..visitor import Visitor
from ..world import World
from .certificates import BLOCKED
from .devices import FRONT_END

_HOSTNAME = "protected_hostname"


@promise("a laptop gets steps for its browsers, and a certificate")
async def laptop_is_added(world: World) -> None:
    """Add a laptop in the dialog, which shows no QR code, and fetch the bundle in its browser."""
    await _add_device(world, "Laptop", user_agent=None, system="linux")


@promise("Nextcloud, open to everybody so far, is protected for all devices as it is")
async def existing_hostname_is_protected(world: World) -> None:
    """Choose its hostname in the list, and read who is shut out; only rules are added."""
    nextcloud = world.services.nextcloud
    hostname = world.hostname_of(nextcloud.label)
    await _expect_in(world, world.stranger, nextcloud)
    before = await world.cloudflare.ways_to(hostname)
    flow = await Flow.add(world.admin, world.entry_id, _HOSTNAME)
    flow.expect_step("which")
    labels = {
        option["value"]: option["label"]
        for option in flow.answer["data_schema"][0]["selector"]["select"]["options"]
    }
    wanted = f"{hostname}, open to everybody ({nextcloud.address})"
    expect_equal(labels.get(hostname), wanted, "what the list says of Nextcloud")
    await flow.submit(hostname=hostname)
    flow.expect_step("adopt")
    await flow.submit(devices=["all"])
    flow.expect_step("preview")
    shown = flow.answer["description_placeholders"]
    world.notes += shown["changes"].splitlines()
    warning = f"**At the moment, `{hostname}` can be reached without a certificate.**"
    expect(warning in shown["warning"], f"the warning is {shown['warning']!r}")
    await _submit_changes(world, flow)
    expect_equal(
        await world.cloudflare.ways_to(hostname), before, "what leads to Nextcloud"
    )


@promise("Proxmox is protected for the laptop alone, at a new hostname")
async def new_hostname_is_protected(world: World) -> None:
    """Add it in the dialog, with the address that the tunnel finds it at."""
    laptop = (await subentry_of(world, "Laptop"))["unique_id"]
    proxmox = world.services.proxmox
    hostname = world.hostname_of(proxmox.label)
    flow = await add_new_hostname(world)
    await flow.submit()
    flow.expect_step("hostname")
    await flow.submit(hostname=hostname, service=proxmox.address, devices=[laptop])
    flow.expect_step("purpose")
    await flow.submit(purpose="other")
    flow.expect_step("preview")
    await _submit_changes(world, flow)
    world.notes.append(f"{hostname} leads to {proxmox.address}")
    for service in (world.services.nextcloud, proxmox):
        await until_state(world, "drift", await _hostname_id(world, service), "off")


@promise("a phone's page names what it opens: Home Assistant first, and no Proxmox")
async def phone_is_added(world: World) -> None:
    """Add a phone for Home Assistant's hostname, and read the page of its handover."""
    phone = await _add_device(
        world, "Pixel", user_agent=ANDROID, system="android", hostname=world.hostname
    )
    wanted = (world.hostname, world.hostname_of(world.services.nextcloud.label))
    expect_equal(phone.opens, wanted, "what the page says that the phone opens")


@promise("a phone opens Home Assistant and Nextcloud, and not Proxmox")
async def phone_opens_what_it_may(world: World) -> None:
    """Ask at the edge and with the phone's browser; Proxmox must not see a request."""
    _, phone = world.phones
    holder, proxmox = world.holder(phone), world.services.proxmox
    answer = await holder.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status of Home Assistant")
    await _expect_in(world, holder, world.services.nextcloud)
    proxmox.visits.clear()
    await _expect_blocked(world, holder, proxmox)
    hostname = world.hostname_of(proxmox.label)
    status = await visit_in_browser(phone, hostname, BLOCKED)
    expect(status in (403, None), f"the status in the browser is {status}")
    expect_equal(proxmox.visits, [], "what Proxmox was asked for")
    world.expect_browser()


@promise("a laptop's Chromium opens Home Assistant, Nextcloud and Proxmox")
async def laptop_opens_everything(world: World) -> None:
    """Open the three in the laptop's browser, which asks for no certificate on other hosts."""
    laptop, _ = world.phones
    for service in (world.services.nextcloud, world.services.proxmox):
        await _expect_in(world, world.holder(laptop), service)
        title = f"document.title === {service.title!r}"
        hostname = world.hostname_of(service.label)
        status = await visit_in_browser(laptop, hostname, title)
        expect(status in (200, None), f"{hostname} answers with {status}")
    status = await visit_in_browser(laptop, world.hostname, FRONT_END)
    expect(status in (200, None), f"the status of the front end is {status}")
    world.expect_browser()


@promise("the test page works in the laptop's browser")
async def laptop_is_tested(world: World) -> None:
    """Open the test page with the laptop, and find the certificate tested."""
    laptop, _ = world.phones
    await run_test(world, laptop)
    device = (await subentry_of(world, "Laptop"))["subentry_id"]
    await until_state(world, "handover", device, "proven")
    world.expect_browser()


@promise("a stranger opens none of them, and no request reaches a service")
async def strangers_open_nothing(world: World) -> None:
    """Ask for each hostname without a certificate, in several forms."""
    for service in (world.services.nextcloud, world.services.proxmox):
        service.visits.clear()
        await _expect_blocked(world, world.stranger, service)
        expect_equal(service.visits, [], f"what {service.title} was asked for")
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"Home Assistant answers a stranger with {answer.status}")


@promise("who may use Proxmox is changed in place: now the phone, no longer the laptop")
async def limit_is_changed(world: World) -> None:
    """Choose the other device in the dialog, and visit with both."""
    laptop, phone = world.phones
    proxmox = world.services.proxmox
    subentry_id = await _hostname_id(world, proxmox)
    flow = await Flow.reconfigure(world.admin, world.entry_id, _HOSTNAME, subentry_id)
    flow.expect_step("reconfigure")
    pixel = (await subentry_of(world, "Pixel"))["unique_id"]
    await flow.submit(
        tunnel_id=world.cloudflare.facts["tunnel_id"],
        service=proxmox.address,
        devices=[pixel],
    )
    flow.expect_step("preview")
    changes = flow.answer["description_placeholders"]["changes"]
    world.notes += changes.splitlines()
    expect("Laptop" in changes and "Pixel" in changes, f"the changes are {changes!r}")
    await flow.submit()
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["reason"], "reconfigure_successful", "the end")
    await refresh(world)
    await _expect_in(world, world.holder(phone), proxmox)
    await _expect_blocked(world, world.holder(laptop), proxmox)


@promise("Nextcloud is opened to everybody again, as it was, once a person asks for it")
async def protection_is_stopped(world: World) -> None:
    """Choose it in the dialog; the other hostnames stay protected."""
    nextcloud = world.services.nextcloud
    hostname = world.hostname_of(nextcloud.label)
    before = await world.cloudflare.ways_to(hostname)
    await _expect_blocked(world, world.stranger, nextcloud)
    subentry_id = await _hostname_id(world, nextcloud)
    flow = await Flow.reconfigure(world.admin, world.entry_id, _HOSTNAME, subentry_id)
    await flow.choose("stop")
    flow.expect_step("stop")
    world.notes += flow.answer["description_placeholders"]["changes"].splitlines()
    await flow.submit()
    expect_equal(flow.answer["reason"], "protection_stopped", "the end of the dialog")
    await _expect_in(world, world.stranger, nextcloud)
    expect_equal(
        await world.cloudflare.ways_to(hostname), before, "what leads to Nextcloud"
    )
    named = [rule for rule in await world.cloudflare.rules() if hostname in str(rule)]
    expect_equal(named, [], "the rules that name Nextcloud")
    await _expect_blocked(world, world.stranger, world.services.proxmox)


async def _add_device(
    world: World, name: str, *, user_agent: str | None, **choices: str
) -> Phone:
    """Add a device in the dialog, and fetch its bundle with its browser."""
    flow = await Flow.add(world.admin, world.entry_id, DEVICE)
    flow.expect_step("new")
    await submit_device(world, flow, name=name, **choices)
    codes = [] if choices["system"] == "linux" else ["qr_code"]
    fields = [field["name"] for field in flow.answer["data_schema"]]
    expect_equal(fields, codes, "the fields of the last step")
    device = await download_bundle_in_browser(world, world.link, user_agent)
    await flow.submit()
    expect_equal(flow.answer["reason"], "device_added", "the end of the dialog")
    return device


async def _submit_changes(world: World, flow: Flow) -> None:
    """Confirm the preview of a dialog, and wait until its hostname is protected."""
    await flow.submit()
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["type"], "create_entry", "the end of the dialog")


async def _hostname_id(world: World, service: Service) -> str:
    """Return the subentry id of a service's hostname."""
    subentry = await subentry_of(world, world.hostname_of(service.label))
    subentry_id: str = subentry["subentry_id"]
    return subentry_id


async def _expect_in(world: World, visitor: Visitor, service: Service) -> None:
    """Wait until a visitor gets the service's front page."""

    async def is_in() -> bool | None:
        answer = await visitor.get(world.hostname_of(service.label), "/")
        return (answer.status == 200 and service.title in answer.text) or None

    await until(f"{service.title} answers", is_in)


async def _expect_blocked(world: World, visitor: Visitor, service: Service) -> None:
    """Raise CheckFailed unless the edge blocks a visitor, in whichever form the name is written."""
    hostname = world.hostname_of(service.label)
    for host in (hostname, hostname.upper(), f"{hostname}.", f"{hostname}:8443"):
        for path in ("/", *service.pages):
            answer = await visitor.get(hostname, path, host=host)
            expect(answer.blocked, f"{host}{path} answers with {answer.status}")
