"""From an answer's text to its form, from the most to the least particular one.

Words, letters, ratios and base numerals are recognised before anything is read as mathematics.
"""

import re
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from distil.verifier.expression import NotMathematics, Undecidable, linear, mentions, number, times
from distil.verifier.families import Progressions, parameter_of
from distil.verifier.forms import (
    Alternatives,
    Clock,
    Form,
    Items,
    Letter,
    Matrix,
    Numeral,
    Ratio,
    RealSet,
    Unread,
    Value,
    Words,
)  # fmt: skip
from distil.verifier.notation import plain, without_thousands
from distil.verifier.real_sets import read_real_set
from distil.verifier.rewrites import UNIT_VECTORS
from distil.verifier.units import read_unit
from distil.verifier.values import places, read_compound, read_single, read_value
from distil.verifier.words import MONTHS, NUMBERS, REFUSALS, RETRACTIONS, WEEKDAYS, number_word, unwrapped

BASES = {word: value for word, value in NUMBERS.items() if 2 <= value <= 20}
_BASE = "|".join((*BASES, r"\d{1,2}"))
_NUMERAL = re.compile(
    rf"[(]?(?P<digits>[0-9A-F]+)[)]?\s*(?:_\s*\{{?\s*[‹(]*\s*(?:base\s*)?(?P<below>{_BASE})\s*[)›]*\s*\}}?"
    rf"|[‹(]*\s*(?:in\s+)?base[\s›-]*(?P<after>{_BASE})\s*[)›]*|(?P<word>{'|'.join(BASES)}))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)")
