"""A walk through the guide to Nextcloud and Proxmox."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.expressions import MAX_LENGTH
from custom_components.cloudflare_mtls.engine.rules.pairs import Pair
from custom_components.cloudflare_mtls.engine.rules.quota import rule_quota
from sandbox import Sandbox
from tests.common import (
    CHECKS_EVERY,
    DEVICE_ID,
    companion,
    reported,
    submit,
    wait_for_refresh,
)
from tests.dialogs import choose_hostname, zone_and_tunnel
from tests.engine.builders import observed
from tests.flows.existing import CLOUD, labels_of, of_owner, serve, to_adopt

from .markdown import ROOT, blocks

GUIDE = ROOT / "docs" / "guides" / "nextcloud-and-proxmox.md"
(SERVICE,) = (text.strip() for text in blocks(GUIDE, "text"))
PATHS = dict(re.findall(r"^\| `(/.*?)` \| (.*?) \|$", GUIDE.read_text(), re.MULTILINE))


@pytest.fixture
def devices() -> list[Any]:
    """Return a laptop, for which Proxmox is."""
    return [companion(name="Laptop", system="linux")]


def offered_paths(form: Any) -> dict[str, str]:
    """Return the exempt paths that a form offers, and what it says of each."""
    fields = form["data_schema"].schema
    fields = fields["advanced"].schema.schema if "advanced" in fields else fields
    options = fields["exempt_paths"].config["options"]
    return {
        item["value"]: item["label"].removeprefix(f"{item['value']} – ")
        for item in options
    }


async def test_hostname_that_is_there(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The owner's rule and record stay; the preview says who is shut out."""
    serve(sandbox)
    before = of_owner(sandbox)
    form = await choose_hostname(hass, loaded_entry)
    assert labels_of(form)[CLOUD].startswith(f"{CLOUD}, open to everybody (")
    assert f"`{CLOUD}`, open to everybody" in GUIDE.read_text("utf-8")

    form = await to_adopt(hass, loaded_entry)
    assert offered_paths(form) == PATHS
    assert form["data_schema"].schema["purpose"].config["options"][-1] == "other"
    chosen = {"purpose": "other", "devices": [DEVICE_ID]}
    preview = await submit(
        hass, form, {**chosen, "advanced": {"exempt_paths": ["/s/"]}}
    )
    warned = preview["description_placeholders"]["warning"]
    assert "A browser needs the certificate too." in warned

    result = await submit(hass, preview)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert of_owner(sandbox) == before


def most_that_fit(admissions: Callable[[int], Mapping[str, Admission]]) -> int:
    """Return for how many a pair of rules has room."""
    return next(
        number - 1
        for number in count(1)
        if not Pair(number=1).adding(named := admissions(number), named.keys()).fits
    )


def test_how_much_the_rules_hold() -> None:
    """The figures are those of the rules that are written."""
    certificates = most_that_fit(
        lambda number: {
            CLOUD: Admission(pinned=frozenset(f"{n:064x}" for n in range(number)))
        }
    )
    hostnames = most_that_fit(
        lambda number: {f"cloud-{n:02}.example.com": Admission() for n in range(number)}
    )
    said = " ".join(GUIDE.read_text("utf-8").split())
    assert f"allows {MAX_LENGTH:,} characters in each" in said
    assert f"alone has room for about {certificates}, and" in said
    assert f"a pair has room for about {hostnames} hostnames" in said
    free = observed().zone
    pro = replace(free, plan="pro")
    assert f"{rule_quota(free)} on the Free plan, {rule_quota(pro)} on Pro" in said


async def test_new_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A repair offers to trust the certificate of Proxmox."""
    form = await choose_hostname(hass, loaded_entry)
    form = await submit(hass, form, {"hostname": "new"})
    form = await submit(hass, form, zone_and_tunnel(sandbox))
    typed = {"hostname": "pve.example.com", "service": SERVICE, "devices": ["all"]}
    form = await submit(hass, form, {**typed, "advanced": {}})
    assert form["step_id"] == "purpose"
    assert offered_paths(form) == PATHS
    result = await submit(hass, await submit(hass, form, {"purpose": "other"}))
    assert result["type"] is FlowResultType.CREATE_ENTRY

    await wait_for_refresh(hass, freezer, CHECKS_EVERY)

    assert "check_origin_certificate" in reported(hass)
