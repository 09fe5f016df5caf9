r"""One spelling for what contest keys, LaTeX and unicode spell in many ways; characters only, no structure.

The result is a short linear notation: `\frac{a}{b}` and `√{x}` stay, operators are `+ - * / ^ _ = < > <= >= != ±`,
set braces are `⦃ ⦄`, words that stood in a text wrapper are `‹ ›`, degrees `°`, currency `¤`.

    >>> plain("$36\\sqrt2$"), plain("2¾ ft²"), plain("5{,}040"), plain("−√15")
    ('36\\sqrt2', '2\\frac{3}{4} ft^{2}', '5040', '-√15')
"""

import re
import unicodedata

from distil.verifier.expression import FUNCTIONS
from distil.verifier.rewrites import chosen, equations, modulus, number_sets, unit_vectors
from distil.verifier.words import VOCABULARY

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣ", "0123456789+-()nix", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₒₓₙ", "0123456789+-()aeoxn", strict=True))
CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("−–—‒‐‑﹣－", "-"),
        **dict.fromkeys("×✕✖⋅·∙•∗", "*"),
        **dict.fromkeys("÷∕⁄", "/"),
        **dict.fromkeys("º∘˚◦", "°"),
        "。": ".", "、": ",", "【": "(", "】": ")", "〔": "(", "〕": ")", "￥": "¥",
        **dict.fromkeys("‘’ʹ′", "'"),
        **dict.fromkeys("“”″「」『』", '"'),
        **dict.fromkeys("≈≅≃", "≈"),
        "≤": "<=", "≥": ">=", "≠": "!=", "⩽": "<=", "⩾": ">=", "∣": "|", "∶": ":", "〈": "⟨", "〉": "⟩",
        "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\u2061": "", "\u2062": "*", "\ufeff": "",
        "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℕ": "\\mathbb{N}", "ℚ": "\\mathbb{Q}", "ℂ": "\\mathbb{C}",
        "∛": "√[3]", "∜": "√[4]", "…": "...", "ø": "∅", "Ø": "∅", "⌀": "∅",
    }
)  # fmt: skip
COMMANDS = {name: sign for sign, names in VOCABULARY["commands"].items() for name in names.split()}
COMMANDS |= VOCABULARY["greek"]
_LOOKS = "|".join(VOCABULARY["dropped"].split())

