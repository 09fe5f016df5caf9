"""The content of a PDF's page: glyphs of its text layer with their places and sizes, horizontal rules, drawings.

Lengths are in points, y points up, as in PDF. A page is turned so that most of its text is upright. A glyph without a
known meaning, or at an angle, keeps its place and gets a doubt, so that its question is not misread without a word.
"""

import ctypes
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TypeAlias

import pypdfium2
import pypdfium2.raw as pdfium

from distil.exams.files import open_pdf
from distil.exams.left_out import Doubt
from distil.pipeline.files import InputError

AXIS = 0.25
"""Height of the axis above the baseline, in font sizes. Fraction bars, minus signs and brackets are centred on it."""
RULE_THICKNESS = 2.5  # points; a flatter path is a rule
PAGE_SHARE = 0.7  # of both sides; a larger path or image is the page's background, or a scan
WATERMARK = 2.5  # of the usual size; a larger glyph over other text or at an angle is no text
SIGN: Doubt = "holds a sign that is not read"
ANGLE: Doubt = "holds text at an angle"
EXTENSION = re.compile(r"(CM|LM|EU|TX|PX|RTX|ZPLM|MD|FOURIER-M|PAZO)(ATH)?EX|MATHEXTENSION", re.IGNORECASE)
"""Names of fonts with TeX's encoding of large signs. Their codes are no characters."""
LARGE_SIGNS = dict(
    zip(
        [*range(0x30), *range(0x50, 0x60), *range(0x68, 0x74)],
        "()[]⌊⌋⌈⌉{}⟨⟩|‖/\\()()[]⌊⌋⌈⌉{}⟨⟩/\\()[]⌊⌋⌈⌉{}⟨⟩/\\/\\∑∏∫⋃⋂⊎∧∨∑∏∫⋃⋂⊎∧∨[]⌊⌋⌈⌉{}√√√√",
        strict=True,
    )
)
ACCENTS = {"´": "\u0301", "`": "\u0300", "¨": "\u0308", "ˆ": "\u0302", "˜": "\u0303", "¯": "\u0304", "˙": "\u0307"}
ACCENTS |= {"ˇ": "\u030c", "˘": "\u0306", "¸": "\u0327", "˚": "\u030a", "⃗": "\u20d7"}
LETTERS_WITH_ACCENTS = "\u0301\u0300\u0308\u0327\u030a"  # accents of words; other accents are mathematics
UNREAD = frozenset("\ufffd⎛⎜⎝⎞⎟⎠⎡⎢⎣⎤⎥⎦⎧⎨⎩⎪⎫⎬⎭⎴⎵⎶⏜⏝⏞⏟⏠⏡")  # no meaning, or a piece of a larger sign
HYPHENS = dict.fromkeys("\x02\ufffe\u2010\u2212", "-")  # pdfium writes the first two for a hyphen at a line's end


@dataclass(frozen=True)
class Piece:
    """A glyph, or a construct already read from several glyphs: text in a box, on a mathematical axis.

    `left` and `right` include the space that belongs to the glyph. `bottom` and `top` are the ends of its ink. A
    fraction is marked, because its neighbours decide how it is written.
    """

    text: str
    left: float
    right: float
    bottom: float
    top: float
    axis: float
    size: float
    fraction: bool = False
    doubts: frozenset[Doubt] = frozenset()

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
    """One page's content. `number` counts from 1."""

    number: int
    width: float
    height: float
    pieces: list[Piece]
    rules: list[Rule] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)


class NoTextLayer(InputError):
    """A PDF that has a page without text: a scan."""


