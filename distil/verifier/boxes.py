r"""Boxes: what `\boxed{}` holds, and which boxes are one list."""

import re

from distil.verifier.response import LONGEST, Stated
from distil.verifier.units import follows_number

_BOXED = re.compile(r"box(?:ed|(?<=\\fbox)|(?<=\\framebox))\s*\{")
_LABEL_IN_BOX = re.compile(r"(?:final\s+)?answer\s*[:=]\s*", re.IGNORECASE)
_BEFORE_BOX = re.compile(r"\\?f?$")
_UNBRACED_BOX = re.compile(r"\\boxed\s*([-+]?(?:[\w.,/]*\d[\w.,/]*|[^\W\d_](?![^\W\d_])))(?<![.,])")
_BRACE_OR_ESCAPE, _BRACE = re.compile(r"\\.|[{}]", re.DOTALL), re.compile("[{}]")
_NEW_STEP = re.compile(
    r"^[\s$\\)]*[-+*/=×·<>]|[.!?]\s|\?|\b(?:so|then|hence|thus|therefore|gives?|gets?|getting|no|not|wait|but|actually|"
    r"which|from|plus|minus|times|becomes?|first|instead|final(?:ly)?)\b|\banswer\s*[:=]|⇒|→|\\Rightarrow|\\to\b",
    re.IGNORECASE,
)
_BETWEEN_BOXES = re.compile(r"(?:[\s$.,;:*&]|\\[()\[\],;]|\\text\{[^{}]{0,12}\}|\b(?:and|or)\b)*", re.IGNORECASE)
_NAME_BEFORE = re.compile(r"([^\W\d_](?:_\{?\w+\}?)?\s*=)\s*$")
_NOUN_AFTER = re.compile(
    r"(?:[\s~$]|\\[,;)\] ])*(?:\\(?:text|mathrm)\{\s*)?([^\W\d_]{3,})[\s}$]*(?=[,.;&]|and\b|or\b|\Z)"
)


def boxes_of(text: str) -> tuple[list[Stated], bool]:
    """The last boxes with content, each with its outermost braces; and whether the last box is never closed."""
    found: list[Stated] = []
    broken, end = False, -1
    for match in list(_BOXED.finditer(text))[-40:]:
        if match.start() < end:
            continue  # a box in a box
        start = match.start() - len(_BEFORE_BOX.search(text[max(0, match.start() - 2) : match.start()])[0])  # type: ignore[index]
        content = _braced(text, match.end())
        broken = content is None
        if content is None:
            continue
        end = match.end() + len(content) + 1
        if content.strip():
            found.append(Stated(_LABEL_IN_BOX.sub("", content.strip()), start, end))
    if not found and not broken:
        found = [Stated(match[1], match.start(), match.end()) for match in list(_UNBRACED_BOX.finditer(text))[-1:]]
    return found, broken


def joined_boxes(text: str, boxes: list[Stated]) -> Stated:
    """The last box, with those before it that belong to the same list: on its line, or joined by "and"."""
    first = len(boxes) - 1
    while first:
        between = text[boxes[first - 1].end : boxes[first].start]
        same_line = "\n" not in between and not _NEW_STEP.search(between)
        if not same_line and not _BETWEEN_BOXES.fullmatch(between[:200]):
            break
        first -= 1
    group = boxes[first:]
    if len(group) == 1:
        return Stated(group[0].said + follows_number(text[group[0].end : group[0].end + 40]), *group[0][1:])
    names = [_NAME_BEFORE.search(text[max(0, box.start - 20) : box.start]) for box in group]
    nouns = [_NOUN_AFTER.match(text[box.end : box.end + 40]) for box in group]
    said = [box.said for box in group]
    if all(names):
        said = [f"{name[1]} {content}" for name, content in zip(names, said, strict=True) if name]
    elif all(nouns):
        said = [f"{content} {noun[1]}" for noun, content in zip(nouns, said, strict=True) if noun]
    return Stated(", ".join(dict.fromkeys(said)), group[0].start, group[-1].end)


def _braced(text: str, start: int) -> str | None:
    r"""The text between the brace before `start` and its partner; None without a partner.

    Escaped braces are skipped (`\left\{ ... \right.`), unless the box would never close without them.
    """
    for sign in (_BRACE_OR_ESCAPE, _BRACE):
        depth = 1
        for match in sign.finditer(text, start, start + LONGEST):
            depth += (match[0] == "{") - (match[0] == "}")
            if depth == 0:
                return text[start : match.start()]
    return None
