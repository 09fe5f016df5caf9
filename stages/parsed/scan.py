"""Find the numbered items of scanned exams by the places of the OCR engine's texts.

Boxes at the same height are a row, a box over another is a fraction, and a number at the left edge begins a question.
Every item has the confidence of its least certain box. Boxes that are stacked and are no fraction lower it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TypeAlias

from distil.exams import inline_math
from distil.exams.files import problem_id, year_and_section
from distil.exams.left_out import LeftOut, Reason, reason_against
from distil.pipeline.files import InputError
from distil.pipeline.records import SECTIONS, Problem
from stages.parsed.answer_sheet import sheet
from stages.parsed.items import KEY_HEADING
from stages.parsed.ocr import Box, ScannedItem, ScannedPage, read_scan

TOP = 0.2  # of the page's height: its headings are in this part
MISSED = 2  # so many numbers in a row the engine may miss
STRAY = 0.8  # factor of an item's confidence if some of its boxes are in no row
LABEL = re.compile(r"[:.'’•\-\s]*(?:Q|#|Problem )?\s?(\d ?\d?) ?[.),:](?!\d)\s*", re.IGNORECASE)
SHEET = re.compile(r"(names?|school|team code)\s?:?.*", re.IGNORECASE)
KEY = re.compile(r"(correct )?(answers?|answer key|solutions)( key)?:?", re.IGNORECASE)
OTHER_TEST = re.compile(r"\bteam\b(?! code)", re.IGNORECASE)
FOREIGN = re.compile(
    r"[\u3000-\u9fff\uff00-\uffef]"
)  # signs of East Asian scripts, as which the engine misreads formulas
MISREAD = str.maketrans({"十": "+", "二": "=", "一": "-"})
"""The real signs behind these, where they are clear. A text with one of them has a lower confidence all the same."""
WIDER = 1.4  # times any other space between the lines of two questions is the space between the questions
Both: TypeAlias = tuple[list[ScannedItem], list[ScannedItem]]
"""Questions and answers."""


@dataclass(frozen=True)
class Begin:
    """Where a question begins: the box of its number, or of its first line where the engine `missed` the number."""

    box: Box
    number: int
    text: str
    missed: bool = False


def sections(pages: list[ScannedPage], section: str | None) -> dict[str, Both]:
    """The questions and answers of each section. Without a `section`, the pages' headings name it."""
    found: dict[str, Both] = {}
    current: str | None = section
    asked: dict[str, list[ScannedPage]] = {}
    keys: dict[str, list[ScannedItem]] = {}
    in_key = False
    for page in pages:
        if section is None:
            current = _section(page, current)
        if current is None:
            continue
        key = keys.get(current, [])
        in_key = _is_sheet(page) or (in_key and _goes_on(page, key, asked.get(current, [])))
        if in_key:
            keys[current] = _with_sheet(key, sheet(page))
        else:
            asked.setdefault(current, []).append(page)
    for name in asked | keys:
        questions, rest = _split(asked.get(name, []))
        found[name] = (list(_questions(questions)), keys.get(name) or [one for page in rest for one in sheet(page)])
    return found


def _is_sheet(page: ScannedPage) -> bool:
    """Whether the page's head is that of an answer sheet or of a key."""
    head = [box for box in page.boxes if box.top < TOP * page.height]
    return any(SHEET.fullmatch(box.text) or KEY.fullmatch(box.text) for box in head)


def _goes_on(page: ScannedPage, key: list[ScannedItem], asked: list[ScannedPage]) -> bool:
    """Whether a page after a key goes on with it: its first number is beyond the key's, and the question was asked."""
    numbers = _numbers(page)
    if not (key and numbers):
        return False
    last = max((item.number for item in _questions(asked)), default=0)
    return max(item.number for item in key) < numbers[0] <= last


def _with_sheet(key: list[ScannedItem], more: list[ScannedItem]) -> list[ScannedItem]:
    """The key with the answers of a further sheet, where all their numbers are beyond the key's or below them.

    Else one of both is a blank sheet to fill in, which may have the key's heading. The one with more answers is taken.
    """
    low, high = sorted((key, more), key=lambda items: min((item.number for item in items), default=0))
    if not low or low[-1].number < high[0].number:
        return [*low, *high]
    return more if len(more) >= len(key) else key