def read_pages(path: Path) -> list[Page]:
    """Read all pages. Raises InputError when the file cannot be opened, NoTextLayer when a page is only an image."""
    document = open_pdf(path)
    pages = [_read(page, number) for number, page in enumerate(document, 1)]
    scans = [
        page.number for page in pages if not page.pieces and (page.drawings or _has_image(document[page.number - 1]))
    ]
    if scans or not any(page.pieces for page in pages):
        which = f"page {scans[0]} of {len(pages)} has" if scans else "it has"
        raise NoTextLayer(
            f"{path}: {which} no text layer (a scan?). Give it one (`ocrmypdf IN.pdf OUT.pdf`), or read all exams "
            "by OCR (parsed.reader=ocr), or, if they are the study's, take its transcriptions "
            "(parsed.reader=transcription)."
        )
    return pages


Box: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, right and top."""


def _read(page: pypdfium2.PdfPage, number: int) -> Page:
    text = page.get_textpage()
    angles = [_angle(text, index) for index in range(text.count_chars())]
    # the text decides and not the page, which may be scanned or printed sideways without saying so
    upright = Counter(angles).most_common(1)[0][0] if angles else 0
    if upright % 90:
        upright = 0
    turn, width, height = _turned(page, upright)
    rules, drawings = [], []
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE]):
        left, bottom, right, top = turn(item.get_bounds())
        # the page's background
        if right - left > PAGE_SHARE * width and top - bottom > PAGE_SHARE * height:
            continue
        if item.type == pdfium.FPDF_PAGEOBJ_PATH and top - bottom <= RULE_THICKNESS:
            rules.append(Rule(left, right, (bottom + top) / 2))
        else:
            drawings.append(Drawing(left, right, bottom, top))
    pieces = _without_watermark(list(_pieces(text, turn, angles, upright)))
    return Page(number, width, height, list(_accented(pieces)), rules, drawings)


def _turned(page: pypdfium2.PdfPage, upright: int) -> tuple[Callable[[Box], Box], float, float]:
    """The function that turns boxes so that text at the angle `upright` (counter-clockwise) is upright, and the page's
    width and height after that.
    """
    left, bottom, right, top = page.get_cropbox()
    width, height = right - left, top - bottom

    def turn(box: Box) -> Box:
        x0, y0, x1, y1 = box[0] - left, box[1] - bottom, box[2] - left, box[3] - bottom
        match upright:
            case 90:
                return y0, width - x1, y1, width - x0
            case 180:
                return width - x1, height - y1, width - x0, height - y0
            case 270:
                return height - y1, x0, height - y0, x1
        return x0, y0, x1, y1

    return turn, *((height, width) if upright % 180 else (width, height))


def _angle(text: pypdfium2.PdfTextPage, index: int) -> int:
    """A glyph's angle in degrees, counter-clockwise. Pdfium measures clockwise."""
    return round(-math.degrees(pdfium.FPDFText_GetCharAngle(text, index))) % 360


def _without_watermark(pieces: list[Piece]) -> list[Piece]:
    """The pieces without those that are much larger than the text and lie at an angle or over other pieces."""
    if not pieces:
        return pieces
    usual = median(piece.size for piece in pieces)

    def is_watermark(piece: Piece) -> bool:
        if piece.size < WATERMARK * usual:
            return False
        return ANGLE in piece.doubts or any(
            other.left < piece.right
            and other.right > piece.left
            and other.bottom < piece.top
            and other.top > piece.bottom
            for other in pieces
            if other.size < 0.5 * piece.size
        )

    return [piece for piece in pieces if not is_watermark(piece)]


