"""Tests of protecting a hostname that a tunnel serves already: only rules are added in front of it."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.engine.rules.marks import RECORD_COMMENT
from sandbox import Sandbox
from sandbox.seed import SERVICE, TUNNEL_ID
from sandbox.state import AccessApplication, AccessPolicy, DnsRecord, Rule
from tests.common import (
    BLOCK_REF,
    ENGLISH,
    SKIP_REF,
    act,
    reported,
    sentences,
    settle,
    state_of,
    submit,
    turn,
    zone_of,
)
from tests.dialogs import choose_hostname, to_hostname, zone_and_tunnel
from tests.faults import Faults
from tests.logins import access_of

from .existing import CLOUD, NEXTCLOUD, adopt, labels_of, of_owner, serve, to_adopt

OF = "config_subentries.protected_hostname"


async def test_list_says_what_each_hostname_is_now(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """What is open comes first; what is protected here, or leads nowhere, is not offered."""
    serve(sandbox)
    serve(sandbox, "locked.example.com")
    serve(sandbox, "shell.example.com", "ssh://192.168.1.20:22")
    serve(sandbox, "off.example.com", "http_status:404")
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    lock = 'starts_with(lower(http.host), "locked.example.com")'
    entrypoint.rules.append(Rule("block", lock, "closed"))
    sandbox.journal.clear()

    form = await choose_hostname(hass, loaded_entry)

    assert form["step_id"] == "which"
    labels = labels_of(form)
    assert list(labels.items()) == [
        ("A new hostname", "A new hostname"),
        (CLOUD, f"{CLOUD}, open to everybody ({NEXTCLOUD})"),
        (
            "nas.example.com",
            "nas.example.com, open to everybody (http://192.168.1.20:5000)",
        ),
        (
            "home.example.com",
            f"home.example.com, behind a login of Cloudflare Access ({SERVICE})",
        ),
        (
            "locked.example.com",
            f"locked.example.com, only with a certificate ({NEXTCLOUD})",
        ),
    ]
    assert sandbox.journal.writes == []


async def test_protect_what_is_there(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The preview says who is shut out; block rule, association and skip rule are written."""
    serve(sandbox, originRequest={"noTLSVerify": True})
    before = of_owner(sandbox)
    form = await to_adopt(hass, loaded_entry)
    shown = form["description_placeholders"]
    assert (shown["service"], shown["barrier"]) == (NEXTCLOUD, "open to everybody")
    sandbox.journal.clear()

    preview = await submit(hass, form, {"advanced": {"exempt_paths": ["/s/"]}})

    warning = preview["description_placeholders"]["warning"]
    assert (
        f"**At the moment, `{CLOUD}` can be reached without a certificate.**" in warning
    )
    assert "A browser needs the certificate too." in warning
    changes = preview["description_placeholders"]["changes"]
    assert "were there before. They stay as they are." in changes
    assert "doesn't know what these paths show" in changes
    assert sandbox.journal.writes == []
    result = await submit(hass, preview)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    data = result["data"]
    assert (data["found"], data["purpose"]) == ("adopted", "other")
    assert (data["service"], data["tunnel_id"]) == (NEXTCLOUD, TUNNEL_ID)
    assert of_owner(sandbox) == before
    rules = {rule.ref: rule for rule in zone_of(sandbox).rules}
    assert CLOUD in rules[BLOCK_REF].expression
    assert CLOUD in rules[SKIP_REF].expression
    assert CLOUD in (zone_of(sandbox).associations or [])
    assert state_of(hass, "binary_sensor.cloud_example_com_drift") == "off"
    assert reported(hass) == set()


