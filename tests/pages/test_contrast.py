"""Tests of the pages' colours: what is looked for or read stands out from what is behind it."""

import re

import pytest

from tests.common import PACKAGE

STYLE = (PACKAGE / "pages" / "www" / "page.css").read_text("utf-8")
WHITE = "#fff"
# Source: WCAG 2.2, criteria 1.4.3 and 1.4.11.
READABLE, VISIBLE = 4.5, 3.0


def colours(scheme: str) -> dict[str, str]:
    """Return the colours of a scheme, by their names."""
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w+);", block))
        for block in re.findall(r":root {(.*?)}", STYLE, re.DOTALL)
    )
    return light if scheme == "light" else light | dark


def used_by(selector: str, declaration: str) -> str:
    """Return the name of the colour that a rule uses in a declaration."""
    (block,) = re.findall(
        rf"^{re.escape(selector)} {{(.*?)^}}", STYLE, re.DOTALL | re.MULTILINE
    )
    (name,) = re.findall(
        rf"^  {declaration}: [^;]*var\(--(\w+)\);", block, re.MULTILINE
    )
    return str(name)


def luminance(colour: str) -> float:
    """Return how bright a colour is, from 0 to 1."""
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_how_contrast_is_computed() -> None:
    assert contrast("#000", WHITE) == pytest.approx(21)
    assert contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.01)


every_scheme = pytest.mark.parametrize("scheme", ["light", "dark"])


@every_scheme
@pytest.mark.parametrize(
    ("selector", "declaration", "behind"),
    [
        ("input", "border", ["paper"]),
        ("button,\n.button", "border", ["paper"]),
        ("button.second", "border-color", ["paper", "ground"]),
        (":focus-visible", "outline", ["paper", "ground"]),
        ("summary::after", "border", ["paper"]),
    ],
)
def test_what_is_used_is_seen(
    scheme: str, selector: str, declaration: str, behind: list[str]
) -> None:
    """A border shows where to tap, and the ring where the keyboard is."""
    known = colours(scheme)
    line = known[used_by(selector, declaration)]
    for surface in behind:
        assert contrast(line, known[surface]) >= VISIBLE, (surface, line)


@every_scheme
@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("ink", ["paper", "ground", "good", "bad"]),
        ("quiet", ["paper", "ground"]),
        ("link", ["paper", "ground"]),
    ],
)
def test_what_is_written_is_read(scheme: str, text: str, behind: list[str]) -> None:
    known = colours(scheme)
    for surface in behind:
        assert contrast(known[text], known[surface]) >= READABLE, surface


@every_scheme
def test_text_of_a_button_is_read(scheme: str) -> None:
    assert contrast(WHITE, colours(scheme)["accent"]) >= READABLE
