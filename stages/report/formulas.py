"""Turn LaTeX in problems and answers into MathML, which the browser draws by itself.

A formula is the text between `$`, `$$`, `\\(` or `\\[` and their ends, or a key that is LaTeX as a whole. A formula
that latex2mathml cannot read stays as it was written.
"""

import re
from collections.abc import Iterable
from html import unescape
from typing import Any
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

FORMULA = (
    r"\[asy\][\s\S]*?\[/asy\]"  # the program of a drawing: its dollars are no formulas
    r"|\$\$[\s\S]+?\$\$|\\\[[\s\S]+?\\\]|\\\([\s\S]+?\\\)"
    r"|\$(?![\s$])(?:\\[\s\S]|[^$\\])+?(?<!\s)\$(?!\d)"  # as pandoc: `$5 and $6` is money
)
"""The same expression in Python and in JavaScript, so that the page finds the formulas that were converted here."""
LONGEST = 2000
ELEMENTS = {
    "math", "menclose", "mfrac", "mi", "mn", "mo", "mover", "mpadded", "mphantom", "mroot", "mrow", "mspace",
    "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
ATTRIBUTES = {
    "accent", "columnalign", "columnlines", "depth", "display", "displaystyle", "fence", "form", "height",
    "largeop", "linebreak", "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "movablelimits",
    "notation", "rowlines", "rspace", "scriptlevel", "separator", "stretchy", "width",
}  # fmt: skip
PARTS = {"mfrac": 2, "mover": 2, "mroot": 2, "msub": 2, "msubsup": 3, "msup": 2, "munder": 2, "munderover": 3}
"""Elements with a fixed number of children. With fewer, a formula was cut off."""
Node = list[Any]


def formulas(texts: Iterable[str], keys: Iterable[str]) -> dict[str, Node]:
    """The MathML of each formula in `texts` and `keys`: `[element, {attributes}, children or text, ...]`."""
    found = {formula for text in texts if "$" in text or "\\" in text for formula in re.findall(FORMULA, text)}
    for key in set(keys):
        found.update(re.findall(FORMULA, key) or ([key] if "\\" in key else []))
    nodes = {formula: node(formula) for formula in sorted(found)}
    return {formula: made for formula, made in nodes.items() if made is not None}


def node(formula: str) -> Node | None:
    """One formula as MathML, or None where latex2mathml does not read all of it."""
    if len(formula) > LONGEST or formula.startswith("[asy]"):
        return None
    block = formula.startswith(("$$", "\\["))
    ends = 2 if block or formula.startswith("\\(") else 1 if formula.startswith("$") else 0
    try:
        element = convert_to_element(formula[ends : len(formula) - ends], display="block" if block else "inline")
    except Exception:  # the converter raises many kinds of errors on malformed LaTeX
        return None
    return _tree(element)


def _tree(element: Element) -> Node | None:
    """The element as lists. None where it or one inside it is no plain presentation, or has an unread command."""
    attributes = {name: value for name, value in element.attrib.items() if name != "xmlns"}
    text = unescape(element.text or "")  # the converter writes signs as `&#x0003D;`
    if element.tag not in ELEMENTS or not ATTRIBUTES.issuperset(attributes) or "\\" in text:
        return None
    children = [_tree(child) for child in element]
    if None in children or len(children) != PARTS.get(element.tag, len(children)):
        return None
    return [element.tag, *([attributes] if attributes else []), *([text] if text else []), *children]
