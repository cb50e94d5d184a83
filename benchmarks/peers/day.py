"""Let a day pass with an integration: what it asks of Cloudflare, and when it notices that a tunnel failed."""

from http import HTTPStatus
import re
from typing import Final

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.entity import entity_sources

from demo.cloudflare import Cloudflare

from ..crowd import pass_time
from ..simulated_time import SimulatedTime
from .candidates import JSON

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_ID: Final = re.compile(r"[0-9a-f-]{32,36}")
# What follows the start is no part of a usual day.
_START: Final = _HOUR
_OUTAGE: Final = 2 * _HOUR
# Each outage begins at another moment between two looks; the last one right after a look, as the outage before ends there.
BETWEEN: Final = tuple(_HOUR + 1 + number * 437 for number in reversed(range(10)))


class Day:
    """A day, and then several outages of a tunnel."""

    def __init__(
        self,
        hass: HomeAssistant,
        cloudflare: Cloudflare,
        simulated: SimulatedTime,
        domain: str,
    ) -> None:
        """Watch the states of an integration's entities from now on."""
        self._hass = hass
        self._cloudflare = cloudflare
        self._simulated = simulated
        self._domain = domain
        self._changed: list[str] = []
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._note)

    async def measure(self) -> JSON:
        """Return the figures of a day and of the outages after it."""
        await self._pass_by(_START)
        before = len(await self._requests())
        self._changed.clear()
        await self._pass_by(_DAY)
        requests = (await self._requests())[before:]
        # What changes anyway, such as a time, tells nothing of a tunnel.
        restless = set(self._changed)
        waits = [await self._outage(seconds, restless) for seconds in BETWEEN]
        return {
            "calls": len(requests),
            "writes": sum(request["write"] for request in requests),
            "refused": sorted(
                {
                    f"{request['method']} {_ID.sub('…', request['path'])}"
                    for request in requests
                    if request["status"] >= HTTPStatus.BAD_REQUEST
                }
            ),
            "noticed": None if None in waits else max(filter(None, waits)),
        }

    async def _outage(
        self, before: float, restless: set[str]
    ) -> tuple[float, str] | None:
        """Return after how many seconds which entity showed an outage, if one did."""
        await self._pass_by(before)
        self._changed.clear()
        await self._run_connectors(0)
        self._stop_after(_OUTAGE)
        noticed, passed = None, 0.0
        while noticed is None and passed < _OUTAGE:
            passed += await self._step()
            told = [each for each in self._changed if each not in restless]
            noticed = (passed, told[0]) if told else None
        await self._run_connectors(1)
        return noticed

    async def _run_connectors(self, number: int) -> None:
        path = f"tunnels/{self._cloudflare.facts['tunnel_id']}/connectors"
        await self._cloudflare.control("POST", path, {"connectors": number})

    async def _requests(self) -> list[JSON]:
        requests: list[JSON] = (await self._cloudflare.control("GET", "journal"))[
            "requests"
        ]
        return requests

    async def _pass_by(self, seconds: float) -> None:
        self._stop_after(seconds)
        await self._simulated.pass_by(self._hass, self._cloudflare, seconds)

    def _stop_after(self, seconds: float) -> None:
        """Have a timer that does nothing: without one, the time may go on far beyond."""
        self._hass.loop.call_later(seconds, lambda: None)

    async def _step(self) -> float:
        seconds = await self._simulated.skip_to_next_timer(self._hass)
        await pass_time(self._cloudflare, seconds)
        return seconds

    @callback
    def _note(self, event: Event[EventStateChangedData]) -> None:
        """Note a changed state of the integration, whose entities need not be in the registry."""
        old, new = event.data["old_state"], event.data["new_state"]
        source = entity_sources(self._hass).get(event.data["entity_id"])
        if source is None or source["domain"] != self._domain:
            return
        if old is not None and new is not None and old.state != new.state:
            self._changed.append(new.entity_id)
