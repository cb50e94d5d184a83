"""Recorded answers about DNS records."""

from typing import Any

from tests.sandbox.recordings import Answered

from .paths import RECORDS
from .stage import Stage, replay


def _record(type_: str, name: str, content: str) -> dict[str, Any]:
    return {"type": type_, "name": name, "content": content, "ttl": 1}


@replay("dn-01")
async def _(stage: Stage) -> Answered:
    clash = _record("CNAME", "vpn.example.com", "elsewhere.example.net")
    return await stage.ask("POST", RECORDS, clash)


@replay("dn-03")
async def _(stage: Stage) -> Answered:
    again = _record("A", "vpn.example.com", "198.51.100.7")
    return await stage.ask("POST", RECORDS, again)


@replay("dn-05")
async def _(stage: Stage) -> Answered:
    return await stage.ask("POST", RECORDS, _record("A", "new.example.com", "nonsense"))


_NOT_ALWAYS_SENT = "38: not always sent"


@replay(
    "dn-06",
    allowed={
        "result[].zone_id: missing": _NOT_ALWAYS_SENT,
        "result[].zone_name: missing": _NOT_ALWAYS_SENT,
        "result[].meta.auto_added: missing": _NOT_ALWAYS_SENT,
        "result[].meta.managed_by_apps: missing": _NOT_ALWAYS_SENT,
        "result[].meta.managed_by_argo_tunnel: missing": _NOT_ALWAYS_SENT,
        "result[].meta.email_routing: missing": _NOT_ALWAYS_SENT,
        "result[].meta.read_only: missing": _NOT_ALWAYS_SENT,
    },
)
async def _(stage: Stage) -> Answered:
    types = {"A", "CNAME", "MX"}
    for id_, record in list(stage.zone.dns_records.items()):
        if record.type not in types:
            del stage.zone.dns_records[id_]
    answered = await stage.ask("GET", RECORDS)
    assert {record["type"] for record in answered.body["result"]} == types
    return answered
