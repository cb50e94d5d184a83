"""Companion devices: from the dialog to the phone."""

import json

from ..account import (
    create_certificate,
    list_certificates,
    subentry_of,
    submit_device,
    until_entry_is_loaded,
    until_state,
)
from ..devices import (
    download_bundle,
    download_bundle_in_browser,
    run_test,
    visit_in_browser,
)
from ..expectations import DEVICE, fetch_page
from ..flow import Flow
from ..phone import request_bundle
from ..promise import promise
from ..repairs import open_handover
from ..report import expect, expect_equal, until
from ..world import World, nonce

_RESPONSE = {
    "device_id",
    "certificate_id",
    "serial_number",
    "fingerprint_sha256",
    "issued_on",
    "expires_on",
    "handover_url",
    "handover_expires_at",
}


FRONT_END = "document.querySelector('home-assistant, ha-authorize')"


@promise("a companion device is added in a dialog, which shows the link to its bundle")
async def device_is_added(world: World) -> None:
    """Go through the dialog, and check the new device's entities."""
    flow = await Flow.add(world.admin, world.entry_id, DEVICE)
    flow.expect_step("new")
    await submit_device(world, flow, name="Pixel")
    world.device = (await subentry_of(world, "Pixel"))["subentry_id"]
    await until_state(world, "certificate_status", world.device, "active")
    await until_state(world, "handover", world.device, "waiting")
    await flow.submit()
    expect_equal(flow.answer["reason"], "download_waiting", "the end of the dialog")


@promise("a bundle can be downloaded only once, and its password opens it")
async def bundle_is_downloaded_once(world: World) -> None:
    """Download the bundle in a phone's browser, open it, and try to download it again."""
    link = world.link
    world.phone = phone = await download_bundle_in_browser(world, link)
    await until_state(world, "handover", world.device, "taken")
    listed = await list_certificates(world)
    fingerprints = [
        item["fingerprint_sha256"].replace(":", "").lower() for item in listed
    ]
    expect(await phone.fingerprint() in fingerprints, "the certificate is not listed")
    again = await request_bundle(link)
    expect_equal(again[0], 404, "the status of a second download")
    wrong = await request_bundle(f"{link[:-8]}{nonce()[:8]}")
    expect_equal(wrong, again, "the answer to a wrong link")
    world.expect_browser()


@promise("with the certificate, requests and WebSockets reach Home Assistant")
async def phone_gets_in(world: World) -> None:
    """Get HA's manifest through the edge and directly, and open a WebSocket."""
    word = nonce()
    path = f"/manifest.json?visit={word}"
    answer = await world.owner.get(world.hostname, path)
    expect_equal(answer.status, 200, "the status")
    manifest = await fetch_page(f"{world.home.url}/manifest.json")
    expect_equal(json.loads(answer.text), json.loads(manifest), "the manifest")
    await world.home.until_logged(word)
    async with world.owner.websocket(world.hostname, "/api/websocket") as connection:
        greeting = await connection.receive_json()
    expect_equal(greeting["type"], "auth_required", "the greeting")


@promise("a browser with the certificate gets in, and the test page tells HA so")
async def certificate_is_tested(world: World) -> None:
    """Open the front end and the test page through the edge, and check the device's state."""
    phone = world.expect_phone()
    status = await visit_in_browser(phone, world.hostname, FRONT_END)
    expect(status in (200, None), f"the status of the front end is {status}")
    await run_test(world, phone)
    await until_state(world, "handover", world.device, "proven")
    world.expect_browser()


@promise("a bundle cannot be downloaded through Cloudflare")
async def bundle_needs_the_home_network(world: World) -> None:
    """Open a link to a bundle through Cloudflare, then in the home network."""
    created = await create_certificate(world, "Laptop")
    expect_equal(created.keys(), _RESPONSE, "the response")
    await open_handover(world)
    link = world.link
    url, _, token = link.partition("#")
    answer = await world.stranger.request(
        "POST", world.browser_hostname, url.removeprefix(world.home.url), body=token
    )
    expect_equal(answer.status, 403, "the status")
    expect(not answer.blocked, "the edge blocked the request, not Home Assistant")
    world.notes.append(json.loads(answer.text)["message"])
    await download_bundle(world, link)
    answer = await world.newest_phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")


@promise("a removed device is blocked at once")
async def removed_device_is_blocked(world: World) -> None:
    """Remove the device that got its certificate last, and try to get in with it."""
    phone = world.newest_phone
    answer = await phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status before")
    subentry = await subentry_of(world, "Tablet")
    await world.socket.command(
        "config_entries/subentries/delete",
        entry_id=world.entry_id,
        subentry_id=subentry["subentry_id"],
    )

    async def is_blocked() -> bool | None:
        answer = await phone.get(world.hostname, "/manifest.json")
        return answer.blocked or None

    await until("the device is blocked", is_blocked)
    await until_entry_is_loaded(world)
