"""Tests that keys, passwords, bundles and links are stored and shown only where they must be."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_RECONFIGURE
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE, MATCH_ALL
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.diagnostics import (
    async_get_config_entry_diagnostics,
    async_get_device_diagnostics,
)
from sandbox import Sandbox
from tests.certificates.helpers import DAY, HANDOVER, pass_time
from tests.certificates.test_mobile_app import register

from .common import (
    act,
    is_loaded,
    sentences,
    settle,
    setup_integration,
    state_of,
    submit,
)
from .dialogs import (
    CHOSEN,
    RENEWED,
    add,
    certificates,
    fetch,
    finish,
    handovers_of,
    link_of,
    renew,
    run_test,
    start,
    token_of_test,
)
from .logs import log_everything, logged


def secrets_of(taken: dict[str, Any]) -> dict[str, str]:
    """Return the secrets of a fetched bundle, in every form that could appear."""
    found = {"password": taken["password"]}
    for bundle in taken["bundles"]:
        data = base64.b64decode(bundle["data"])
        key, *_ = pkcs12.load_key_and_certificates(data, taken["password"].encode())
        assert key
        pem = key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()
        found |= {
            f"{bundle['format']} bundle": bundle["data"][:60],
            f"{bundle['format']} bundle, raw": repr(data)[2:40],
            # The first lines are the same for every key.
            "key": pem.splitlines()[-3],
        }
    return found


async def test_secrets_are_nowhere_else(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    issue_registry: ir.IssueRegistry,
    hass_client_no_auth: ClientSessionGenerator,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No way to create, test or revoke a certificate leaves a secret behind."""
    log_everything(caplog)
    await setup_integration(hass, entry)
    client = await hass_client_no_auth()
    events: list[Event] = []
    hass.bus.async_listen(MATCH_ALL, events.append)
    notifications = async_mock_service(hass, "notify", "mobile_app_anna_s_phone")
    device_id = register(hass, device_registry, "Android", "35")
    secrets: dict[str, str] = {"API token": sandbox.token}
    shown: list[Any] = []

    async def take(way: str, url: str) -> None:
        """Fetch a bundle, and record its secrets."""
        taken = await fetch(client, url)
        secrets[f"{way}: link"] = url.partition("#")[2]
        secrets[f"{way}: test"] = token_of_test(taken)
        secrets.update(
            (f"{way}: {key}", item) for key, item in secrets_of(taken).items()
        )
        await settle(hass)

    result = await submit(
        hass, await add(hass, entry), {**CHOSEN, "notify_device_id": device_id}
    )
    handover = result["description_placeholders"]
    await take("dialog", handover["url"])
    shown.append(await submit(hass, result))
    (first,) = certificates(sandbox)
    await run_test(client, secrets["dialog: test"])
    assert state_of(hass, HANDOVER) == "proven"
    await pass_time(hass, freezer, DAY)

    (subentry,) = entry.get_subentries_of_type("companion_device")
    result = await submit(hass, await renew(hass, entry, subentry.subentry_id), RENEWED)
    await take("renewal", result["description_placeholders"]["url"])
    shown.append(await submit(hass, result))
    await pass_time(hass, freezer, DAY)

    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.pixel_8_renew"},
        blocking=True,
    )
    (waiting,) = handovers_of(hass)
    await take("button", waiting.url)
    await pass_time(hass, freezer, DAY)

    response = await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=first,
        key_type="ec_p256",
    )
    await take("action", link_of(hass, response))
    shown.append(response)
    shown += [
        await act(hass, entry, "revoke_certificate", certificate_id=certificate_id)
        for certificate_id in certificates(sandbox)
    ]
    shown.append(await act(hass, entry, "list_certificates"))
    await pass_time(hass, freezer, DAY)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle(hass)

    devices = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    everything = {
        "events": str([event.as_dict() for event in events]),
        "states": str([state.as_dict() for state in hass.states.async_all()]),
        "storage": json.dumps(hass_storage, default=str),
        "repairs": str(issue_registry.issues),
        "diagnostics": json.dumps(
            [
                await async_get_config_entry_diagnostics(hass, entry),
                *[
                    await async_get_device_diagnostics(hass, entry, device)
                    for device in devices
                ],
            ]
        ),
        "push notifications": str([call.data for call in notifications]),
        "notifications": str(hass.data.get("persistent_notification")),
        "responses": str(shown),
        "devices": str(devices),
        "log": logged(caplog),
    }
    assert len(secrets) > 20
    found = [
        (secret, place)
        for secret, value in secrets.items()
        for place, text in everything.items()
        if value in text
    ]
    # Home Assistant stores the token with the entry.
    assert found == [("API token", "storage")]


async def test_api_tokens_are_nowhere_else(
    hass: HomeAssistant,
    sandbox: Sandbox,
    issue_registry: ir.IssueRegistry,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No token that a person types is seen again, be it refused, replaced or good."""
    log_everything(caplog)
    mistyped, refused = "cfut_" + "m" * 40 + "…", "cfut_" + "r" * 40
    replacing, newest = sandbox.state.add_token(), sandbox.state.add_token("account")
    shown: list[Any] = []

    async def refuse(result: Any) -> Any:
        for token in (mistyped, refused):
            result = await submit(hass, result, {"api_token": token})
            assert result["errors"]
            shown.append(sentences(result))
        return result

    result = await refuse(await start(hass))
    entry = await finish(hass, sandbox, sandbox.token, result)
    del sandbox.state.tokens[sandbox.token]
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    [flow] = hass.config_entries.flow.async_progress()
    shown.append(flow)
    result = await hass.config_entries.flow.async_configure(flow["flow_id"])
    shown.append(await submit(hass, await refuse(result), {"api_token": replacing}))
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )
    result = await refuse(result)
    shown.append(await submit(hass, result, {"api_token": newest}))
    await settle(hass)
    assert is_loaded(entry)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle(hass)

    everything = {
        "states": str([state.as_dict() for state in hass.states.async_all()]),
        "storage": json.dumps(hass_storage, default=str),
        "repairs": str(issue_registry.issues),
        "diagnostics": str(await async_get_config_entry_diagnostics(hass, entry)),
        "dialogs": str(shown),
        "log": logged(caplog),
    }
    found = [
        (token, place)
        for token in (mistyped, refused, sandbox.token, replacing, newest)
        for place, text in everything.items()
        if token in text
    ]
    # Home Assistant stores the token with the entry.
    assert found == [(newest, "storage")]
