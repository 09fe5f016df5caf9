r"""From a whole response (or a bare answer) to its final answer and the cue that marked it. Never a guess.

The cues, in order: the last `\boxed{}` (several on one line are a list), an `Answer:` line or heading, "the answer
is", a text that is nothing but an answer, and last what the closing sentence of a finished response ends on: bold,
mathematics or a number.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST = 4000
"""Characters after a cue that are looked at: answers are short, and hostile texts must cost no more than plain ones."""
NEAR_THE_END = 400
"""Characters that may follow "the answer is": further up, it speaks of an answer that the text goes on to doubt."""
NON_ANSWERS = frozenset(
    ("", "?", "??", "...", "…", "-", "—", "n/a", "na", "unknown", "no answer", "no_answer", "null", "nan", "tbd",
     "i don't know", "i do not know", "idk", "not sure", "your answer", "answer", "none given", "none found")
)  # fmt: skip

_BOXED = re.compile(r"(?:\\|\x08)?f?boxed\s*\{|\\fbox\s*\{|\x08oxed\s*\{")
_ANSWER_LINE = re.compile(
    r"(?:^[\s>#*_`|\-\d.()]*|[.!?;)\]*]\s+\**)(?:my\s+|the\s+|so\s+)?(?:final\s+|correct\s+)?(?:answer|ans)\b[\s*_`]*"
    r"(?:\([^()]{0,40}\))?[\s*_`]*(?::|=|→|⇒|[-–—](?=\s))\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^[\s>]*(?:#+\s*|\*\*)\s*(?:the\s+)?(?:final\s+)?answer[\s*_:]*$", re.IGNORECASE)
_TAGGED = re.compile(r"<answer>\s*([^<]{0,2000}?)\s*</answer>|^####[ \t]*(\S[^\n]*)\s*\Z", re.IGNORECASE | re.MULTILINE)
_PHRASE = re.compile(
    r"\b(?:answer|solution)\s+(?:(?:to|of|for)\s[^.\n]{1,60}?\s)?(?:is|are|equals|must be|will be|would be|should be)\b"
    r"(?:\s+(?:therefore|thus|then|simply|just|indeed))?[^\S\n]*:?",
    re.IGNORECASE,
)
_SENTENCE_WORD = re.compile(
    r"\b(?:is(?! to \d)|are|was|were|has|have|had|equals?|gives?|get|got|would|will|be|so|thus|therefore|hence|since|"
    r"because|we|let|then|find|solve|given|must|can|yields?|implies|means)\b|⇒|→|\\Rightarrow|\\implies|∴",
    re.IGNORECASE,
)
_STATEMENT = re.compile(r"(?!let\b|we\b|if\b|since\b|because\b|first\b).*\b(?:is|are|was|were)\b.*\w", re.IGNORECASE)
_ARROW = re.compile(r"⇒|⟹|→|∴|\\Rightarrow|\\Longrightarrow|\\implies|\\rightarrow|\\to\b|\\therefore|=>")
_SENTENCE_END = re.compile(r"(?<=[.!?])[*\s]*\s+(?=[A-Z*($]|\\[(\[])")
_MATHS = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]|\$\$(.+?)\$\$|(?<!\\)\$([^$]+?)(?<!\\)\$", re.DOTALL)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*(?!\s*[:=])")
_NUMBER = re.compile(
    r"\(-?\d[^()]{0,40},[^()]{1,40}\)|(?<![\w.,^/√])[-−]?[$£€]?(?:\d|[√∛π½¼¾]|\.\d)[\w.,/√π²³⁴^+\-−·*:%°!]*"
)
_SIGN = re.compile(r"[=≈≡⇒→]|:(?=[\s*])")
_CAPITALS = re.compile(r"\b([A-Z]{4,})(?:\s+true)?[\s.!*]*$")
_SUBORDINATE = re.compile(
    r",\s+(?:where|since|because|whereas)\b.*$"
    r"|(?<!\\)\((?:since|because|as|where|which|from|check|rejecting|e\.g|i\.e|mod)\b.*$",
    re.DOTALL,
)
_JOINT = re.compile(r"\s*(?:,|,?\s*\band\b|,?\s*\bor\b)\s*")
_LEAD = re.compile(r"^[\W_]*(?:(?:thus|so|hence|therefore|conclusion|result)\b[\W_]*)?", re.IGNORECASE)
_NO_CONCLUSIONS = frozenset(["done", "qed", "verified", "correct", "good", "works", "check"])
_REMARK = re.compile(r",\s+(?!and\b|or\b)[a-z]{2,}\s")
_EMPHASIS = re.compile(r"\*\*(?!\w)|(?<!\w)\*\*")
_DOUBT = re.compile(r"\b(?:wait\b|wrong\b|not right\b|recompute|let me re)", re.IGNORECASE)
_LABEL = re.compile(r"step|case|note|check|part|conclusion|verification|question|problem|method", re.IGNORECASE)


@dataclass(frozen=True)
class Extraction:
    """A final answer, or None where the text has none; `found_by` names the cue that marked it."""

    answer: str | None
    found_by: str | None
    flags: list[str] = field(default_factory=list)


class _Stated(NamedTuple):
    """What a cue states, and where in the text that which comes after it starts."""

    said: str
    end: int


def extract(text: str) -> Extraction:
    """The final answer of a response or a bare answer, None without a cue. Takes time in proportion to the text."""
    if boxed := _boxed(text):
        stated = _answer_lines(text)
        differs = bool(stated) and _bare(stated[-1].said) not in ("", _bare(boxed))
        return Extraction(boxed, "boxed", ["answer_line_differs"] if differs else [])
    if lines := _answer_lines(text):
        flags = ["conflicting_answer_lines"] if len({_bare(line.said) for line in lines}) > 1 else []
        if _DOUBT.search(text, lines[-1].end):
            flags.append("doubted")
        return _stated(_refined(lines[-1].said), "answer_line", flags)
    if (phrase := _phrase(text)) is not None:
        # a sentence is no declaration as an answer line is: one that is doubted, or broken off from, is none
        if _DOUBT.search(phrase.said) or _DOUBT.search(text, phrase.end):
            return Extraction(None, None, ["doubted"])
        if _bare(text[phrase.end :]) and not _is_finished(text.strip()):
            return Extraction(None, None, ["unfinished"])
        return _stated(_refined(phrase.said), "answer_phrase")
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


def _answer_lines(text: str) -> list[_Stated]:
    """What follows `Answer:` on every such line (or on the next one), in order; at most the last ten."""
    if "nswer" not in text and "NSWER" not in text and "ns:" not in text and "####" not in text:
        return []
    tagged = [_Stated(match[1] or match[2] or "", match.end()) for match in _TAGGED.finditer(text)]
    lines = text.split("\n")
    found = []
    end = -1
    for place, line in enumerate(lines):
        end += len(line) + 1
        if len(line) > LONGEST or not re.search("ans", line, re.IGNORECASE):
            continue
        if match := _ANSWER_LINE.search(line):
            said = (_bare(match["rest"]) and match["rest"]) or _next_block(lines, place + 1)
            found.append(_Stated(said, end))
        elif _HEADING.match(line):
            found.append(_Stated(_next_block(lines, place + 1), end))
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


def _phrase(text: str) -> _Stated | None:
    """What follows the last "the answer is" (or stands on the next line); None unless that is near the text's end."""
    last = None
    for last in _PHRASE.finditer(text):  # noqa: B007 - the last one counts
        pass
    if last is None or len(text.rstrip()) - last.end() > NEAR_THE_END:
        return None
    line, _, below = text[last.end() :].partition("\n")
    if _bare(line):
        return _Stated(line, last.end() + len(_first_sentence(line)))
    block = _next_block(below.split("\n"), 0)
    # a formula of several lines is joined, so not found as it is: it counts as text that follows, which changes nothing
    found = below.find(block)
    return _Stated(block, len(text) - len(below) + (found + len(block) if found >= 0 else 0))


