"""Write charts to SVG and PNG files. The bytes do not depend on the charts drawn before in the same process."""

import os
import re
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from distil.pipeline.files import replacing, write_text
from stages.report.figures import INK, LINE, MUTED

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""vl-convert contains the first font, so text has the same width on every machine. The others have its widths."""
NO_FONTS = """<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig><dir>{folder}</dir></fontconfig>"""
STYLE = {
    "background": "#ffffff",
    "font": FONT,
    "padding": 8,
    "axis": {
        "labelColor": MUTED, "titleColor": MUTED, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
        "titlePadding": 10, "gridColor": LINE, "domainColor": LINE, "tickColor": LINE,
    },
    "header": {"labelColor": INK, "labelFontSize": 12},
    "legend": {"labelColor": INK, "labelFontSize": 12, "orient": "top", "symbolSize": 80, "symbolOpacity": 1},
    "text": {"color": INK, "fontSize": 12},
    "title": {"color": INK, "fontSize": 14, "anchor": "start", "offset": 14},
    "view": {"stroke": None},
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A drawn figure with its caption, and with a description for those who do not see it."""

    name: str
    svg: str
    caption: str
    alt: str


@cache
def hide_system_fonts() -> None:
    """Make vl-convert use only the fonts that it contains, for the rest of the process.

    It prefers a font of the system to its own of the same name, and another release of Liberation draws other pixels.
    It reads fontconfig's settings once, before its first chart. On a Mac it asks the system, where Liberation is rare.
    """
    former = os.environ.get("FONTCONFIG_FILE")
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "fonts.conf")
        settings.write_text(NO_FONTS.format(folder=folder), encoding="utf-8")
        os.environ["FONTCONFIG_FILE"] = str(settings)
        vl_convert.svg_to_png('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')
    if former is None:
        del os.environ["FONTCONFIG_FILE"]
    else:
        os.environ["FONTCONFIG_FILE"] = former


def draw(folder: Path, name: str, chart: alt.TopLevelMixin, caption: str, alternative: str) -> Picture:
    """Write `name`.svg and `name`.png (at twice the size) to `folder`."""
    hide_system_fonts()
    spec: dict[str, Any] = chart.to_dict()
    spec["config"] = STYLE
    svg = _own_ids(vl_convert.vegalite_to_svg(spec), name)
    write_text(folder / f"{name}.svg", svg + "\n")
    with replacing(folder / f"{name}.png", "wb") as file:
        file.write(vl_convert.svg_to_png(svg, scale=2))
    return Picture(name, svg, caption, alternative)


def _own_ids(svg: str, name: str) -> str:
    """Make the ids in a drawing its own: Vega counts them over the whole process, and a page has several drawings."""
    found = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    for number, identifier in enumerate(found):
        svg = re.sub(rf'(id="|url\(#|href="#){re.escape(identifier)}(?=["\)])', rf"\g<1>{name}-{number}", svg)
    return svg


def chosen(pictures: dict[str, Picture], *names: str) -> list[Picture]:
    """Those pictures of these names that were drawn."""
    return [pictures[name] for name in names if name in pictures]
