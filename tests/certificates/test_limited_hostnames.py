"""Tests of a hostname that only some devices may use, from the first certificate to the last device."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from custom_components.cloudflare_mtls.engine.rules.marks import block_ref
from sandbox import Sandbox
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    SKIP_REF,
    act,
    add_certificate,
    confirm_certificate,
    fingerprint_of,
    issues,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import add_rules, fetch, link_of
from tests.limited import (
    LIMITED,
    LIMITED_ID,
    PHONE,
    TABLET,
    devices_of,
    fill,
    listed,
    set_up_home,
)

DRIFT = "binary_sensor.nas_example_com_drift"


async def test_rules_list_the_devices_certificates(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """The other hostname accepts any certificate, and in sync nothing is written."""
    _, _, tablet = await set_up_home(hass, sandbox, TABLET)
    for ref in (BLOCK_REF, SKIP_REF):
        assert listed(sandbox, ref) == {tablet}
        assert listed(sandbox, ref, HOSTNAME) is None
    sandbox.journal.clear()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert sandbox.journal.writes == []
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


async def test_certificate_that_only_says_whose_it_is(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """What a subject says lists no certificate, and neither does a confirmation for no device."""
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    await add_certificate(
        sandbox, name="Tablet", device_id=TABLET, certificate_id="says-tablet"
    )
    confirmed = await add_certificate(
        sandbox, name="Tablet", device_id=TABLET, certificate_id="of-nobody"
    )
    await confirm_certificate(hass, entry, confirmed, None)
    await act(hass, entry, "sync")
    assert listed(sandbox, BLOCK_REF) == listed(sandbox, SKIP_REF) == {tablet}
    response = await act(hass, entry, "list_certificates")
    opens = {
        item["certificate_id"]: item["hostnames"] for item in response["certificates"]
    }
    assert opens == {
        f"of-{PHONE}": [HOSTNAME],
        f"of-{TABLET}": [HOSTNAME, LIMITED],
        "says-tablet": [HOSTNAME],
        "of-nobody": [HOSTNAME],
    }


async def test_renewal_lists_both_until_the_old_one_is_revoked(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    created = await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=f"of-{TABLET}",
        key_type="ec_p256",
    )
    new = created["fingerprint_sha256"]
    assert listed(sandbox, BLOCK_REF) == listed(sandbox, SKIP_REF) == {tablet, new}

    await act(hass, entry, "revoke_certificate", certificate_id=f"of-{TABLET}")
    await settle(hass)
    assert listed(sandbox, BLOCK_REF) == listed(sandbox, SKIP_REF) == {new}

    response = await act(hass, entry, "list_certificates")
    opens = {
        item["certificate_id"]: item["hostnames"] for item in response["certificates"]
    }
    assert opens[f"of-{TABLET}"] == []


async def test_restored_certificate_is_listed_again(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    certificate_id = f"of-{TABLET}"
    await act(hass, entry, "revoke_certificate", certificate_id=certificate_id)
    await settle(hass)
    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    assert tablet not in block.expression
    await act(hass, entry, "restore_certificate", certificate_id=certificate_id)
    await settle(hass)
    assert listed(sandbox, BLOCK_REF) == listed(sandbox, SKIP_REF) == {tablet}


async def test_removed_device_leaves_the_hostname(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """A hostname whose last device goes is closed to everybody, and a repair says so."""
    entry, phone, tablet = await set_up_home(hass, sandbox, PHONE, TABLET)
    assert listed(sandbox, BLOCK_REF) == {phone, tablet}
    subentries = {item.unique_id: key for key, item in entry.subentries.items()}

    hass.config_entries.async_remove_subentry(entry, subentries[TABLET])
    await settle(hass)
    assert devices_of(entry) == [PHONE]
    assert listed(sandbox, BLOCK_REF) == listed(sandbox, SKIP_REF) == {phone}
    assert "no_device_left" not in reported(hass)

    hass.config_entries.async_remove_subentry(entry, subentries[PHONE])
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert devices_of(entry) == []
    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    assert f'(starts_with(lower(http.host), "{LIMITED}"))' in block.expression
    assert not any(
        LIMITED in rule.expression
        for rule in zone_of(sandbox).rules
        if rule.ref == SKIP_REF
    )
    assert "no_device_left" in reported(hass)
    # The other hostname is for all devices as before.
    assert devices_of(entry, HOSTNAME_ID) is None


async def test_device_that_was_removed_while_the_account_was_not_loaded(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    entry, _, _ = await set_up_home(hass, sandbox, PHONE, TABLET)
    await hass.config_entries.async_unload(entry.entry_id)
    (tablet,) = [
        key for key, item in entry.subentries.items() if item.unique_id == TABLET
    ]
    hass.config_entries.async_remove_subentry(entry, tablet)
    await setup_integration(hass, entry)
    assert devices_of(entry) == [PHONE]


async def test_new_device_opens_a_hostname_that_was_named(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Only naming a limited hostname opens it: without a name, the one for all devices is used."""
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    created = await act(
        hass, entry, "mint_certificate", name="Laptop", key_type="ec_p256"
    )
    assert listed(sandbox, BLOCK_REF) == {tablet}
    assert devices_of(entry) == [TABLET]

    named = await act(
        hass,
        entry,
        "mint_certificate",
        name="Watch",
        key_type="ec_p256",
        hostname=LIMITED,
    )
    new = named["fingerprint_sha256"]
    assert listed(sandbox, BLOCK_REF) == listed(sandbox, SKIP_REF) == {tablet, new}
    assert created["fingerprint_sha256"] not in {tablet, new}
    assert len(devices_of(entry)) == 2


