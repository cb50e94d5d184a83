"""Tests of pinned certificates: only those of companion devices pass."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    ENGLISH,
    HOSTNAME,
    SKIP_REF,
    act,
    add_certificate,
    add_known_certificate,
    confirm_certificate,
    fingerprint_of,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import certificates, open_options
from tests.faults import Faults

DRIFT = "binary_sensor.home_mobile_example_com_drift"


def pinned(sandbox: Sandbox, ref: str) -> set[str] | None:
    """Return the fingerprints in one of our rules, or None where it lists none."""
    (rule,) = [rule for rule in zone_of(sandbox).rules if rule.ref == ref]
    _, asked, rest = rule.expression.partition("cert_fingerprint_sha256 in {")
    return set(rest.partition("}")[0].replace('"', "").split()) if asked else None


async def choose_pinning(
    hass: HomeAssistant, entry: MockConfigEntry, pins: bool = True
) -> Any:
    """Turn pinning on or off in the options."""
    result = await open_options(hass, entry)
    assert result["step_id"] == "access"
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {"pin_certificates": pins}
    )
    await settle(hass)
    return result


async def fill(
    hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox, numbers: range
) -> None:
    """Add certificates of these numbers that a person confirmed."""
    for number in numbers:
        certificate = await add_certificate(
            sandbox,
            name=f"Phone {number}",
            certificate_id=f"7bf7f70c-7600-42e1-81c4-{number:012}",
        )
        await confirm_certificate(hass, entry, certificate, None)


def revoke_all(sandbox: Sandbox) -> None:
    """Have somebody revoke every certificate at Cloudflare."""
    for certificate in zone_of(sandbox).certificates.values():
        certificate.status = CertificateStatus.REVOKED


@with_device
async def test_on_and_off_again(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Both rules list the valid certificates of companion devices; without pinning they accept any."""
    good = await add_known_certificate(hass, loaded_entry, sandbox)
    await add_certificate(
        sandbox, organization="Somebody", certificate_id="7bf7f70c-foreign"
    )
    await add_known_certificate(
        hass,
        loaded_entry,
        sandbox,
        certificate_id="7bf7f70c-revoked",
        status=CertificateStatus.REVOKED,
    )
    assert pinned(sandbox, BLOCK_REF) is None

    result = await choose_pinning(hass, loaded_entry)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (
        pinned(sandbox, BLOCK_REF)
        == pinned(sandbox, SKIP_REF)
        == {fingerprint_of(good)}
    )
    assert state_of(hass, DRIFT) == "off"

    await choose_pinning(hass, loaded_entry, pins=False)
    assert pinned(sandbox, BLOCK_REF) is None
    assert pinned(sandbox, SKIP_REF) is None
    assert state_of(hass, DRIFT) == "off"


