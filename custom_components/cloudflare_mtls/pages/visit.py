"""The view that Home Assistant's own visits ask for: only this Home Assistant knows the answer."""

from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
import secrets
from typing import Final

from aiohttp import web
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.moment import Moment
from ..requested_host import requested_host
from ..told_requests import async_pass_on
from .page import HEADERS
from .visitor import came_through_tunnel

PATH: Final = f"/api/{DOMAIN}/visit"

# A visit of our own takes ten seconds at most.
_SECONDS: Final = 60.0


@dataclass(kw_only=True)
class Question:
    """What a visit asks for, and how this Home Assistant answers it.

    An application that repeats what it is asked for does not know the answer.
    """

    text: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    answer: str
    asked: Moment = field(default_factory=Moment.now)
    lasts: timedelta
    # The Host header of the request that asked last, and of the last one that a tunnel brought.
    seen_host: str | None = None
    host_through_tunnel: str | None = None

    @property
    def path(self) -> str:
        """Return where the question is asked."""
        return f"{PATH}/{self.text}"


class Questions:
    """The questions of the visits that are under way."""

    def __init__(self) -> None:
        """Begin with none."""
        self._asked: dict[str, Question] = {}

    @callback
    def ask(self, answer: str | None = None, seconds: float = _SECONDS) -> Question:
        """Return a new question with an answer that nobody knows, or that a person reads."""
        question = Question(
            answer=answer or secrets.token_urlsafe(16),
            lasts=timedelta(seconds=seconds),
        )
        self._asked = {
            text: item
            for text, item in self._asked.items()
            if item.asked.age < item.lasts
        } | {question.text: question}
        return question

    @callback
    def find(self, text: str) -> Question | None:
        """Return a question that was asked."""
        return self._asked.get(text)


_QUESTIONS: HassKey[Questions] = HassKey(f"{DOMAIN}_questions")


@callback
def async_get_questions(hass: HomeAssistant) -> Questions:
    """Return the questions of all accounts."""
    return hass.data.setdefault(_QUESTIONS, Questions())


class VisitView(HomeAssistantView):
    """Answers what a visit of this Home Assistant asks; a stranger knows no question."""

    url = f"{PATH}/{{text}}"
    name = f"api:{DOMAIN}:visit"
    requires_auth = False

    async def get(self, request: web.Request, text: str) -> web.Response:
        """Answer a question, and note for which host it came."""
        async_pass_on(request.app[KEY_HASS], request)
        question = async_get_questions(request.app[KEY_HASS]).find(text)
        if question is None:
            # Not empty, as cloudflared's own answer is: another Home Assistant may be asked.
            return web.Response(
                status=HTTPStatus.NOT_FOUND, text="404: Not Found", headers=HEADERS
            )
        question.seen_host = requested_host(request)
        if came_through_tunnel(request):
            question.host_through_tunnel = question.seen_host
        return web.Response(text=question.answer, headers=HEADERS)


@callback
def async_setup_visit(hass: HomeAssistant) -> None:
    """Set up the view."""
    hass.http.register_view(VisitView())
