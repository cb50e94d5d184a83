"""Finds the language of a person: of one who uses a dialog, and of a visitor of a page."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from homeassistant.components.frontend.storage import async_user_store
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.core import HomeAssistant
from homeassistant.generated.languages import DEFAULT_LANGUAGE, LANGUAGES
from homeassistant.helpers.http import KEY_HASS, current_request
from homeassistant.util.language import matches

# Browsers send much less; strangers may send as much as they like.
_MAX_HEADER_LENGTH: Final = 200
_MAX_ACCEPTED: Final = 8

_KNOWN: Final = tuple(sorted(LANGUAGES))


def accepted_languages(request: web.BaseRequest) -> Iterable[str]:
    """Return the languages of a request's Accept-Language header, the most wanted first."""
    header = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    if len(header) > _MAX_HEADER_LENGTH:
        return []
    qualities: dict[str, float] = {}
    for item in header.split(","):
        tag, _, parameter = item.partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        # With the wildcard, any language will do: Home Assistant's own is chosen then.
        if quality > 0 and tag.strip() not in ("", "*"):
            qualities[tag.strip()] = quality
    return sorted(qualities, key=lambda tag: -qualities[tag])[:_MAX_ACCEPTED]


def translated_languages() -> tuple[str, ...]:
    """Return the languages that the texts are translated to; slow."""
    folder = Path(__file__).parent / "translations"
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def language_of_visitor(request: web.Request, languages: Iterable[str]) -> str:
    """Return which of the languages the visitor of a page understands best."""
    hass = request.app[KEY_HASS]
    for tag in (*accepted_languages(request), hass.config.language):
        if found := matches(tag, languages, hass.config.country):
            return found[0]
    return DEFAULT_LANGUAGE


async def async_language_of_user(hass: HomeAssistant) -> str:
    """Return the language in which the front end shows the dialog that a person uses.

    The front end takes what the person chose in their profile, or else what their browser asks for.
    Where no person uses a dialog, it is Home Assistant's.
    """
    request = current_request.get()
    user = request.get(KEY_HASS_USER) if request else None
    if request is None or user is None:
        return hass.config.language
    store = await async_user_store(hass, user.id)
    chosen = (store.data.get("language") or {}).get("language")
    for tag in (chosen, *accepted_languages(request)):
        if tag and (found := matches(tag, _KNOWN, hass.config.country)):
            return found[0]
    return hass.config.language
