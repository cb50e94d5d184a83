"""Tests of the code beside the handover's link: it works once, and five wrong ones close it."""

import base64
from collections.abc import Callable
from datetime import timedelta
import itertools
import re

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.cloudflare_mtls.pages.handovers import (
    MAX_WRONG_CODES,
    Delivery,
    Handover,
    async_get_handovers,
)
from tests.common import CERTIFICATE_ID, HOSTNAME, settle
from tests.deliveries import make_delivery
from tests.dialogs import Client
from tests.pages.handover_requests import PAGE, PATH, code_of, token_of, wrong_codes


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


async def test_code_is_closed_by_five_wrong_ones(
    hass: HomeAssistant, client: Client
) -> None:
    """After that even the right code fails, but the URL still works."""
    handovers = async_get_handovers(hass)
    handover, other = (handovers.offer(make_delivery()) for _ in range(2))

    for wrong in itertools.islice(wrong_codes(handover), MAX_WRONG_CODES):
        assert (await client.post(PATH, data=wrong)).status == 404

    assert (await client.post(PATH, data=code_of(handover))).status == 404
    assert (await client.post(PATH, data=token_of(handover))).status == 200
    assert (await client.post(PATH, data=code_of(other))).status == 200


async def test_code_after_four_wrong_ones(hass: HomeAssistant, client: Client) -> None:
    """The right code still works after a few typing errors."""
    handover = async_get_handovers(hass).offer(make_delivery())

    for wrong in itertools.islice(wrong_codes(handover), MAX_WRONG_CODES - 1):
        assert (await client.post(PATH, data=wrong)).status == 404

    assert (await client.post(PATH, data=code_of(handover))).status == 200


async def test_no_code_looks_different(
    hass: HomeAssistant, client: Client, freezer: FrozenDateTimeFactory
) -> None:
    """Wrong, closed, used, expired, unknown or malformed: the answer is the same."""
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
        *(code_of(good, "\N{SNOWMAN}"), code_of(good, "1"), code_of(good) + "0"),
        *("code.", "code..", "...", "code." + "9" * 200, code_of(good) + ".1"),
        *(code_of(good).replace("code", "Code"), good.code, f"{good.code}.{good.code}"),
        *(code_of(good).rpartition(".")[0], f"code.{token_of(good)}"),
    ):
        answer = await client.post(PATH, data=asked)
        answers.append((answer.status, await answer.text(), dict(answer.headers)))

    assert answers[0][0] == 404
    assert answers == [answers[0]] * len(answers)
    assert (await client.post(PATH, data=code_of(good))).status == 200


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
    for wrong in itertools.islice(wrong_codes(closed), MAX_WRONG_CODES):
        answer = await client.post(PATH, data=wrong, headers=through)
        assert answer.status == 403
    assert (await client.post(PATH, data=code_of(closed))).status == 404

    first = await client.post(PATH, data=asked(handover), headers=through)
    second = await client.post(PATH, data=asked(handover), headers=through)

    assert (first.status, second.status) == (200, 403)
    assert await second.json() == await answer.json()


async def test_offer_that_is_withdrawn(hass: HomeAssistant, client: Client) -> None:
    """Neither the URL nor the code works any more."""
    handover = async_get_handovers(hass).offer(make_delivery())
    async_get_handovers(hass).withdraw(CERTIFICATE_ID)

    for asked in (token_of(handover), code_of(handover)):
        assert (await client.post(PATH, data=asked)).status == 404