def _accented(pieces: list[Piece]) -> Iterator[Piece]:
    """The pieces, with accents and strokes joined to the sign under them. It is doubtful if that gives no letter."""
    marks = {
        index: ACCENTS.get(piece.text, piece.text)
        for index, piece in enumerate(pieces)
        if piece.text in ACCENTS or (len(piece.text) == 1 and unicodedata.combining(piece.text))
    }
    joined: dict[int, Piece] = {}
    for index, mark in marks.items():
        piece = pieces[index]
        near = [
            i for i in (index + 1, index - 1) if 0 <= i < len(pieces) and i not in marks and _is_on(piece, pieces[i])
        ]
        if not near:
            if not unicodedata.combining(piece.text):
                continue  # a mark by itself keeps its meaning
            near = [i for i in (index - 1, index + 1) if 0 <= i < len(pieces) and i not in marks][:1]
        for base in near[:1]:
            letter = unicodedata.normalize("NFC", pieces[base].text + mark)
            known = len(letter) == 1 and (mark == "\u0338" or mark in LETTERS_WITH_ACCENTS)
            doubts = pieces[base].doubts | (frozenset() if known else {SIGN})
            joined[base] = replace(pieces[base], text=letter if known else pieces[base].text, doubts=doubts)
        joined.setdefault(index, replace(piece, text=""))
    for index, piece in enumerate(pieces):
        if (piece := joined.get(index, piece)).text:
            yield piece


def _is_on(mark: Piece, base: Piece) -> bool:
    shared = min(mark.right, base.right) - max(mark.left, base.left)
    return shared > 0.4 * min(mark.right - mark.left, base.right - base.left) and abs(mark.axis - base.axis) < base.size


def _pieces(
    text: pypdfium2.PdfTextPage, turn: Callable[[Box], Box], angles: list[int], upright: int
) -> Iterator[Piece]:
    """The visible glyphs. Gaps between them show where words end, because not every PDF has space characters."""
    x, y, matrix = ctypes.c_double(), ctypes.c_double(), pdfium.FS_MATRIX()
    font, flags = ctypes.create_string_buffer(256), ctypes.c_int()
    surrogate = ""
    for index in range(text.count_chars()):
        character = surrogate + chr(pdfium.FPDFText_GetUnicode(text, index))
        # pdfium returns signs beyond 16 bits in two halves
        surrogate = character if len(character) == 1 and "\ud800" <= character < "\udc00" else ""
        if surrogate or pdfium.FPDFText_IsGenerated(text, index) == 1:
            continue
        doubts: frozenset[Doubt] = frozenset()
        if pdfium.FPDFText_HasUnicodeMapError(text, index) == 1 or character == "\0":  # pdfium finds no error in "\0"
            pdfium.FPDFText_GetFontInfo(text, index, font, 256, flags)
            known = LARGE_SIGNS.get(ord(character)) if EXTENSION.search(font.value.decode("utf-8", "replace")) else None
            doubts = frozenset() if known else frozenset({SIGN})
            character = known or "\ufffd"
        elif unicodedata.category(character[0]) in ("Co", "Cn") or character in UNREAD:
            doubts = frozenset({SIGN})
        character = _spelling(character)
        if character.isspace() or not (character.isprintable() or doubts):
            continue
        if angles[index] != upright:
            doubts |= {ANGLE}
        pdfium.FPDFText_GetCharOrigin(text, index, x, y)
        pdfium.FPDFText_GetMatrix(text, index, matrix)
        size = pdfium.FPDFText_GetFontSize(text, index) * math.hypot(matrix.c, matrix.d)
        _, bottom, _, top = turn(text.get_charbox(index))
        # loose: with the glyph's own space at its sides, because an `i` would seem apart from its neighbours without it
        left, _, right, _ = turn(text.get_charbox(index, loose=True))
        _, baseline, _, _ = turn((x.value, y.value, x.value, y.value))
        yield Piece(character, left, right, bottom, top, baseline + AXIS * size, size, doubts=doubts)


def _spelling(character: str) -> str:
    """A character in linear text: a minus sign is a hyphen, a mathematical italic x is an x."""
    character = character.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\U0001d400" <= character <= "\U0001d7ff" or "\ufb00" <= character <= "\ufb06":  # alphabets, ligatures
        return unicodedata.normalize("NFKC", character)
    return HYPHENS.get(character, character)


def _has_image(page: pypdfium2.PdfPage) -> bool:
    return any(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]))
