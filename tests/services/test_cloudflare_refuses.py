"""Tests of actions that Cloudflare refuses: the error says why, and nothing has changed."""

from collections.abc import Callable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, CertificateStatus
from tests.common import (
    CERTIFICATE_ID,
    ENGLISH,
    act,
    add_known_certificate,
    setup_integration,
    with_device,
    zone_of,
)
from tests.faults import Faults

FAILURES: list[Any] = [
    pytest.param(
        lambda faults, path: faults.limit(42, path=path),
        "rate_limited",
        {"seconds": "42"},
        id="rate limited",
    ),
    pytest.param(
        lambda faults, path: faults.refuse("*", path, 400, 1, "Not today"),
        "rejected",
        {"message": "Not today"},
        id="refused",
    ),
    pytest.param(
        lambda faults, path: faults.refuse("*", path, 400, 1445, "100 are enough"),
        "quota_exceeded",
        {"message": "100 are enough"},
        id="quota",
    ),
    pytest.param(
        lambda faults, path: faults.refuse("*", path, 409, 1, "In the way"),
        "conflict",
        {"message": "In the way"},
        id="conflict",
    ),
]


@with_device
@pytest.mark.parametrize(("add_fault", "key", "placeholders"), FAILURES)
@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("mint_certificate", {"name": "Tablet"}),
        ("renew_certificate", {"certificate_id": CERTIFICATE_ID}),
        ("restore_certificate", {"certificate_id": CERTIFICATE_ID}),
        ("list_certificates", {}),
    ],
)
async def test_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    action: str,
    fields: dict[str, str],
    add_fault: Callable[[Faults, str], object],
    key: str,
    placeholders: dict[str, str],
) -> None:
    """The error says what happened, and nothing has changed."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    add_fault(faults, "/client_certificates")

    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, entry, action, **fields)

    assert raised.value.translation_domain == DOMAIN
    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders == placeholders
    assert set(zone_of(sandbox).certificates) == {CERTIFICATE_ID}
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "active"
    assert len(entry.subentries) == 2


@with_device
@pytest.mark.parametrize(("add_fault", "key", "placeholders"), FAILURES)
async def test_revocation_that_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    add_fault: Callable[[Faults, str], object],
    key: str,
    placeholders: dict[str, str],
) -> None:
    """The error also says that the certificate is still valid, and that it is tried again."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    add_fault(faults, "/client_certificates")

    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)

    sentence = ENGLISH["exceptions"][key]["message"].format_map(placeholders)
    assert raised.value.translation_key == "revocation_delayed"
    assert raised.value.translation_placeholders == {
        "certificate_id": CERTIFICATE_ID,
        "reason": sentence,
    }
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "active"


@with_device
@pytest.mark.parametrize(
    ("action", "fields", "status"),
    [
        ("mint_certificate", {"name": "Tablet"}, "active"),
        ("renew_certificate", {"certificate_id": CERTIFICATE_ID}, "active"),
        ("revoke_certificate", {"certificate_id": CERTIFICATE_ID}, "active"),
        ("restore_certificate", {"certificate_id": CERTIFICATE_ID}, "revoked"),
    ],
)
async def test_permission_missing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    action: str,
    fields: dict[str, str],
    status: str,
) -> None:
    """The error uses the permission's name in Cloudflare's dashboard."""
    await add_known_certificate(hass, entry, sandbox, status=CertificateStatus(status))
    await setup_integration(hass, entry)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = (ALL_PERMISSIONS - {"ssl:edit"}) | {"ssl:read"}

    with pytest.raises(
        HomeAssistantError, match="Zone / SSL and Certificates / Edit"
    ) as raised:
        await act(hass, entry, action, **fields)

    is_revocation = action == "revoke_certificate"
    key = "revocation_delayed" if is_revocation else "permission_missing"
    assert raised.value.translation_key == key
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == status
    assert len(zone_of(sandbox).certificates) == 1
    assert len(entry.subentries) == 2


@pytest.mark.parametrize(("add_fault", "key", "placeholders"), FAILURES)
async def test_sync_that_cannot_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    add_fault: Callable[[Faults, str], object],
    key: str,
    placeholders: dict[str, str],
) -> None:
    """Nothing is written if reading fails."""
    add_fault(faults, "/dns_records")

    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, loaded_entry, "sync")

    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders == placeholders
    assert sandbox.journal.writes == []
