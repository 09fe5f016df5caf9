"""Draw linear text in two dimensions: raised exponents, stacked fractions, radicals with a vinculum.

Everything is a Mark with a width, an extent above and below its baseline, and a way to draw it. Lengths are in points,
and y grows downwards as in fpdf2. Proportions follow Knuth's The TeXbook, appendix G, rounded.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fpdf import FPDF
from fpdf.errors import FPDFUnicodeEncodingException

from distil.exams.inline_math import Exponent, Fraction, Nodes, Root, parse, write
from distil.pipeline.files import InputError

FONT = "times"
ASCENT, DESCENT = 0.69, 0.22  # of Times, in font sizes
SCRIPT, RAISE = 0.7, 0.4  # size of an exponent and how far it is raised
AXIS = 0.25  # height of a fraction's bar above the baseline
GAP = 0.16  # between a fraction's bar or a vinculum and the text next to it
RULE = 0.045  # thickness of bars
RADICAL_TOP, RADICAL_HEIGHT, RADICAL_JOIN = 0.917, 0.955, 0.515  # of Symbol's radical sign: top, extent, right end
SMALLEST = 6


@dataclass(frozen=True)
class Mark:
    """Something to draw at a point on its baseline."""

    width: float
    ascent: float
    descent: float
    draw: Callable[[float, float], None]


class Typesetter:
    """Makes boxes of linear text on one document."""

    def __init__(self, document: FPDF) -> None:
        self.document = document

    def box(self, text: str, size: float, style: str = "") -> Mark:
        """One unbroken line of linear text."""
        return self._row(parse(text), size, style)

    def lines(self, text: str, width: float, size: float) -> list[Mark]:
        """Linear text broken at spaces into lines of at most `width`. A longer word has its own line."""
        lines: list[str] = []
        for word in _words(text):
            if lines and self.box(longer := f"{lines[-1]} {word}", size).width <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return [self.box(line, size) for line in lines]

    def _row(self, nodes: Nodes, size: float, style: str = "") -> Mark:
        boxes = [self._node(node, size, style) for node in nodes]

        def draw(x: float, y: float) -> None:
            for box in boxes:
                box.draw(x, y)
                x += box.width

        return Mark(
            sum(box.width for box in boxes),
            max((box.ascent for box in boxes), default=0),
            max((box.descent for box in boxes), default=0),
            draw,
        )

    def _node(self, node: object, size: float, style: str) -> Mark:
        match node:
            case str():
                return self._text(node, size, FONT, style)
            case Exponent(exponent):
                return self._power(exponent, size)
            case Fraction(numerator, denominator):
                return self._fraction(numerator, denominator, size)
            case Root(radicand):
                return self._root(radicand, size)
        raise TypeError(node)

    def _text(self, text: str, size: float, font: str = FONT, style: str = "") -> Mark:
        def draw(x: float, y: float) -> None:
            self.document.set_font(font, style, size)
            self.document.text(x, y, text)

        try:
            self.document.set_font(font, style, size)
            width = self.document.get_string_width(text)
        except FPDFUnicodeEncodingException as error:
            raise InputError(f"{text!r} cannot be typeset: {error.character!r} is not in Latin-1.") from error
        return Mark(width, ASCENT * size, DESCENT * size, draw)

    def _power(self, exponent: Nodes, size: float) -> Mark:
        box = self._row(exponent, max(SCRIPT * size, SMALLEST))
        rise = RAISE * size + box.descent - DESCENT * SCRIPT * size
        return Mark(box.width, box.ascent + rise, box.descent - rise, lambda x, y: box.draw(x, y - rise))

    def _fraction(self, numerator: Nodes, denominator: Nodes, size: float) -> Mark:
        above, below = self._row(numerator, size), self._row(denominator, size)
        margin, bar = 0.05 * size, max(above.width, below.width) + 0.25 * size
        rise = (AXIS + GAP) * size + above.descent
        drop = below.ascent - (AXIS - GAP) * size

        def draw(x: float, y: float) -> None:
            middle = x + margin + bar / 2
            above.draw(middle - above.width / 2, y - rise)
            below.draw(middle - below.width / 2, y + drop)
            self._bar(x + margin, x + margin + bar, y - AXIS * size, size)

        return Mark(bar + 2 * margin, rise + above.ascent, drop + below.descent, draw)

    def _root(self, radicand: Nodes, size: float) -> Mark:
        inside = self._row(radicand, size)
        top = inside.ascent + GAP * size
        sign = max(size, (top + inside.descent) / RADICAL_HEIGHT)
        join = RADICAL_JOIN * sign

        def draw(x: float, y: float) -> None:
            self._text("\xd6", sign, "symbol").draw(x, y - top + RADICAL_TOP * sign)
            self._bar(x + join, x + join + inside.width + 0.1 * size, y - top, size)
            inside.draw(x + join + 0.05 * size, y)

        return Mark(join + inside.width + 0.15 * size, top + RULE * size, inside.descent, draw)

    def _bar(self, left: float, right: float, y: float, size: float) -> None:
        self.document.set_line_width(RULE * size)
        self.document.line(left, y, right, y)


def _words(text: str) -> list[str]:
    """The pieces of a linear text between which a line may break: at spaces, but not inside a construct."""
    words = [""]
    for node in parse(text):
        if isinstance(node, str):
            first, *rest = node.split(" ")
            words[-1] += first
            words += rest
        else:
            words[-1] += write((node,))
    return words
