"""Scanned exams to numbered items: an OCR engine's texts with their places and confidences, read by where they are.

The engine (RapidOCR, offline) gives texts in boxes. Boxes on one height are a row, a box over another is a fraction,
and a number at the left edge begins a question. An answer sheet is a grid of numbers with an answer to the right of
each. Every item carries the confidence of its least certain box; what is stacked and no fraction lowers it.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from pydantic import BaseModel

from distil.exams import inline_math
from distil.exams.files import open_pdf, problem_id, year_and_section
from distil.exams.left_out import LeftOut, Reason, reason_against
from distil.pipeline.files import InputError, read_json, write_json
from distil.pipeline.records import SECTIONS, Problem
from stages.parsed.layout import KEY_HEADING

DPI = 200
CACHE = Path("cache/ocr")
TOP = 0.2  # of the page's height, in which its headings are
STRAY = 0.8  # what the confidence of an item is multiplied by for boxes that are in no row
LABEL = re.compile(r"[:.'’•\-\s]*(?:Q|#|Problem )?\s?(\d ?\d?) ?[.),:](?!\d)\s*", re.IGNORECASE)
SHEET = re.compile(r"(names?|school|team code)\s?:?.*", re.IGNORECASE)
KEY = re.compile(r"(correct )?(answers?|answer key|solutions)( key)?:?", re.IGNORECASE)
OTHER_TEST = re.compile(r"\bteam\b(?! code)", re.IGNORECASE)
REMARK = re.compile(
    r"\b(must|accept|optional|either|in any order|this|required|do not|not required|only|needed|units?|form|decimal|"
    r"fraction|improper|score|rounds?|points|calculators?|competition|single)\b",
    re.IGNORECASE,
)
ALTERNATIVE = re.compile(r"\s+(?:or|OR|\(?(?:must|accept|[a-z]+ optional)).*$")
SHEET_LABEL = re.compile(r"(T)?\s?(\d ?\d?) ?[.),:](?!\d)\s*")
FOREIGN = re.compile(
    r"[\u3000-\u9fff\uff00-\uffef]"
)  # signs of East Asian scripts, as which the engine misreads formulas
TIE_BREAKER = 100  # is added to the number of T1, T2, ...; they are numbered on from a sheet's last question


class Box(BaseModel):
    """A text that the engine found: where, in points from the page's upper left corner, and how sure it is."""

    text: str
    score: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        """Half-way between top and bottom."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top


class ScannedPage(BaseModel):
    """A page's texts."""

    number: int
    width: float
    height: float
    boxes: list[Box]


@dataclass
class ScannedItem:
    """A numbered question or answer with its confidence, from 0 to 1."""

    number: int
    page: int
    text: str = ""
    confidence: float = 1.0
    boxes: list[Box] = field(default_factory=list)
    torn: bool = False


Both: TypeAlias = tuple[list[ScannedItem], list[ScannedItem]]
"""Questions and answers."""


def read_scan(path: Path) -> list[ScannedPage]:
    """All pages of a PDF as the engine reads them; what it has read once is kept in cache/ocr.

    Raises InputError when the engine is not installed.
    """
    try:
        import rapidocr  # an extra
    except ImportError as error:
        raise InputError(
            f"{path}: the packages 'rapidocr' and 'onnxruntime' are not installed, and parsed.reader 'ocr' needs them. "
            "Install them with `make extra NAME=ocr`."
        ) from error
    from importlib.metadata import version

    known = hashlib.sha256(f"{version('rapidocr')} {DPI}".encode() + path.read_bytes()).hexdigest()
    cached = CACHE / f"{known}.json"
    if cached.exists():
        return [ScannedPage.model_validate(page) for page in read_json(cached)]
    engine = rapidocr.RapidOCR(params={"Global.use_cls": False, "Global.log_level": "error"})
    pages = [_scanned(engine, page, number) for number, page in enumerate(open_pdf(path), 1)]
    write_json(cached, [page.model_dump() for page in pages])
    return pages


