"""Tests of the code beside the handover's link: it works once, and five wrong ones close it."""

import base64
from collections.abc import Callable
from datetime import timedelta
import itertools
import re

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cloudflare_mtls.pages.handovers import (
    MAX_WRONG_CODES,
    Delivery,
    Handover,
    async_get_handovers,
)
from tests.common import CERTIFICATE_ID, ENGLISH, HOSTNAME, act, reported, settle
from tests.deliveries import make_delivery
from tests.dialogs import Client, handovers_of
from tests.pages.handover_requests import PAGE, PATH, code_of, token_of, wrong_codes

TEXTS = ENGLISH["common"]


async def test_code(
    hass: HomeAssistant, client: Client, fetched: list[Delivery]
) -> None:
    """With the code, the path gives the same as the URL, and once."""
    delivery = make_delivery()
    handover = async_get_handovers(hass).offer(delivery)
    assert handover.path.startswith(f"{PATH}#code.")
    assert re.fullmatch("[0-9]{6}", handover.code)
    assert handover.code not in handover.path
    assert token_of(handover) not in handover.path

    answer = await client.post(PATH, data=code_of(handover))

    assert answer.status == 200
    assert answer.headers.items() >= PAGE.items()
    assert await answer.json() == {
        "system": "android",
        "label": delivery.label,
        "password": delivery.password,
        "hostname": HOSTNAME,
        "hostnames": [],
        "test_url": (
            f"https://{HOSTNAME}/api/cloudflare_mtls/proof#{delivery.test_token}"
        ),
        "bundles": [
            {
                "format": bundle.format,
                "filename": bundle.filename,
                "data": base64.b64encode(bundle.data).decode(),
            }
            for bundle in delivery.bundles
        ],
    }
    assert fetched == [delivery]
    assert not async_get_handovers(hass).is_waiting(CERTIFICATE_ID)
    for asked in (code_of(handover), token_of(handover)):
        assert (await client.post(PATH, data=asked)).status == 404
    assert fetched == [delivery]


async def message_of(client: Client, asked: str, status: int) -> str:
    """Return what the page says of a refusal with this status."""
    answer = await client.post(PATH, data=asked)
    assert answer.status == status
    return str((await answer.json())["message"])


async def test_five_wrong_codes_close_the_link(
    hass: HomeAssistant, client: Client
) -> None:
    """The fifth one is told so, and after that neither the code nor the URL opens anything."""
    handovers = async_get_handovers(hass)
    handover, other = (handovers.offer(make_delivery()) for _ in range(2))
    *first, last = itertools.islice(wrong_codes(handover), MAX_WRONG_CODES)

    for wrong in first:
        told = await message_of(client, wrong, 403)
        assert told == TEXTS["handover_wrong_code"]
    assert await message_of(client, last, 404) == TEXTS["handover_closed"]

    for asked in (code_of(handover), token_of(handover), last):
        assert await message_of(client, asked, 404) == TEXTS["handover_gone"]
    assert (await client.post(PATH, data=code_of(other))).status == 200


async def test_closed_link_is_told_at_once(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
) -> None:
    """The repair with link and code goes away, and one that offers a new link comes instead."""
    await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    assert reported(hass) == {"certificate_ready"}
    (handover,) = handovers_of(hass)

    for wrong in itertools.islice(wrong_codes(handover), MAX_WRONG_CODES):
        await client.post(PATH, data=wrong)
    await settle(hass)

    assert reported(hass) == {"handover_missed"}
    assert "missed" in {item.state for item in hass.states.async_all("sensor")}