_WRAPPED = re.compile(r"^‹\s*([^‹›]*?)\s*›$")
_CHOICE = re.compile(
    r"‹?\s*(?:(?i:option|choice|answer)\s+)?[(\[]?([A-Za-z])[)\]]?\s*›?"
    r"(?:\s+is\s+(?:the\s+)?(?:correct|right)(?:\s+(?:answer|option|choice))?)?"
)
_LABELLED = re.compile(r"‹?\s*(?:\(([A-H])\)|([A-H])[).:])\s*›?\s*(\S.*)")
_LABELLED_WORDS = re.compile(r"‹?\s*([A-H]) - ((?=(?:.*?\b[^\W\d_]{3,}\b){2})[^\d+*/=^\\()<>]+)")
_CLOCK = re.compile(
    r"(1[0-2]|0?[1-9])(?:\s*:\s*([0-5]\d))?(?:\s*‹?\s*([ap])\.?\s?m\.?\s*›?| ‹?\s*o'clock\s*›?)", re.IGNORECASE
)
_CLOCK_ALONE = re.compile(r"([01]?\d|2[0-4])\s*:\s*([0-5]\d)")
_NAMED_HOURS = {"noon": Clock(12, 0, "pm"), "12 noon": Clock(12, 0, "pm"), "midnight": Clock(12, 0, "am")}
_PARTS = re.compile(
    r"(?:^|[\s,;]+(?:and\s+)?)‹?\s*(?:part\s+)?(?:\(([a-hA-H]|[iv]{1,4}|[1-9])\)|([a-hA-H]|[iv]{1,4})\))[:.=]?\s*›?"
)
_FIRST_OF_PARTS = frozenset("(‹aAiIpP")
_NAMED_COUNT = re.compile(r"([A-Za-z][a-z]{2,}(?: [a-z]+)?)\s*[:=]\s*([-\d.,/¤]*\d)")
_ISO_DATE = re.compile(r"([12]\d{3})-(0[1-9]|1[0-2])-([0-2]\d|3[01])")
_NOT_IN_DATES = re.compile(r"(?<=\d)[‹ ^{]*(?:st|nd|rd|th)\b|\b(?:of|the|on)\b")
_WORD_OR_FIGURES = re.compile(r"[a-z]+|\d+")
_CONGRUENCE = re.compile(r"(?:[^\W\d]\s*≡\s*)?([^≡]+?)\s*\(\s*mod\s*(\d+)\s*\)")
_LABELS = ("abcdefgh", ["i", "ii", "iii", "iv", "v", "vi"], "123456789")
_SCALED_MATRIX = re.compile(r"([^,;=]*[^,;=\s([|])\s*([(\[]?\s*\\begin\{.*)", re.DOTALL)
_FOR_EVERY = re.compile(
    r"[\s‹›,;(]*(?:(?:for|where|with)[\s‹›]+(?:(?:any|all|every|each|some|an)[\s‹›]+(?:(?:arbitrary|real)[\s‹›]+)*"
    r"(?:(?:constant|number)s?[\s‹›]+)?(?P<quantified>[a-zA-Z])|(?P<described>[a-zA-Z])[\s‹›]+is[\s‹›]+(?:an?|any|some)[\s‹›]+"
    r"(?:(?:arbitrary|real)[\s‹›]+)*(?:constant|number))|\\forall\s*(?P<member>[a-zA-Z]))(?:[\s‹›]*(?:∈|\bin\b)[\s‹›]*ℝ)?[\s‹›)]*"
)
_NOTE = re.compile(r"(\S.*?)\s+[(\[‹]((?:[^()\[\]‹›]|\([^()]*\))*)[)\]›]")
_REMARK = re.compile(
    r"option|requir|need|order|equiv|nearest|round|exact|approx|units?\b|only|ignore|must|note|any form|decimal"
    r"|d\.?p\.?$|s\.?f\.?$",
    re.IGNORECASE,
)
_OTHER_NUMBERS = NUMBERS.keys() - {"one", "two"}  # `the larger one`, `the first of the two`
_ALSO = re.compile(r"(?:also\s+)?(?:accept|or|allow)(?:able|s|ed)?(?:\s+as)?:?\s+(.+)", re.IGNORECASE)
_RELATION = re.compile(r"<|>|!=|∪|∖|∈|ℝ|\breals?\b|^[a-z] .*\b(?:than|at least|at most)\b")
_NAMED_STRUCTURE = re.compile(
    r"^(?:point\s+[A-Z]?\s*=?\s*(?=\()|[^\W\d]\s*∈\s*(?=[⦃{])"
    r"|(?:[^\W\d_]{1,2}|\([^()=]+\))\s*=\s*(?=[(\[⦃{⟨|]|\\begin))"
)
_SET_BUILDER = re.compile(
    r"^(?:[⦃{]\s*[a-z](?:\s*∈\s*ℝ)?\s*[|:]|(?:for )?all(?=\s+[a-z]\s*[<>!=]))\s*(.*?)(?:,\s*[a-z]\s*∈\s*ℝ)?[⦄}]?$"
    r"|(?<=\d),\s*[a-z]\s*∈\s*ℝ$"
)
_MATRIX = re.compile(
    r"[(\[|]?\s*\\begin\{(?P<kind>[pbvBV]?(?:small)?(?:matrix|array)\*?)\}\s*(?:\{[lcr|\s]*\}|\[[lcr]\])?(?P<cells>.*)\\end\{(?P=kind)\}"
    r"\s*[)\]|]?",
    re.DOTALL,
)
_CONJUNCTION = re.compile(r"[‹\s]+(?:is )?(and|or|to)[›\s]+")
_BOTH = re.compile(r"^(?:both|either)\s+(?=.*\s(?:and|or)\s)")
_COMMA = re.compile(r",?\s(?:and|or|&)\s|;")
_RATIO = re.compile(r"[^:]+(?::[^:]+)+|[\d.]+(?: to [\d.]+){1,2}")
_CLOSING = {"(": ")", "[": "]", "⦃": "⦄", "⟨": "⟩", "<": ">", "{": "}"}
_KINDS: dict[str, Literal["tuple", "bracket", "set", "vector"]] = {
    "(": "tuple", "[": "bracket", "⦃": "set", "{": "set", "⟨": "vector", "<": "vector",
}  # fmt: skip


def read(text: str, grouped: bool = True) -> Form:
    """The form of an answer's text; never raises. `grouped` reads `100,200` as one number (False: as two)."""
    return read_plain(plain(text), grouped)


def read_plain(text: str, grouped: bool = True) -> Form:
    """The form of a text in our notation already."""
    if text[:1] == "‹":
        text = _WRAPPED.sub(r"\1", text)
    try:
        return _form(text, grouped)
    except (NotMathematics, Undecidable, RecursionError, OverflowError) as error:
        return Words(text) if _in_words(text) else Unread(text, str(error))


def _in_words(text: str) -> bool:
    """Whether a text that is no mathematics is prose: it has a word, and no sign that only mathematics has."""
    return bool(re.search(r"[^\W\d_]{2,}", text)) and not re.search(r"[\\^_=<>]", text)


