"""Turn glyphs and rules in two dimensions into one line of text, with exponents, fractions and radicals.

A rule with a radical sign at its left end is a vinculum. A rule with something close above and close below it is the
bar of a fraction. Any other rule is decoration. Rules are read from the shortest to the longest, so that the inside of
a construct is one piece of text before the construct is read. Pieces that fit none of these are doubtful.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, pairwise

from distil.exams import inline_math
from distil.exams.left_out import Doubt
from stages.parsed.page import Piece, Rule

SPACE = 0.15  # font sizes; a wider gap separates words
SCRIPT_SHIFT = 0.18  # font sizes from a line's axis to the axis of its exponents and indices
BAR_GAP = 0.6  # font sizes from a bar to the nearest ink of a numerator or denominator
FRACTION_REACH = 1.2  # font sizes; a rule with something as close as this above and below may be the bar of a fraction
RADICAL, RADICAL_JOIN = "√", 0.3  # the sign, and how near its upper right end the vinculum begins, in font sizes
LARGE = frozenset("∑∏∫∮⋃⋂")  # signs that may carry limits above and below
CENTRED = frozenset("()[]{}|⌊⌋⌈⌉⟨⟩‖∑∏∫∮")  # centred on the axis, whatever their size and origin
LIMITS = re.compile(r"lim|max|min|sup|inf|gcd")  # words that may carry something below
NO_BASE = frozenset("([{⟨⌊⌈=+-<>≤≥≠,:;·×÷→∈∪⊂⊆±")  # text that ends in one of these has no exponent or index
REACH = 0.15  # font sizes from the ink of a base up to its exponent, or down to its index, at most
LIMIT_GAP = 0.8  # font sizes from such a sign or word to its limit
SIGNS = {"◦": "°", "∘": "°", "′": "'", "″": "''", "′′": "''"}  # exponents that are signs of their own
ORDINAL = re.compile(r"st|nd|rd|th")
STACKED: Doubt = "holds stacked text that is not read"
BAR: Doubt = "holds a bar that is not read"


def read_formulas(pieces: Iterable[Piece], rules: Iterable[Rule]) -> list[Piece]:
    """Replace every radical and fraction by one piece with its linear text."""
    found = [replace(piece, axis=_ink_middle(piece)) if piece.text in CENTRED else piece for piece in pieces]
    # a construct is never wider than the one around it, so with the shortest first the inside comes first
    rules = sorted(rules, key=lambda rule: rule.right - rule.left)
    signs = _signs(found, rules)
    found = _read_limits(found, rules)
    unread = []
    for rule in rules:
        read = _read_root(found, rule, signs[rule]) if rule in signs else _read_fraction(found, rule, rules)
        if read is None:
            unread.append(rule)
        found = read or found
    vincula = {id(sign) for sign in signs.values()}
    for index, piece in enumerate(found):
        if piece.text == RADICAL and id(piece) not in vincula:
            found[index] = replace(piece, doubts=piece.doubts | {BAR})  # a radical whose reach is unknown
    return [_barred(piece, unread, found) for piece in found]


def _barred(piece: Piece, rules: list[Rule], pieces: list[Piece]) -> Piece:
    """The piece, doubtful where an unread rule is close over it or goes through it. An underline means nothing.

    It is doubtful, too, under an unread rule no wider than itself with other text above: this is a widely set fraction.
    """
    for rule in rules:
        if rule.left - 0.1 * piece.size < piece.middle < rule.right + 0.1 * piece.size:
            over = -0.1 * piece.size < rule.y - piece.top < 0.35 * piece.size
            through = piece.bottom + 0.1 * piece.size < rule.y < piece.top
            # those are strokes themselves, and a rule near them may be their own ink
            if (over or through) and piece.text not in "-=—–_":
                return replace(piece, doubts=piece.doubts | {BAR})
        reach = FRACTION_REACH * piece.size
        if rule.left < piece.middle < rule.right < piece.right + reach and 0 < rule.y - piece.top < reach:
            above = [other for other in _spanned(pieces, rule) if 0.25 * other.size < other.bottom - rule.y < reach]
            if above and min(other.left for other in above) > rule.left - 0.1 * piece.size:
                return replace(piece, doubts=piece.doubts | {STACKED})
    return piece


def _read_limits(pieces: list[Piece], rules: list[Rule]) -> list[Piece]:
    """Join limits to their sign: the pieces above and below a large sign, and those below a word like `lim`."""
    found = list(pieces)
    for base in _bases(pieces):
        first, last = base[0], base[-1]
        size = min(piece.size for piece in base)
        bottom, top = min(piece.bottom for piece in base), max(piece.top for piece in base)
        reach = size if len(base) == 1 else 0.3 * size
        near = [
            piece
            for piece in found
            if piece.size < 0.85 * size and first.left - reach < piece.middle < last.right + reach
        ]
        below = _row([(bottom - piece.top, piece) for piece in near], size)
        above = _row([(piece.bottom - top, piece) for piece in near], size) if len(base) == 1 else []
        overlap = any(piece.left < last.right and piece.right > first.left for piece in [*below, *above])
        if not overlap:
            continue
        text = "".join(piece.text for piece in base)
        text += "_" + inline_math.power(read_line(below))[1:] if below else ""
        text += inline_math.power(read_line(above)) if above else ""
        used = [*base, *below, *above]
        doubts = frozenset().union(*(doubts_of(group) for group in (base, below, above) if group))
        if any(
            rule.left < piece.middle < rule.right and abs(rule.y - piece.axis) < piece.size
            for rule in rules
            for piece in [*below, *above]
        ):
            doubts |= {STACKED}
        left, right = min(first.left, *(p.left for p in used)), max(last.right, *(p.right for p in used))
        joined = Piece(text, left, right, bottom, top, first.axis, size, doubts=doubts)
        found = [*(piece for piece in found if not any(piece is other for other in used)), joined]
    return found


def _row(pieces: list[tuple[float, Piece]], size: float) -> list[Piece]:
    """The pieces of one line of a limit, by their distances: the nearest in reach, and those on its axis or near it."""
    near = sorted(((d, piece) for d, piece in pieces if -0.3 * size < d < LIMIT_GAP * size), key=lambda one: one[0])
    return [piece for _, piece in near if abs(piece.axis - near[0][1].axis) < 0.5 * near[0][1].size]


def _bases(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Large signs, and words that may have limits under them."""
    for piece in pieces:
        if piece.text in LARGE:
            yield [piece]
    line = sorted(pieces, key=lambda piece: (-round(piece.axis, 1), piece.left))
    for found in LIMITS.finditer("".join(piece.text if len(piece.text) == 1 else " " for piece in line)):
        word = line[found.start() : found.end()]
        apart = any(b.left - a.right > SPACE * a.size or abs(a.axis - b.axis) > 0.1 * a.size for a, b in pairwise(word))
        if not apart:
            yield word


