"""Sentences for users, from the translations, for where Home Assistant puts none itself."""

from collections.abc import Callable, Iterable

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .edge.steps import Step

type Texts = Callable[..., str]


async def async_get_texts(
    hass: HomeAssistant, category: str, language: str | None = None
) -> Texts:
    """Return a function from a key and its placeholders to a sentence.

    The language is Home Assistant's, unless another is given.
    """
    translations = await async_get_translations(
        hass, language or hass.config.language, category, {DOMAIN}
    )

    def text(key: str, **placeholders: str) -> str:
        sentence = translations[f"component.{DOMAIN}.{category}.{key}"]
        # The placeholders come from Cloudflare too: they are filled in, never formatted.
        for name, value in placeholders.items():
            sentence = sentence.replace(f"{{{name}}}", value)
        return sentence

    return text


def changes_of(text: Texts, hostname: str, steps: Iterable[Step]) -> str:
    """Return steps as a numbered list; the texts are those of the category "common"."""
    sentences = [
        text(
            f"step_{step.kind}_{step.action}",
            hostname=hostname,
            target=step.target,
            detail=step.detail,
        )
        for step in steps
    ]
    lines = [f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1)]
    return "\n".join(lines) or text("step_none")


def quoted(text: str) -> str:
    """Return what somebody else wrote so that Markdown makes nothing of it."""
    return f"`{text.replace('`', "'")}`"