def _form(text: str, grouped: bool) -> Form:
    if _NUMBER.fullmatch(text):
        return Value(number(Fraction(text)), places=places(text))
    if match := _CHOICE.fullmatch(text):
        return Letter(match[1])
    if text[:1] in _FIRST_OF_PARTS and (parts := _lettered_parts(text)):
        return Items("tuple", tuple(read(part, grouped) for part in parts))
    if match := _LABELLED.fullmatch(text):
        return Letter(match[1] or match[2], read(match[3], grouped))
    if match := _LABELLED_WORDS.fullmatch(text):
        return Letter(match[1], Words(match[2]))
    if text in ("∅", "⦃⦄", "{}"):
        return Words("∅")
    if clock := _CLOCK.fullmatch(text) or _CLOCK_ALONE.fullmatch(text):
        half = clock[3] if clock.re is _CLOCK else None
        return Clock(int(clock[1]), int(clock[2] or 0), f"{half.lower()}m" if half else None)
    if (written := number_word(text)) is not None:
        return Value(number(written))
    if special := _NAMED_HOURS.get(text.lower()) or _numeral(text) or _date(text) or read_compound(text):
        return special
    if congruence := _CONGRUENCE.fullmatch(text):
        return _family(f"{congruence[1]} + {congruence[2]}*k", "k")
    if family := parameter_of(text):
        return _family(*family)
    if (said := _for_every(text)) != text:
        return _form(said, grouped)
    if match := _NOTE.fullmatch(text):
        return _with_note(match[1], match[2], text, grouped)
    return _structure(text, grouped)


def _for_every(text: str) -> str:
    """An expression or equation without the words that its letter is free: `f(x) = cx for any constant c`."""
    if not any(word in text for word in ("for", "where", "with", "\\forall")):
        return text
    for match in _FOR_EVERY.finditer(text):
        letter = match["quantified"] or match["described"] or match["member"]
        body = text[: match.start()]
        if match.end() == len(text) and re.search(rf"(?<![a-zA-Z]){letter}|{letter}(?![a-zA-Z])", body):
            return text if re.search("[<>]|!=", body) else body
    return text


def _with_note(key: str, note: str, whole: str, grouped: bool) -> Form:
    """A key with a remark in brackets (`30 (degrees optional)`) or another spelling of it (`3.5 (accept 7/2)`)."""
    said = set(re.findall(r"[a-z]+", note.lower().replace("'", "")))
    also = _ALSO.fullmatch(note.strip())
    value = Fraction(key) if _NUMBER.fullmatch(key) else None
    in_words = number_word(also[1] if also else note)
    others = {word for word in _OTHER_NUMBERS & said if value is None or number_word(word) != value}
    said_again = in_words is not None and in_words == value
    refuses = RETRACTIONS & said or (others and not said_again)
    if also and (not refuses or note.lstrip().lower().startswith("accept")):
        return Alternatives((_form(key, grouped), _form(also[1], grouped)))
    if refuses:
        raise NotMathematics(f"{note!r} takes back the answer before it")
    if _REMARK.search(note):
        return _form(key, grouped)
    if "‹" in whole or not re.search(r"[a-z]{4,}", note, re.IGNORECASE) or re.search(r"[\d\\^_=<>]", note):
        return _structure(whole, grouped)
    if REFUSALS & said:
        raise NotMathematics(f"{note!r} refuses the answer before it")
    try:
        unit = read_unit(note)
    except ValueError:  # words with a comma, a colon, a percent sign: a remark (`the larger root, of course`)
        unit = None
    return _form(f"{key} ‹{note}›" if unit and unit.dimension else key, grouped)


def _numeral(text: str) -> Numeral | None:
    match = _NUMERAL.fullmatch(text)
    if not match:
        return None
    name = (match["below"] or match["after"] or match["word"]).lower()
    base = BASES.get(name) or int(name)
    digits = match["digits"].upper().lstrip("0") or "0"
    return Numeral(digits, base) if all(int(digit, 16) < base for digit in digits) else None