async def test_new_device_is_no_drift(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A look that began before the rules listed the certificate is not the last one.

    Drift is only shown here, so that nothing but another look ends it.
    """
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    for item in entry.get_subentries_of_type("protected_hostname"):
        hass.config_entries.async_update_subentry(
            entry, item, data={**item.data, "keep_in_sync": False}
        )
    await settle(hass)
    for name in ("Laptop", "Watch", "Desk"):
        await act(
            hass,
            entry,
            "mint_certificate",
            name=name,
            key_type="ec_p256",
            hostname=LIMITED,
        )
        await settle(hass)
        assert state_of(hass, DRIFT) == "off"


@pytest.mark.parametrize(
    ("hostname", "opens"),
    [(LIMITED, [LIMITED, HOSTNAME]), (HOSTNAME, [HOSTNAME])],
)
async def test_page_names_what_the_device_opens(
    hass: HomeAssistant,
    sandbox: Sandbox,
    hass_client_no_auth: ClientSessionGenerator,
    hostname: str,
    opens: list[str],
) -> None:
    """The hostname that it uses comes first; those of other devices are not named."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    created = await act(
        hass,
        entry,
        "mint_certificate",
        name="Watch",
        key_type="ec_p256",
        hostname=hostname,
    )
    fetched = await fetch(await hass_client_no_auth(), link_of(hass, created))
    assert fetched["hostnames"] == opens


async def test_device_keeps_an_address_that_it_may_open(
    hass: HomeAssistant, sandbox: Sandbox, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Its hostname was limited to others meanwhile: the page names another one."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    (phone,) = [item for item in entry.subentries.values() if item.unique_id == PHONE]
    hass.config_entries.async_update_subentry(
        entry, phone, data={**phone.data, "hostname": LIMITED}
    )
    await settle(hass)
    created = await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=f"of-{PHONE}",
        key_type="ec_p256",
    )
    fetched = await fetch(await hass_client_no_auth(), link_of(hass, created))
    assert (fetched["hostname"], fetched["hostnames"]) == (HOSTNAME, [HOSTNAME])


