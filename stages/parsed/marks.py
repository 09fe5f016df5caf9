"""Marks in a document's source where it holds something that pandoc would drop in silence, or that no reader sees."""

import io
import re
import zipfile
from typing import Any
from xml.dom import minidom
from xml.parsers.expat import ExpatError

DRAWN, UNREAD = "\ue002", "\ue003"
"""A sign in the place of a drawing, and one behind something that is not read. They are private characters."""
HTML_DRAWN = re.compile(r"<(?:canvas|object|embed|iframe|video|applet)\b", re.IGNORECASE)
HTML_UNREAD = re.compile(
    r"<(?:summary\b[^>]*|\w+\b[^>]*(?:\shidden(?=[\s=>/])|display\s*:\s*none|visibility\s*:\s*hidden|"
    r"vertical-align\s*:\s*(?:super|sub)\b|text-decoration[^;>]*(?:overline|line-through))[^>]*)>",
    re.IGNORECASE,
)
"""The head of what opens at a click, elements that are hidden, and styles that raise, lower or strike their text."""
FIELD = re.compile(r"\s*(?:EQ|SYMBOL|ADVANCE|LISTNUM)\b", re.IGNORECASE)
"""Word's fields that hold their text in their code. The others have their last result behind it."""


def marked_html(source: str) -> str:
    """HTML with a mark at each drawing and each text that is hidden or out of its line."""
    return HTML_UNREAD.sub(rf"\g<0>{UNREAD}", HTML_DRAWN.sub(rf"{DRAWN}\g<0>", source))


def marked_docx(content: bytes) -> bytes:
    """A Word document with marks at drawings, fields and raised text, and without hidden text.

    Raises ValueError when it is none.
    """
    written = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
            parts = {name: old.read(name) for name in old.namelist()}
            hidden = _hidden_styles(parts["word/styles.xml"]) if "word/styles.xml" in parts else set()
            for name, part in parts.items():
                new.writestr(name, _marked(part, hidden) if name == "word/document.xml" else part)
    except (zipfile.BadZipFile, ExpatError) as error:
        raise ValueError("it is no Word document") from error
    return written.getvalue()


def _hidden_styles(part: bytes) -> set[str]:
    styles = _found(minidom.parseString(part), "style")
    return {style.getAttribute("w:styleId") for style in styles if any(map(_is_on, _found(style, "vanish")))}


def _marked(part: bytes, hidden_styles: set[str]) -> bytes:
    document = minidom.parseString(part)

    def mark(sign: str) -> minidom.Element:
        run, text = document.createElement("w:r"), document.createElement("w:t")
        text.appendChild(document.createTextNode(sign))
        run.appendChild(text)
        return run

    hidden = [one for one in _found(document, "vanish") if _is_on(one)]
    hidden += [one for one in _found(document, "rStyle", "pStyle") if one.getAttribute("w:val") in hidden_styles]
    for one in hidden:
        text = one.parentNode.parentNode  # a run or a paragraph with its properties, or the properties of a paragraph
        if text.localName in ("r", "p") and text.parentNode:
            text.parentNode.removeChild(text)
    for one in _found(document, "drawing", "pict", "object", "position"):
        if one.localName == "position":
            text = one.parentNode.parentNode
            sign = UNREAD if one.getAttribute("w:val") != "0" and _found(text, "t") else ""
        else:
            sign = "" if any(rect.hasAttribute("o:hr") for rect in _found(one, "rect")) else DRAWN  # a horizontal line
        while one.parentNode and one.parentNode.localName != "p":
            one = one.parentNode
        if sign and one.parentNode:
            one.parentNode.insertBefore(mark(sign), one)
    for one in _found(document, "instrText", "fldSimple"):
        code = one.getAttribute("w:instr") or (one.firstChild.data if one.firstChild else "")
        while one and one.localName != "p":
            one = one.parentNode
        if one and FIELD.match(code):
            one.appendChild(mark(UNREAD))  # pandoc would drop it inside the field
    return document.toxml(encoding="utf-8")


def _found(node: Any, *names: str) -> list[Any]:
    return [one for name in names for one in node.getElementsByTagNameNS("*", name)]


def _is_on(switch: Any) -> bool:
    return switch.getAttribute("w:val") not in ("0", "false", "off")
