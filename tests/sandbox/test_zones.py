"""Zones, and the paging that all lists share."""

import pytest

from sandbox import Sandbox

from .helpers import Api


async def test_zones(sandbox: Sandbox, api: Api) -> None:
    """The seeded zone is the same in the list and by its id."""
    [zone] = (await api.get("/zones")).result
    assert zone == (await api.get("/zones/{zone}")).result
    assert (zone["name"], zone["plan"]["legacy_id"]) == ("example.com", "free")
    assert zone["account"] == {"id": sandbox.account_id, "name": "Home lab"}


async def test_zones_without_permission(sandbox: Sandbox, api: Api) -> None:
    """Without the permission, the list is empty rather than refused."""
    blind = api.with_token(sandbox.state.add_token(permissions={"dns:edit"}))
    assert (await blind.get("/zones")).result == []
    assert (await blind.get("/zones/{zone}")).status == 403


async def test_filters(sandbox: Sandbox, api: Api) -> None:
    """Zones can be filtered by name, status and account."""
    account = sandbox.state.add_account()
    sandbox.state.add_zone("example.net", account, plan="pro").status = "pending"
    for query in (
        {"name": "example.net"},
        {"status": "pending"},
        {"account.id": account.id},
    ):
        [zone] = (await api.get("/zones", **query)).result
        assert (zone["name"], zone["plan"]["legacy_id"]) == ("example.net", "pro")


async def test_paging(sandbox: Sandbox, api: Api) -> None:
    """The pages together contain all zones; pages beyond the end are empty."""
    for number in range(11):
        sandbox.state.add_zone(f"zone{number}.example")
    names = []
    for page in (1, 2, 3):
        reply = await api.get("/zones", page=page, per_page=5)
        names += [zone["name"] for zone in reply.result]
    assert len(set(names)) == 12
    assert reply.body["result_info"] == {
        "page": 3,
        "per_page": 5,
        "count": 2,
        "total_count": 12,
        "total_pages": 3,
    }
    assert (await api.get("/zones", page=4, per_page=5)).result == []


@pytest.mark.parametrize("size", ["4", "51", "many"])
async def test_page_sizes(api: Api, size: str) -> None:
    """Page sizes out of bounds are refused."""
    assert (await api.get("/zones", per_page=size)).status == 400


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("equal:EXAMPLE.com", True),
        ("equal_case_sensitive:EXAMPLE.com", False),
        ("not_equal:example.com", False),
        ("starts_with:exam", True),
        ("ends_with:.net", False),
        ("contains:ample", True),
        ("contains_case_sensitive:AMPLE", False),
    ],
)
async def test_operators(api: Api, name: str, expected: bool) -> None:
    """Names are compared with the operator before the colon."""
    assert bool((await api.get("/zones", name=name)).result) is expected


async def test_unknown_operator(api: Api) -> None:
    """Unknown operators are refused."""
    assert (await api.get("/zones", name="like:x")).status == 400


@pytest.mark.parametrize("name", ["mås-hem.example", "xn--ms-hem-iua.example"])
async def test_letters_outside_ascii(sandbox: Sandbox, api: Api, name: str) -> None:
    """A zone is listed as it was named, and has its records and visitors in ASCII."""
    zone = sandbox.state.add_zone(name)
    assert (await api.get(f"/zones/{zone.id}")).result["name"] == name
    body = {"type": "A", "name": "home.mås-hem.example", "content": "192.0.2.1"}
    reply = await api.request("POST", f"/zones/{zone.id}/dns_records", body)
    assert reply.result["name"] == "home.xn--ms-hem-iua.example"
    assert sandbox.state.zone_of("home.xn--ms-hem-iua.example") is zone
    [pack] = (await api.get(f"/zones/{zone.id}/ssl/certificate_packs")).result
    assert pack["hosts"] == ["xn--ms-hem-iua.example", "*.xn--ms-hem-iua.example"]
