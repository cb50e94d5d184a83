"""Tests of the options that remove everything at Cloudflare: a preview, and what remains."""

from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.certificates.test_pinning import choose_pinning
from tests.common import (
    BLOCK_REF,
    COMPANION_ID,
    HOSTNAME,
    HOSTNAME_ID,
    SKIP_REF,
    act,
    add_certificate,
    records_of,
    reported,
    settle,
    setup_integration,
    state_of,
    zone_of,
)
from tests.dialogs import assert_protected, certificates, open_options
from tests.faults import Faults
from tests.services.foreign_things import foreign

STATUS = "sensor.pixel_8_certificate_status"


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with which nothing is built up again while a dialog is open."""
    return {**settings, "keep_in_sync": False}


@pytest.fixture
async def home(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account with a device that got its certificate here, and with one of a stranger."""
    await add_certificate(sandbox, organization="", certificate_id="foreign")
    await setup_integration(hass, entry)
    await act(hass, entry, "sync")
    await act(hass, entry, "mint_certificate", name="Pixel 8")
    await settle(hass)
    sandbox.journal.clear()
    return entry


async def answer(hass: HomeAssistant, form: Any, *, revoke: bool = False) -> Any:
    """Submit the preview."""
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {"revoke_certificates": revoke}
    )
    await settle(hass)
    return result


