"""A page's lines from top to bottom, divided at the gaps between columns; running heads and page numbers dropped."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import add
from statistics import median

from stages.parsed.formula import doubts_of_line, line_size, read_formulas, read_line
from stages.parsed.page import Drawing, Page, Piece

PAGE_NUMBER = re.compile(r"(page )?\d+( (of|/) \d+)?", re.IGNORECASE)
SMALL = 0.9  # of the usual size; what is smaller may be an exponent or index of a line
COLUMN_GAP = 1.5  # font sizes; a wider gap on one height separates columns
MARGIN = 0.09  # of the page's height; running heads and feet stand within it
OVERLAP = 0.12  # font sizes of height that two lines share before one of them is taken to be stacked on the other


@dataclass
class Line:
    """Pieces on one height without a column's gap between them."""

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
    """The page's lines from top to bottom, divided where columns are apart."""
    pieces = sorted(read_formulas(page.pieces, page.rules), key=lambda piece: -piece.axis)
    if not pieces:
        return []
    full_size = SMALL * median(piece.size for piece in pieces)
    rows: list[list[Piece]] = []
    for piece in pieces:
        if piece.size > full_size:
            if rows and rows[-1][0].axis - piece.axis < 0.3 * full_size:
                rows[-1].append(piece)
            else:
                rows.append([piece])
    waiting = sorted((piece for piece in pieces if piece.size <= full_size), key=lambda piece: piece.left)
    while waiting:  # exponents and indices join the row they stand at; what none reaches, in the end, begins a row
        apart = [piece for piece in waiting if not _join(piece, rows, full_size)]
        if len(apart) == len(waiting):
            rows.append([apart.pop(0)])
        waiting = apart
    return [Line(page.number, row[0].axis, run) for row in rows for run in _runs(row)]


def _join(piece: Piece, rows: list[list[Piece]], full_size: float) -> bool:
    """Add a small piece to the nearest row in reach; False where no row is."""
    near = [row for row in rows if abs(row[0].axis - piece.axis) < 4 * full_size]
    nearest = min(near, key=lambda row: _distance(piece, row), default=None)
    if nearest is None or _distance(piece, nearest) >= 0.5 * full_size:
        return False
    nearest.append(piece)
    return True


def _distance(piece: Piece, row: list[Piece]) -> float:
    """How far a piece is from a row: beyond a column's gap if they share their axis, else from the ink of the row.

    Where lines are tight an exponent touches two of them, and the nearer axis tells which is its own.
    """
    axes = abs(piece.axis - row[0].axis)
    sideways = [max(other.left - piece.right, piece.left - other.right, 0) for other in row]
    if axes < 0.1 * row[0].size:
        return max(min(sideways) - COLUMN_GAP * row[0].size, 0)
    upright = [max(other.bottom - piece.top, piece.bottom - other.top, 0) for other in row]
    return min(map(add, sideways, upright)) + 0.1 * axes


def _runs(row: list[Piece]) -> Iterator[list[Piece]]:
    """A row's pieces, divided at gaps as wide as those between columns."""
    row = sorted(row, key=lambda piece: piece.left)
    size, run = max(piece.size for piece in row), row[:1]
    for piece in row[1:]:
        if piece.left - max(p.right for p in run) > COLUMN_GAP * size:
            yield run
            run = []
        run.append(piece)
    yield run


def without_furniture(pages: list[Page], lines: list[list[Line]]) -> list[list[Line]]:
    """Drop page numbers, and texts that several pages have in a margin, alike but for their numbers."""

    def place(line: Line) -> tuple[str, int]:
        return re.sub(r"\d+", "#", line.text), round(line.bottom)

    def in_margin(page: Page, line: Line) -> bool:
        outside = line.top < MARGIN * page.height or line.bottom > (1 - MARGIN) * page.height
        return outside and not (line.text[:1].islower() and not PAGE_NUMBER.fullmatch(line.text))  # a sentence's end

    places = [
        {place(line) for line in found if in_margin(page, line)} for page, found in zip(pages, lines, strict=True)
    ]
    repeated = {one for index, found in enumerate(places) for one in found if any(one in o for o in places[:index])}
    return [
        [
            line
            for line in found
            if not in_margin(page, line) or not (place(line) in repeated or PAGE_NUMBER.fullmatch(line.text))
        ]
        for page, found in zip(pages, lines, strict=True)
    ]


def overlap(one: Line | Drawing, other: Line) -> bool:
    """Whether the ink of two things shares some height."""
    return min(one.top, other.top) - max(one.bottom, other.bottom) > OVERLAP * other.size
