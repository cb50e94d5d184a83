"""Certificates: expiry, renewal, revocation."""

from datetime import datetime

from ..account import (
    certificate_events,
    entity_id,
    list_certificates,
    submit_device,
    until_entry_is_loaded,
    until_state,
)
from ..devices import connect_app, download_bundle_in_browser, visit_in_browser
from ..expectations import DEVICE
from ..flow import Flow
from ..home_assistant import DOMAIN
from ..promise import promise
from ..remote import block_rule
from ..report import expect, expect_equal, until
from ..world import World

BLOCKED = "document.body?.innerText?.includes('you have been blocked')"


@promise("sensors show when the certificate expires")
async def expiry_is_known(world: World) -> None:
    """Compare the device's sensor and the account's with the certificate."""
    not_after = await world.expect_phone().not_after()
    for key, of in (
        ("certificate_expiry", world.device),
        ("next_certificate_expiry", None),
    ):
        sensor = await entity_id(world, key, of=of)
        state = await world.admin.state(sensor)
        world.notes.append(f"{sensor} is {state}")
        expect_equal(datetime.fromisoformat(state), not_after, sensor)
    [event] = certificate_events(world, "created")
    expires_on = datetime.fromisoformat(event["expires_on"])
    expect_equal(expires_on, not_after, "the event's expires_on")


@promise(
    "a renewal ends by mere use, and the old certificate works until it is revoked"
)
async def certificate_is_renewed(world: World) -> None:
    """Renew, download and open the app; revoke the old certificate at once, and the edge blocks it."""
    old = world.expect_phone()
    flow = await Flow.reconfigure(world.admin, world.entry_id, DEVICE, world.device)
    await flow.choose("renew")
    flow.expect_step("renew")
    await submit_device(world, flow)
    await flow.submit()
    expect_equal(
        (flow.answer["type"], flow.answer["reason"]),
        ("abort", "download_waiting"),
        "the end of the dialog",
    )
    await until_entry_is_loaded(world)
    world.phone = new = await download_bundle_in_browser(world, world.link)
    for phone in (old, new):
        answer = await world.holder(phone).get(world.hostname, "/manifest.json")
        expect_equal(answer.status, 200, "the status before the new one is used")
    await until_state(world, "handover", world.device, "taken")
    await connect_app(world, new)
    await until_state(world, "handover", world.device, "proven")
    # A week later this would happen by itself.
    answer = await world.holder(old).get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status after the new one was used")
    button = await entity_id(world, "revoke_old", of=world.device)
    await world.admin.post("/api/services/button/press", {"entity_id": button})

    async def is_blocked() -> bool | None:
        answer = await world.holder(old).get(world.hostname, "/manifest.json")
        return answer.blocked or None

    await until("the old certificate is refused", is_blocked)
    status = await visit_in_browser(old, world.hostname, BLOCKED)
    expect(status in (403, None), f"the old certificate gets {status} in a browser")
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the new certificate")

    async def are_events_sent() -> bool | None:
        return (
            bool(
                certificate_events(world, "renewed")
                and certificate_events(world, "old_revoked")
            )
            or None
        )

    await until("the events are sent", are_events_sent)
    world.notes.append(
        "old: 200, then 403 by the button; new: 200; events: renewed, revoked"
    )
    world.expect_browser()


@promise("a revoked certificate gets 403, although Cloudflare still verifies it")
async def revoked_certificate_is_blocked(world: World) -> None:
    """Revoke the certificate; show that only a rule with cert_revoked blocks the phone."""
    [event] = certificate_events(world, "renewed")
    certificate_id = event["certificate_id"]
    entry = {"config_entry_id": world.entry_id}
    await world.admin.act(
        f"{DOMAIN}.revoke_certificate", **entry, certificate_id=certificate_id
    )
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"the revoked certificate gets {answer.status}")

    async def is_revoked() -> bool | None:
        listed = await list_certificates(world)
        statuses = {each["certificate_id"]: each["status"] for each in listed}
        return True if statuses[certificate_id] == "revoked" else None

    await until("the certificate is listed as revoked", is_revoked)
    rule = await block_rule(world)
    naive = f'http.host eq "{world.hostname}" and not cf.tls_client_auth.cert_verified'
    await world.cloudflare.edit_rule(rule["id"], expression=naive)
    answer = await world.owner.get(world.hostname, "/manifest.json")
    await world.cloudflare.edit_rule(rule["id"], expression=rule["expression"])
    expect_equal(answer.status, 200, "the status if only cert_verified is checked")
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect(
        answer.blocked, f"with our rule, the revoked certificate gets {answer.status}"
    )
