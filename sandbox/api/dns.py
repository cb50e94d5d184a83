"""DNS records of a zone."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
import re
from typing import Any

from sandbox.clock import now
from sandbox.names import ascii_form
from sandbox.state import DnsRecord, Plan, Zone

from ..envelope import Answer, ApiError, Problem, microseconds
from .paging import Paging
from .routing import Call, Kind, Routes

routes = Routes()

_RECORDS = "/zones/{zone_id}/dns_records"
_RECORD = "/zones/{zone_id}/dns_records/{record_id}"
_PAGING = Paging(default=100, minimum=1, maximum=5_000_000)
_PROXIABLE = ("A", "AAAA", "CNAME")
_HOSTNAME = re.compile(r"([\w*-]{1,63}\.)+[\w-]{1,63}\.?", re.ASCII)
_WRITABLE: Mapping[str, Kind] = {
    "type": str,
    "name": str,
    "content": str,
    "proxied": bool,
    "ttl": int,
    "comment": str,
    "tags": [str],
    "priority": int,
    "settings": dict,
}
_MAX_FREE_COMMENT = 100


@routes.get(_RECORDS)
async def list_records(call: Call) -> Answer:
    """List the records that match every filter of the query."""
    records = [
        record
        for record in call.zone.dns_records.values()
        if _matches(record, call.query)
    ]
    records.sort(key=lambda record: (record.name, record.type, record.id))
    return _PAGING.answer(call.query, records, record_json)


@routes.post(_RECORDS)
async def create_record(call: Call) -> Answer:
    """Create a record."""
    record = DnsRecord(**_values(call, required=("type", "name", "content")))
    _check(call.zone, record, call.zone.dns_records.values())
    return Answer(record_json(call.zone.add_dns_record(record)))


@routes.get(_RECORD)
async def get_record(call: Call) -> Answer:
    """Return one record."""
    return Answer(record_json(_record(call)))


@routes.patch(_RECORD)
async def edit_record(call: Call) -> Answer:
    """Change the fields that the body names."""
    return _change(call, _record(call), _values(call))


@routes.put(_RECORD)
async def replace_record(call: Call) -> Answer:
    """Replace a record; its id and creation time stay."""
    old = _record(call)
    values = _values(call, required=("type", "name", "content"))
    new = DnsRecord(**values, id=old.id, created_on=old.created_on)
    return _change(call, new, {})


@routes.delete(_RECORD)
async def delete_record(call: Call) -> Answer:
    """Delete a record."""
    record = _record(call)
    del call.zone.dns_records[record.id]
    return Answer({"id": record.id})


def record_json(record: DnsRecord) -> dict[str, Any]:
    """Return a record as the API writes it."""
    flattening = {"flatten_cname": False} if record.type == "CNAME" else {}
    body = {
        "id": record.id,
        "name": record.name,
        "type": record.type,
        "content": record.content,
        "proxiable": record.type in _PROXIABLE,
        "proxied": record.proxied,
        "ttl": record.ttl,
        "settings": flattening | record.settings,
        "meta": {},
        "comment": record.comment,
        "tags": record.tags,
        "created_on": microseconds(record.created_on),
        "modified_on": microseconds(record.modified_on),
    }
    if record.priority is not None:
        body["priority"] = record.priority
    return body


def _record(call: Call) -> DnsRecord:
    record = call.zone.dns_records.get(call.ids["record_id"])
    if record is None:
        raise ApiError(404, Problem(81044, "Record does not exist."))
    return record


def _values(call: Call, required: Iterable[str] = ()) -> dict[str, Any]:
    body = call.object(**_WRITABLE)
    for key in required:
        if not body.get(key):
            raise _invalid(9000, f"DNS record {key} is required.")
    values = {
        key: body[key]
        for key in _WRITABLE
        if body.get(key) is not None or (key == "comment" and key in body)
    }
    if "name" in values:
        values["name"] = _full_name(values["name"], call.zone)
    return values


def _full_name(name: str, zone: Zone) -> str:
    name = ascii_form(name.rstrip("."))
    if name == "@":
        return zone.ascii_name
    return name if zone.contains(name) else f"{name}.{zone.ascii_name}"


def _change(call: Call, record: DnsRecord, values: dict[str, Any]) -> Answer:
    changed = replace(record, **values, modified_on=now())
    others = [
        other for other in call.zone.dns_records.values() if other.id != changed.id
    ]
    _check(call.zone, changed, others)
    stored = call.zone.dns_records[changed.id]
    for field in fields(DnsRecord):
        setattr(stored, field.name, getattr(changed, field.name))
    return Answer(record_json(stored))


def _check(zone: Zone, record: DnsRecord, others: Iterable[DnsRecord]) -> None:
    _check_content(record)
    _check_attributes(zone, record)
    _check_clashes(record, [other for other in others if other.name == record.name])


def _check_content(record: DnsRecord) -> None:
    # GUESS: all codes except 9005, and all texts except the one of an A record.
    try:
        match record.type:
            case "A":
                IPv4Address(record.content)
            case "AAAA":
                IPv6Address(record.content)
    except AddressValueError:
        code, version = {"A": (9005, "4"), "AAAA": (9006, "6")}[record.type]
        raise _invalid(
            code,
            f"Content for {record.type} record is invalid. "
            f"Must be a valid IPv{version} address",
        ) from None
    if record.type == "CNAME" and not _HOSTNAME.fullmatch(record.content):
        raise _invalid(9007, "Content for CNAME record is invalid.")


def _check_attributes(zone: Zone, record: DnsRecord) -> None:
    # GUESS: the codes, and the limits of the Free plan.
    if record.proxied and record.type not in _PROXIABLE:
        raise _invalid(9004, "This record type cannot be proxied.")
    if record.proxied and record.ttl != 1:
        raise _invalid(9021, "ttl must be set to 1 when `proxied` is true")
    if zone.plan is not Plan.FREE:
        return
    if len(record.comment or "") > _MAX_FREE_COMMENT:
        raise _invalid(9300, "DNS record comment is too long.")
    if record.tags:
        raise _invalid(9301, "DNS record tags are not available.")


def _check_clashes(record: DnsRecord, same_name: list[DnsRecord]) -> None:
    if any((o.type, o.content) == (record.type, record.content) for o in same_name):
        raise _refused(81058, "An identical record already exists.")
    types = {other.type for other in same_name}
    if record.type == "CNAME" and types & {*_PROXIABLE}:
        raise _refused(
            81053, "An A, AAAA, or CNAME record with that host already exists."
        )
    # GUESS: whether a record other than a CNAME gets 81053 or 81054.
    if "CNAME" in types:
        raise _refused(81054, "A CNAME record with that host already exists.")


def _refused(code: int, message: str) -> ApiError:
    return ApiError(400, Problem(code, message))


def _invalid(code: int, message: str) -> ApiError:
    cause = Problem(code, message)
    return ApiError(400, Problem(1004, "DNS Validation Error", cause=cause))


def _matches(record: DnsRecord, query: Mapping[str, str]) -> bool:
    for key, wanted in query.items():
        name, _, comparison = key.partition(".")
        if name in ("name", "content", "comment"):
            value = getattr(record, name) or ""
            if not _text_matches(value.lower(), comparison or "exact", wanted.lower()):
                return False
        elif (name == "type" and record.type != wanted) or (
            name == "proxied" and record.proxied != (wanted == "true")
        ):
            return False
    return True


def _text_matches(value: str, comparison: str, wanted: str) -> bool:
    match comparison:
        case "exact":
            return value == wanted
        case "contains":
            return wanted in value
        case "startswith":
            return value.startswith(wanted)
        case "endswith":
            return value.endswith(wanted)
        case "present":
            return bool(value)
        case "absent":
            return not value
    raise ApiError(400, Problem(None, f"unknown filter {comparison}"))
