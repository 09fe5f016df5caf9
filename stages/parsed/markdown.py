"""Keep what pandoc would change or drop in Markdown: numbers that do not run on, `*` between factors, powers."""

import re
from collections.abc import Iterator
from typing import Any

from stages.parsed.marks import UNREAD

FORMAT = (
    "markdown-superscript-subscript-smart-raw_html-native_divs-native_spans-inline_notes-bracketed_spans-line_blocks"
    "-definition_lists-example_lists-implicit_header_references+tex_math_single_backslash"
)
"""Pandoc's Markdown without what takes signs out of mathematics: `x^2+y^2`, `x<p and p>3`, `5--3`, `| x |`."""
COMMENTS = re.compile(r"<!--.*?-->", re.DOTALL)
LAYOUT = re.compile(r"<br\s*/?>|^[ \t]*(?:</?(?:div|section|center|p|hr)\b[^<>]*>[ \t]*)+$", re.MULTILINE)
INTERVAL = re.compile(r"\\\[([^\\\n=^_]*)\\\]")
"""Escaped brackets with no formula in them, like `\\[2, 5\\]`. Pandoc would take them for the signs of a display."""
NUMBER = re.compile(r"^([ \t]*\(?(\d{1,9})[.)])(?=[ \t]|$)", re.MULTILINE)
WRITTEN = re.compile("\ue000(\\d*)\ue001")
"""The number that an item has in the source. It also keeps `- 5` and `12.` after a number from being a list."""
LETTER = re.compile(r"^((?:[ \t]*[-*+][ \t])?[ \t]*)(?=\(?(?:[A-Za-z]|[ivx]+|[IVX]+)[.)](?:[ \t]|$))", re.MULTILINE)
"""The place before a choice's letter, of which pandoc would make a list: `(A) 1 (B) 2`, and `(C) 3 (D) 4` under it."""
CHOICE = re.compile(r"\([A-Ea-e]\)|[^\W\d_]")
"""The beginning of an item that is no piece of a formula."""
TAG = re.compile(r"</?[A-Za-z][\w-]*/?>|<(?:img|svg|canvas|object|embed|iframe|input)\b")
SUPERSCRIPT, SUBSCRIPT = r"\^(?P<up>[^\s^~]+)\^(?![\w({\\])", r"(?<=[\w)\]])~(?P<down>[^\s^~]+)~"
"""Pandoc's `x^2^` and `H~2~O`. In `2^3^2` and `x^2+y^2` the second `^` has an exponent of its own."""


def prepared(source: str) -> str:
    """The source for pandoc: every number at the beginning of a line written twice, and a mark before every letter."""
    source = LAYOUT.sub(" ", COMMENTS.sub("", source))
    source = INTERVAL.sub(r"&#91;\1&#93;", source)
    return LETTER.sub("\\1\ue000\ue001", NUMBER.sub("\\1 \ue000\\2\ue001", source))


def as_written(node: Any, in_item: bool = False) -> Any:
    """Pandoc's document with the numbers and signs of its source. What may have lost a sign gets a mark."""
    if isinstance(node, str):
        return WRITTEN.sub("", node)
    if isinstance(node, dict):
        in_item = in_item or node.get("t") in ("OrderedList", "BulletList")
        return {name: as_written(value, in_item) for name, value in node.items()}
    if isinstance(node, list):
        beside = zip(node, [None, *node], [*node[1:], None], strict=False)
        return [as_written(new, in_item) for each in beside for new in _restored(*each, in_item)]
    return node