def _date(text: str) -> Words | None:
    """`March 5, 2011`, `5th of March 2011`, `2011-03-05`, `Saturday the 14th` in one spelling; None for others."""
    if iso := _ISO_DATE.fullmatch(text):
        return Words(f"date {int(iso[2])} {int(iso[3])} {iso[1]}")
    words = _WORD_OR_FIGURES.findall(_NOT_IN_DATES.sub(" ", text.lower()))
    months = [str(MONTHS[word]) for word in words if word in MONTHS]
    days = [WEEKDAYS[word] for word in words if word in WEEKDAYS]
    figures = [str(int(word)) for word in words if word.isdecimal()]
    if len(months) > 1 or len(days) > 1 or not months + days or not 1 <= len(figures) <= 2:
        return None
    return Words(" ".join(["date", *days, *months, *figures])) if len(words) == len(months + days + figures) else None


def _structure(text: str, grouped: bool) -> Form:
    """Matrices, sets of real numbers, lists, tuples, ratios; else a single value."""
    text = _CONJUNCTION.sub(r" \1 ", _NAMED_STRUCTURE.sub("", text))
    if match := _SET_BUILDER.search(text):
        text = f"{text[: match.start()]}{match[1] or ''}"
    if match := _MATRIX.fullmatch(text):
        return _matrix([row.split("&") for row in match["cells"].split("\\\\") if row.strip()])
    if match := _SCALED_MATRIX.fullmatch(text):
        return _scaled(match[1], _structure(match[2], grouped))
    if grouped and not any(bracket in text for bracket in "([⦃⟨"):
        text = without_thousands(text)
    if _RELATION.search(text) and (real_set := _real_set(text)):
        return real_set
    text = _BOTH.sub("", text)
    parts = _split(_COMMA.sub(",", text), ",")
    if len(parts) > 1 and all(parts):
        if all(_NAMED_COUNT.fullmatch(part) for part in parts):  # `boys: 4, girls: 6`
            parts = [_NAMED_COUNT.sub(r"\2 ‹\1›", part) for part in parts]
        if "..." in parts[1:]:
            return Items("tuple", tuple(Words("...") if part == "..." else _form(part, grouped) for part in parts))
        return _listed(_items(parts, grouped), "either" if re.search(r"\sor\s", text) else "list")
    if _is_group(text) and (group := _group(text[0], text[1:-1])):
        return group
    if text[:1] in "([]" and text[-1:] in ")][" and (real_set := _real_set(text)):
        return real_set
    if _RATIO.fullmatch(text):
        return Ratio(tuple(read_value(term.strip()) for term in re.split(r":| to ", text)))
    single = read_single(text)
    return (_vector(single) or single) if isinstance(single, Value) else single


def _lettered_parts(text: str) -> list[str] | None:
    """The answers of `(a) 3 (b) 5` in the order of their letters; None where nothing is lettered so."""
    marks = list(_PARTS.finditer(text))
    labels = [(mark[1] or mark[2]).lower() for mark in marks]
    for series in _LABELS:
        if len(labels) > 1 and marks[0].start() == 0 and sorted(labels) == sorted(series[: len(labels)]):
            ends = [*(mark.start() for mark in marks[1:]), len(text)]
            found = {label: text[mark.end() : end] for label, mark, end in zip(labels, marks, ends, strict=True)}
            parts = [found[label].strip(" ,;") for label in series[: len(labels)]]
            return parts if all(parts) else None
    return None


def _family(body: str, parameter: str) -> Form:
    """The members of a family; raises NotMathematics where they are no values."""
    form = _form(body, grouped=False)
    members = form.items if isinstance(form, Items) else (form,)
    if not all(isinstance(member, Value) for member in members):
        raise NotMathematics("a family of something else than values")
    return Progressions(tuple(member.node for member in members if isinstance(member, Value)), parameter)


def _scaled(factor: str, form: Form) -> Form:
    """A matrix or vector with every entry multiplied by the number before it."""
    node = read_value("-1" if factor == "-" else factor.rstrip("* ")).node

    def multiplied(items: Items) -> Items:
        entries = [item for item in items.items if isinstance(item, Value)]
        return Items(items.kind, tuple(replace(entry, node=times(node, entry.node)) for entry in entries))

    if isinstance(form, Matrix):
        return Matrix(tuple(multiplied(row) for row in form.rows))
    if isinstance(form, Items):
        return multiplied(form)
    raise NotMathematics("a number before something else than a matrix")


