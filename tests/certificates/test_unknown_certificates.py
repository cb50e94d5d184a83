"""Tests of the dialog about unknown certificates: it confirms what was listed and selected, and nothing else."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.ignored_repairs import async_ignore
from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.certificates.helpers import EXPIRY, STATUS, told, unreadable
from tests.certificates.test_pinning import choose_pinning, fill, pinned
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    COMPANION_ID,
    EDGE_EVERY,
    add_certificate,
    companion,
    fingerprint_of,
    issues,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    with_device,
    written_out,
    zone_of,
)
from tests.dialogs import Client, begin_repair, certificates, confirm_repair
from tests.faults import Faults

UNKNOWN, PINNED = "unknown_certificates", "unknown_certificates_pinned"
STORE = "cloudflare_mtls.{}.certificates"


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs."""
    assert await async_setup_component(hass, REPAIRS, {})
    return await hass_client()


async def to_step(
    hass: HomeAssistant, client: Client, step_id: str, key: str = UNKNOWN
) -> dict[str, Any]:
    """Open the repair's dialog and choose what to do."""
    flow = await begin_repair(client, issues(hass)[key])
    assert flow["type"] == "menu"
    assert flow["menu_options"] == ["confirm", "revoke", "ignore"]
    flow = await confirm_repair(client, flow, next_step_id=step_id)
    assert flow["step_id"] == step_id
    return flow


def listed(flow: dict[str, Any]) -> dict[str, str]:
    """Return the lines of a step's list, by certificate; none of them is selected."""
    (field,) = flow["data_schema"]
    select = field["selector"]["select"]
    assert (field["name"], field["default"]) == ("certificates", [])
    assert (select["multiple"], select["mode"]) == (True, "list")
    return {item["value"]: item["label"] for item in select["options"]}


async def select(
    hass: HomeAssistant, client: Client, flow: dict[str, Any], *selected: str
) -> dict[str, Any]:
    """Select certificates, submit the step, and wait for what follows."""
    flow = await confirm_repair(client, flow, certificates=list(selected))
    await settle(hass)
    return flow


