r"""Notation that takes more than another sign: systems of equations, unit vectors, sets of numbers, ways to choose.

>>> equations(r"\begin{cases} a = 3 \\ b = 5 \end{cases}"), chosen("_{20}C_{10}"), unit_vectors(r"2\mathbf{i}")
(' a = 3 , b = 5 ', '\\binom{20}{10}', '2î')
"""

import re

UNIT_VECTORS = {"i": "î", "j": "ĵ", "k": "ķ"}
"""Letters of our notation for the unit vectors along the axes, in order."""
_SYSTEM = re.compile(
    r"(?:\\left\s*\\?[{.])?\s*\\begin\{(cases|aligned|align\*?|gathered|split|array)\}(?:\{[lcr| ]*\})?(.*?)\\end\{\1\}"
    r"\s*(?:\\right\s*\.)?",
    re.DOTALL,
)
_BOLD = r"\\(?:mathbf|boldsymbol|bm|bf|hat|widehat|vec|overrightarrow)\s*"
_UNIT_VECTOR = re.compile(
    rf"(?:{_BOLD}|\{{\s*\\bf\s+)\{{?\s*(?:{_BOLD}\{{?\s*)?(?:\\([ij])math|([ijk]))(?![a-zA-Z])\s*\}}?\s*\}}?"
)
_SETS = {"R": "ℝ", "Z": "ℤ", "N": "ℕ", "Q": "ℚ", "C": "ℂ"}
_SET = re.compile(r"\\(?:mathbb|mathbf|Bbb)\s*(?:\{\s*([RZNQC])\s*\}|([RZNQC])(?![a-zA-Z]))")
_REMOVED = re.compile(r"(?<=[ℝ)\]])\s*(?:\\\s*|-\s*)(?=\\?\{|\\lbrace)")
_PLAIN_REALS = re.compile(r"(?<![A-Za-z\\])R(?=\s*\\(?:setminus\s*|\s+)\\?\{)")
_MODULUS = re.compile(r"\s*\(?\s*‹?\s*(?:\\[pb]?mod|\bmod)\s*›?\s*\{?\s*(\d+)\s*\}?\s*\)?")
_COUNT = r"\{?\s*(\d+|[nkmr])\s*\}?"
_C = r"[{‹]?\s*([CP])\s*[}›]?"
_CHOSEN = [
    re.compile(rf"(?:\{{\s*\}})?\s*(?:[_^]\s*|(?=\{{)){_COUNT}\s*{_C}\s*_\s*{_COUNT}"),
    re.compile(rf"(?<![\w.])(\d+)\s*{_C}\s*_?\s*\{{?(\d+)\}}?(?!\w)"),
    re.compile(r"(?<![\w.])(\d+|n)\s+‹?\s*(choose)\s*›?\s+(\d+|k)(?!\w)"),
    re.compile(rf"(?<![A-Za-z\\])n?{_C}r?\s*\(\s*(\d+|[nm])\s*,\s*(\d+|[kr])\s*\)"),
    re.compile(rf"(?<![A-Za-z\\])([CPA])\s*_\s*{_COUNT}\s*\^\s*{_COUNT}"),
    re.compile(rf"(?<![A-Za-z\\])([CPA])\s*\^\s*{_COUNT}\s*_\s*{_COUNT}"),
]
_KIND, _OF, _TAKEN = (2, 2, 2, 1, 1, 1), (1, 1, 1, 2, 2, 3), (3, 3, 3, 3, 3, 2)


def equations(text: str) -> str:
    """A system's lines joined by commas: `cases`, `aligned`, and an `array` of equations."""
    return _SYSTEM.sub(_lines, text) if "\\begin" in text else text


def _lines(match: re.Match[str]) -> str:
    lines = [line.replace("&", " ").strip() for line in match[2].split("\\\\")]
    if match[1] == "array" and not all(re.search(r"[=<>]|\\[lg]e", line) for line in lines if line):
        return match[0]
    return f" {' , '.join(line.rstrip(',;') for line in lines if line)} "


def unit_vectors(text: str) -> str:
    """Bold or hatted i, j and k as letters of their own: upright and plain ones may be unknowns."""
    if not any(command in text for command in ("\\bf", "\\mathbf", "\\bm", "\\boldsymbol", "hat", "\\vec", "\\over")):
        return text
    return _UNIT_VECTOR.sub(lambda match: UNIT_VECTORS[match[1] or match[2]], text)


def number_sets(text: str) -> str:
    r"""One sign for `\mathbb{R}` and its like, and for the points taken out of one: `\mathbb{R} - \{1\}`."""
    if not any(letter in text for letter in _SETS):
        return text
    text = _SET.sub(lambda match: _SETS[match[1] or match[2]], _PLAIN_REALS.sub("ℝ", text))
    return _REMOVED.sub(" ∖ ", text)


def modulus(text: str) -> str:
    r"""`\pmod{7}`, `\bmod 7` and `mod 7` as `(mod 7)`."""
    return _MODULUS.sub(r" (mod \1)", text) if "mod" in text else text


def chosen(text: str) -> str:
    r"""Combinations (`C(5,2)`, `_{5}C_{2}`, `5 choose 2`) as `\binom`, permutations as a quotient of factorials."""
    for pattern, kind, of, taken in zip(_CHOSEN, _KIND, _OF, _TAKEN, strict=True):
        text = pattern.sub(lambda match: _ways(match[kind], match[of], match[taken]), text)  # noqa: B023
    return text


def _ways(kind: str, of: str, taken: str) -> str:
    if kind in ("C", "choose"):
        return f"\\binom{{{of}}}{{{taken}}}"
    return f"\\frac{{({of})!}}{{({of}-{taken})!}}"
