"""Formulas for the tests: a grammar of linear mathematics, and one line of it typeset and read back."""

from pathlib import Path

from fpdf import FPDF
from hypothesis import strategies as st

from distil.exams import inline_math
from stages.parsed.formula import read_formulas, read_line
from stages.parsed.page import read_pages
from stages.raw.typeset import Typesetter

NUMBERS = st.integers(0, 999).map(str) | st.sampled_from(["0.5", "3.14"])
LETTERS = st.sampled_from("abcgjkxyzAQW")


def _bracketed(text: str) -> str:
    return f"({text})"


def _larger(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inside.map(_bracketed)
    return st.one_of(
        st.builds(inline_math.fraction, inside, inside),
        st.builds(inline_math.root, inside),
        st.builds(lambda base, exponent: base + inline_math.power(exponent), NUMBERS | LETTERS | group, inside),
        st.builds(lambda number, letter: number + letter, NUMBERS, LETTERS),
        st.builds("{} {} {}".format, inside, st.sampled_from("+-="), inside),
        group,
    )


EXPRESSIONS = st.recursive(NUMBERS | LETTERS, _larger, max_leaves=8)
WORDS = st.sampled_from(
    ["Find", "the", "value", "of", "Typography,", "if", "quickly", "(jagged)", "mean.", "f(x)", "or"]
)
SENTENCES = st.lists(WORDS | EXPRESSIONS, min_size=1, max_size=12).map(" ".join)


def typeset_and_read(text: str, folder: Path) -> str:
    """One line of linear text, drawn on a page and read from it."""
    document = FPDF(unit="pt", format=(4000, 800))
    document.set_compression(False)
    document.add_page()
    Typesetter(document).box(text, 11.5).draw(50, 400)
    path = folder / "formula.pdf"
    path.write_bytes(bytes(document.output()))
    page = read_pages(path)[0]
    return read_line(read_formulas(page.pieces, page.rules))