def _first_sentence(text: str) -> str:
    """The text to the end of its first sentence; a letter alone is a choice, as in `D. 12`, and no sentence."""
    first = _SENTENCE_END.split(text)[0]
    letters = first.strip("*_. ")
    return text if not letters or (len(letters) == 1 and letters.isalpha()) else first


def _refined(text: str) -> str:
    """A stated answer without the sentence around it: `The value is 31, so we are done. Check: ...` is 31."""
    text = _first_sentence(text.strip().strip("*_ ").strip())
    remark = _REMARK.search(text)
    if remark and re.search(r"\d|\\", text[: remark.start()]):
        text = text[: remark.start()]
    text = _ARROW.split(text)[-1].strip()
    if re.search(r"\b(?:is|are|equals)\b", text) and not re.match(r"\W*(?:there|no)\b", text, re.IGNORECASE):
        text = re.split(r"\b(?:is|are|equals)\b(?:\s+equal\s+to)?\s*:?", text)[-1]
    return _EMPHASIS.sub("", text).strip().strip("*_").strip()


def _is_bare(text: str) -> bool:
    """Whether a text is an answer and nothing else: one line that is no sentence and no derivation, or words alone."""
    if "\n" in text.strip("$\\[] \n") or "boxed" in text or re.search(r"[^\W\d]:\s|:\*\*\s|\w{2}\.\s+\w", text):
        return False
    words = re.findall(r"[a-zA-Z]{2,}", re.sub(r"\\[a-zA-Z]+", " ", text))
    if len(words) > 12:
        return False
    if _SENTENCE_WORD.search(text):
        return bool(_STATEMENT.match(text)) and not re.search(r"[\d=\\√π]", text) and len(words) <= 8
    prose = re.findall(r"[^\W\d_]{3,}", _MATHS.sub(" ", text)) if "\\(" in text or "$" in text else []
    assignments = [part.count("=") for part in re.split(r",|;|\bor\b|\band\b", text)]
    return len(prose) < 2 and (
        text.count("=") < 2 or (len(assignments) > 1 and max(assignments) < 2 and not set(words) - {"and", "or"})
    )


