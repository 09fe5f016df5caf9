"""From glyphs and rules in two dimensions to one line of text: exponents, fractions and radicals read back.

A rule with a radical sign at its left end is a vinculum; a rule with something close above and close below it is the
bar of a fraction; any other is decoration. Rules are taken from the shortest to the longest, so that what stands inside
a construct is one piece of text before the construct is read.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from distil.exams import inline_math
from stages.parsed.page import Piece, Rule

SPACE = 0.15  # font sizes; a wider gap separates words
SCRIPT_SHIFT = 0.18  # font sizes from a line's axis to that of its exponents and indices
BAR_GAP = 0.5  # font sizes from a bar to the nearest ink of a numerator or denominator
RADICAL, RADICAL_JOIN = "√", 0.3  # the sign, and how near its upper right end the vinculum begins, in font sizes
CENTRED = frozenset("()[]{}|")  # brackets are centred on the axis, whatever their size and the place of their origin


def read_formulas(pieces: Iterable[Piece], rules: Iterable[Rule]) -> list[Piece]:
    """Replace every radical and fraction by one piece that holds its linear text."""
    found = [replace(piece, axis=_ink_middle(piece)) if piece.text in CENTRED else piece for piece in pieces]
    rules = sorted(rules, key=lambda rule: rule.right - rule.left)
    signs = _signs(found, rules)
    for rule in rules:
        found = (_read_root(found, rule, signs[rule]) if rule in signs else _read_fraction(found, rule)) or found
    return found


def _signs(pieces: list[Piece], rules: list[Rule]) -> dict[Rule, Piece]:
    """The radical sign of each rule that is a vinculum: one that begins at the upper right end of the sign."""

    def distance(sign: Piece, rule: Rule) -> float:
        return max(abs(sign.right - rule.left), abs(sign.top - rule.y)) / sign.size

    signs = {}
    for sign in pieces:
        if sign.text == RADICAL and rules:
            nearest = min(rules, key=lambda rule: distance(sign, rule))
            if distance(sign, nearest) <= RADICAL_JOIN:
                signs[nearest] = sign
    return signs


def read_line(pieces: Iterable[Piece]) -> str:
    """The linear text of pieces that stand on one line, with their exponents (`^`) and indices (`_`)."""
    pieces = sorted(pieces, key=lambda piece: piece.left)
    size = max(piece.size for piece in pieces)
    axis = next(piece.axis for piece in pieces if piece.size > 0.9 * size)

    def shift(piece: Piece) -> int:
        return (piece.axis - axis > SCRIPT_SHIFT * size) - (axis - piece.axis > SCRIPT_SHIFT * size)

    text, before = "", None
    for level, group in groupby(pieces, shift):
        run = list(group)
        if before and run[0].left - before.right > SPACE * size:
            text += " "
        if level == 0:
            text += _join(run, size, text)
        elif level > 0:
            text += inline_math.power(read_line(run))
        else:
            text += "_" + inline_math.power(read_line(run))[1:]
        before = run[-1]
    return text


def _join(pieces: list[Piece], size: float, text: str) -> str:
    """Pieces on one axis, continuing `text`: words by their gaps, and a fraction kept apart from what touches it."""
    joined = ""
    for index, piece in enumerate(pieces):
        apart = index == 0 or piece.left - pieces[index - 1].right > SPACE * size
        if index and apart:
            joined += " "
        written = piece.text
        last = (text + joined)[-1:]
        follower = pieces[index + 1] if index + 1 < len(pieces) else None
        if piece.fraction and last.isdigit() and written.replace("/", "").isdigit():
            written = f" {written}"  # a mixed number
        elif piece.fraction and (
            last.isalnum() or (follower and follower.left - piece.right <= SPACE * size and follower.text[0].isalnum())
        ):
            written = f"({written})"
        joined += written
    return joined


def _read_root(pieces: list[Piece], rule: Rule, sign: Piece) -> list[Piece] | None:
    """The pieces with one radical read, if there is anything under its vinculum.

    A small number on the sign makes it a higher root, for which a line has the exponent `^(1/3)`.
    """
    inside = [piece for piece in _spanned(pieces, rule) if sign.bottom - 0.3 * piece.size < piece.axis < rule.y]
    if not inside:
        return None
    main = _main(inside)
    index = [
        piece
        for piece in pieces
        if piece.size < 0.8 * main.size
        and sign.left < piece.middle < sign.right
        and _ink_middle(sign) < piece.axis < sign.top + 0.3 * main.size
    ]
    text = inline_math.root(read_line(inside))
    if index:
        text = f"({read_line(inside)})" + inline_math.power(inline_math.fraction("1", read_line(index)))
    return _replaced(pieces, [sign, *index, *inside], text, sign.left, rule, main.axis)


def _read_fraction(pieces: list[Piece], rule: Rule) -> list[Piece] | None:
    """The pieces with one fraction read, if the rule has a numerator and a denominator."""
    spanned = _spanned(pieces, rule)
    above = _stack(sorted((p for p in spanned if p.bottom > rule.y - 0.05 * p.size), key=lambda p: p.bottom), rule)
    below = _stack(sorted((p for p in spanned if p.top < rule.y + 0.05 * p.size), key=lambda p: -p.top), rule)
    if not above or not below or _is_underline(pieces, above, rule):
        return None
    text = inline_math.fraction(read_line(above), read_line(below))
    return _replaced(pieces, [*above, *below], text, rule.left, rule, rule.y, fraction=True)


def _spanned(pieces: list[Piece], rule: Rule) -> list[Piece]:
    """The pieces above or below the rule."""
    return [piece for piece in pieces if rule.left < piece.middle < rule.right]


def _stack(nearest_first: list[Piece], rule: Rule) -> list[Piece]:
    """A numerator or denominator: the piece nearest to the bar and all that overlap its height, one by the other."""
    if not nearest_first:
        return []
    first = nearest_first[0]
    if max(first.bottom - rule.y, rule.y - first.top) > BAR_GAP * first.size:
        return []
    stack, bottom, top = [first], first.bottom, first.top
    for piece in nearest_first[1:]:
        if piece.bottom < top and piece.top > bottom:
            stack.append(piece)
            bottom, top = min(bottom, piece.bottom), max(top, piece.top)
    return stack


def _is_underline(pieces: list[Piece], above: list[Piece], rule: Rule) -> bool:
    """Whether what is above the rule goes on beside it: then it is an underlined part of a line."""
    main = _main(above)
    return any(
        abs(piece.axis - main.axis) < 0.05 * main.size
        and (0 <= rule.left - piece.right < 0.4 * main.size or 0 <= piece.left - rule.right < 0.4 * main.size)
        for piece in pieces
        if piece not in above
    )


def _replaced(
    pieces: list[Piece], used: list[Piece], text: str, left: float, rule: Rule, axis: float, *, fraction: bool = False
) -> list[Piece]:
    """The pieces with one construct in the place of the `used` ones."""
    bottom, top = min(piece.bottom for piece in used), max(rule.y, *(piece.top for piece in used))
    size = max(piece.size for piece in used if piece.text != RADICAL)
    construct = Piece(text, left, rule.right, bottom, top, axis, size, fraction)
    return [*(piece for piece in pieces if not any(piece is other for other in used)), construct]


def _main(pieces: list[Piece]) -> Piece:
    """The first of the largest pieces, which stands on the line's axis."""
    size = max(piece.size for piece in pieces)
    return min((piece for piece in pieces if piece.size > 0.9 * size), key=lambda piece: piece.left)


def _ink_middle(piece: Piece) -> float:
    return (piece.bottom + piece.top) / 2