async def test_expired_link_is_told_at_once(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The same holds once its ten minutes are over; nobody has to look at Cloudflare for that."""
    await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    freezer.tick(timedelta(minutes=10))
    async_fire_time_changed(hass)
    await settle(hass)

    assert reported(hass) == {"handover_missed"}


async def test_code_after_four_wrong_ones(hass: HomeAssistant, client: Client) -> None:
    """The right code still works after a few typing errors."""
    handover = async_get_handovers(hass).offer(make_delivery())

    for wrong in itertools.islice(wrong_codes(handover), MAX_WRONG_CODES - 1):
        assert (await client.post(PATH, data=wrong)).status == 403

    assert (await client.post(PATH, data=code_of(handover))).status == 200


async def test_no_code_looks_different(
    hass: HomeAssistant, client: Client, freezer: FrozenDateTimeFactory
) -> None:
    """Closed, used, expired, unknown or malformed: the answer is the same."""
    handovers = async_get_handovers(hass)
    old = handovers.offer(make_delivery())
    freezer.tick(timedelta(minutes=10))
    async_fire_time_changed(hass)
    await settle(hass)
    used, closed, good = (handovers.offer(make_delivery()) for _ in range(3))
    await client.post(PATH, data=code_of(used))
    for wrong in itertools.islice(wrong_codes(closed), MAX_WRONG_CODES):
        await client.post(PATH, data=wrong)

    answers = []
    for asked in (
        *(code_of(old), code_of(used), code_of(closed), "code.unknown.123456"),
        *("code.", "code..", "...", "code." + "9" * 200, code_of(good) + ".1"),
        *(code_of(good).replace("code", "Code"), good.code, f"{good.code}.{good.code}"),
        *(code_of(good).rpartition(".")[0], f"code.{token_of(good)}"),
    ):
        answer = await client.post(PATH, data=asked)
        answers.append((answer.status, await answer.text(), dict(answer.headers)))

    assert answers[0][0] == 404
    assert answers == [answers[0]] * len(answers)
    assert (await client.post(PATH, data=code_of(good))).status == 200


@pytest.mark.parametrize("code", ["\N{SNOWMAN}", "1", "1234567"])
async def test_malformed_code(hass: HomeAssistant, client: Client, code: str) -> None:
    """It is a wrong one, as any other."""
    handover = async_get_handovers(hass).offer(make_delivery())
    told = await message_of(client, code_of(handover, code), 403)
    assert told == TEXTS["handover_wrong_code"]


@pytest.mark.parametrize("header", ["CF-Ray", "CF-Connecting-IP", "X-Forwarded-For"])
async def test_code_over_the_internet(
    hass: HomeAssistant, client: Client, header: str
) -> None:
    """It is refused there, and wrong codes from there do not count."""
    handover = async_get_handovers(hass).offer(make_delivery())
    through = {header: "203.0.113.24"}

    answers = []
    wrong = itertools.islice(wrong_codes(handover), 2 * MAX_WRONG_CODES)
    for asked in (*wrong, code_of(handover), token_of(handover), "code.unknown.1", "A"):
        answer = await client.post(PATH, data=asked, headers=through)
        answers.append((answer.status, await answer.text(), dict(answer.headers)))

    assert answers[0][0] == 403
    assert answers == [answers[0]] * len(answers)
    assert (await client.post(PATH, data=code_of(handover))).status == 200


@pytest.mark.parametrize("asked", [token_of, code_of])
async def test_over_the_internet_where_it_is_allowed(
    hass: HomeAssistant, client: Client, asked: Callable[[Handover], str]
) -> None:
    """It can be fetched there, once, and wrong codes from there count."""
    handovers = async_get_handovers(hass)
    handover, closed = (handovers.offer(make_delivery(remotely=True)) for _ in range(2))
    through = {"CF-Ray": "8f2a-FRA"}
    told = []
    for wrong in itertools.islice(wrong_codes(closed), MAX_WRONG_CODES):
        answer = await client.post(PATH, data=wrong, headers=through)
        told.append((answer.status, (await answer.json())["message"]))
    assert told == [
        *[(403, TEXTS["handover_wrong_code"])] * (MAX_WRONG_CODES - 1),
        (404, TEXTS["handover_closed"]),
    ]
    assert (await client.post(PATH, data=code_of(closed))).status == 404

    first = await client.post(PATH, data=asked(handover), headers=through)
    second = await client.post(PATH, data=asked(handover), headers=through)

    assert (first.status, second.status) == (200, 403)
    assert (await second.json())["message"] == TEXTS["handover_not_local"]


async def test_offer_that_is_withdrawn(hass: HomeAssistant, client: Client) -> None:
    """Neither the URL nor the code works any more."""
    handover = async_get_handovers(hass).offer(make_delivery())
    async_get_handovers(hass).withdraw(CERTIFICATE_ID)

    for asked in (token_of(handover), code_of(handover)):
        assert (await client.post(PATH, data=asked)).status == 404


@pytest.mark.parametrize("remotely", [False, True])
async def test_looking_at_a_link(
    hass: HomeAssistant, client: Client, remotely: bool
) -> None:
    """A page that was just opened learns whether its link is good, and takes nothing."""
    handovers = async_get_handovers(hass)
    handover = handovers.offer(make_delivery(remotely=remotely))
    links = [token_of(handover), handover.path.partition("#")[2]]
    through = {"CF-Ray": "8f2a-FRA"}

    for link in links:
        for headers, status in (({}, 200), (through, 200 if remotely else 403)):
            answer = await client.post(PATH, data=f"look.{link}", headers=headers)
            assert answer.status == status
            assert answer.headers.items() >= PAGE.items()
    for other in ("", "A" * 43, code_of(handover), f"look.{links[0]}"):
        assert await message_of(client, f"look.{other}", 404) == TEXTS["handover_gone"]
    assert (await client.post(PATH, data=code_of(handover))).status == 200
    for link in links:
        assert await message_of(client, f"look.{link}", 404) == TEXTS["handover_gone"]