def _scanned(engine: Any, page: Any, number: int) -> ScannedPage:
    scale = DPI / 72
    found = engine(page.render(scale=scale).to_numpy()[:, :, :3])
    boxes = []
    for corners, text, score in zip(
        found.boxes if found.boxes is not None else (), found.txts or (), found.scores or (), strict=True
    ):
        across, down = [float(x) / scale for x, _ in corners], [float(y) / scale for _, y in corners]
        boxes.append(
            Box(text=text, score=float(score), left=min(across), top=min(down), right=max(across), bottom=max(down))
        )
    width, height = page.get_size()
    return ScannedPage(number=number, width=width, height=height, boxes=boxes)


def sections(pages: list[ScannedPage], section: str | None) -> dict[str, Both]:
    """The questions and answers of each section; without a `section`, the pages' headings say which is which."""
    found: dict[str, Both] = {}
    current: str | None = section
    asked: dict[str, list[ScannedPage]] = {}
    keys: dict[str, list[ScannedItem]] = {}
    for page in pages:
        if section is None:
            current = _section(page, current)
        if current is None:
            continue
        head = [box for box in page.boxes if box.top < TOP * page.height]
        if any(SHEET.fullmatch(box.text) for box in head) or any(KEY.fullmatch(box.text) for box in head):
            if len(answers := sheet(page)) >= len(keys.get(current, [])):
                keys[current] = answers or keys.get(current, [])
        else:
            asked.setdefault(current, []).append(page)
    for name, its in asked.items():
        questions, rest = _split(its)
        found[name] = (list(_questions(questions)), keys.get(name) or [one for page in rest for one in sheet(page)])
    return found


def _section(page: ScannedPage, current: str | None) -> str | None:
    """The section that a page's heading names, else that of the page before; None for another test."""
    for box in sorted(page.boxes, key=lambda box: box.top)[:8]:
        _, named = year_and_section(re.sub(r"[^A-Za-z0-9 ]", " ", box.text))
        if named in SECTIONS and len(box.text) < 60:
            return named
        if OTHER_TEST.search(box.text) and box.top < TOP * page.height:
            return None
    return current


def _split(pages: list[ScannedPage]) -> tuple[list[ScannedPage], list[ScannedPage]]:
    """Pages of questions, and those from a heading like `Answer Key` on."""
    for index, page in enumerate(pages):
        heading = next(
            (box for box in page.boxes if KEY_HEADING.fullmatch(box.text) and (index or box.top > 0.3 * page.height)),
            None,
        )
        if heading:
            above = page.model_copy(update={"boxes": [box for box in page.boxes if box.bottom <= heading.top]})
            below = page.model_copy(update={"boxes": [box for box in page.boxes if box.top >= heading.bottom - 2]})
            return [*pages[:index], above], [below, *pages[index + 1 :]]
    return pages, []


def _questions(pages: Iterable[ScannedPage]) -> Iterator[ScannedItem]:
    """The questions of a section's pages in order."""
    item: ScannedItem | None = None
    for page in pages:
        if not page.boxes:
            continue
        usual = median(box.height for box in page.boxes)
        boxes = _with_fractions([box for box in page.boxes if not box.text.startswith("**")], usual)
        labels = [(box, found) for box in boxes if (found := LABEL.match(box.text))]
        edge = min((box.left for box, _ in labels), default=0)
        begins: list[tuple[Box, int, str]] = []
        last = item.number if item else 0
        for box, found in sorted(labels, key=lambda one: one[0].top):
            number = int(found[1].replace(" ", ""))
            if box.left - edge < 0.05 * page.width and last < number <= last + 3:
                begins.append((box, number, box.text[found.end() :]))
                last = number
        heads = {id(box): (number, text) for box, number, text in begins}
        rest = sorted((box for box in boxes if id(box) not in heads), key=lambda box: box.middle)
        for index, (head, number, text) in enumerate([(None, 0, ""), *begins]):
            if head is not None:
                if item:
                    item.torn |= number != item.number + 1  # the engine missed a number: two questions are in one
                    yield _finished(item)
                item = ScannedItem(number, page.number, boxes=[head.model_copy(update={"text": text})])
            upper = head.middle - 0.8 * usual if head is not None else 0
            lower = begins[index][0].middle - 0.8 * usual if index < len(begins) else page.height
            if item is not None:
                item.boxes += [box for box in rest if upper <= box.middle < lower]
    if item:
        yield _finished(item)