_SUPERSCRIPT_ROOT = re.compile(f"([{''.join(SUPERSCRIPTS)}]+)√")
_SUPERSCRIPT = re.compile(f"[{''.join(SUPERSCRIPTS)}]+")
_SUBSCRIPT = re.compile(f"[{''.join(SUBSCRIPTS)}]+")
_VULGAR = re.compile("[¼½¾⅐-⅞↉]")
_EDGES = re.compile(r"^[\s*_]+|[\s*_.]+$")
_TEXT = re.compile(r"\\(?:text(?:bf|rm|it|sf|tt|up|normal|md)?|mbox|hbox|emph|mathop)\s*\{([^{}]*)\}")
_ROMAN = re.compile(r"\\(?:math(?:rm|bf|it|sf|tt)|operatorname\*?)\s*\{\s*([^{}\\]{2,})\s*\}")
_ROMAN_UNIT = re.compile(r"(?<=[\d)}])((?:\s|~|\\[,;: ])*)\\(?:mathrm|rm|operatorname)\s*\{\s*([mgshlLFCK])\s*\}")
_OVER = re.compile(r"\{([^{}]*)\\(over|choose)(?![a-z])([^{}]*)\}|^([^{}]*)\\(over|choose)(?![a-z])([^{}]*)$")
_REPEATED = re.compile(r"(\d*\.\d{0,20}?)(\d{1,6}?)\2{2,}\s*(?:\.{3}|…|\\l?dots)")
_DROPPED = re.compile(rf"\\(?:{_LOOKS})(?![a-zA-Z])\*?|\\hspace\{{[^{{}}]*\}}|\\[,;:!> \n]|\\\Z")
_PAINT = re.compile(
    r"\\(?:(?:text)?color|colorbox|fcolorbox\s*\{[^{}]*\}|tag\*?|label)\s*(?:\[[^\[\]]*\]\s*)?\{[^{}]*\}"
)
"""Colours, with the name of the colour, and the numbers of equations."""
_BRACED_EQUATION = re.compile(r"\s*(?<!\\)\{([^{}]*=[^{}]*)(?<!\\)\}\s*\Z")
_SLANTED = re.compile(r"(?:\{\s*\})?\^\s*\{?\s*(\d+)\s*\}?\s*/\s*(?:\{\s*\})?\s*_\s*\{?\s*(\d+)\s*\}?")
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_MARKED_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,\\!|\\,|\\ |\\!,|\{\\,\})\s*(?=\d{3}(?!\d))")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]*\d)")
_DEGREES = re.compile(r"\^\s*[({]\s*°\s*[)}]|\^\s*°|(?<=\d)\^\{?\s*o\s*\}?$")
_PRIMES = re.compile(r"\^\{?\s*('+)\s*\}?")
_ROW_SPACE = re.compile(r"\\\\\[[^\]]{0,10}\]")
_DELIMITERS = re.compile(r"\\[()\[\]]")
_NUMBER_IN_TEXT = re.compile(r"‹\s*(-?\d[\d.,]*)\s*›")
_QUANTITY = re.compile(r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_BRACED_LETTER = re.compile(r"\{([^\W\d_])\}(?=[_^])")
_POWER_FIRST = re.compile(r"(?<=[^\W\d])\^(\{[^{}]*\}|\w)_(\{[^{}]*\}|\w)")
_BRACKETS_IN_TEXT = re.compile(r"‹\s*(\([^‹›]*\))\s*›")
_TIMES = re.compile(r"(?<=[\d)}])\s+[xX]\s+(?=\d|\([^()a-zA-Z]*\))|(?<=\d)\s*[xX]\s*(?=10\s*(?:\^|\*\*))")
_X_ALONE = re.compile(r"(?<![a-zA-Z\\])[xX](?![a-zA-Z]|\s*=)")
_UNION = re.compile(r"(?<=[)\]])\s*[Uu]\s*(?=[(\[])")
_OVERLINED = re.compile("(?:\\d\u0305)+")
_QUOTED = re.compile(r"""(['"])([^'"]+)\1|''([^'"]+)''""")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,/^_])\d{1,3}(?: \d{3})+(?![\d/]| \d)")


def plain(text: str) -> str:
    """The text in this module's notation, without delimiters of mathematics and markdown around it. Never raises."""
    if "..." in text or "…" in text or "dots" in text:
        text = _REPEATED.sub(r"\1\\overline{\2}", text)
    text = _MARKED_THOUSANDS.sub("", _characters(text))
    if "\\" in text:
        text = number_sets(unit_vectors(equations(text)))
    text = _wrappers(text)
    text = _commands(text)
    text = modulus(text)
    if "C" in text or "P" in text or "choose" in text:
        text = chosen(text)
    if "x" in text or "X" in text:
        text = _times(text)
    if "u" in text or "U" in text:
        text = _UNION.sub("∪", text)
    if "^" in text:
        text = _POWER_FIRST.sub(r"_\2^\1", _PRIMES.sub(r"\1", _DEGREES.sub("°", text)))
    if "/" in text and "_" in text:
        text = _SLANTED.sub(r"\\frac{\1}{\2}", text)
    if "}_" in text or "}^" in text:
        text = _BRACED_LETTER.sub(r"\1", text)
    text = text.replace("+/-", "±").replace("+-", "±").replace("**", "^").replace("`", "")
    text = text.replace("~=", "≈").replace("~", " ").replace("=<", "<=").replace("=>", "→").replace("->", "→")
    text = _SPACED_THOUSANDS.sub(lambda match: match[0].replace(" ", ""), " ".join(text.split()))
    text = text.strip(" ;:").removesuffix(",").removesuffix(".").strip()
    return (quoted[2] or quoted[3]) if text[:1] in "'\"" and (quoted := _QUOTED.fullmatch(text)) else text


