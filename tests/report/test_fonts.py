"""Figures have the same bytes whatever fonts the machine has."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from stages.report.drawing import FONT, NO_FONTS

ROOT = Path(__file__).resolve().parents[2]
DRAW = """
from pathlib import Path
import altair as alt, pandas as pd
from stages.report.drawing import draw
label = alt.Chart(pd.DataFrame({"a": ["Held out ’ − ← →"]})).mark_bar().encode(y="a:N")
draw(Path("."), "figure", label, "", "")
"""
PLAIN = f"""
from pathlib import Path
import vl_convert
text = '<text y="15" font-family="{FONT}">a</text>'
svg = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20">' + text + '</svg>'
Path("figure.png").write_bytes(vl_convert.svg_to_png(svg))
"""


def box_font(path: Path) -> None:
    """A font called Liberation Sans in which every printable letter of ASCII is a box."""
    pen = TTGlyphPen(None)
    for number, corner in enumerate([(0, 0), (0, 900), (900, 900), (900, 0)]):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    box = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "box"])
    builder.setupCharacterMap(dict.fromkeys(range(32, 127), "box"))
    builder.setupGlyf({".notdef": box, "box": box})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "box": (1000, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Liberation Sans", "styleName": "Regular", "psName": "LiberationSans"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


def drawn(folder: Path, fonts: Path, program: str) -> dict[str, str]:
    """The hashes of what a program draws on a machine whose fonts are those in `fonts`."""
    folder.mkdir()
    settings = folder / "fonts.conf"
    settings.write_text(NO_FONTS.format(folder=fonts))
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "FONTCONFIG_FILE": str(settings)},
        check=True,
    )
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("figure.*")}


@pytest.mark.skipif(sys.platform != "linux", reason="fontconfig says which fonts there are on Linux only")
def test_figures_do_not_depend_on_the_fonts_of_the_machine(tmp_path: Path) -> None:
    boxes, none = tmp_path / "boxes", tmp_path / "none"
    for folder in (boxes, none):
        folder.mkdir()
    box_font(boxes / "LiberationSans-Regular.ttf")
    assert drawn(tmp_path / "1", boxes, PLAIN) != drawn(tmp_path / "2", none, PLAIN), "the font is taken if it may"
    figures = drawn(tmp_path / "3", boxes, DRAW)
    assert set(figures) == {"figure.svg", "figure.png"}
    assert figures == drawn(tmp_path / "4", none, DRAW)