def doubts_of_line(pieces: list[Piece]) -> frozenset[Doubt]:
    """The doubts of a line of text. Its exponents and indices are smaller than the text.

    Inside a construct that need not be so: exponents of exponents are as large as the exponents.
    """
    _, clusters = _levels(sorted(pieces, key=lambda piece: piece.left))
    size = line_size(pieces)
    as_large = any(
        piece.size > 0.95 * size and len(piece.text) == 1 and piece.text not in CENTRED
        for cluster in clusters
        for piece in cluster
    )
    return doubts_of(pieces) | ({STACKED} if as_large else set())


def doubts_of(pieces: list[Piece]) -> frozenset[Doubt]:
    """The doubts of the pieces on one line, and the doubts about their places."""
    doubts = frozenset[Doubt]().union(*(piece.doubts for piece in pieces))
    base, clusters = _levels(sorted(pieces, key=lambda piece: piece.left))
    size = line_size(pieces)
    for cluster in clusters:
        before = max((piece for piece in base if piece.left < cluster[0].left), key=lambda p: p.right, default=None)
        # right before an exponent or index there is a base
        if before is None or before.text[-1] in NO_BASE or cluster[0].left - before.right > 0.5 * size:
            return doubts | {STACKED}  # rows of a matrix or a binomial coefficient are no exponents
        if (
            min(p.bottom for p in cluster) > before.top + REACH * size
            or max(p.top for p in cluster) < before.bottom - REACH * size
        ):
            return doubts | {STACKED}  # too high or too low to be a script of the piece before it
        for piece in cluster:
            for other in base:
                shared = min(piece.right, other.right) - max(piece.left, other.left)
                if (
                    shared > 0.35 * min(piece.right - piece.left, other.right - other.left)
                    and other.text not in CENTRED
                ):
                    return doubts | {STACKED}
        for level in _up_and_down(cluster, *_main_line(pieces)):
            if level:
                doubts |= doubts_of(level)
    return doubts


