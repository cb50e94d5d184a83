"""Tests that the handover's secrets are in its answer alone: not in a log, file, state or repair."""

import base64
import json
import re
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.pages.handovers import async_get_handovers
from sandbox import Sandbox
from tests.common import act, settle
from tests.deliveries import PASSWORD, make_delivery
from tests.dialogs import Client, link_of
from tests.logs import log_everything, logged
from tests.pages.handover_requests import LINK, PATH, code_of, token_of, wrong_codes


async def test_what_is_logged_by_accident(hass: HomeAssistant) -> None:
    """The representation of an object with secrets does not show them."""
    delivery = make_delivery()
    offers = async_get_handovers(hass)
    handover = offers.offer(delivery)

    shown = repr((delivery, delivery.bundles, handover, vars(offers)))

    assert "_Offer(" in shown
    for secret in (
        *(delivery.password, delivery.test_token, handover.code),
        *(str(bundle.data)[2:20] for bundle in delivery.bundles),
    ):
        assert secret not in shown
    # What the link holds is a key of the offers, and in nothing that an offer shows.
    assert shown.count(token_of(handover)) == 1


@pytest.mark.parametrize("key_type", ["rsa_2048", "ec_p256"])
async def test_secrets_are_nowhere_else(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_storage: dict[str, Any],
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
    key_type: str,
) -> None:
    """No secret is in a response, state, log, file, repair or diagnostics."""
    log_everything(caplog)
    hass.config_entries.async_update_entry(loaded_entry, title="Home")
    await settle(hass)
    response = await act(
        hass, loaded_entry, "mint_certificate", name="Pixel 8", key_type=key_type
    )
    token = link_of(hass, response).removeprefix(LINK)
    handover = async_get_handovers(hass).offer(make_delivery())
    await client.get(PATH)
    taken = await (await client.post(PATH, data=token)).json()
    await client.post(PATH, data=token)
    await client.post(PATH, data=next(wrong_codes(handover)))
    await client.post(PATH, data=code_of(handover))
    key, *_ = pkcs12.load_key_and_certificates(
        base64.b64decode(taken["bundles"][0]["data"]), taken["password"].encode()
    )
    assert key
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    await settle(hass)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle(hass)

    everything = {
        "response": json.dumps(response),
        "states": json.dumps(
            [state.as_dict() for state in hass.states.async_all()], default=str
        ),
        "storage": json.dumps(hass_storage, default=str),
        "issues": str(issue_registry.issues),
        "diagnostics": json.dumps(
            await get_diagnostics_for_config_entry(hass, hass_client, loaded_entry)
        ),
        "log": logged(caplog),
    }
    secrets = {
        "password": taken["password"],
        "password of another": PASSWORD,
        "bundle": taken["bundles"][0]["data"][:60],
        "other bundle": taken["bundles"][1]["data"][:60],
        "code": code_of(handover),
        "token beside the code": token_of(handover),
        "key": pem.splitlines()[1],
        "token of the link": token,
        "API token": sandbox.token,
    }
    found = [
        (secret, place)
        for secret, value in secrets.items()
        for place, text in everything.items()
        if value in text
    ]
    # Six digits occur in other numbers too.
    alone = re.compile(rf"(?<![\w.]){handover.code}(?![\w.])")
    assert not [place for place, text in everything.items() if alone.search(text)]
    # Home Assistant stores the token with the entry.
    assert found == [("API token", "storage")]
    assert everything["storage"].count(sandbox.token) == 1