def problems_of(
    path: Path, year: int, section: str | None, least_confidence: float
) -> tuple[list[Problem], list[LeftOut]]:
    """The problems of a scanned exam; one section's, or those of all that its headings name.

    Raises InputError when it has no numbered questions or no key.
    """
    problems: list[Problem] = []
    left_out: list[LeftOut] = []
    found = sections(read_scan(path), section)
    if not any(questions for questions, _ in found.values()):
        raise InputError(f"{path}: no numbered questions found in the scan.")
    if not any(answers for _, answers in found.values()):
        raise InputError(f"{path}: no answer key found in the scan.")
    for name, (questions, answers) in found.items():
        keys = {item.number: item for item in answers}
        for item in questions:
            key = keys.get(item.number)
            problem = Problem(
                id=problem_id(year, name, item.number),
                year=year,
                section=name,
                number=item.number,
                question=item.text,
                answer=key.text if key else "",
                source=path.name,
                page=item.page,
            )
            reason: Reason | None = reason_against(item.text)
            if reason is None and key is None:
                reason = "its key is not read"
            if reason is None and key and min(item.confidence, key.confidence) < least_confidence:
                reason = "read with too little confidence"
            if reason:
                left_out.append(LeftOut.of(problem, reason))
            else:
                problems.append(problem)
    return problems, left_out


def _finished(item: ScannedItem) -> ScannedItem:
    """The item with its text, row by row, and its confidence."""
    usual = median(box.height for box in item.boxes)
    rows: list[list[Box]] = []
    for box in sorted(item.boxes, key=lambda box: box.middle):
        if rows and abs(box.middle - rows[-1][0].middle) < 0.5 * usual:
            rows[-1].append(box)
        else:
            rows.append([box])
    stray = any(len(row) == 1 and len(row[0].text) < 4 and row[0] is not item.boxes[0] for row in rows)
    stray |= any(b.middle - a.middle < 0.9 * usual for a, b in pairwise(row[0] for row in rows))
    item.text = " ".join(box.text for row in rows for box in sorted(row, key=lambda box: box.left)).strip()
    item.confidence = min(box.score for box in item.boxes) * (
        STRAY if stray or item.torn or FOREIGN.search(item.text) else 1
    )
    return item


def _with_fractions(boxes: list[Box], usual: float) -> list[Box]:
    """The boxes with each numerator over its denominator joined to one."""
    found = list(boxes)
    for above in sorted(boxes, key=lambda box: box.right - box.left):
        if LABEL.match(above.text) or above.right - above.left > 12 * usual:
            continue
        below = [
            box
            for box in found
            if box is not above
            and 0.5 * usual < box.middle - above.middle < 1.35 * usual
            and min(box.right, above.right) - max(box.left, above.left)
            > 0.6 * min(box.right - box.left, above.right - above.left)
            and max(box.right - box.left, above.right - above.left) < 12 * usual
        ]
        if len(below) != 1 or not any(box is above for box in found):
            continue
        middle = (above.middle + below[0].middle) / 2
        beside = any(
            abs(box.middle - middle) < 0.4 * usual
            and (box.right <= above.left + usual or box.left >= above.right - usual)
            for box in found
            if box is not above and box is not below[0]
        )
        if beside:
            top, bottom = above, below[0]
            joined = Box(
                text=inline_math.fraction(top.text, bottom.text),
                score=min(top.score, bottom.score),
                left=min(top.left, bottom.left), right=max(top.right, bottom.right),
                top=middle - usual / 2, bottom=middle + usual / 2,
            )  # fmt: skip
            found = [*(box for box in found if box is not top and box is not bottom), joined]
    return found


