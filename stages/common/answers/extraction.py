r"""From a whole response (or a bare answer) to its final answer and the cue that marked it. Never a guess.

The cues, in order: the last `\boxed{}` (several on one line are a list), an `Answer:` line or heading, "the answer
is", a text that is nothing but an answer, and last what the closing sentence of a finished response ends on: bold,
mathematics or a number.
"""

import re
from dataclasses import dataclass, field

LONGEST = 4000
"""Characters after a cue that are looked at: answers are short, and hostile texts must cost no more than plain ones."""

NON_ANSWERS = frozenset(
    ("", "?", "??", "...", "…", "-", "—", "n/a", "na", "unknown", "no answer", "no_answer", "null", "nan", "tbd",
     "i don't know", "i do not know", "idk", "not sure", "your answer", "answer", "none given", "none found")
)  # fmt: skip

_BOXED = re.compile(r"(?:\\|\x08)?f?boxed\s*\{|\\fbox\s*\{|\x08oxed\s*\{")
_ANSWER_LINE = re.compile(
    r"^[\s>#*_`|\-\d.()]*(?:my\s+|the\s+|so\s+)?(?:final\s+|correct\s+)?(?:answer|ans)\b[\s*_`]*(?:\([^()]{0,40}\))?[\s*_`]*"
    r"(?::|=|→|⇒|[-–—](?=\s))\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^[\s>]*(?:#+\s*|\*\*)\s*(?:the\s+)?(?:final\s+)?answer[\s*_:]*$", re.IGNORECASE)
_TAGGED = re.compile(r"<answer>\s*([^<]{0,2000}?)\s*</answer>|^####\s*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_PHRASE = re.compile(
    r"\b(?:answer|solution)\s+(?:(?:to|of|for)\s[^.\n]{1,60}?\s)?(?:is|are|equals|must be|will be|would be|should be)\b"
    r"(?:\s+(?:therefore|thus|then|simply|just|indeed))?\s*:?",
    re.IGNORECASE,
)
_SENTENCE_WORD = re.compile(
    r"\b(?:is|are|was|were|has|have|had|equals?|gives?|get|got|would|will|be|so|thus|therefore|hence|since|because|we|let|then|"
    r"find|solve|given|must|can|yields?|implies|means)\b|⇒|→|\\Rightarrow|\\implies|∴",
    re.IGNORECASE,
)
_STATEMENT = re.compile(r"(?!let\b|we\b|if\b|since\b|because\b|first\b).*\b(?:is|are|was|were)\b.*\w", re.IGNORECASE)
_ARROW = re.compile(r"⇒|⟹|→|∴|\\Rightarrow|\\Longrightarrow|\\implies|\\rightarrow|\\to\b|\\therefore|=>")
_SENTENCE_END = re.compile(r"(?<=[.!?])[*\s]*\s+(?=[A-Z*\\($])")
_MATHS = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]|\$\$(.+?)\$\$|(?<!\\)\$([^$]+?)(?<!\\)\$", re.DOTALL)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*(?!\s*:)")
_NUMBER = re.compile(r"(?<![\w.,^/])[-−]?[$£€]?(?:\d{1,3}(?:,\d{3})+|\d+)?\.?\d+(?:\s*/\s*\d+)?(?:\s?%|°)?(?![\w,]*\d)")
_EMPHASIS = re.compile(r"\*\*(?!\w)|(?<!\w)\*\*")
_LABEL = re.compile(r"step|case|note|check|part|conclusion|verification|question|problem|method", re.IGNORECASE)


@dataclass(frozen=True)
class Extraction:
    """A final answer, or None where the text has none; `found_by` names the cue that marked it."""

    answer: str | None
    found_by: str | None
    flags: list[str] = field(default_factory=list)


