"""Tests of the right language at the right moment, with a second language."""

from datetime import timedelta
from typing import Any

from homeassistant.components.frontend.storage import async_user_store
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util, slugify
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls import languages
from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.languages import translated_languages
from sandbox import Sandbox
from tests.certificates.test_mobile_app import register

from .common import (
    ENGLISH,
    PACKAGE,
    act,
    add_known_certificate,
    placeholders,
    settle,
    setup_integration,
    written_out,
)
from .dialogs import to_preview
from .german import german, speak_german

COMMON = ENGLISH["common"]
DIALOGS = "/api/config/config_entries/flow"


@pytest.fixture(autouse=True)
def second_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have texts in German, and know no other language."""
    speak_german(monkeypatch)


@pytest.mark.parametrize(
    ("chosen", "browser", "own", "is_german"),
    [
        (None, None, "en", False),
        ("de", None, "en", True),
        ("en", "de", "de", False),
        # The front end asks the browser where the person chose nothing.
        (None, "de-AT,de;q=0.9,en;q=0.8", "en", True),
        (None, "en", "de", False),
        (None, "x-klingon", "de", True),
        pytest.param(None, "x" * 5000, "de", True, id="long"),
        ("x-klingon", None, "de", True),
        # Nobody translated these texts to French.
        ("fr", "de", "de", False),
    ],
)
async def test_dialog_speaks_the_language_of_its_user(
    hass: HomeAssistant,
    sandbox: Sandbox,
    hass_client: ClientSessionGenerator,
    hass_admin_user: MockUser,
    chosen: str | None,
    browser: str | None,
    own: str,
    is_german: bool,
) -> None:
    """What is put together here stands in a dialog that the front end translates."""
    assert await async_setup_component(hass, "config", {})
    hass.config.language = own
    if chosen:
        store = await async_user_store(hass, hass_admin_user.id)
        await store.async_set_item("language", {"language": chosen})
    client = await hass_client()
    headers = {"Accept-Language": browser} if browser else {}

    flow = await (await client.post(DIALOGS, json={"handler": DOMAIN})).json()
    answer = await client.post(
        f"{DIALOGS}/{flow['flow_id']}",
        json={"api_token": sandbox.token},
        headers=headers,
    )
    step = await answer.json()

    assert step["step_id"] == "zone"
    [label] = [
        option["label"]
        for field in step["data_schema"]
        if field["name"] == "tunnel_id"
        for option in field["selector"]["select"]["options"]
        if option["value"] == sandbox.tunnel_id
    ]
    assert label.startswith("de:") == is_german


async def test_dialog_without_a_person(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A program that uses a dialog reads Home Assistant's language."""
    hass.config.language = "de"

    step = await to_preview(hass, sandbox)

    changes = step["description_placeholders"]["changes"]
    assert changes.startswith(f"1. {german('Add a custom rule')}")


async def test_devices_are_notified_in_the_language_of_home_assistant(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Nobody knows what the owner of the device speaks."""
    hass.config.language = "de"
    device_id = register(hass, device_registry, "Android", "35")
    told: list[ServiceCall] = async_mock_service(
        hass, "notify", "mobile_app_anna_s_phone"
    )

    await act(
        hass,
        loaded_entry,
        "mint_certificate",
        name="Pixel 8",
        notify_device_id=device_id,
    )
    await settle(hass)

    assert [call.data["title"] for call in told] == [
        german(COMMON["notification_title"])
    ]


@pytest.mark.parametrize("own", ["en", "de"])
async def test_entity_ids_are_the_same_in_every_language(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
    own: str,
) -> None:
    """Automations and dashboards of others keep working, whatever the names are."""
    await add_known_certificate(hass, entry, sandbox)
    await hass.config.async_update(language=own)
    await setup_integration(hass, entry)

    found = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    for item in found:
        assert item.device_id
        device = device_registry.async_get(item.device_id)
        assert device and device.name
        assert item.translation_key
        name = ENGLISH["entity"][item.domain][item.translation_key]["name"]
        assert item.original_name == (german(name) if own == "de" else name)
        assert item.entity_id == (
            f"{item.domain}.{slugify(device.name)}_{item.translation_key}"
        )
    assert {item.domain for item in found} == {
        Platform.BINARY_SENSOR,
        Platform.BUTTON,
        Platform.EVENT,
        Platform.SENSOR,
        Platform.SWITCH,
    }


@pytest.mark.parametrize("own", ["en", "de"])
async def test_dates_are_written_out(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, own: str
) -> None:
    """In the language of Home Assistant, because everybody sees the same repair."""
    expires_on = dt_util.utcnow() + timedelta(days=20)
    sandbox.state.tokens[sandbox.token].expires_on = expires_on
    await hass.config.async_update(language=own)
    await setup_integration(hass, entry)

    day = dt_util.as_local(expires_on)
    assert (
        placeholders(hass, "token_expiring")["date"]
        == {
            "en": written_out(day),
            "de": german(f"{day.day} {german(f'{day:%B}')} {day.year}"),
        }[own]
    )


def test_texts_are_offered_in_each_language_that_has_a_file() -> None:
    files = {path.stem for path in (PACKAGE / "translations").iterdir()}
    assert set(translated_languages()) == files
    assert "en" in files


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("de", ["de"]),
        ("fr;q=0.1, de;q=0.9", ["de", "fr"]),
        ("a,b,c,d,e,f,g,h,i,j", list("abcdefgh")),
        ("de;q=0, *, ;;, x;q=much", []),
        ("de," * 100, []),
    ],
)
def test_few_languages_of_a_request_are_looked_at(
    header: str, accepted: list[str]
) -> None:
    """Strangers may send as much as they like."""
    request: Any = type("Request", (), {"headers": {"Accept-Language": header}})
    assert list(languages.accepted_languages(request)) == accepted