async def protect_in_second_zone(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> Any:
    """Protect another hostname, in a zone of its own, and return the zone."""
    second = sandbox.state.add_zone("example.org")
    settings = entry.subentries[HOSTNAME_ID]
    hass.config_entries.async_add_subentry(
        entry,
        ConfigSubentry(
            subentry_type="protected_hostname",
            title="ha.example.org",
            unique_id="ha.example.org",
            data={  # type: ignore[arg-type]
                **settings.data,
                "hostname": "ha.example.org",
                "zone_id": second.id,
            },
        ),
    )
    await act(hass, entry, "sync")
    return second


def assert_taken_down(sandbox: Sandbox) -> None:
    """Assert that nothing of the hostname is left at Cloudflare."""
    zone = zone_of(sandbox)
    assert {rule.ref for rule in zone.rules}.isdisjoint({BLOCK_REF, SKIP_REF})
    assert HOSTNAME not in (zone.associations or [])
    assert records_of(sandbox) == []
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    assert HOSTNAME not in {rule.get("hostname") for rule in ingress}


async def test_options_offer_it(hass: HomeAssistant, home: MockConfigEntry) -> None:
    menu = await hass.config_entries.options.async_init(home.entry_id)

    assert (menu["type"], menu["menu_options"]) == (
        FlowResultType.MENU,
        ["access", "connectors", "remove"],
    )


async def test_preview(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """It lists what goes, and changes nothing."""
    form = await open_options(hass, home, "remove")

    shown = form["description_placeholders"]
    assert shown["hostnames"] == f"- `{HOSTNAME}`"
    assert [line.partition(" ")[0] for line in shown["changes"].splitlines()] == [
        f"{number}." for number in range(1, 7)
    ]
    # The stranger's certificate is not listed: it was not created here.
    assert shown["certificates"] == "- `Pixel 8`"
    assert sandbox.journal.writes == []
    assert set(certificates(sandbox).values()) == {"active"}


async def test_hostnames_go_and_certificates_stay(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """Nothing is revoked without asking, and the end says what remains."""
    before = foreign(sandbox)

    done = await answer(hass, await open_options(hass, home, "remove"))

    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "removed")
    assert_taken_down(sandbox)
    assert foreign(sandbox) == before
    assert set(certificates(sandbox).values()) == {"active"}
    assert HOSTNAME_ID not in home.subentries
    assert state_of(hass, STATUS) == "active"
    # Options that were chosen before are as they were.
    assert home.options == {}


async def test_certificates_go_too(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """Only those that were created here: strangers' are not ours to revoke."""
    done = await answer(hass, await open_options(hass, home, "remove"), revoke=True)

    assert done["reason"] == "removed_and_revoked"
    assert_taken_down(sandbox)
    assert certificates(sandbox).pop("foreign") == "active"
    assert list(certificates(sandbox).values()).count(CertificateStatus.REVOKED) == 1
    assert state_of(hass, STATUS) in ("revoking", "revoked")


async def test_revocation_that_is_refused(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, home: MockConfigEntry
) -> None:
    """The end names what is still valid, and a repair stays until it is revoked."""
    faults.refuse("DELETE", "/client_certificates", 400, 1234, "Not today")

    done = await answer(hass, await open_options(hass, home, "remove"), revoke=True)

    assert done["reason"] == "removed_not_revoked"
    assert done["description_placeholders"] == {"certificates": "- `Pixel 8`"}
    assert_taken_down(sandbox)
    assert "revocation_pending" in reported(hass)


async def test_changed_while_the_preview_was_open(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """What a person did not see is not done: it is shown again."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    rule = next(item for item in tunnel.ingress if item.get("hostname") == HOSTNAME)
    tunnel.ingress.remove(rule)
    form = await open_options(hass, home, "remove")
    assert "Stop routing" not in form["description_placeholders"]["changes"]
    tunnel.ingress.insert(0, rule)
    sandbox.journal.clear()

    form = await answer(hass, form, revoke=True)

    assert form["errors"] == {"base": "changed_meanwhile"}
    assert "Stop routing" in form["description_placeholders"]["changes"]
    assert sandbox.journal.writes == []
    done = await answer(hass, form)
    assert done["reason"] == "removed"
    assert_taken_down(sandbox)


async def test_certificate_that_was_created_while_the_preview_was_open(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """It was not in the list, so it is not revoked."""
    form = await open_options(hass, home, "remove")
    created = await act(hass, home, "mint_certificate", name="Tablet")
    await settle(hass)

    await answer(hass, form, revoke=True)

    assert certificates(sandbox)[created["certificate_id"]] == "active"


async def test_removal_that_fails_half_way(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, home: MockConfigEntry
) -> None:
    """The form says why, nothing is opened or revoked, and the next attempt goes on."""
    faults.unavailable("PUT", "/hostname_associations")

    form = await answer(hass, await open_options(hass, home, "remove"), revoke=True)

    assert form["errors"] == {"base": "unavailable"}
    assert HOSTNAME_ID in home.subentries
    assert BLOCK_REF in {rule.ref for rule in zone_of(sandbox).rules}
    assert set(certificates(sandbox).values()) == {"active"}

    faults.clear()
    done = await answer(hass, form)
    assert done["reason"] == "removed"
    assert_taken_down(sandbox)


async def test_cloudflare_that_does_not_answer(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, home: MockConfigEntry
) -> None:
    """The preview says so; to submit it changes nothing that was not shown."""
    faults.unavailable("*", "")
    form = await open_options(hass, home, "remove")
    assert form["errors"] == {"base": "unavailable"}
    faults.clear()
    sandbox.journal.clear()

    form = await answer(hass, form, revoke=True)

    assert form["errors"] == {"base": "changed_meanwhile"}
    assert sandbox.journal.writes == []
    assert_protected(sandbox)
    done = await answer(hass, form)
    assert done["reason"] == "removed"


async def test_zone_that_cannot_be_read(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, home: MockConfigEntry
) -> None:
    """The hostnames of all other zones go."""
    second = await protect_in_second_zone(hass, sandbox, home)
    faults.unavailable("GET", f"/zones/{second.id}/dns_records")
    form = await open_options(hass, home, "remove")
    assert form["errors"] == {"base": "unavailable"}

    form = await answer(hass, form)

    assert form["errors"] == {"base": "unavailable"}
    assert_taken_down(sandbox)
    assert {item.title for item in home.subentries.values()} == {
        "ha.example.org",
        "Pixel 8",
    }
    faults.clear()
    form = await answer(hass, form)
    assert form["errors"] == {"base": "changed_meanwhile"}
    assert (await answer(hass, form))["reason"] == "removed"


async def test_nothing_is_left_to_remove(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    await answer(hass, await open_options(hass, home, "remove"), revoke=True)

    done = await open_options(hass, home, "remove")

    assert done["reason"] == "nothing_to_remove"


async def test_certificates_that_remained(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """Who first left them valid can revoke them later."""
    await answer(hass, await open_options(hass, home, "remove"))

    form = await open_options(hass, home, "remove")
    assert form["description_placeholders"]["hostnames"] == "None."
    assert form["description_placeholders"]["changes"] == "None."
    done = await answer(hass, form, revoke=True)

    assert done["reason"] == "removed_and_revoked"
    assert COMPANION_ID not in home.subentries
    assert list(certificates(sandbox).values()).count(CertificateStatus.REVOKED) == 1


async def test_pinned_certificates(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """The options stay, and the rules with the fingerprints go."""
    await choose_pinning(hass, home)

    done = await answer(hass, await open_options(hass, home, "remove"), revoke=True)

    assert done["reason"] == "removed_and_revoked"
    assert_taken_down(sandbox)
    assert home.options["pin_certificates"] is True


async def test_account_unloaded_while_the_preview_was_open(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    form = await open_options(hass, home, "remove")
    await hass.config_entries.async_unload(home.entry_id)

    done = await answer(hass, form, revoke=True)

    assert done["reason"] == "entry_not_loaded"
    assert_protected(sandbox)


class TestHostnameThatWasThereBefore:
    """A protected hostname whose DNS record and ingress rule others made."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings with the hostname that the browser uses."""
        return {**settings, "hostname": "home.example.com"}

    async def test_it_stays_closed(
        self, hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
    ) -> None:
        """The form says why; what others made is left, and nothing is opened or revoked."""
        before = foreign(sandbox)

        form = await answer(hass, await open_options(hass, home, "remove"), revoke=True)

        assert form["errors"] == {"base": "problem_still_reachable"}
        assert foreign(sandbox)["records"] == before["records"]
        assert foreign(sandbox)["config"] == before["config"]
        assert BLOCK_REF in {rule.ref for rule in zone_of(sandbox).rules}
        assert HOSTNAME_ID in home.subentries
        assert set(certificates(sandbox).values()) == {"active"}