@with_device
async def test_what_is_confirmed_is_told_no_more(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """What was not selected stays unknown; at Cloudflare nothing changes."""
    certificate = await add_certificate(
        sandbox, name="[Click](x)`", organization="", certificate_id="theirs"
    )
    await add_certificate(sandbox, organization="Somebody", certificate_id="other")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(events) == ["unknown_certificate"] * 2
    sandbox.journal.clear()

    flow = await to_step(hass, client, "confirm")
    issued = written_out(certificate.not_valid_before_utc)
    expires = written_out(certificate.not_valid_after_utc)
    beginning = fingerprint_of(certificate)[:8]
    assert listed(flow)["theirs"] == (
        f'"[Click](x)\'", issued {issued}, expires {expires}, fingerprint {beginning}…'
    )
    assert (await select(hass, client, flow, "theirs"))["type"] == "create_entry"

    assert sandbox.journal.writes == []
    assert reported(hass) == {UNKNOWN}
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    flow = await to_step(hass, client, "confirm")
    assert listed(flow).keys() == {"other"}
    await select(hass, client, flow, "other")
    for _ in range(2):
        assert reported(hass) == set()
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(events) == []


async def test_confirmed_certificates_are_stored_by_fingerprint(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """Another certificate under the same id is not what a person confirmed."""
    confirmed = await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await select(hass, client, await to_step(hass, client, "confirm"), CERTIFICATE_ID)
    stored = hass_storage[STORE.format(loaded_entry.entry_id)]["data"]
    assert stored["confirmed"] == {fingerprint_of(confirmed): None}
    assert reported(hass) == set()

    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {UNKNOWN}


async def test_second_home_assistant_where_certificates_are_pinned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What it created is pinned from the moment that a person confirms it."""
    await choose_pinning(hass, loaded_entry)
    theirs = await add_certificate(sandbox, name="Their phone", device_id="01JTHEIRS")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {PINNED}
    assert pinned(sandbox, BLOCK_REF) is None

    flow = await to_step(hass, client, "confirm", PINNED)
    await select(hass, client, flow, CERTIFICATE_ID)

    assert pinned(sandbox, BLOCK_REF) == {fingerprint_of(theirs)}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert pinned(sandbox, BLOCK_REF) == {fingerprint_of(theirs)}
    assert reported(hass) == set()


@pytest.mark.parametrize(
    ("devices", "subject"),
    [
        pytest.param([companion()], {}, id="created here"),
        pytest.param(
            [companion(device_id=CERTIFICATE_ID)],
            {"organization": "Somebody"},
            id="adopted",
        ),
    ],
)
async def test_lost_store(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    subject: dict[str, Any],
) -> None:
    """The dialog says for which device a certificate claims to be; once confirmed, it is the device's."""
    own = await add_certificate(sandbox, name="Tablet", **subject)
    await choose_pinning(hass, loaded_entry)
    assert state_of(hass, STATUS) == "unknown"

    flow = await to_step(hass, client, "confirm", PINNED)
    assert listed(flow)[CERTIFICATE_ID].startswith(
        'Claims to be for Pixel 8: "Tablet", issued '
    )
    await select(hass, client, flow, CERTIFICATE_ID)

    assert state_of(hass, STATUS) == "active"
    assert state_of(hass, EXPIRY) == own.not_valid_after_utc.isoformat()
    assert pinned(sandbox, BLOCK_REF) == {fingerprint_of(own)}
    assert reported(hass) == set()

    # It goes with the device.
    hass.config_entries.async_remove_subentry(loaded_entry, COMPANION_ID)
    await settle(hass)
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked"}


async def test_certificate_that_appears_while_the_dialog_is_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It cannot be selected, and it is not accepted with the others."""
    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await to_step(hass, client, "confirm")
    await add_certificate(sandbox, certificate_id="late")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    answer = await client.post(
        f"/api/repairs/issues/fix/{flow['flow_id']}", json={"certificates": ["late"]}
    )
    assert answer.status == 400
    await select(hass, client, flow, CERTIFICATE_ID)

    assert reported(hass) == {UNKNOWN}
    assert listed(await to_step(hass, client, "confirm")).keys() == {"late"}


async def test_another_certificate_under_a_listed_id(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The certificate that was shown is confirmed, not the one that took its place."""
    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await to_step(hass, client, "confirm")
    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    await select(hass, client, flow, CERTIFICATE_ID)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {UNKNOWN}


@pytest.mark.parametrize("step_id", ["confirm", "revoke"])
async def test_certificate_that_vanishes_while_the_dialog_is_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    step_id: str,
) -> None:
    """That it is gone is no error, but nobody confirms what somebody else revoked meanwhile."""
    await add_certificate(sandbox)
    await add_certificate(sandbox, certificate_id="gone")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await to_step(hass, client, step_id)
    zone_of(sandbox).certificates["gone"].status = CertificateStatus.REVOKED
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    flow = await select(hass, client, flow, CERTIFICATE_ID, "gone")
    if step_id == "confirm":
        assert flow["errors"] == {"certificates": "revoked_meanwhile"}
        assert listed(flow).keys() == {CERTIFICATE_ID}
        flow = await select(hass, client, flow, CERTIFICATE_ID)

    assert flow["type"] == "create_entry"
    assert reported(hass) == set()


async def test_twelve_certificates(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """All of them are listed, and those that were not selected stay unknown."""
    ids = [f"certificate-{number}" for number in range(12)]
    for certificate_id in ids:
        await add_certificate(sandbox, certificate_id=certificate_id)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await to_step(hass, client, "confirm")
    assert sorted(listed(flow)) == sorted(ids)

    await select(hass, client, flow, *ids[:11])

    assert listed(await to_step(hass, client, "confirm")).keys() == {ids[11]}


@pytest.mark.parametrize("step_id", ["confirm", "revoke"])
async def test_nothing_selected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    step_id: str,
) -> None:
    """Submit alone accepts nothing and revokes nothing: the dialog asks again."""
    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await to_step(hass, client, step_id)

    nothing: list[dict[str, Any]] = [{}, {"certificates": []}]
    for chosen in nothing:
        flow = await confirm_repair(client, flow, **chosen)
        assert flow["errors"] == {"certificates": "nothing_selected"}
        assert listed(flow).keys() == {CERTIFICATE_ID}

    assert reported(hass) == {UNKNOWN}
    assert certificates(sandbox) == {CERTIFICATE_ID: "active"}


async def test_revoked_in_the_dialog(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was selected is revoked, also what cannot be read; what Cloudflare refuses is tried again."""
    for certificate_id in ("first", "second", "kept", "unreadable"):
        await add_certificate(sandbox, certificate_id=certificate_id)
    unreadable(sandbox, "unreadable")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    confirming = await to_step(hass, client, "confirm")
    assert listed(confirming).keys() == {"first", "second", "kept"}
    flow = await to_step(hass, client, "revoke")
    assert listed(flow)["unreadable"] == "Can't be read: certificate unreadable"

    faults.unavailable("DELETE", "/client_certificates/(first|unreadable)")
    flow = await select(hass, client, flow, "first", "second", "unreadable")
    assert flow["errors"] == {"base": "unavailable"}
    assert listed(flow).keys() == {"kept"}
    assert reported(hass) == {UNKNOWN, "revocation_pending"}
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates(sandbox) == {
        "first": "revoked",
        "second": "revoked",
        "kept": "active",
        "unreadable": "revoked",
    }
    assert reported(hass) == {UNKNOWN}
    flow = await select(hass, client, flow, "kept")
    assert flow["type"] == "create_entry"
    assert reported(hass) == set()


async def test_revocation_of_the_only_one_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is left to ask: another repair tells that it still gets in, until it is revoked."""
    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await to_step(hass, client, "revoke")

    faults.unavailable("DELETE", "/client_certificates")
    flow = await select(hass, client, flow, CERTIFICATE_ID)

    assert flow["type"] == "create_entry"
    assert certificates(sandbox) == {CERTIFICATE_ID: "active"}
    assert reported(hass) == {"revocation_pending"}


async def test_ignored_repair(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Who ignores some certificates is told of another one all the same."""
    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    ignored = issues(hass)[UNKNOWN]
    async_ignore(hass, ignored)

    await add_certificate(sandbox, certificate_id="another")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[UNKNOWN])
    assert issue
    assert issue.issue_id != ignored
    assert issue.dismissed_version is None


async def test_more_certificates_than_can_be_pinned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What no rule has space for is not confirmed."""
    await choose_pinning(hass, loaded_entry)
    await fill(hass, loaded_entry, sandbox, range(59))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await add_certificate(sandbox, certificate_id="one too many")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    sandbox.journal.clear()

    flow = await to_step(hass, client, "confirm", PINNED)
    flow = await select(hass, client, flow, "one too many")

    assert flow["errors"] == {"base": "problem_too_many_pinned"}
    assert sandbox.journal.writes == []
    assert PINNED in reported(hass)


@pytest.mark.parametrize("step_id", ["confirm", "revoke"])
async def test_account_that_is_not_connected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    step_id: str,
) -> None:
    """Without the account nothing can be decided."""
    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    flow = await to_step(hass, client, step_id)
    await hass.config_entries.async_unload(loaded_entry.entry_id)

    flow = await select(hass, client, flow, CERTIFICATE_ID)

    assert (flow["type"], flow["reason"]) == ("abort", "entry_not_loaded")
    assert certificates(sandbox) == {CERTIFICATE_ID: "active"}
