"""The answer sheet of a scanned exam: a grid of numbers with an answer to the right of each."""

import re
from itertools import pairwise
from statistics import median

from distil.exams import inline_math
from stages.parsed.ocr import Box, ScannedItem, ScannedPage

REMARK = re.compile(
    r"\b(must|accept|optional|either|in any order|this|required|do not|not required|only|needed|units?|form|decimal|"
    r"fraction|improper|score|rounds?|points|calculators?|competition|single)\b",
    re.IGNORECASE,
)
ALTERNATIVE = re.compile(r"\s+(?:or|OR|\(?(?:must|accept|[a-z]+ optional)).*$")
SHEET_LABEL = re.compile(r"(T)?\s?(\d ?\d?) ?[.),:](?!\d)\s*")
TIE_BREAKER = 100  # added to the number of T1, T2, ..., which get the numbers after a sheet's last question


def sheet(page: ScannedPage) -> list[ScannedItem]:
    """The answers of an answer sheet: the text to the right of each number, without remarks."""
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
    """The texts of an answer sheet. A short text over another one is joined with it to a fraction."""
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
    """The labels, and those that the engine missed between two others of a column."""
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
    """The answer in a cell: its boxes from the leftmost on, up to a remark or a box of another height."""
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