def _signs(pieces: list[Piece], rules: list[Rule]) -> dict[Rule, Piece]:
    """The radical sign of each vinculum: a rule that begins at the upper right end of the sign."""

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
    """The linear text of pieces on one line, with their exponents (`^`) and indices (`_`)."""
    pieces = sorted(pieces, key=lambda piece: piece.left)
    size, axis = _main_line(pieces)
    text, before = "", None
    for in_line, group in groupby(pieces, lambda piece: _shift(piece, size, axis) == 0):
        run = list(group)
        if before is not None and run[0].left - before > SPACE * size:
            text += " "
        if in_line:
            text += _join(run, size, text)
        else:
            for level in _in_order(*_up_and_down(run, size, axis)):
                text += _script(read_line(level), _shift(level[0], size, axis) > 0, text)
        before = run[-1].right
    return text


def _script(text: str, raised: bool, before: str) -> str:
    """An exponent or index in one line of text. A ring is a degree sign, and `5th` needs no exponent."""
    if raised and set(text) <= set("′'"):
        return "'" * len(text)
    if raised and text in SIGNS:
        return SIGNS[text]
    if raised and before[-1:].isdigit() and ORDINAL.fullmatch(text):
        return text
    written = inline_math.power(text)
    return written if raised else "_" + written[1:]


def line_size(pieces: list[Piece]) -> float:
    """The size of a line's text: the size of its largest pieces, except signs that are drawn larger."""
    plain = [piece.size for piece in pieces if piece.text[:1] not in LARGE and piece.text not in CENTRED]
    return max(plain or [piece.size for piece in pieces])


def _main_line(pieces: list[Piece]) -> tuple[float, float]:
    """The size and the axis of a line's text."""
    size = line_size(pieces)
    first = min((piece for piece in pieces if piece.size > 0.9 * size), key=lambda piece: piece.left)
    return size, first.axis


def _shift(piece: Piece, size: float, axis: float) -> int:
    """1 for a piece that is raised, -1 for one that is lowered, 0 for one in the line."""
    return (piece.axis - axis > SCRIPT_SHIFT * size) - (axis - piece.axis > SCRIPT_SHIFT * size)


def _levels(pieces: list[Piece]) -> tuple[list[Piece], list[list[Piece]]]:
    """The pieces in the line, and between them the groups of exponents and indices, from left to right."""
    size, axis = _main_line(pieces)
    base: list[Piece] = []
    clusters: list[list[Piece]] = []
    for in_line, group in groupby(pieces, lambda piece: _shift(piece, size, axis) == 0):
        if in_line:
            base += group
        else:
            clusters.append(list(group))
    return base, clusters


def _up_and_down(cluster: list[Piece], size: float, axis: float) -> tuple[list[Piece], list[Piece]]:
    """The raised and the lowered pieces of a group."""
    up = [piece for piece in cluster if _shift(piece, size, axis) > 0]
    return up, [piece for piece in cluster if _shift(piece, size, axis) <= 0]


def _in_order(up: list[Piece], down: list[Piece]) -> list[list[Piece]]:
    """Exponent and index of one base: the index first where one is over the other, else from left to right."""
    if not up or not down:
        return [up or down]
    return [up, down] if up[-1].right <= down[0].left else [down, up]