async def test_no_hostname_for_all_devices(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A device that is added without a word about limited hostnames opens none of them."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    hass.config_entries.async_remove_subentry(entry, HOSTNAME_ID)
    await settle(hass)
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, entry, "mint_certificate", name="Laptop")
    assert refused.value.translation_key == "hostname_not_clear"


async def test_creation_that_fails_leaves_the_hostname_as_it_was(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)

    def fail(**_: object) -> None:
        raise ValueError

    monkeypatch.setattr(
        "custom_components.cloudflare_mtls.certificates.creation.pack", fail
    )
    with pytest.raises(ValueError):
        await act(hass, entry, "mint_certificate", name="Watch", hostname=LIMITED)
    await settle(hass)
    assert devices_of(entry) == [TABLET]
    assert listed(sandbox, BLOCK_REF) == {tablet}


@pytest.mark.parametrize(
    ("others", "more", "problem"),
    [(0, 0, "problem_too_many_limited"), (1, -2, "problem_no_further_pair")],
)
async def test_certificate_that_no_rule_has_room_for(
    hass: HomeAssistant, sandbox: Sandbox, others: int, more: int, problem: str
) -> None:
    """It is refused before it is signed, and only for a device whose certificates are listed."""
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    add_rules(sandbox, others)
    alone = block_expression({LIMITED: Admission(pinned=frozenset({tablet}))})
    await fill(hass, entry, sandbox, (4096 - len(alone)) // 67 + more)
    await act(hass, entry, "sync")
    sandbox.journal.clear()

    for action, fields in (
        ("renew_certificate", {"certificate_id": f"of-{TABLET}"}),
        ("mint_certificate", {"name": "Watch", "hostname": LIMITED}),
    ):
        with pytest.raises(HomeAssistantError) as refused:
            await act(hass, entry, action, **fields)
        assert refused.value.translation_key == problem
    assert sandbox.journal.writes == []
    assert devices_of(entry) == [TABLET]

    await act(hass, entry, "mint_certificate", name="Laptop", key_type="ec_p256")


async def test_rules_that_are_full_are_a_repair(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """Certificates came from elsewhere; once a rule is deleted, all is done by itself."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    add_rules(sandbox, 1)
    before = listed(sandbox, BLOCK_REF)
    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    room = (4096 - len(block.expression)) // 67
    await fill(hass, entry, sandbox, room + 1)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    found = issues(hass)
    assert found.keys() == {"problem_no_further_pair"}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, *found.values())
    assert issue
    assert issue.translation_placeholders
    assert "Foreign rule 0" in issue.translation_placeholders["detail"]
    assert not issue.is_fixable
    assert listed(sandbox, BLOCK_REF) == before

    zone_of(sandbox).rules.pop()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert issues(hass) == {}
    assert len(listed(sandbox, block_ref(2)) or ()) == room + 2


async def test_somebody_adds_a_certificate_to_the_rules(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """That is drift, and fixed like any other."""
    _, phone, tablet = await set_up_home(hass, sandbox, TABLET)
    for rule in zone_of(sandbox).rules:
        rule.expression = rule.expression.replace(
            f'{{"{tablet}"}}', f'{{"{phone}" "{tablet}"}}'
        )
    assert listed(sandbox, BLOCK_REF) == {phone, tablet}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await settle(hass)
    assert listed(sandbox, BLOCK_REF) == listed(sandbox, SKIP_REF) == {tablet}


async def test_unknown_certificates_where_every_hostname_is_limited(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """They open nothing there, as if certificates were pinned; with one for all devices they do."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    stranger = await add_certificate(
        sandbox, certificate_id="stranger", organization="Somebody"
    )
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "unknown_certificates" in reported(hass)
    data = {**entry.subentries[HOSTNAME_ID].data, "devices": [PHONE]}
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[HOSTNAME_ID], data=data
    )
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "unknown_certificates_pinned" in reported(hass)
    assert fingerprint_of(stranger) not in (listed(sandbox, BLOCK_REF) or ())
    assert entry.subentries[LIMITED_ID]