def _times(text: str) -> str:
    """The letter x as a sign of multiplication (`12 x 5`), unless one of them is an unknown: `2 x (x + 1)`."""
    signs = _TIMES.findall(text)
    return _TIMES.sub("*", text) if signs and len(signs) == len(_X_ALONE.findall(text)) else text


def without_thousands(text: str) -> str:
    """Remove commas that group digits in threes (`13,680`, `209/14,400`): for texts in which they part no items."""
    return _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)


def _characters(text: str) -> str:
    """Superscripts, subscripts and vulgar fractions first: unicode folding would make `2³` the number 23."""
    if text.isascii():
        return text
    text = _OVERLINED.sub(lambda match: f"\\overline{{{match[0].replace(chr(0x305), '')}}}", text)
    text = _SUPERSCRIPT_ROOT.sub(lambda match: f"√[{_spelled(match[1], SUPERSCRIPTS)}]", text)
    text = _SUPERSCRIPT.sub(lambda match: f"^{{{_spelled(match[0], SUPERSCRIPTS)}}}", text)
    text = _SUBSCRIPT.sub(lambda match: f"_{{{_spelled(match[0], SUBSCRIPTS)}}}", text)
    text = _VULGAR.sub(
        lambda match: "\\frac{{{}}}{{{}}}".format(*unicodedata.normalize("NFKC", match[0]).split("⁄")), text
    )
    return unicodedata.normalize("NFKC", text.translate(CHARACTERS)).translate(CHARACTERS)


def _spelled(run: str, table: dict[str, str]) -> str:
    return "".join(table[character] for character in run)


def _wrappers(text: str) -> str:
    """Text wrappers become `‹ ›`, delimiters of mathematics and emphasis go, escaped signs become plain ones."""
    if "\\" in text:
        text = _ROW_SPACE.sub(r"\\\\", text)
        text = _DELIMITERS.sub(" ", text).replace("\\$", "¤")
    text = text.replace("$$", " ")
    text = text.replace("$", "¤" if text.count("$") % 2 and not text.rstrip(" .").endswith("$") else "")
    if "\\" not in text:
        return _EDGES.sub("", text)
    text = _BRACED_EQUATION.sub(r"\1", _PAINT.sub(" ", text))
    text = _QUANTITY.sub(r"\1 \\text{\2}", text)
    text = _ROMAN_UNIT.sub(r"\1‹\2›", text)
    text = _ROMAN.sub(lambda match: match[1] if match[1] in FUNCTIONS else f" ‹{match[1]}› ", text)
    while (unwrapped := _TEXT.sub(r" ‹\1› ", text)) != text:
        text = unwrapped
    text = _OVER.sub(_as_command, text)
    if "‹" in text:
        text = _NUMBER_IN_TEXT.sub(r"\1", text)
        text = _BRACKETS_IN_TEXT.sub(r"\1", text.replace("‹¤›", "¤")).replace("‹›", " ")
    text = text.replace("{:}", ":")
    text = text.replace("\\{", "⦃").replace("\\}", "⦄").replace("\\%", "%").replace("\\#", "#").replace("\\|", "|")
    return _EDGES.sub("", text)


def _commands(text: str) -> str:
    if "\\" not in text:
        return text
    text = text.replace("\\\\", "\x1e")  # a matrix's row break is no escape
    text = _DROPPED.sub(" ", text)
    text = _COMMAND.sub(lambda match: COMMANDS.get(match[1], match[0]), text)
    return text.replace("\x1e", "\\\\")


def _as_command(match: re.Match[str]) -> str:
    """`{a \\over b}` and `{a \\choose b}` with the command first."""
    command = "frac" if "over" in (match[2], match[5]) else "binom"
    return f"\\{command}{{{match[1] or match[4]}}}{{{match[3] or match[6]}}}"
