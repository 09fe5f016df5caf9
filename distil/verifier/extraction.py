r"""From a whole response (or a bare answer) to its final answer and the cue that marked it. Never a guess.

The cues, in order: the last `\boxed{}` (several joined by "and" are a list) or an `Answer:` line or heading, whichever
comes later; "the answer is"; a text that is nothing but an answer; and last what the closing sentence of a finished
response ends on: bold, mathematics or a number. Nothing counts that the text takes back, and nothing inside a thought.
"""

import re
from dataclasses import dataclass, field

from distil.verifier.boxes import boxes_of, joined_boxes
from distil.verifier.doubts import doubted_within, hangs, is_finished, refuses, taken_back
from distil.verifier.response import LONGEST, Stated, next_turn, spoken

NEAR_THE_END = 400
"""Characters that may follow "the answer is": further up, it speaks of an answer that the text goes on to doubt."""
NON_ANSWERS = frozenset(
    ("", "?", "??", "...", "…", "-", "—", "n/a", "na", "unknown", "no answer", "no_answer", "null", "nan", "tbd",
     "i don't know", "i do not know", "idk", "not sure", "your answer", "answer", "none given", "none found")
)  # fmt: skip

_ANSWER_LINE = re.compile(
    r"(?:^[\W\d_]*|[.!?;)\]*}$]\s+\**|,\s+(?=(?:(?:so|and)\s+)?(?:the\s+|my\s+|our\s+)?final\b))(?:(?:so|thus|hence|therefore|and|my|our|the)[,\s]+)*"
    r"(?:(?:final|correct|right|exact|required|short)\s+)*(?:answers?|ans|(?:correct|right)\s+(?:option|choice))\b[\s*_`]*(?:\([^()]{0,40}\))?[\s*_`]*"
    r"(?::|=|→|⇒|[-–—](?=\s)|(?<=\bans)\.)\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
_ANSWER_ABROAD = re.compile(
    r"(?:(?:答案|故选|(?<!不)应选|答)[\s*_]*(?:应?[是为為选]|[:：=】\]])"
    r"|(?:答案|(?:故|所以|因此|(?<!不)应)选|^[\W\d_]*答)[\s*_]*(?=[A-H](?![A-Za-z])))[\s*_:：]*(?P<rest>(?:(?!，\s*而)[^。])*)"
    r"|^[\W\d_]*(?:réponse|respuesta|antwort|risposta|resposta|ответ|答え)(?:\s+final)?[\s*_]*[:：=][\s*_]*(?P<line>.*)$"
    r"|\b(?:réponse|respuesta|antwort|risposta|resposta)(?:\s+(?:finale?|correcta))?\s+(?:est|es|ist|lautet|è|é)\b[\s:]*(?P<named>.*)$",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^[\s>]*(?:(?:#+\s*|\*\*)\s*(?:the\s+)?(?:final\s+)?|(?:the\s+)?final\s+)answers?[\s*_:]*$", re.IGNORECASE
)
_TAGGED = re.compile(
    r"<answer>\s*([^<]{0,2000}?)\s*(?:</answer>|\Z)|^####[ \t]*(\S[^\n]*)\s*\Z|^####[ \t]*([-$\d.,/]+)$"
    r"|\"(?:final_?)?answer\"\s*:\s*\"?([^\"{}\n]+?)\"?\s*[,}]",
    re.IGNORECASE | re.MULTILINE,
)
_LINE_SIGNS = (
    "hoice",
    "ption",
    "nswer",
    "NSWER",
    "ns:",
    "ns.",
    "NS:",
    "NS.",
    "####",
    "答",
    "选",
    "ponse",
    "spuesta",
    "ntwort",
    "твет",
)
_PHRASE = re.compile(
    r"\b(?:answers?|solutions?|(?:correct|right|best)\s+(?:option|choice|letter|result|value))\s+"
    r"(?:(?:to|of|for)\s[^.\n]{1,60}?\s)?(?:is|are|equals|must be|will be|would be|should be)\b"
    r"(?:\s+(?:therefore|thus|then|simply|just|indeed))?[^\S\n]*:?",
    re.IGNORECASE,
)
_SENTENCE_WORD = re.compile(
    r"\b(?:is(?! to \d)|are|was|were|has|have|had|equals?|gives?|get|got|would|will|be|so|thus|therefore|hence|since|"
    r"because|we|let|then|find|solve|given|must|can|yields?|implies|means)\b|⇒|→|\\Rightarrow|\\implies|∴",
    re.IGNORECASE,
)
_COMPARED_IN_WORDS = re.compile(
    r"\W*[a-z](?:\W|\\text\{)+(?:(?:is|must be|can be)\s+)?"
    r"(?:(?:strictly\s+)?(?:less|greater|more|smaller|larger)\s+than|at\s+(?:least|most))\b[^.]*\.?$"
)
_SYSTEM = re.compile(r"\s*(?:\\left\s*\\\{\s*)?\\begin\{(\w+)\}.*\\end\{\1\}(?:\s*\\right\s*\.)?\s*")
_NAMED_COUNTS = re.compile(r"(?:[A-Za-z][a-z]{2,}(?: [a-z]+)?: ?[-\d.,/$]*\d(?:, (?:and )?|; | and |$)){2,}")
_REASONED = re.compile(r"(yes|no|true|false)[,.;:\s—-]+(?:because|since)\b", re.IGNORECASE)
_INTEGER_LETTER = re.compile(r"\b(?:is|being)\b[\s}$]*(?:\\text\{)?\s*\b(?:an?|any)\b\s+integer")
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
    r",\s+(?:where|since|because|whereas|not|rather than)\b.*$"
    r"|(?<!\\)\([^()]*\b(?:rejected|extraneous|invalid|discarded)\b[^()]*\)\W*$"
    r"|(?<!\\)\((?:since|because|as|where|which|from|check|rejecting|e\.g|i\.e|mod)\b.*$",
    re.DOTALL,
)
_JUSTIFICATION = re.compile(
    r"[,\s]+(?:because|since)\b.*$|\s*(?<!\\)\((?:since|because|as|which|from|check|rejecting|e\.g|i\.e)\b.*$",
    re.DOTALL | re.IGNORECASE,
)
_JOINT = re.compile(r"\s*(?:,|,?\s*\band\b|,?\s*\bor\b)\s*")
_LEAD = re.compile(r"^[\W_]*(?:(?:thus|so|hence|therefore|conclusion|result)\b[\W_]*)?", re.IGNORECASE)
_NO_CONCLUSIONS = frozenset(["done", "qed", "verified", "correct", "good", "works", "check"])
_REMARK = re.compile(r",\s+(?!and\b|or\b)[a-z]{2,}\s")
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
    said = spoken(text.replace("\x08oxed", "\\boxed"))  # "\b" of a string that was not raw
    if said is None:
        return Extraction(None, None, ["thinking"])
    boxes, broken = boxes_of(said)
    lines = _answer_lines(said)
    if boxes or lines:
        end = next_turn(said, min(stated[0].end for stated in (boxes, lines) if stated))
        if end < len(said):
            said, broken = said[:end], broken and not boxes
            boxes, lines = ([stated for stated in found if stated.end <= end] for found in (boxes, lines))
    return _declared(said, boxes, lines, broken) if boxes or lines else _undeclared(said, broken)


def _declared(text: str, boxes: list[Stated], lines: list[Stated], broken: bool) -> Extraction:
    """The last of the boxes and answer lines, unless the text takes it back, or goes on and breaks off."""
    flags = ["conflicting_answer_lines"] if len({_bare(line.said) for line in lines[-10:]}) > 1 else []
    boxed = joined_boxes(text, boxes) if boxes else None
    line = lines[-1] if lines else None
    if boxed and line and _bare(line.said) not in ("", _bare(boxed.said)) and "boxed" not in line.said:
        flags.append("answer_line_differs")
    if line and (boxed is None or (line.start >= boxed.end and _is_answer(line.said))):
        if taken_back(text, line) or doubted_within(line.said, len(_first_sentence(line.said))):
            return Extraction(None, None, [*flags, "doubted"])
        return _stated(_refined(line.said), "answer_line", flags)
    assert boxed is not None
    if taken_back(text, boxed):
        phrase = _phrase(text)
        later = phrase is not None and phrase.start > boxed.end
        return _phrased(text, phrase) if phrase and later else Extraction(None, None, [*flags, "doubted"])
    rest = text[boxed.end :]
    if broken or (len(re.findall(r"[^\W\d_]{2,}", rest[-LONGEST:])) > 5 and not is_finished(text.strip())):
        return Extraction(None, None, [*flags, "unfinished"])
    return _stated(boxed.said, "boxed", flags)


def _undeclared(text: str, broken: bool) -> Extraction:
    """A sentence that names the answer, a text that is nothing else, or what a finished response ends on."""
    if (phrase := _phrase(text)) is not None:
        return _phrased(text, phrase)
    whole = text.strip()
    if "\n" not in whole and (reasoned := _REASONED.match(whole)):
        return _stated(reasoned[1], "bare")
    if len(whole) <= LONGEST and _is_bare(whole) and not hangs(whole):
        return _stated(whole, "bare")
    return Extraction(None, None, ["unfinished"]) if broken else _closing(whole)


def _phrased(text: str, phrase: Stated) -> Extraction:
    """The answer after "the answer is". It counts for nothing where the text doubts it or breaks off."""
    if doubted_within(phrase.said) or taken_back(text, phrase):
        return Extraction(None, None, ["doubted"])
    if (_bare(text[phrase.end :]) and not is_finished(text.strip())) or hangs(phrase.said):
        return Extraction(None, None, ["unfinished"])
    return _stated(_refined(phrase.said), "answer_phrase")


def _is_answer(said: str) -> bool:
    return _bare(said).lower().strip(" .!") not in NON_ANSWERS and not re.match(
        r"\W*(?:see\b|as\b|above\b)", said, re.I
    )


def _stated(answer: str, found_by: str, flags: list[str] | None = None) -> Extraction:
    if _bare(answer).lower().strip(" .!") in NON_ANSWERS:
        return Extraction(None, None, [*(flags or []), "empty_answer"])
    return Extraction(answer, found_by, flags or [])


def _bare(text: str) -> str:
    """A text without emphasis, mathematics' delimiters and spaces around it."""
    return re.sub(r"\\[()\[\]]|[$*`_]+(?=\s|$)|^[$*`_]+", " ", text).strip(" .\n\t")


def _answer_lines(text: str) -> list[Stated]:
    """What follows `Answer:` on every such line (or on the next one), in order."""
    if not any(map(text.__contains__, _LINE_SIGNS)):
        return []
    abroad = not text.isascii() or "spuesta" in text or "ntwort" in text
    lower = text.lower()
    tags = "####" in text or "answer>" in lower or 'answer"' in lower
    tagged = [
        Stated(next((group for group in match.groups() if group), ""), match.start(), match.end())
        for match in (_TAGGED.finditer(text) if tags else ())
    ]
    lines = text.split("\n")
    found = []
    end = -1
    for place, (line, small) in enumerate(zip(lines, lower.split("\n"), strict=True)):
        start, end = end + 1, end + len(line) + 1
        if len(line) > LONGEST:
            continue
        cued = "ans" in small or "choice" in small or "option" in small
        if not cued and not abroad:
            continue
        if match := (_ANSWER_LINE if cued else _ANSWER_ABROAD).search(line):
            rest = next((group for group in match.groups() if group), "")
            said = (_bare(rest) and rest) or _next_block(lines, place + 1)
            found.append(Stated(said, start + match.end() - len(rest), end))
        elif _HEADING.match(line):
            found.append(Stated(_next_block(lines, place + 1), start, end))
    return found or tagged


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


def _phrase(text: str) -> Stated | None:
    """What follows the last "the answer is", on its line or the next; None unless that is near the text's end."""
    last = None
    for last in _PHRASE.finditer(text):  # noqa: B007 - the last one counts
        pass
    if last is None or len(text.rstrip()) - last.end() > NEAR_THE_END:
        return None
    line, _, below = text[last.end() :].partition("\n")
    if _bare(line):
        return Stated(line, last.start(), last.end() + len(_first_sentence(line)))
    block = _next_block(below.split("\n"), 0)
    # a formula of several lines is joined, so not found as it is: it counts as text that follows, which changes nothing
    found = below.find(block)
    return Stated(block, last.start(), len(text) - len(below) + (found + len(block) if found >= 0 else 0))


def _first_sentence(text: str) -> str:
    """The text to the end of its first sentence; a letter alone is a choice, as in `D. 12`, and no sentence."""
    first = _SENTENCE_END.split(text)[0]
    letters = first.strip("*_. ")
    choice = len(letters) == 1 and letters.isalpha() and not _SENTENCE_WORD.search(text[len(first) :])
    return text if not letters or choice else first


def _refined(text: str) -> str:
    """A stated answer without the sentence around it: `The value is 31, so we are done. Check: ...` is 31."""
    text = _JUSTIFICATION.sub("", _first_sentence(text.strip().strip("*_ ").strip()))
    remark = _REMARK.search(text)
    if remark and re.search(r"\d|\\", text[: remark.start()]):
        text = text[: remark.start()]
    text = _ARROW.split(text)[-1].strip()
    if re.search(r"\b(?:is|are|equals)\b", text) and not re.match(r"\W*(?:there|no)\b", text, re.IGNORECASE):
        text = re.split(r"\b(?:is|are|equals)\b(?:\s+equal\s+to)?\s*:?", text)[-1]
    return _EMPHASIS.sub("", text).strip().strip("*_").strip()


def _is_bare(text: str) -> bool:
    """Whether a text is an answer and nothing else: one line that is no sentence and no derivation, or words alone."""
    if _NAMED_COUNTS.fullmatch(text):
        return True
    if "\n" in text.strip("$\\[] \n") or "boxed" in text or re.search(r"[^\W\d]:\s|:\*\*\s|\w{2}\.\s+\w", text):
        return False
    if "\\begin" in text and _SYSTEM.fullmatch(text):
        return True
    words = re.findall(r"[a-zA-Z]{2,}", re.sub(r"\\[a-zA-Z]+", " ", text))
    if len(words) > 12:
        return False
    if _COMPARED_IN_WORDS.match(text):
        return True
    text = _INTEGER_LETTER.sub(" ", text)
    if _SENTENCE_WORD.search(text):
        return bool(_STATEMENT.match(text)) and not re.search(r"[\d=\\√π]", text) and len(words) <= 8
    outside = re.sub(r"\\[a-zA-Z]+|\\\$", " ", text)
    prose = re.findall(r"[^\W\d_]{3,}", _MATHS.sub(" ", outside)) if "\\(" in outside or "$" in outside else []
    assignments = [part.count("=") for part in re.split(r",|;|\bor\b|\band\b", text)]
    return len(prose) < 2 and (
        text.count("=") < 2 or (len(assignments) > 1 and max(assignments) < 2 and not set(words) - {"and", "or"})
    )


def _closing(text: str) -> Extraction:
    """What the closing sentence of a finished response ends on. A response that breaks off has no answer."""
    if not is_finished(text):
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
    if refuses(sentence):
        return Extraction(None, None, ["doubted"])
    if maths and "=" in (formula := next(group for group in maths[-1].groups() if group)) and not _SIGN.search(outside):
        return _stated(_result(formula.strip()), "maths")
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