def _vector(value: Value) -> Items | None:
    """The components of `2i - j + 4k`, with bold or hatted letters or with plain ones where both i and j are there."""
    if not value.node.letters:
        return None
    axes = [axis for axis in UNIT_VECTORS.values() if axis in value.node.letters]
    names = tuple(UNIT_VECTORS.values()) if axes else tuple(UNIT_VECTORS)
    if not axes and not ("j" in value.node.letters and value.node.letters <= {"j", "k"} and mentions(value.node, "i")):
        return None
    rest, components = value.node, []
    for name in names:
        parts = linear(rest, name)
        if parts is None or any(mentions(parts[1], other) for other in names):
            return None
        rest, component = parts
        components.append(Value(component))
    if rest.rational != 0:
        return None
    return Items("vector", tuple(components if mentions(value.node, names[2]) else components[:2]))


def _matrix(cells: list[list[str]]) -> Form:
    """Rows of cells; a single row or column is a vector."""
    rows = tuple(Items("tuple", tuple(read_value(cell.strip()) for cell in row)) for row in cells)
    if len({len(row.items) for row in rows}) != 1:
        raise NotMathematics("rows of unequal length")
    if len(rows) == 1 or len(rows[0].items) == 1:
        return Items("vector", tuple(item for row in rows for item in row.items))
    return Matrix(rows)


def _real_set(text: str) -> RealSet | None:
    try:
        intervals = read_real_set(" ".join(unwrapped(text).split()))
    except NotMathematics:
        return None
    unknowns = frozenset(re.findall(r"(?<![a-zA-Z\\])[a-zA-Z](?![a-zA-Z])", text)) - {"e", "i"}
    return RealSet(intervals, unknowns)


def _split(text: str, separators: str) -> list[str]:
    """Split at single-character separators that are outside all brackets."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{⦃⟨") - (character in ")]}⦄⟩")
        if character in separators and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def _is_group(text: str) -> bool:
    """Whether one pair of brackets encloses the whole text."""
    if len(text) < 2 or text[-1] != _CLOSING.get(text[0]):
        return False
    return text[0] == "<" or not any(_depth_after(text, place) == 0 for place in _closings(text[:-1]))


def _closings(text: str) -> list[int]:
    return [place for place, character in enumerate(text) if character in ")]}⦄⟩"]


def _depth_after(text: str, place: int) -> int:
    seen = text[: place + 1]
    return sum(seen.count(opening) for opening in "([{⦃⟨") - sum(seen.count(closing) for closing in ")]}⦄⟩")


def _group(opening: str, inside: str) -> Form | None:
    """A set, tuple, bracket, vector or matrix; None for brackets around a single expression."""
    rows = _split(inside, ";")
    if len(rows) > 1 and all("," in row for row in rows):
        return _matrix([_split(row, ",") for row in rows])
    parts = [part for part in _split(inside, ",;") if part]
    if len(parts) < 2 and opening != "⦃":
        return None
    items = _items(parts, grouped=False)
    rows_of_items = [item for item in items if isinstance(item, Items) and item.kind in ("tuple", "bracket")]
    if opening == "[" and len(rows_of_items) == len(items) and len({len(row.items) for row in rows_of_items}) == 1:
        return Matrix(tuple(Items("tuple", row.items) for row in rows_of_items))
    return Items(_KINDS[opening], tuple(items))


def _items(parts: list[str], grouped: bool) -> list[Form]:
    """The forms of a list's parts: mathematics throughout or words throughout (`Monday, Tuesday`); a mixture is prose.

    A part written with ± is two items.
    """
    try:
        forms = [_form(part, grouped) for part in parts]
    except NotMathematics:
        yes_or_no = parts[0].lower() in ("yes", "no", "true", "false")
        if not yes_or_no and all(_in_words(part) and len(part.split()) <= 3 for part in parts):
            return [Words(part) for part in parts]
        raise
    return [
        item for form in forms for item in (form.items if isinstance(form, Items) and form.kind == "list" else [form])
    ]


def _listed(items: list[Form], kind: Literal["list", "either"]) -> Form:
    """A bare list; with names that differ (`x = 3, y = 2`) it is a point in the order of the names."""
    values = [item for item in items if isinstance(item, Value) and item.name]
    letters = {str(value.name).split("_")[0] for value in values}
    if len(values) == len(items) == len({value.name for value in values}) and len(letters) > 1:
        ordered = sorted(values, key=lambda value: str(value.name))
        return Items("tuple", tuple(replace(value, name=None) for value in ordered))
    return Items(kind, tuple(items))
