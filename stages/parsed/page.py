"""What stands on a PDF's page: glyphs of its text layer with their places and sizes, horizontal rules, drawings.

Points, y upwards, as in PDF. Nothing is interpreted here.
"""

import ctypes
import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from distil.exams.files import open_pdf
from distil.pipeline.files import InputError

AXIS = 0.25
"""Height of the line on which fraction bars, minus signs and brackets are centred, in font sizes above the baseline."""
RULE_THICKNESS = 2.5  # points; a path that is flatter is a rule
PAGE_SHARE = 0.7  # of both sides; a path or image that is larger is the page's background, or a scan
HYPHENS = dict.fromkeys("\x02\ufffe\u2010\u2212", "-")  # pdfium writes the first two for a hyphen at a line's end


@dataclass(frozen=True)
class Piece:
    """A glyph, or something already read from several: text in a box, on a mathematical axis.

    `left` and `right` include the space that belongs to the glyph, `bottom` and `top` are its ink. A fraction is marked
    because what stands close beside it decides how it is written.
    """

    text: str
    left: float
    right: float
    bottom: float
    top: float
    axis: float
    size: float
    fraction: bool = False

    @property
    def middle(self) -> float:
        """Half-way between left and right."""
        return (self.left + self.right) / 2


@dataclass(frozen=True)
class Rule:
    """A horizontal line."""

    left: float
    right: float
    y: float


@dataclass(frozen=True)
class Drawing:
    """Any other path, or an image, by its bounding box."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True)
class Page:
    """One page's content; `number` counts from 1."""

    number: int
    width: float
    height: float
    pieces: list[Piece]
    rules: list[Rule] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)


def read_pages(path: Path) -> list[Page]:
    """Read all pages. Raises InputError when the file cannot be opened, or a page is an image without a text layer."""
    document = open_pdf(path)
    pages = [_read(page, number) for number, page in enumerate(document, 1)]
    scans = [
        page.number for page in pages if not page.pieces and (page.drawings or _has_image(document[page.number - 1]))
    ]
    if scans or not any(page.pieces for page in pages):
        which = f"page {scans[0]} of {len(pages)} has" if scans else "it has"
        raise InputError(
            f"{path}: {which} no text layer (a scan?). Scans are not read by OCR here: give a PDF with text, or, for "
            "the study's exams, set parsed.reader to transcription."
        )
    return pages


def _read(page: pypdfium2.PdfPage, number: int) -> Page:
    width, height = page.get_size()
    rules, drawings = [], []
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE]):
        left, bottom, right, top = item.get_bounds()
        if right - left > PAGE_SHARE * width and top - bottom > PAGE_SHARE * height:
            continue
        if item.type == pdfium.FPDF_PAGEOBJ_PATH and top - bottom <= RULE_THICKNESS:
            rules.append(Rule(left, right, (bottom + top) / 2))
        else:
            drawings.append(Drawing(left, right, bottom, top))
    return Page(number, width, height, list(_pieces(page.get_textpage())), rules, drawings)


def _pieces(text: pypdfium2.PdfTextPage) -> Iterator[Piece]:
    """The visible glyphs; gaps between them tell where words end, since not every PDF has space characters."""
    x, y, matrix = ctypes.c_double(), ctypes.c_double(), pdfium.FS_MATRIX()
    surrogate = ""
    for index in range(text.count_chars()):
        character = surrogate + chr(pdfium.FPDFText_GetUnicode(text, index))
        surrogate = character if len(character) == 1 and "\ud800" <= character < "\udc00" else ""
        if surrogate or pdfium.FPDFText_IsGenerated(text, index) == 1:
            continue
        character = _spelling(character)
        if character.isspace() or not character.isprintable():
            continue
        pdfium.FPDFText_GetCharOrigin(text, index, x, y)
        pdfium.FPDFText_GetMatrix(text, index, matrix)
        size = pdfium.FPDFText_GetFontSize(text, index) * math.hypot(matrix.c, matrix.d)
        _, bottom, _, top = text.get_charbox(index)
        left, _, right, _ = text.get_charbox(index, loose=True)
        yield Piece(character, left, right, bottom, top, y.value + AXIS * size, size)


def _spelling(character: str) -> str:
    """A character as linear text writes it: a minus sign is a hyphen, a mathematical italic x is an x."""
    character = character.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\U0001d400" <= character <= "\U0001d7ff" or "\ufb00" <= character <= "\ufb06":  # alphabets, ligatures
        return unicodedata.normalize("NFKC", character)
    return HYPHENS.get(character, character)


def _has_image(page: pypdfium2.PdfPage) -> bool:
    return any(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]))
