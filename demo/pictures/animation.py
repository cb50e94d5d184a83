"""The picture that moves: what a stranger and a phone get at the same address."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
import io
from typing import Final

from ..browser import Tab, with_few_colours

SIZE: Final = 830, 540

_STYLE: Final = """
@font-face { font-family: Roboto; src: url(/static/fonts/roboto/Roboto-Regular.woff2); }
@font-face { font-family: Roboto; font-weight: 700; src: url(/static/fonts/roboto/Roboto-Bold.woff2); }
* { box-sizing: border-box; margin: 0; }
body { background: #eef2f8; color: #14284b; font: 17px/1.35 Roboto; padding: 16px 22px; width: 830px; height: 540px; }
.columns { display: flex; justify-content: space-between; height: 462px; }
.left { width: 494px; } .right { width: 262px; }
h2 { font-size: 17px; margin-bottom: 8px; }
.window, .phone { background: #fff; border: 3px solid #9aa7bd; overflow: hidden; }
.window { border-radius: 10px; height: 380px; } .phone { border-radius: 22px; height: 426px; }
.blocked { border-color: #c62828; } .in { border-color: #2e7d32; }
.bar { background: #dde4ef; padding: 8px 10px; }
.address { background: #fff; border-radius: 14px; padding: 3px 12px; font-size: 15px; white-space: nowrap; }
.phone .bar { padding: 9px 7px 7px; } .phone .address { font-size: 13px; padding: 3px 9px; }
img { display: block; width: 100%; }
p { align-items: center; display: flex; font-size: 20px; height: 46px; justify-content: center; text-align: center; }
"""
_BODY: Final = """
<div class="columns">
<div class="left"><h2>A stranger</h2><div class="window {left}"><div class="bar"><div class="address">{address}</div></div>{blocked}</div></div>
<div class="right"><h2>Your phone</h2><div class="phone {right}"><div class="bar"><div class="address">{address}</div></div>{inside}</div></div>
</div>
<p>{caption}</p>
"""


@dataclass(frozen=True)
class _Frame:
    """What is shown for some seconds."""

    caption: str
    seconds: float
    left: bool = True
    """Whether the stranger has an answer."""
    right: bool = True
    """Whether the phone has one."""


# The last one is first: it says everything to people whose browser shows nothing that moves.
_FRAMES: Final = (
    _Frame("The same address: the stranger is blocked, your phone gets in.", 4),
    _Frame("Both open the same address.", 2, left=False, right=False),
    _Frame(
        "No certificate: Cloudflare blocks the stranger. Home Assistant never sees the request.",
        4,
        right=False,
    ),
    _Frame(
        "Your phone shows its certificate: Cloudflare lets it in.",
        4,
    ),
)


async def draw(tab: Tab, address: str, blocked: bytes, inside: bytes) -> bytes:
    """Draw the frames on a page of Home Assistant, whose font they have, with what both see."""
    frames = [
        await _draw_frame(tab, frame, address, blocked, inside) for frame in _FRAMES
    ]
    return _animate(frames, [frame.seconds for frame in _FRAMES])


async def _draw_frame(
    tab: Tab, frame: _Frame, address: str, blocked: bytes, inside: bytes
) -> bytes:
    body = _BODY.format(
        address=escape(address),
        caption=escape(frame.caption),
        left="blocked" if frame.left else "",
        right="in" if frame.right else "",
        blocked=_image(blocked) if frame.left else "",
        inside=_image(inside) if frame.right else "",
    )
    await tab.run(f"document.head.innerHTML = {f'<style>{_STYLE}</style>'!r}")
    await tab.run(f"document.body.innerHTML = {body!r}")
    await tab.run("document.fonts.ready.then(() => true)")
    await tab.until("[...document.images].every((image) => image.complete)")
    return await tab.picture()


def _image(picture: bytes) -> str:
    return f'<img src="data:image/png;base64,{b64encode(picture).decode()}">'


def _animate(pictures: Sequence[bytes], seconds: Sequence[float]) -> bytes:
    """Return an animation that begins again at its end."""
    first, *others = with_few_colours(pictures)
    animation = io.BytesIO()
    first.save(
        animation,
        "GIF",
        save_all=True,
        append_images=others,
        duration=[round(each * 1000) for each in seconds],
        loop=0,
        optimize=True,
    )
    return animation.getvalue()