async def test_without_any_certificate_nobody_passes(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Pinning without any certificate blocks everybody, rather than nobody."""
    await choose_pinning(hass, loaded_entry)

    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    assert block.expression == f'starts_with(lower(http.host), "{HOSTNAME}")'
    assert not [rule for rule in zone_of(sandbox).rules if rule.ref == SKIP_REF]
    assert state_of(hass, DRIFT) == "off"


async def test_new_certificate_is_pinned_at_once(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The rules have a new certificate before Cloudflare lists it."""
    await choose_pinning(hass, loaded_entry)
    sandbox.state.delays.certificate_list = 60

    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel")
    assert pinned(sandbox, BLOCK_REF) == {created["fingerprint_sha256"]}
    assert pinned(sandbox, SKIP_REF) == {created["fingerprint_sha256"]}
    assert state_of(hass, DRIFT) == "off"

    sandbox.state.delays.certificate_list = 0
    await act(
        hass,
        loaded_entry,
        "revoke_certificate",
        certificate_id=created["certificate_id"],
    )
    assert pinned(sandbox, BLOCK_REF) is None
    assert state_of(hass, DRIFT) == "off"


async def test_rule_that_cannot_be_written_is_fixed_later(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The bundle can still be downloaded, and the drift is fixed."""
    await choose_pinning(hass, loaded_entry)
    faults.unavailable("POST", "/rules$", times=1)

    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel")
    await settle(hass)

    assert created["handover_url"]
    assert pinned(sandbox, BLOCK_REF) == {created["fingerprint_sha256"]}
    assert pinned(sandbox, SKIP_REF) == {created["fingerprint_sha256"]}


async def test_revoked_while_the_rules_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The certificate is revoked all the same, and leaves the rules once they can be read."""
    await choose_pinning(hass, loaded_entry)
    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel")
    await settle(hass)
    fault = faults.unavailable("GET", "/rulesets/phases")

    await act(
        hass,
        loaded_entry,
        "revoke_certificate",
        certificate_id=created["certificate_id"],
    )
    await settle(hass)
    assert pinned(sandbox, BLOCK_REF) == {created["fingerprint_sha256"]}
    fault.times = fault.hits
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    # Without a list nobody passes.
    assert pinned(sandbox, BLOCK_REF) is None
    assert created["fingerprint_sha256"] not in zone_of(sandbox).rules[-1].expression


async def test_more_certificates_than_a_rule_holds(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The rules stay unchanged, and the error says how many certificates there are."""
    await fill(hass, loaded_entry, sandbox, range(60))
    sandbox.journal.clear()

    result = await choose_pinning(hass, loaded_entry)

    assert result["errors"] == {"base": "problem_too_many_pinned"}
    sentence = ENGLISH["options"]["error"]["problem_too_many_pinned"]
    told = sentence.format_map(result["description_placeholders"])
    assert told.startswith(
        "The custom rules of example.com can't list all certificates"
    )
    assert sandbox.journal.writes == []


async def test_certificate_that_no_rule_has_space_for(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The certificate is never signed."""
    await fill(hass, loaded_entry, sandbox, range(1))
    await choose_pinning(hass, loaded_entry)
    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    room = 1 + (4096 - len(block.expression)) // len(f'"{"0" * 64}" ')
    assert room > 50
    await fill(hass, loaded_entry, sandbox, range(1, room - 1))
    await act(hass, loaded_entry, "mint_certificate", name="The last one")
    assert len(pinned(sandbox, BLOCK_REF) or ()) == room
    sandbox.journal.clear()

    with pytest.raises(HomeAssistantError) as refused:
        await act(hass, loaded_entry, "mint_certificate", name="Pixel")

    assert refused.value.translation_key == "problem_too_many_pinned"
    assert sandbox.journal.writes == []


async def test_cloudflare_that_does_not_answer(
    hass: HomeAssistant, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """Without the list of certificates, pinning cannot be turned on."""
    faults.unavailable("GET", "")
    result = await choose_pinning(hass, loaded_entry)
    assert result["errors"] == {"base": "unavailable"}


async def test_account_that_is_not_connected(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The options can only be changed while the account is loaded."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await hass.config_entries.options.async_init(loaded_entry.entry_id)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


@with_device
async def test_stranger_while_pins_cannot_be_written(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What is said of unknown certificates follows the rules, not the option."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    faults.refuse("PATCH", "/rulesets/", 400, 20000, "No")
    await choose_pinning(hass, entry)
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) >= {"exposed", "unknown_certificates"}

    faults.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"unknown_certificates_pinned"}


async def test_revocation_that_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The rules keep the certificate out, at once."""
    stranger = await add_certificate(sandbox, certificate_id="stranger")
    await confirm_certificate(hass, home, stranger, None)
    await act(hass, home, "sync")
    assert fingerprint_of(stranger) in (pinned(sandbox, BLOCK_REF) or ())
    faults.refuse("DELETE", "/client_certificates/stranger", 400, 1400, "No")

    with pytest.raises(HomeAssistantError):
        await act(hass, home, "revoke_certificate", certificate_id="stranger")

    assert fingerprint_of(stranger) not in (pinned(sandbox, BLOCK_REF) or ())
    assert certificates(sandbox)["stranger"] == "active"


@with_device
async def test_restored_without_room(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """It would be valid and yet let nobody in; it can be restored once another one is gone."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await choose_pinning(hass, entry)
    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    room = 1 + (4096 - len(block.expression)) // len(f'"{"0" * 64}" ')
    await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    others = range(1000, 1000 + room)
    await fill(hass, entry, sandbox, others)
    await act(hass, entry, "sync")
    assert len(pinned(sandbox, BLOCK_REF) or ()) == room

    with pytest.raises(HomeAssistantError) as caught:
        await act(hass, entry, "restore_certificate", certificate_id=CERTIFICATE_ID)
    assert caught.value.translation_key == "problem_too_many_pinned"
    own = zone_of(sandbox).certificates[CERTIFICATE_ID]
    assert own.status is not CertificateStatus.ACTIVE

    other = f"7bf7f70c-7600-42e1-81c4-{others[0]:012}"
    await act(hass, entry, "revoke_certificate", certificate_id=other)
    await act(hass, entry, "restore_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    assert fingerprint_of(own.certificate) in (pinned(sandbox, BLOCK_REF) or ())