def sheet(page: ScannedPage) -> list[ScannedItem]:
    """The answers of an answer sheet: what is to the right of each number, without the remarks beside it."""
    labels: list[tuple[Box, int]] = []
    texts: list[Box] = []
    for box in page.boxes:
        found = SHEET_LABEL.match(box.text)
        number = int(found[2].replace(" ", "")) + (TIE_BREAKER if found[1] else 0) if found else 0
        if found and (rest := box.text[found.end() :].strip()):
            share = found.end() / len(box.text)
            edge = box.left + share * (box.right - box.left)
            labels.append((box.model_copy(update={"right": edge}), number))
            texts.append(box.model_copy(update={"text": rest, "left": edge}))
        elif found:
            labels.append((box, number))
        else:
            texts.append(box)
    labels = _in_columns(labels, page)
    if not labels:
        return []
    last = max((number for _, number in labels if number < TIE_BREAKER), default=0)
    labels = [(box, number if number < TIE_BREAKER else last + number - TIE_BREAKER) for box, number in labels]
    texts = _with_stacks(texts)
    first = min(box.top for box, _ in labels)
    cells: dict[int, list[Box]] = {}
    spacing = _spacing(labels)
    for text in texts:
        if text.bottom < first - 0.6 * spacing:
            continue
        left = [
            (box, number) for box, number in labels if box.left < text.left and text.left - box.left < 0.5 * page.width
        ]
        column = max((box.left for box, _ in left), default=0)
        near = [(abs(box.middle - text.middle), number) for box, number in left if column - box.left < 0.1 * page.width]
        if near and min(near)[0] < 0.6 * spacing:
            cells.setdefault(min(near)[1], []).append(text)
    answers = [_answer(number, page.number, boxes) for number, boxes in sorted(cells.items())]
    return [answer for answer in answers if answer.text]


def _with_stacks(texts: list[Box]) -> list[Box]:
    """The texts of an answer sheet with each short text over another joined to a fraction."""
    found = list(texts)
    for above in sorted(texts, key=lambda box: box.top):
        for below in texts:
            apart = below.middle - above.middle
            centred = abs(above.left + above.right - below.left - below.right) < above.height
            if (
                0.5 * above.height < apart < 1.6 * above.height
                and centred
                and all(len(box.text) < 13 and not REMARK.search(box.text) for box in (above, below))
                and all(any(box is one for one in found) for box in (above, below))
            ):
                joined = Box(
                    text=inline_math.fraction(above.text, below.text),
                    score=min(above.score, below.score),
                    left=min(above.left, below.left), right=max(above.right, below.right),
                    top=above.top, bottom=below.bottom,
                )  # fmt: skip
                found = [*(box for box in found if box is not above and box is not below), joined]
    return found


def _in_columns(labels: list[tuple[Box, int]], page: ScannedPage) -> list[tuple[Box, int]]:
    """The labels with those added that the engine missed between two others of a column."""
    columns: list[list[tuple[Box, int]]] = []
    for box, number in sorted(labels, key=lambda one: one[0].left):
        if columns and box.left - columns[-1][0][0].left < 0.08 * page.width:
            columns[-1].append((box, number))
        else:
            columns.append([(box, number)])
    whole: list[tuple[Box, int]] = []
    for column in columns:
        column.sort(key=lambda one: one[0].top)
        column = [one for index, one in enumerate(column) if index == 0 or one[1] > max(n for _, n in column[:index])]
        for (box, number), (following, end) in pairwise(column):
            for missing in range(number + 1, end if end < TIE_BREAKER else number):
                share = (missing - number) / (end - number)
                down = share * (following.top - box.top)
                whole.append((box.model_copy(update={"top": box.top + down, "bottom": box.bottom + down}), missing))
        whole += column
    seen: dict[int, Box] = {}
    for box, number in sorted(whole, key=lambda one: one[1]):
        seen.setdefault(number, box)
    return [(box, number) for number, box in seen.items()]


def _spacing(labels: list[tuple[Box, int]]) -> float:
    tops = {number: box.top for box, number in labels}
    steps = [tops[n + 1] - tops[n] for n in tops if n + 1 in tops and tops[n + 1] > tops[n]]
    return median(steps) if steps else 3 * labels[0][0].height


def _answer(number: int, page: int, boxes: list[Box]) -> ScannedItem:
    """The answer among a cell's boxes: from the leftmost on, as far as they are as high and no remark."""
    boxes = sorted(boxes, key=lambda box: box.left)
    plain = [box for box in boxes if not REMARK.search(ALTERNATIVE.sub("", box.text))]
    if not plain:
        return ScannedItem(number, page)
    high = max(box.height for box in plain)
    first = next(box for box in plain if box.height > 0.7 * high)
    same = [first]
    for box in plain:
        level = abs(box.middle - first.middle) < 0.5 * high and box.height > 0.75 * first.height
        if box is not first and level and box.left - first.left >= 0 and box.left - same[-1].right < 1.5 * high:
            same.append(box)
    text = ALTERNATIVE.sub("", " ".join(box.text for box in same)).strip()
    return ScannedItem(number, page, text, min(box.score for box in same), same)
