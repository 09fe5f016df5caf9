"""A page's lines from top to bottom, split at the gaps between columns, without running heads and page numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import add
from statistics import median

from stages.parsed.formula import CENTRED, doubts_of_line, line_size, read_formulas, read_line
from stages.parsed.page import Drawing, Page, Piece

PAGE_NUMBER = re.compile(r"(page )?\d+( (of|/) \d+)?", re.IGNORECASE)
SMALL = 0.9  # of the usual size; smaller text may be an exponent or index of a line
COLUMN_GAP = 1.5  # font sizes; a wider gap within a row separates columns
NARROW_GAP = 0.6  # font sizes; the gap between LaTeX's columns can be as small as this
TITLE = 1.2  # of the size of the text before it in its row; larger text is a title over the next column
LABEL_SIGNS = 4  # at most so many signs may be an item's number, with a gap before its text
MARGIN = 0.09  # of the page's height; running heads and feet are within it
OVERLAP = 0.12  # font sizes; two lines that share more height than this are stacked


@dataclass
class Line:
    """Pieces of one row without a column's gap between them."""

    page: int
    axis: float
    pieces: list[Piece]

    def __post_init__(self) -> None:
        self.left, self.right = min(p.left for p in self.pieces), max(p.right for p in self.pieces)
        self.bottom, self.top = min(p.bottom for p in self.pieces), max(p.top for p in self.pieces)
        self.size = line_size(self.pieces)
        self.text = read_line(self.pieces)
        self.labelled = False  # whether an item begins here
        self.doubts = doubts_of_line(self.pieces)


def read_lines(page: Page) -> list[Line]:
    """The page's lines from top to bottom, split between columns."""
    pieces = sorted(read_formulas(page.pieces, page.rules), key=lambda piece: -piece.axis)
    if not pieces:
        return []
    full_size = SMALL * median(piece.size for piece in pieces)
    # text of full size comes first, because its rows are certain; then small pieces look for the row they belong to
    rows: list[list[Piece]] = []
    for piece in pieces:
        if piece.size > full_size:
            if rows and rows[-1][0].axis - piece.axis < 0.3 * full_size:
                rows[-1].append(piece)
            else:
                rows.append([piece])
    waiting = sorted((piece for piece in pieces if piece.size <= full_size), key=lambda piece: piece.left)
    while waiting:  # exponents and indices join the nearest row; a piece that no row reaches begins a row
        apart = [piece for piece in waiting if not _join(piece, rows, full_size)]
        # no piece found a row in this round: the leftmost one begins a row, and the others try again
        if len(apart) == len(waiting):
            rows.append([apart.pop(0)])
        waiting = apart
    gutter = _gutter(rows, page.width)
    return [Line(page.number, row[0].axis, run) for row in rows for run in _runs(row, gutter)]


def _join(piece: Piece, rows: list[list[Piece]], full_size: float) -> bool:
    """Add a small piece to the nearest row in reach. False where there is none."""
    near = [row for row in rows if abs(row[0].axis - piece.axis) < 4 * full_size]
    nearest = min(near, key=lambda row: _distance(piece, row), default=None)
    if nearest is None or _distance(piece, nearest) >= 0.5 * full_size:
        return False
    nearest.append(piece)
    return True


def _distance(piece: Piece, row: list[Piece]) -> float:
    """How far a piece is from a row: beyond a column's gap if they share their axis, else from the ink of the row.

    Where lines are tight, an exponent touches two of them. It belongs to the one with the nearer axis.
    """
    axes = abs(piece.axis - row[0].axis)
    sideways = [max(other.left - piece.right, piece.left - other.right, 0) for other in row]
    if axes < 0.1 * row[0].size:
        return max(min(sideways) - COLUMN_GAP * row[0].size, 0)
    upright = [max(other.bottom - piece.top, piece.bottom - other.top, 0) for other in row]
    return min(map(add, sideways, upright)) + 0.1 * axes