def _restored(part: Any, before: Any, after: Any, in_item: bool) -> Iterator[Any]:
    """What stands for one part of a list of blocks or inlines. `before` and `after` are its neighbours."""
    match part:
        case {"t": "OrderedList", "c": [[start, style, sign], items]}:
            inner = in_item or "Alpha" in style["t"] or "Roman" in style["t"]
            yield from _numbered(start, style, sign, items)
            if inner and _is_doubtful(items):
                yield {"t": "Plain", "c": [_str(UNREAD)]}
        case {"t": "BulletList", "c": items}:
            yield part
            # behind no sentence's end, `- 3` may be a wrapped line of a formula
            choices = _plain([before]).endswith((".", "?", "!", ":")) or all(
                CHOICE.match(_plain(item)) for item in items
            )
            if _is_doubtful(items) or not choices:
                yield {"t": "Plain", "c": [_str(UNREAD)]}
        case {"t": "Emph" | "Strong", "c": content}:
            yield from _emphasis(part, _plain(content), before, after)
        case {"t": "Link"}:
            yield from (part, _str(UNREAD))  # `[x + 1](x - 1)` may be a product
        case {"t": "Str", "c": text}:
            yield from _scripts(text)
        case _:
            yield part


def _numbered(start: int, style: Any, sign: Any, items: list[Any]) -> Iterator[Any]:
    """A numbered list, or one for each of its items where the written numbers neither run on nor are all the same."""
    numbers: list[int] = []
    for item in items:
        found = WRITTEN.match(_plain(item[:1], keep=True))
        numbers.append(int(found[1]) if found and found[1] else numbers[-1] + 1 if numbers else start)
    if len(set(numbers)) == 1 or numbers == list(range(start, start + len(items))):
        yield {"t": "OrderedList", "c": [[start, style, sign], items]}
        return
    for number, item in zip(numbers, items, strict=True):
        yield {"t": "OrderedList", "c": [[number, style, sign], [item]]}


def _is_doubtful(items: list[Any]) -> bool:
    """Whether a list may be no list: `2. is prime?` on a wrapped line, or an answer `B.`."""
    return len(items) == 1 or not all(_plain(item) for item in items)


def _emphasis(part: Any, text: str, before: Any, after: Any) -> Iterator[Any]:
    """Emphasis, or the `*` of a product in its place: `2*3*4`. `*f*(x)`, `3*x*` and `*n*th` are italics."""
    sign = "*" if part["t"] == "Emph" else "**"
    word, left, right = text.isalpha(), _plain([before])[-1:], _plain([after])[:1]
    factor, signed = re.match(r"[\w)\]}$!']", left), re.match(r"[+−-]", right)
    if factor and (re.match(r"[\w(\[{$\\√]", right) or (signed and not word)):
        yield from (_str(sign), *part["c"], _str(sign))
        return
    yield part
    if (factor and (signed or not word)) or right.isdigit():
        yield _str(UNREAD)


def _scripts(text: str) -> Iterator[Any]:
    """A word with pandoc's superscripts and subscripts read, if every `^` of it is part of one."""
    if TAG.search(text):
        text += UNREAD
    paired = "^" not in re.sub(SUPERSCRIPT, "", text)
    if not paired and re.search(r"\^(?:[^\w({\[\\√|+−-]|$)", text):
        text += UNREAD
    end = 0
    for found in re.finditer(f"{SUPERSCRIPT}|{SUBSCRIPT}" if paired else f"(?P<up>(?!)){SUBSCRIPT}", text):
        yield _str(text[end : found.start()])
        kind = "Superscript" if found["up"] else "Subscript"
        yield {"t": kind, "c": [_str(found["up"] or found["down"])]}
        end = found.end()
    yield _str(text[end:])


def _str(text: str) -> Any:
    return {"t": "Str", "c": text}


def _plain(node: Any, keep: bool = False) -> str:
    """The text of blocks or inlines, a formula as `$`. `keep` keeps the written numbers."""
    match node:
        case {"t": "Math"}:
            return "$"
        case {"t": "Space" | "SoftBreak" | "LineBreak"}:
            return " "
        case {"t": "Str" | "Code", "c": content}:
            text = content if isinstance(content, str) else content[1]
            return text if keep else WRITTEN.sub("", text)
        case {"t": "Para" | "Plain" | "Emph" | "Strong" | "OrderedList" | "BulletList" | "Quoted", "c": content}:
            return _plain(content, keep)
        case list():
            text = "".join(_plain(part, keep) for part in node)
            return text if keep else text.strip()
    return ""