def _closing(text: str) -> Extraction:
    """What the closing sentence of a finished response ends on. A response that breaks off has no answer."""
    if not _is_finished(text):
        return Extraction(None, None, ["unfinished"])
    paragraph = re.split(r"\n\s*\n", text[-LONGEST:])[-1].strip()
    if "\n" in paragraph and not re.match(r"(?:\\\[|\$\$)", paragraph):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        paragraph = paragraph if lines[-1].strip() in ("\\]", "$$") else lines[-1]
    sentence = _SENTENCE_END.split(paragraph)[-1]
    main_clause = _SUBORDINATE.sub("", sentence)
    sentence = main_clause if re.search(r"\d", main_clause) else sentence
    bold = [
        match[1] for match in _BOLD.finditer(sentence) if match[1].rstrip()[-1:] != ":" and not _LABEL.match(match[1])
    ]
    if bold:
        return _stated(_result(_refined(bold[-1])), "bold")
    outside = _MATHS.sub(lambda match: "\x00" * len(match[0]), sentence)
    maths, numbers = list(_MATHS.finditer(sentence)), list(_NUMBER.finditer(outside))
    last = max((match.end() for match in maths + numbers), default=0)
    if (word := _CAPITALS.search(outside)) and word.start() >= last:
        return _stated(word[1], "capitals")
    if not last:
        words = _LEAD.sub("", sentence).strip(" .!*").split()
        single = len(words) == 1 and words[0].isalpha() and words[0].lower() not in _NO_CONCLUSIONS
        return _stated(words[0], "closing_word") if single else Extraction(None, None)
    if maths and maths[-1].end() == last:
        return _stated(_joined(maths, sentence), "maths")
    signs = list(_SIGN.finditer(outside))
    rest = sentence[signs[-1].end() :].strip().strip("*").strip() if signs else ""
    if (
        re.match(r"[-−(\[{√π$\d.∛½¼¾]", rest)
        and len(re.findall(r"[^\W\d_]{2,}", rest)) <= 2
        and not _REMARK.search(rest)
    ):
        return _stated(rest, "number")
    return _stated(_restated([match[0].rstrip(".,:!-") for match in numbers], text), "number")


def _joined(maths: list[re.Match[str]], sentence: str) -> str:
    """The last formula, with those of its kind that commas, "and" or "or" join to it: `x = 1` and `x = -1`."""
    contents = [next(group for group in match.groups() if group).strip() for match in maths]
    name = _name(contents[-1])
    first = len(maths) - 1
    while first and name is not None and _name(contents[first - 1]) == name:
        if not _JOINT.fullmatch(sentence[maths[first - 1].end() : maths[first].start()]):
            break
        first -= 1
    return ", ".join(contents[first:]) if first < len(maths) - 1 else _result(contents[-1])


def _name(maths: str) -> str | None:
    """The letter that a formula gives a value to, empty for a plain value; None for anything else."""
    match = re.fullmatch(r"(?:([^\W\d_])\s*=)?\s*([^=<>]*\d[^=<>]*)", maths)
    return (match[1] or "") if match else None


def _restated(numbers: list[str], text: str) -> str:
    """Of a closing sentence's numbers, the one that the last equation before it arrived at; else the last one."""
    results = re.findall(r"=\s*(-?[\d.,/]*\d)\s*[.$]*(?:\\\]|\\\)|\$|\n)", text[-LONGEST:])
    return next((number for number in numbers if results and number.strip("$") == results[-1]), numbers[-1])


def _result(maths: str) -> str:
    """The right side that a closing formula arrives at: `2k = 46`, `k:w = 4/5:2 = 2:5`; `y = 2x` stays an equation."""
    maths = _ARROW.split(maths)[-1].strip()
    sides = [side.strip() for side in maths.split("=")]
    simple = len(sides) == 2 and re.fullmatch(r"[^\W\d]", sides[0])
    point = len(sides) > 2 and all(re.fullmatch(r"\s*\w\s*=[^=]+", part) for part in maths.split(","))
    return maths if simple or point or not sides[-1] else sides[-1]


def _is_finished(text: str) -> bool:
    """Whether a response ends where a writer would end it: delimiters closed, and a full stop or a result last."""
    if not text or text.count("\\(") != text.count("\\)") or text.count("\\[") != text.count("\\]"):
        return False
    if text.count("$$") % 2 or text[-1] in ",+-−/^(=<>≈" or re.search(r"(?<!\*)\*$", text):
        return False
    if text[-1] in ".!?)]}$°%*✓":
        return True
    ending = re.search(r"[=≈:⇒→]\s*([^=≈:\n]{1,40})$", text)
    return ending is not None and len(re.findall(r"[^\W\d_]{2,}", ending[1])) < 2
