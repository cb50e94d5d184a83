"""Tests that the sandbox gives the recorded answers of the real API, all but those of which a reason says why not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox import Sandbox

from .helpers import Api
from .recordings import RECORDED, needs_recordings
from .replays import REPLAYS, Stage
from .replays.paths import ENTRYPOINT

pytestmark = needs_recordings

NOT_REPLAYED: Mapping[str, str] = {
    "ax-05": "the sandbox has no service tokens",
    "ax-09": "the sandbox has no mTLS settings of Access",
    "ax-12": "an old application without the fields that the sandbox always sends",
    "ax-30": "the sandbox has no certificates of Access",
    "ax-37": "the sandbox answers a path without an account with 7000 alone",
    "dn-02": "81057 is the older code of the refusal in dn-03",
    "ed-07": "the edge has no rate limits",
    "gq-03": "the older wording of the error in gq-04",
    "rl-03": "another service's code for the refusal in rl-01",
    "rs-04": "rulesets of phases that the sandbox does not have",
    "rs-07": "the older form of the error in rs-08",
    "rs-09c": "the phase of rate limits is not emulated",
    "rs-09d": "the phase of rate limits is not emulated",
    "tn-22": "another path, /tunnels, that cloudflared used in 2021",
}
"""Recordings, other than prose, that are not replayed, with the reason."""


@pytest.mark.parametrize("number", REPLAYS)
async def test_replay(sandbox: Sandbox, api: Api, tmp_path: Path, number: str) -> None:
    """In the same situation, the sandbox answers with the same status, codes, texts and shape."""
    replayed = REPLAYS[number]
    answered = await replayed.situation(Stage(sandbox, api, tmp_path))
    comparison = replayed.comparison
    differences = comparison.differences(RECORDED[number], answered)
    assert sorted(differences - comparison.allowed.keys()) == []
    assert sorted(comparison.allowed.keys() - differences) == [], "no longer needed"


async def test_wrong_method(api: Api) -> None:
    """A wrong method gets 10000 although the token is valid, as rs-17 recorded elsewhere."""
    reply = await api.request("POST", ENTRYPOINT, {"rules": []})
    assert (reply.status, reply.code) == (405, 10000)
    assert (
        reply.message
        == "POST method not allowed for the api_token authentication scheme"
    )


def test_every_recording_is_accounted_for(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each recording is replayed, listed with a reason, or prose."""
    prose = {number for number, each in RECORDED.items() if not each.is_replayable}
    assert not REPLAYS.keys() & NOT_REPLAYED
    assert REPLAYS.keys() | NOT_REPLAYED.keys() | prose == RECORDED.keys()
    lines = [
        f"{len(RECORDED)} recordings: {len(REPLAYS)} replayed, {len(NOT_REPLAYED)} are "
        f"not, {len(prose)} are prose",
        f"  replayed: {' '.join(sorted(REPLAYS))}",
        *(f"  not: {number}, {why}" for number, why in NOT_REPLAYED.items()),
        f"  prose: {' '.join(sorted(prose))}",
    ]
    terminal = request.config.pluginmanager.get_plugin("terminalreporter")
    assert terminal is not None
    with capsys.disabled():
        terminal.write_line("")
        for line in lines:
            terminal.write_line(line)
