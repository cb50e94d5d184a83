"""A page for devices that are not logged in: small, in one request, in the visitor's language."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
import html
from http import HTTPStatus
from pathlib import Path
import re
import secrets
from string import Template
from typing import Final, Self

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS

from ..languages import language_of_visitor, translated_languages
from ..wording import Texts, async_get_texts

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_STOPS: Final = "[.,:;!?。，：；！？]"
_FOLDER: Final = Path(__file__).parent

# Of the languages that Home Assistant knows, those that are written from right to left.
_RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})

# Browsers send much less; strangers may send as much as they like.
_MAX_SECRET: Final = 100
_SECRET_SECONDS: Final = 10


async def async_read_secret(request: web.Request) -> str:
    """Return the body of a request, or nothing where it is too long or does not end.

    A short body too may arrive in several parts.
    """
    try:
        async with asyncio.timeout(_SECRET_SECONDS):
            await request.content.readexactly(_MAX_SECRET + 1)
    except asyncio.IncompleteReadError as err:
        return err.partial.decode("ascii", "replace")
    except TimeoutError:
        pass
    return ""


def rich(sentence: str, fallbacks: Mapping[str, str] | None = None) -> str:
    """Return a sentence as HTML: **strong**, and the places that the page's script fills.

    Until the script fills a place, the place shows its fallback.
    """
    markup = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(sentence))
    if not fallbacks:
        return markup

    def place(found: re.Match[str]) -> str:
        name, stop = found[1], found[2]
        fallback = html.escape(fallbacks[name])
        fill = f'<strong data-fill="{name}">{fallback}</strong>'
        # What ends the sentence does not begin a line.
        return f'<span data-place="{name}">{fill}{stop}</span>'

    return re.sub(rf"\{{({'|'.join(fallbacks)})\}}({_STOPS}*)", place, markup)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page that is the same for everybody; the keys of its texts begin with its name."""

    name: str
    layout: Template
    content: Template
    style: str
    script: str
    languages: tuple[str, ...]

    @classmethod
    def load(cls, name: str) -> Self:
        """Read a page and the languages that it is translated to; slow."""
        folder = _FOLDER / "www"
        script = folder / f"{name}.js"
        return cls(
            name=name,
            layout=Template((folder / "page.html").read_text("utf-8")),
            content=Template((folder / f"{name}.html").read_text("utf-8")),
            style=(folder / "page.css").read_text("utf-8"),
            script=script.read_text("utf-8") if script.exists() else "",
            languages=translated_languages(),
        )

    def language(self, request: web.Request) -> str:
        """Return the language that the visitor understands best."""
        return language_of_visitor(request, self.languages)

    async def async_texts(self, request: web.Request) -> Texts:
        """Return the page's texts in the visitor's language, by keys without the page's name."""
        return await self._texts(request.app[KEY_HASS], self.language(request))

    async def _texts(self, hass: HomeAssistant, language: str) -> Texts:
        text = await async_get_texts(hass, "common", language)
        return lambda key, **names: text(f"{self.name}_{key}", **names)

    async def async_show(
        self,
        request: web.Request,
        markup: Mapping[str, str] | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> web.Response:
        """Return the page, with markup in the places of the content that it names."""
        language = self.language(request)
        text = await self._texts(request.app[KEY_HASS], language)
        given = markup or {}
        texts = {
            key: html.escape(text(key))
            for key in self.content.get_identifiers()
            if key not in given
        }
        nonce = secrets.token_urlsafe(16)
        page = self.layout.substitute(
            language=html.escape(language),
            direction="rtl" if language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr",
            title=html.escape(text("title")),
            nonce=nonce,
            style=self.style,
            content=self.content.substitute(texts, **given),
            script=self.script,
        )
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; "
            f"style-src 'nonce-{nonce}'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response = web.Response(
            status=status,
            text=page,
            content_type="text/html",
            headers={**HEADERS, "Content-Security-Policy": policy},
        )
        response.enable_compression()
        return response


async def async_load_page(hass: HomeAssistant, name: str) -> Page:
    """Return the page with this name."""
    return await hass.async_add_executor_job(Page.load, name)
