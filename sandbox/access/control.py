"""Control routes of Access: the mailbox of PINs, the visitor, new keys, and Zero Trust itself."""

from dataclasses import asdict
from ipaddress import ip_address

from aiohttp import web

from .. import seed
from ..clock import CLOCK
from ..control_routes import known_body, list_routes
from ..state import Access, State, Visitor
from .keys import TeamKeys


def access_control(state: State, keys: TeamKeys) -> web.Application:
    """Build the control routes over the seeded account's Zero Trust."""
    control = _Control(state, keys)
    application = web.Application()
    application.add_routes(
        [
            web.get("", list_routes),
            web.get("/pins", control.list_pins),
            web.delete("/log", control.clear_log),
            web.post("/visitor", control.set_visitor),
            web.post("/keys", control.rotate_keys),
            web.post("/team", control.set_team),
        ]
    )
    return application


class _Control:
    """The handlers of the control routes; their docstrings are listed at GET /sandbox/access."""

    def __init__(self, state: State, keys: TeamKeys) -> None:
        self._state = state
        self._keys = keys

    @property
    def _access(self) -> Access:
        return self._state.accounts[seed.ACCOUNT_ID].access

    async def list_pins(self, request: web.Request) -> web.Response:
        """List the PINs that were mailed and not used, the newest last: ?email=…."""
        CLOCK.catch_up()
        email = request.query.get("email")
        pins = [
            asdict(each) | {"sent_at": each.sent_at.isoformat()}
            for each in self._access.people.pins
            if email in (None, each.email) and each.is_valid()
        ]
        return web.json_response(pins)

    async def clear_log(self, _: web.Request) -> web.Response:
        """Forget who logged in and who was refused, as the free plan does after a day."""
        self._access.people.log.clear()
        return web.json_response({})

    async def set_visitor(self, request: web.Request) -> web.Response:
        """Set where visitors come from: {"country", "ip", "asnum"}."""
        body = await known_body(request, Visitor)
        visitor = self._state.visitor
        visitor.country = body.get("country", visitor.country)
        visitor.asnum = body.get("asnum", visitor.asnum)
        visitor.ip = ip_address(body.get("ip", str(visitor.ip)))
        return web.json_response(asdict(visitor) | {"ip": str(visitor.ip)})

    async def rotate_keys(self, _: web.Request) -> web.Response:
        """Have the team sign its tokens with a new key."""
        await self._keys.rotate(seed.ACCOUNT_ID)
        return web.json_response({})

    async def set_team(self, request: web.Request) -> web.Response:
        """Set Zero Trust up under a name, or have it never set up: {"team": null}."""
        self._access.team = (await request.json())["team"]
        return web.json_response({"team": self._access.team})