async def test_behind_access_that_strangers_pass(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It is not called a login, and the preview says that the hostname can be reached."""
    serve(sandbox)
    past = AccessPolicy("Past", "bypass", [{"geo": {"country_code": "DE"}}])
    access_of(sandbox).applications["cloud"] = AccessApplication(
        "Cloud", [{"type": "public", "uri": CLOUD}], [past], id="cloud"
    )

    form = await choose_hostname(hass, loaded_entry)
    assert "open to everybody" in labels_of(form)[CLOUD]
    form = await submit(hass, form, {"hostname": CLOUD})
    preview = await submit(hass, form, {"advanced": {}})
    warning = preview["description_placeholders"]["warning"]
    assert f"`{CLOUD}` can be reached without a certificate." in warning


async def test_behind_access(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The login stays in front, and the preview says so."""
    serve(sandbox)
    destinations = [{"type": "public", "uri": CLOUD}]
    friends = AccessPolicy("Friends", "allow", [{"email": {"email": "a@example.com"}}])
    applications = access_of(sandbox).applications
    applications["cloud"] = AccessApplication(
        "Cloud", destinations, [friends], id="cloud"
    )

    form = await choose_hostname(hass, loaded_entry)
    assert "behind a login of Cloudflare Access" in labels_of(form)[CLOUD]
    form = await submit(hass, form, {"hostname": CLOUD})
    preview = await submit(hass, form, {"advanced": {}})

    assert (
        f"**`{CLOUD}` is behind Cloudflare Access.** That stays"
        in preview["description_placeholders"]["changes"]
    )


async def test_access_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """It is rather called open than protected."""
    serve(sandbox)
    faults.refuse("GET", "/access/apps", 403, 10000, "No")
    form = await choose_hostname(hass, loaded_entry)
    assert "open to everybody" in labels_of(form)[CLOUD]


async def test_zone_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """Nothing is offered of it, and the dialog goes on with a new hostname."""
    serve(sandbox)
    faults.refuse("GET", "/rulesets", 400, 1, "No")
    form = await choose_hostname(hass, loaded_entry)
    assert form["step_id"] == "zone"


async def test_typed_in_the_list(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A name that is in the list is that one, and another one is a new one."""
    serve(sandbox)
    form = await to_adopt(hass, loaded_entry, f" {CLOUD.upper()}. ")
    assert form["step_id"] == "adopt"

    form = await choose_hostname(hass, loaded_entry)
    form = await submit(hass, form, {"hostname": "tablet.example.com"})
    assert form["step_id"] == "zone"
    form = await submit(hass, form, zone_and_tunnel(sandbox))
    suggested = {
        str(key): (key.description or {}).get("suggested_value")
        for key in form["data_schema"].schema
    }
    assert suggested["hostname"] == "tablet.example.com"


@pytest.mark.parametrize("is_first", [True, False])
async def test_typed_as_a_new_one(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    *,
    is_first: bool,
) -> None:
    """It is found with its service, and stays as it is, in the first dialog too."""
    serve(sandbox)
    before = of_owner(sandbox)
    if is_first:
        form = await to_hostname(hass, sandbox)
    else:
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
        await settle(hass)
        form = await choose_hostname(hass, entry)
        form = await submit(hass, form, {"hostname": ENGLISH["common"]["new_hostname"]})
        form = await submit(hass, form, zone_and_tunnel(sandbox))
    typed = {
        "hostname": CLOUD,
        "service": SERVICE,
        "advanced": {"layout": "block_only"},
    }

    form = await submit(hass, form, typed)

    assert form["step_id"] == "adopt"
    assert form["description_placeholders"]["service"] == NEXTCLOUD
    wrong = {"advanced": {"exempt_paths": ["/"]}}
    form = await submit(hass, form, wrong)
    of = "config" if is_first else OF
    assert "can't be exempt" in sentences(form, of)["base"]
    preview = await submit(hass, form, {"advanced": {}})
    result = await submit(hass, preview)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    after = of_owner(sandbox)
    assert all(item in after[0].values() for item in before[0].values())
    assert after[1]["ingress"][0] == before[1]["ingress"][0]


async def test_served_by_another_tunnel(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Whichever tunnel a person chose, the one that serves the hostname stays."""
    other = sandbox.state.add_tunnel("Garage")
    other.config = {
        "ingress": [
            {"hostname": CLOUD, "service": NEXTCLOUD},
            {"service": "http_status:404"},
        ]
    }
    content = f"{other.id}.cfargotunnel.com"
    zone_of(sandbox).add_dns_record(DnsRecord("CNAME", CLOUD, content, proxied=True))
    form = await choose_hostname(hass, loaded_entry)
    form = await submit(hass, form, {"hostname": ENGLISH["common"]["new_hostname"]})
    form = await submit(hass, form, zone_and_tunnel(sandbox))

    form = await submit(
        hass, form, {"hostname": CLOUD, "service": SERVICE, "advanced": {}}
    )

    assert form["step_id"] == "adopt"
    assert form["description_placeholders"]["tunnel"] == "Garage"


async def test_off_and_on(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """*Published* blocks everybody, and touches nothing that leads there."""
    serve(sandbox)
    before = of_owner(sandbox)
    await adopt(hass, loaded_entry)
    entity_id = "switch.cloud_example_com_published"

    await turn(hass, entity_id, "off")
    await settle(hass)

    assert state_of(hass, entity_id) == "off"
    assert of_owner(sandbox) == before
    assert CLOUD not in (zone_of(sandbox).rules[0].expression.split("cert")[0])
    await turn(hass, entity_id, "on")
    await settle(hass)
    assert state_of(hass, entity_id) == "on"
    assert of_owner(sandbox) == before
    assert reported(hass) == set()


async def test_owner_changes_it(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Another service is no drift; that nothing leads there any more is said."""
    serve(sandbox)
    await adopt(hass, loaded_entry)
    tunnel = sandbox.state.tunnels[TUNNEL_ID]
    tunnel.ingress[0]["service"] = "http://elsewhere:80"
    protection = loaded_entry.runtime_data.protection
    sandbox.journal.clear()
    await protection.async_refresh()
    await settle(hass)
    assert state_of(hass, "binary_sensor.cloud_example_com_drift") == "off"

    tunnel.ingress.pop(0)
    await protection.async_refresh()
    await settle(hass)

    assert reported(hass) == {"problem_not_served"}
    assert sandbox.journal.writes == []


async def test_action_does_not_remove_it(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It would stay blocked, so it stays in Home Assistant; the answer says what to do."""
    serve(sandbox)
    before = of_owner(sandbox)
    subentry_id = await adopt(hass, loaded_entry)

    response: Any = await act(hass, loaded_entry, "sync", hostname=CLOUD, remove=True)
    await settle(hass)

    (problem,) = response["problems"]
    assert problem["code"] == "still_served"
    assert (
        "change it on the integration's page and stop protecting it"
        in problem["message"]
    )
    assert subentry_id in loaded_entry.subentries
    assert of_owner(sandbox) == before
    assert reported(hass) == set()


async def test_nothing_is_there(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """What another Home Assistant protects is not offered, and without anything else a new one is."""
    zone = zone_of(sandbox)
    for item in list(zone.dns_records.values()):
        if item.name in ("home.example.com", "nas.example.com"):
            del zone.dns_records[item.id]
    form = await choose_hostname(hass, loaded_entry)
    assert form["step_id"] == "zone"

    serve(sandbox)
    for item in zone.dns_records.values():
        if item.name == CLOUD:
            item.comment = RECORD_COMMENT
    form = await choose_hostname(hass, loaded_entry)
    assert form["step_id"] == "zone"


async def test_tunnel_that_is_deleted_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The list says so, and another hostname can be chosen."""
    other = sandbox.state.add_tunnel("Garage")
    other.config = {
        "ingress": [
            {"hostname": CLOUD, "service": NEXTCLOUD},
            {"service": "http_status:404"},
        ]
    }
    content = f"{other.id}.cfargotunnel.com"
    zone_of(sandbox).add_dns_record(DnsRecord("CNAME", CLOUD, content, proxied=True))
    form = await choose_hostname(hass, loaded_entry)
    del sandbox.state.tunnels[other.id]

    form = await submit(hass, form, {"hostname": CLOUD})

    assert (form["step_id"], form["errors"]) == ("which", {"base": "tunnel_deleted"})
    assert sentences(form, OF)["base"]