def extract(text: str) -> Extraction:
    """The final answer of a response or a bare answer, None without a cue. Takes time in proportion to the text."""
    if boxed := _boxed(text):
        stated = _answer_lines(text)
        differs = bool(stated) and _bare(stated[-1]) not in ("", _bare(boxed))
        return Extraction(boxed, "boxed", ["answer_line_differs"] if differs else [])
    if lines := _answer_lines(text):
        flags = ["conflicting_answer_lines"] if len({_bare(line) for line in lines}) > 1 else []
        return _stated(_refined(lines[-1]), "answer_line", flags)
    if (phrase := _phrase(text)) is not None:
        return _stated(_refined(phrase), "answer_phrase")
    whole = text.strip()
    if len(whole) <= LONGEST and _is_bare(whole):
        return _stated(whole, "bare")
    return _closing(whole)


def _stated(answer: str, found_by: str, flags: list[str] | None = None) -> Extraction:
    if _bare(answer).lower().strip(" .!") in NON_ANSWERS:
        return Extraction(None, None, [*(flags or []), "empty_answer"])
    return Extraction(answer, found_by, flags or [])


def _bare(text: str) -> str:
    """A text without emphasis, mathematics' delimiters and spaces around it."""
    return re.sub(r"\\[()\[\]]|[$*`_]+(?=\s|$)|^[$*`_]+", " ", text).strip(" .\n\t")


def _boxed(text: str) -> str | None:
    """Contents of the last complete box, or of all boxes on its line as a list."""
    starts = [match.end() for match in _BOXED.finditer(text)][-40:]
    last_line: int | None = None
    found: list[str] = []
    for start in reversed(starts):
        line = text.rfind("\n", 0, start)
        content = _braced(text, start)
        if content is None:
            continue
        if last_line is not None and line != last_line:
            break
        last_line = line
        found.insert(0, content.strip())
    contents = list(dict.fromkeys(content for content in found if content))
    return ", ".join(contents) if contents else None