def require_one_section(
    path: Path, titles: Iterable[tuple[int, str | None]], parts: Iterable[Iterable[tuple[int, list[int]]]]
) -> None:
    """Refuse a file of several sections, whose keys would be taken for one another.

    `titles` has the number of each page and the section of the study that its title names. `parts` are the questions
    and the answers, as a list of numbers for each page. Raises InputError where titles name two sections, or where a
    page begins again at 1 and 2.
    """
    advice = "A file holds one section and its key: divide it into files."
    named: str | None = None
    for page, title in titles:
        if named and title and title != named:
            raise InputError(f"{path}, page {page}: its heading names {title}, and one before it {named}. {advice}")
        named = named or title
    for part in parts:
        begun = False
        for page, numbers in part:
            if begun and numbers[:2] == [1, 2]:
                raise InputError(f"{path}, page {page}: the numbers begin again at 1. {advice}")
            begun |= bool(numbers)


def section_named(heading: str) -> str | None:
    """The section of the study that a heading names."""
    _, named = year_and_section(re.sub(r"[^A-Za-z0-9 ]", " ", heading))
    return named if named in SECTIONS else None


def _section(page: ScannedPage, current: str | None) -> str | None:
    """The section that a page's heading names, else the section of the page before; None for another test."""
    for box in sorted(page.boxes, key=lambda box: box.top)[:8]:
        if (named := section_named(box.text)) and len(box.text) < 60:
            return named
        if OTHER_TEST.search(box.text) and box.top < TOP * page.height:
            return None
    return current


def _title(page: ScannedPage) -> str | None:
    """The section that the head of a page names. On a page that does not begin a test, it is a question's text."""
    numbered = _numbered(page.boxes, page.width)
    if not numbered or numbered[0].number > MISSED + 1:
        return None
    head = [box for box in page.boxes if box.bottom <= numbered[0].box.top and box.top < TOP * page.height]
    return next((named for box in head if len(box.text) < 60 and (named := section_named(box.text))), None)


def _split(pages: list[ScannedPage]) -> tuple[list[ScannedPage], list[ScannedPage]]:
    """The pages of questions, and the pages from a heading like `Answer Key` on."""
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
        numbered = _numbered(boxes, page.width)
        edge = min((one.box.left for one in numbered), default=0)
        begins: list[Begin] = []
        last = item.number if item else 0
        for one in numbered:
            # numbers go up; after a larger step than the engine's misses explain, it is a number in the text
            if last < one.number <= last + MISSED + 1:
                begins.append(one)
                last = one.number
        begins = _with_missed(begins, boxes, edge, usual)
        heads = {id(begin.box) for begin in begins}
        rest = sorted((box for box in boxes if id(box) not in heads), key=lambda box: box.middle)
        for index, begin in enumerate([None, *begins]):
            if begin is not None:
                if item:
                    # the engine missed a number: two questions are one item, or the space between them separated them
                    item.torn |= begin.number != item.number + 1 or begin.missed
                    yield _finished(item)
                start = begin.box.model_copy(update={"text": begin.text})
                item = ScannedItem(begin.number, page.number, boxes=[start], torn=begin.missed)
            upper = begin.box.middle - 0.8 * usual if begin is not None else 0
            lower = begins[index].box.middle - 0.8 * usual if index < len(begins) else page.height
            if item is not None:
                item.boxes += [box for box in rest if upper <= box.middle < lower]
    if item:
        yield _finished(item)


def _numbered(boxes: list[Box], width: float) -> list[Begin]:
    """The boxes at the left edge that begin with a number, from above."""
    labels = [(box, found) for box in boxes if (found := LABEL.match(box.text))]
    edge = min((box.left for box, _ in labels), default=0)
    return [
        Begin(box, int(found[1].replace(" ", "")), box.text[found.end() :])
        for box, found in sorted(labels, key=lambda one: one[0].top)
        if box.left - edge < 0.05 * width
    ]


