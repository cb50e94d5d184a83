"""DNS records."""

from typing import Any

import pytest

from sandbox import Sandbox

from .helpers import HOME, Api

RECORDS = "/zones/{zone}/dns_records"
TARGET = "7e000000-0000-4000-8000-000000000001.cfargotunnel.com"
MOBILE = {
    "type": "CNAME",
    "name": "home-mobile",
    "content": TARGET,
    "proxied": True,
    "comment": "ours",
}


async def test_life_of_a_record(api: Api) -> None:
    """Create, read, edit, replace and delete a record."""
    created = (await api.request("POST", RECORDS, MOBILE)).result
    path = f"{RECORDS}/{created['id']}"
    assert created["name"] == "home-mobile.example.com"
    assert (created["ttl"], created["proxiable"]) == (1, True)
    assert (await api.get(path)).result == created

    changed = (await api.request("PATCH", path, {"proxied": False})).result
    assert (changed["proxied"], changed["comment"]) == (False, "ours")
    body = {"type": "A", "name": HOME.replace("home", "new"), "content": "192.0.2.1"}
    replaced = (await api.request("PUT", path, body)).result
    assert (replaced["id"], replaced["comment"]) == (created["id"], None)
    assert replaced["created_on"] == created["created_on"]

    assert (await api.request("DELETE", path)).result == {"id": created["id"]}
    for method in ("GET", "PATCH", "DELETE"):
        reply = await api.request(method, path, {})
        assert (reply.status, reply.code) == (404, 81044)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, 6),
        ({"name.exact": HOME}, 1),
        ({"name": "HOME.example.com"}, 1),
        ({"type": "CNAME"}, 3),
        ({"type": "CNAME", "comment.exact": "ours"}, 1),
        ({"comment.absent": "true"}, 5),
        ({"comment.present": "true"}, 1),
        ({"content.exact": TARGET}, 3),
        ({"content.endswith": "cfargotunnel.com"}, 3),
        ({"content.startswith": "198."}, 1),
        ({"name.contains": "mobile"}, 1),
        ({"proxied": "true"}, 3),
        ({"proxied": "false"}, 3),
    ],
)
async def test_filters(api: Api, query: dict[str, str], expected: int) -> None:
    """Records can be filtered by name, type, content, comment and proxying."""
    await api.request("POST", RECORDS, MOBILE)
    assert len((await api.get(RECORDS, **query)).result) == expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "CNAME", "name": HOME, "content": "other.example"}, 81053),
        ({"type": "CNAME", "name": HOME, "content": TARGET}, 81058),
        ({"type": "CNAME", "name": "vpn", "content": "other.example"}, 81053),
        ({"type": "A", "name": HOME, "content": "192.0.2.1"}, 81054),
        ({"type": "A", "name": "vpn", "content": "198.51.100.7"}, 81058),
    ],
)
async def test_clashes(api: Api, body: dict[str, Any], code: int) -> None:
    """A name has either one CNAME or other records, and no record twice."""
    reply = await api.request("POST", RECORDS, body)
    assert (reply.status, reply.code) == (400, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "A"}, 9005),
        ({"type": "AAAA"}, 9006),
        ({"content": "not a name"}, 9007),
        ({"type": "TXT"}, 9004),
        ({"ttl": 300}, 9021),
        ({"comment": "x" * 101}, 9300),
        ({"tags": ["a:b"]}, 9301),
        ({"content": ""}, 9000),
    ],
)
async def test_invalid(api: Api, change: dict[str, Any], code: int) -> None:
    """The specific code is in the error chain."""
    reply = await api.request("POST", RECORDS, MOBILE | change)
    assert (reply.status, reply.code) == (400, 1004)
    assert reply.body["errors"][0]["error_chain"][0]["code"] == code


async def test_changes_are_checked_too(sandbox: Sandbox, api: Api) -> None:
    """A refused change leaves the record unchanged."""
    created = (await api.request("POST", RECORDS, MOBILE)).result
    path = f"{RECORDS}/{created['id']}"
    assert (await api.request("PATCH", path, {"name": HOME})).code == 81058
    assert (await api.get(path)).result == created
