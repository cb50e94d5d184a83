"""Tests of what a visit with a good certificate met behind the rules."""

import pytest

from custom_components.cloudflare_mtls.engine.arrival import (
    Arrival,
    judge_arrival,
    judge_service,
)
from custom_components.cloudflare_mtls.engine.probe import Verdict, Visit

ANSWER = "vQ8Yt1m3"
LET_IN, NO_ORIGIN = Verdict.LET_IN, Verdict.NO_ORIGIN


@pytest.mark.parametrize(
    ("verdict", "status", "body", "location", "arrival", "is_home"),
    [
        (LET_IN, 200, ANSWER, "", Arrival.HOME, True),
        # The body may come in pieces.
        (LET_IN, 200, f"8\r\n{ANSWER}\r\n0\r\n\r\n", "", Arrival.HOME, True),
        # An application that repeats the question, or shows any page.
        (LET_IN, 200, "/api/cloudflare_mtls/visit/x", "", Arrival.OTHER_APPLICATION, 0),
        (
            LET_IN,
            200,
            "<h1>Welcome to your proxy</h1>",
            "",
            Arrival.OTHER_APPLICATION,
            0,
        ),
        (LET_IN, 404, "not found", "", Arrival.OTHER_APPLICATION, 0),
        (LET_IN, 404, ANSWER, "", Arrival.OTHER_APPLICATION, 0),
        (LET_IN, 404, "", "", Arrival.NO_RULE, 0),
        (LET_IN, 404, "0\r\n\r\n", "", Arrival.NO_RULE, 0),
        (LET_IN, 503, "", "", Arrival.NO_RULE, 0),
        (LET_IN, 401, "", "", Arrival.OTHER_APPLICATION, 0),
        (LET_IN, 400, "400: Bad Request", "", Arrival.PROXY_NOT_TRUSTED, 0),
        (LET_IN, 400, "no such host", "", Arrival.OTHER_APPLICATION, 0),
        (NO_ORIGIN, 502, "error code: 502", "", Arrival.NO_SERVICE, 0),
        (NO_ORIGIN, 530, "error code: 1033", "", Arrival.NO_CONNECTOR, 0),
        (NO_ORIGIN, 530, "error code: 1016", "", Arrival.NO_SERVICE, 0),
        (LET_IN, 301, "", "https://ha.example.com/", Arrival.REDIRECTED, 0),
        (LET_IN, 308, "", "/", Arrival.REDIRECTED, 0),
        (LET_IN, 302, "", "http://[", Arrival.REDIRECTED, 0),
        (
            Verdict.UNCLEAR,
            302,
            "",
            "https://home.cloudflareaccess.com/cdn-cgi/access/login/x",
            Arrival.LOGIN,
            0,
        ),
        (LET_IN, 302, "", "https://cloudflareaccess.com.evil", Arrival.REDIRECTED, 0),
        (Verdict.BLOCKED, 403, "", "", Arrival.BLOCKED, 0),
        (Verdict.CHALLENGED, 403, "", "", Arrival.CHALLENGED, 0),
        (Verdict.NO_CERTIFICATE, None, "", "", Arrival.NO_CERTIFICATE, 0),
        (Verdict.UNREACHABLE, None, "", "", Arrival.UNKNOWN, None),
        (Verdict.NOT_CLOUDFLARE, 200, ANSWER, "", Arrival.UNKNOWN, None),
        (Verdict.UNCLEAR, 403, "forbidden", "", Arrival.UNKNOWN, None),
    ],
)
def test_arrival(
    verdict: Verdict,
    status: int | None,
    body: str,
    location: str,
    arrival: Arrival,
    is_home: bool | None,
) -> None:
    """Each answer reads differently, and nothing but the answer itself counts as home."""
    visit = Visit(verdict=verdict, status=status, body=body.encode(), location=location)
    assert judge_arrival(visit, ANSWER) is arrival
    assert arrival.is_there is (None if is_home is None else bool(is_home))


def _visit(verdict: Verdict, status: int | None, location: str, body: bytes) -> Visit:
    return Visit(verdict=verdict, status=status, location=location, body=body)


@pytest.mark.parametrize(
    ("visit", "arrival"),
    [
        (_visit(LET_IN, 200, "", b"<h1>Nextcloud</h1>"), Arrival.SERVICE),
        (_visit(LET_IN, 302, "/index.php/login", b""), Arrival.SERVICE),
        (_visit(LET_IN, 401, "", b"Unauthorized"), Arrival.SERVICE),
        (_visit(LET_IN, 400, "", b"400: Bad Request"), Arrival.SERVICE),
        (_visit(LET_IN, 404, "", b""), Arrival.NO_RULE),
        (_visit(NO_ORIGIN, 502, "", b""), Arrival.NO_SERVICE),
        (
            _visit(LET_IN, 302, "https://x.cloudflareaccess.com/cdn-cgi", b""),
            Arrival.LOGIN,
        ),
        (_visit(Verdict.BLOCKED, 403, "", b""), Arrival.BLOCKED),
        (_visit(Verdict.UNREACHABLE, None, "", b""), Arrival.UNKNOWN),
    ],
)
def test_another_service(visit: Visit, arrival: Arrival) -> None:
    """Any answer from behind the tunnel is its own, but Cloudflare's and cloudflared's are not."""
    assert judge_service(visit) is arrival
    assert arrival.needs_a_person is (arrival not in (Arrival.SERVICE, Arrival.UNKNOWN))