def _join(pieces: list[Piece], size: float, text: str) -> str:
    """Append the pieces on one axis to `text`. Gaps separate words, and a fraction is separated from its neighbours."""
    joined = ""
    for index, piece in enumerate(pieces):
        apart = index == 0 or piece.left - pieces[index - 1].right > SPACE * size
        if index and apart:
            joined += " "
        written = piece.text
        last = (text + joined)[-1:]
        follower = pieces[index + 1] if index + 1 < len(pieces) else None
        # without the space 2 3/4 would read as 23/4
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

    A small number on the sign makes it a higher root, written as an exponent: `^(1/3)`.
    """
    inside = [piece for piece in _spanned(pieces, rule) if sign.bottom - 0.3 * piece.size < piece.axis < rule.y]
    # a radical sign over nothing stays unread, and is marked as doubtful
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
    doubts = doubts_of(inside)
    text = inline_math.root(read_line(inside))
    if index:
        text = f"({read_line(inside)})" + inline_math.power(inline_math.fraction("1", read_line(index)))
    return _replaced(pieces, [sign, *index, *inside], text, sign.left, rule, main.axis, doubts)


def _read_fraction(pieces: list[Piece], rule: Rule, rules: list[Rule]) -> list[Piece] | None:
    """The pieces with one fraction read, if the rule has a numerator and a denominator."""
    spanned = _spanned(pieces, rule)
    above = _stack(sorted((p for p in spanned if p.bottom > rule.y - 0.05 * p.size), key=lambda p: p.bottom), rule)
    below = _stack(sorted((p for p in spanned if p.top < rule.y + 0.05 * p.size), key=lambda p: -p.top), rule)
    # text that extends beyond the ends of the rule is no numerator: the rule underlines a word, or is a vinculum
    if not above or not below or any(_goes_on(pieces, part, rule, rules) for part in (above, below)):
        return None
    text = inline_math.fraction(read_line(above), read_line(below))
    doubts = doubts_of(above) | doubts_of(below)
    return _replaced(pieces, [*above, *below], text, rule.left, rule, rule.y, doubts, fraction=True)


def _spanned(pieces: list[Piece], rule: Rule) -> list[Piece]:
    """The pieces above or below the rule."""
    return [piece for piece in pieces if rule.left < piece.middle < rule.right]


def _stack(nearest_first: list[Piece], rule: Rule) -> list[Piece]:
    """A numerator or denominator: the piece nearest to the bar, and pieces that overlap one of its own in height."""
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


def _goes_on(pieces: list[Piece], part: list[Piece], rule: Rule, rules: list[Rule]) -> bool:
    """Whether the text above or below the rule goes on beyond its ends: then it is a part of a line of text."""
    main = _main(part)
    level = [other for other in rules if other is not rule and abs(other.y - rule.y) < 0.1 * main.size]
    return any(
        abs(piece.axis - main.axis) < 0.05 * main.size
        and 0.9 * main.size < piece.size < 1.1 * main.size
        and (0 <= rule.left - piece.right < 0.4 * main.size or 0 <= piece.left - rule.right < 0.4 * main.size)
        and not any(other.left < piece.middle < other.right for other in level)
        for piece in pieces
        if piece not in part
    )


def _replaced(
    pieces: list[Piece],
    used: list[Piece],
    text: str,
    left: float,
    rule: Rule,
    axis: float,
    doubts: frozenset[Doubt],
    *,
    fraction: bool = False,
) -> list[Piece]:
    """The pieces with one construct in place of the `used` ones."""
    bottom, top = min(piece.bottom for piece in used), max(rule.y, *(piece.top for piece in used))
    size = max(piece.size for piece in used if piece.text != RADICAL)
    construct = Piece(text, left, rule.right, bottom, top, axis, size, fraction, doubts)
    return [*(piece for piece in pieces if not any(piece is other for other in used)), construct]


def _main(pieces: list[Piece]) -> Piece:
    """The first of the largest pieces, which is on the line's axis."""
    size = max(piece.size for piece in pieces)
    return min((piece for piece in pieces if piece.size > 0.9 * size), key=lambda piece: piece.left)


def _ink_middle(piece: Piece) -> float:
    return (piece.bottom + piece.top) / 2