def _numbers(page: ScannedPage) -> list[int]:
    return [begin.number for begin in _numbered(page.boxes, page.width)]


def read_sections(path: Path, section: str | None, key_path: Path | None = None) -> dict[str, Both]:
    """The questions and answers of each section of a scan. With a key in a separate file there is one section.

    Raises InputError where a `section` is given and the scan holds several.
    """
    pages = read_scan(path)
    if section:
        parts = _split([page for page in pages if not _is_sheet(page)])
        titles = [(page.number, _title(page)) for page in pages]
        require_one_section(path, titles, [[(page.number, _numbers(page)) for page in part] for part in parts])
    found = sections(pages, section)
    if key_path and section and section in found:
        answers = [item for page in read_scan(key_path) for item in sheet(page)]
        found[section] = (found[section][0], answers)
    return found


def _with_missed(begins: list[Begin], boxes: list[Box], edge: float, usual: float) -> list[Begin]:
    """The beginnings of questions, also of those whose number the engine missed where a wide space shows them."""
    column = [box for box in boxes if 0.5 * usual < box.left - edge < 4 * usual]
    left = median(box.left for box in column) if column else edge
    whole = begins[:1]
    for begin, following in pairwise(begins):
        if following.number == begin.number + 2:
            lines = sorted((box for box in column if abs(box.left - left) < usual), key=lambda box: box.middle)
            inside = [
                box for box in lines if begin.box.middle + usual / 2 < box.middle < following.box.middle - usual / 2
            ]
            spaces = [b.middle - a.middle for a, b in pairwise([begin.box, *inside])]
            widest = max(spaces, default=0)
            others = [space for space in spaces if space != widest]
            if widest > WIDER * max([*others, 1.2 * usual]):
                box = inside[spaces.index(widest)]
                whole.append(Begin(box, begin.number + 1, box.text, missed=True))
        whole.append(following)
    return whole


def problems_of(
    path: Path, year: int, section: str | None, least_confidence: float, key_path: Path | None = None
) -> tuple[list[Problem], list[LeftOut]]:
    """The problems of a scanned exam: of one section, or of all sections that its headings name.

    Raises InputError when it has no numbered questions or no key.
    """
    return with_keys(read_sections(path, section, key_path), path, year, least_confidence)


def with_keys(
    found: dict[str, Both], path: Path, year: int, least_confidence: float
) -> tuple[list[Problem], list[LeftOut]]:
    """The problems made of the questions and answers of each section.

    Questions are left out that were read with a doubt, or of which only the answer was read.

    Raises InputError when there are no questions or no answers.
    """
    problems: list[Problem] = []
    left_out: list[LeftOut] = []
    if not any(questions for questions, _ in found.values()):
        raise InputError(f"{path}: no numbered questions found in the scan.")
    if not any(answers for _, answers in found.values()):
        raise InputError(f"{path}: no answer key found in the scan.")
    for name, (questions, answers) in found.items():
        keys = {item.number: item for item in answers}
        times = Counter(item.number for item in questions) | Counter(item.number for item in answers)
        unread = sorted(keys.keys() - {item.number for item in questions})
        lost = [ScannedItem(number, 0, doubt="its question is not read") for number in unread]
        for item in (*questions, *lost):
            key = keys.get(item.number)
            problem = Problem(
                id=problem_id(year, name, item.number),
                year=year,
                section=name,
                number=item.number,
                question=item.text,
                answer=key.text if key else "",
                source=path.name,
                page=item.page or None,  # 0 where the question could not be read
            )
            reason: Reason | None = reason_against(item.text)
            if times[item.number] > 1:
                reason = "its number comes twice"
            if reason is None:
                reason = item.doubt or (key.doubt if key else "its key is not read")
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
    item.text = item.text.translate(MISREAD)
    return item


def _with_fractions(boxes: list[Box], usual: float) -> list[Box]:
    """The boxes. A numerator over its denominator becomes one box."""
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