def _braced(text: str, start: int) -> str | None:
    """What stands between the brace before `start` and its partner, None when that never comes."""
    depth = 1
    for place in range(start, min(len(text), start + LONGEST)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if depth == 0:
                return text[start:place]
    return None


def _answer_lines(text: str) -> list[str]:
    """What follows `Answer:` on every such line (or on the next one), in order; at most the last ten."""
    if "nswer" not in text and "NSWER" not in text and "ns:" not in text and "####" not in text:
        return []
    tagged = [match[1] or match[2] or "" for match in _TAGGED.finditer(text)]
    lines = text.split("\n")
    found = []
    for place, line in enumerate(lines):
        if len(line) > LONGEST or not re.search("ans", line, re.IGNORECASE):
            continue
        if match := _ANSWER_LINE.match(line):
            found.append((_bare(match["rest"]) and match["rest"]) or _next_block(lines, place + 1))
        elif _HEADING.match(line):
            found.append(_next_block(lines, place + 1))
    return (found or tagged)[-10:]


def _next_block(lines: list[str], start: int) -> str:
    """The next line that says something, with the rest of a displayed formula that opens on it."""
    for place in range(start, min(len(lines), start + 4)):
        line = lines[place].strip()
        if not line:
            continue
        if line in ("\\[", "$$"):
            closing = "\\]" if line == "\\[" else "$$"
            block = [entry.strip() for entry in lines[place + 1 : place + 12]]
            return " ".join(block[: block.index(closing)]) if closing in block else ""
        return "" if line.startswith("#") else line
    return ""


def _phrase(text: str) -> str | None:
    last = None
    for last in _PHRASE.finditer(text):  # noqa: B007 - the last one counts
        pass
    if last is None:
        return None
    rest = text[last.end() : last.end() + LONGEST]
    line, _, below = rest.partition("\n")
    return line if _bare(line) else _next_block(below.split("\n"), 0)


def _refined(text: str) -> str:
    """A stated answer without the sentence around it: `The value is 31. So ...` is 31."""
    text = text.strip().strip("*_ ").strip()
    parts = _SENTENCE_END.split(text)
    if len(parts) > 1 and len(parts[0].strip(". ")) > 1:
        text = parts[0]
    if _ARROW.search(text):
        text = _ARROW.split(text)[-1].strip()
    if re.search(r"\b(?:is|are|equals)\b", text) and not re.match(r"\W*(?:there|no)\b", text, re.IGNORECASE):
        text = re.split(r"\b(?:is|are|equals)\b(?:\s+equal\s+to)?\s*:?", text)[-1]
    return _EMPHASIS.sub("", text).strip().strip("*_").strip()


def _is_bare(text: str) -> bool:
    """Whether a text is an answer and nothing else: one line that is no sentence, or a sentence without mathematics."""
    if "\n" in text.strip("$\\[] \n") or "boxed" in text or re.search(r"[^\W\d]:\s|:\*\*\s", text):
        return False
    words = re.findall(r"[^\W\d_]{2,}", re.sub(r"\\[a-zA-Z]+", " ", text))
    if len(words) > 12:
        return False
    if not _SENTENCE_WORD.search(text):
        return True
    return bool(_STATEMENT.match(text)) and not re.search(r"[\d=\\√π]", text) and len(words) <= 8


def _closing(text: str) -> Extraction:
    """What the closing sentence of a finished response ends on. A response that breaks off has no answer."""
    if not _is_finished(text):
        return Extraction(None, None, ["unfinished"])
    paragraph = re.split(r"\n\s*\n", text[-LONGEST:])[-1].strip()
    if "\n" in paragraph and not re.match(r"(?:\\\[|\$\$)", paragraph):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        paragraph = paragraph if lines[-1].strip() in ("\\]", "$$") else lines[-1]
    bold = [
        match
        for match in _BOLD.finditer(paragraph)
        if not match[1].rstrip().endswith(":") and not _LABEL.match(match[1])
    ]
    sentence = _SENTENCE_END.split(paragraph)[-1]
    if bold and bold[-1][0] in sentence:
        return _stated(_refined(bold[-1][1]), "bold")
    maths = [(match.end(), next(group for group in match.groups() if group)) for match in _MATHS.finditer(sentence)]
    outside = _MATHS.sub(lambda match: "\x00" * len(match[0]), sentence)
    numbers = list(_NUMBER.finditer(outside))
    if maths and (not numbers or maths[-1][0] > numbers[-1].end()):
        return _stated(_after_signs(maths[-1][1]), "maths")
    signs = list(re.finditer(r"[=≈⇒→]|:(?=[\s*])", outside))
    if signs:
        rest = sentence[signs[-1].end() :].strip()
        if len(rest.split()) <= 4 and re.search(r"[\d√π]", rest):
            return _stated(rest, "number")
    if numbers:
        return _stated(_restated([match[0] for match in numbers], text), "number")
    return Extraction(None, None)


def _restated(numbers: list[str], text: str) -> str:
    """Of a closing sentence's numbers, the one that the last equation before it arrived at; else the last one."""
    results = re.findall(r"=\s*(-?[\d.,/]*\d)\s*[.$]*(?:\\\]|\\\)|\$|\n)", text[-LONGEST:])
    return next((number for number in numbers if results and number.strip("$") == results[-1]), numbers[-1])


def _after_signs(maths: str) -> str:
    return _ARROW.split(maths)[-1].strip()


def _is_finished(text: str) -> bool:
    """Whether a response ends where a writer would end it: delimiters closed, and a full stop or a formula last."""
    if (
        not text
        or text.count("\\(") != text.count("\\)")
        or text.count("\\[") != text.count("\\]")
        or text.count("$$") % 2
    ):
        return False
    if text[-1] in ".!?)]}$°%*✓":
        return True
    return bool(re.search(r"[=≈:⇒→]\s*[^=≈:\n]{1,40}$", text))