def _runs(row: list[Piece], gutter: float | None) -> Iterator[list[Piece]]:
    """A row's pieces, split at gaps as wide as those between columns, and where text of another height begins."""
    row = sorted(row, key=lambda piece: piece.left)
    size, run = max(piece.size for piece in row), row[:1]
    for piece in row[1:]:
        end, usual = max(p.right for p in run), max(p.size for p in run)
        gap = piece.left - end
        apart = _other_height(run[-1], piece) or piece.size > TITLE * usual
        apart = apart or (gutter is not None and end < gutter <= piece.left)
        if gap > COLUMN_GAP * size or (apart and gap > NARROW_GAP * usual):
            yield run
            run = []
        run.append(piece)
    yield run


def _gutter(rows: list[list[Piece]], width: float) -> float | None:
    """Where a page's second column begins, if rows of text leave a gap in the page's middle and few cross it."""
    middle = [piece.left for row in rows for piece in row if 0.3 * width < piece.left < 0.7 * width]
    for place in sorted(set(middle)):
        parted = crossed = 0
        for row in rows:
            before, after = [p for p in row if p.left < place], [p for p in row if p.left >= place]
            if before and after:
                gap = min(p.left for p in after) - max(p.right for p in before)
                wide = gap > NARROW_GAP * max(p.size for p in row)
                # not the gap after an item's number, which is at the same place in every line of a list
                parted += wide and len(before) > LABEL_SIGNS
                crossed += not wide
        if parted > 2 and crossed <= 0.1 * parted:
            return place
    return None


def _other_height(one: Piece, other: Piece) -> bool:
    """Whether two signs of one size are on different lines, as in columns that are close together."""
    plain = all(len(piece.text) == 1 and piece.text not in CENTRED for piece in (one, other))
    same = max(one.size, other.size) < 1.01 * min(one.size, other.size)
    return plain and same and abs(one.axis - other.axis) > 0.02 * one.size


def without_furniture(pages: list[Page], lines: list[list[Line]]) -> list[list[Line]]:
    """Drop page numbers, and texts in a margin that several pages have with no more than other numbers in them.

    LaTeX's page numbers are further inside than the margin. Such a number is the outermost line of its page, in the
    middle and well apart, and it counts the pages.
    """

    def place(line: Line) -> tuple[str, int]:
        return re.sub(r"\d+", "#", line.text), round(line.bottom)

    def in_margin(page: Page, line: Line) -> bool:
        outside = line.top < MARGIN * page.height or line.bottom > (1 - MARGIN) * page.height
        return outside and not (line.text[:1].islower() and not PAGE_NUMBER.fullmatch(line.text))  # a sentence's end

    places = [
        {place(line) for line in found if in_margin(page, line)} for page, found in zip(pages, lines, strict=True)
    ]
    numbers = _page_numbers(pages, lines)
    repeated = {one for index, found in enumerate(places) for one in found if any(one in o for o in places[:index])}
    return [
        [
            line
            for line in found
            if id(line) not in numbers
            and (not in_margin(page, line) or not (place(line) in repeated or PAGE_NUMBER.fullmatch(line.text)))
        ]
        for page, found in zip(pages, lines, strict=True)
    ]


def _page_numbers(pages: list[Page], lines: list[list[Line]]) -> set[int]:
    """The identities of the lines with page numbers: in the middle of the page, well apart, counting up."""
    for choose in (min, max):
        alone = []
        for page, found in zip(pages, lines, strict=True):
            if len(found) > 1:
                line = choose(found, key=lambda one: one.axis)
                nearest = choose((one for one in found if one is not line), key=lambda one: one.axis)
                centred = abs(line.left + line.right - page.width) < 2 * line.size
                if line.text.isdigit() and centred and abs(nearest.axis - line.axis) > 1.5 * line.size:
                    alone.append(line)
        if len(alone) > 1 and len({int(line.text) - line.page for line in alone}) == 1:
            return {id(line) for line in alone}
    return set()


def overlap(one: Line | Drawing, other: Line) -> bool:
    """Whether two things overlap in height."""
    return min(one.top, other.top) - max(one.bottom, other.bottom) > OVERLAP * other.size
