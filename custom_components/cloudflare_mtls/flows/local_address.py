"""What dialogs say of the address from which a device downloads its certificate."""

from homeassistant.core import HomeAssistant

from ..pages.handovers import Handover
from ..pages.local_url import LocalAddress, find_local_address
from ..quoting import Ours, quoted
from ..wording import Texts, async_get_dialog_texts


async def async_describe_address(hass: HomeAssistant) -> Ours:
    """Return where a device will be sent, before a certificate is created for it."""
    text = await async_get_dialog_texts(hass)
    address = find_local_address(hass)
    if address is None or not address.is_reachable:
        return _warn(text, address)
    urls = filter(None, (address.url, address.numeric_url))
    return _paragraph(
        text("local_address_known", urls=Ours(", ".join(map(quoted, urls))))
    )


async def async_describe_links(hass: HomeAssistant, handover: Handover) -> Ours:
    """Return what there is to say of a link beside it: a warning, or another link."""
    text = await async_get_dialog_texts(hass)
    address = handover.address
    if address is None or not address.is_reachable:
        return _warn(text, address)
    if handover.other_url is None:
        return Ours()
    other_url = Ours(handover.other_url)
    return _paragraph(text("local_address_other", other_url=other_url))


def _warn(text: Texts, address: LocalAddress | None) -> Ours:
    if address is None:
        return _paragraph(text("local_address_unknown"))
    return _paragraph(text("local_address_unreachable", address=address.url))


def _paragraph(sentence: str) -> Ours:
    return Ours(f"\n\n{sentence}")
