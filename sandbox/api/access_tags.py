"""Tags of Access, which have no id: their name is the key."""

from urllib.parse import unquote

from ..envelope import Answer
from .access_bodies import changing, checked, conflict, enabled, invalid, not_found
from .paging import Paging
from .routing import Call, Routes

routes = Routes()

_TAGS = "/accounts/{account_id}/access/tags"
_TAG = f"{_TAGS}/{{tag_name}}"
_PAGING = Paging(default=50, minimum=1, maximum=1000)
_LONGEST = 35


@routes.get(_TAGS)
async def list_tags(call: Call) -> Answer:
    """List the tags."""
    access = enabled(call).listed
    return _PAGING.answer(call.query, access.tags, lambda name: {"name": name})


@routes.post(_TAGS)
async def create_tag(call: Call) -> Answer:
    """Create a tag."""
    name = _sent_name(call)
    changing(call).tags.append(name)
    return Answer({"name": name}, status=201)


@routes.get(_TAG)
async def get_tag(call: Call) -> Answer:
    """Return one tag."""
    return Answer({"name": _name(call)})


@routes.put(_TAG)
async def rename_tag(call: Call) -> Answer:
    """Rename a tag for every application that has it."""
    old, new = _name(call), _sent_name(call, allowed=_name(call))
    access = changing(call)
    access.tags[access.tags.index(old)] = new
    for application in access.applications.values():
        if old in (tags := application.options.get("tags", [])):
            application.options["tags"] = [new if t == old else t for t in tags]
    return Answer({"name": new})


@routes.delete(_TAG)
async def delete_tag(call: Call) -> Answer:
    """Delete a tag, also from the applications that have it."""
    # GUESS: that a tag in use can be deleted.
    name = _name(call)
    access = changing(call)
    access.tags.remove(name)
    for application in access.applications.values():
        if name in (tags := application.options.get("tags", [])):
            application.options["tags"] = [tag for tag in tags if tag != name]
    return Answer({"name": name}, status=202)


def _name(call: Call) -> str:
    name = unquote(call.ids["tag_name"])
    if name not in enabled(call).tags:
        raise not_found()
    return name


def _sent_name(call: Call, allowed: str | None = None) -> str:
    """Return the name that a body gives; it must be free, or the one that is allowed."""
    access = enabled(call)
    name = str(checked(call.body, {"name": str}).get("name", ""))
    # GUESS: the texts' other halves, and that a second tag of a name is refused.
    if not name or len(name) > _LONGEST:
        raise invalid(f"name must be a maximum of {_LONGEST} characters")
    if name in access.tags and name != allowed:
        raise conflict("a tag with this name already exists")
    return name
