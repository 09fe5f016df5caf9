r"""Reading: what form a text has, and that trees, their exact values and sympy's agree."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from distil.verifier.expression import Node, NotMathematics, Undecidable, approximate, latex, number
from distil.verifier.grammar import read_expression
from distil.verifier.notation import plain
from distil.verifier.reading import read

NOTATION = [
    ("$36\\sqrt2$", "36\\sqrt2"),
    ("−√15", "-√15"),
    ("2¾ ft²", "2\\frac{3}{4} ft^{2}"),
    ("x³", "x^{3}"),
    ("³√5", "√[3]5"),
    ("2114₅", "2114_{5}"),
    ("5{,}040", "5040"),
    ("11,\\! 111,\\! 111,\\! 100", "11111111100"),
    ("13 680", "13680"),
    ("\\left( 3, \\frac{\\pi}{2} \\right)", "( 3, \\frac{π}{2} )"),
    ("\\dfrac{1}{2}", "\\frac{1}{2}"),
    ("17 \\text{ mph}", "17 ‹ mph›"),
    ("30^{\\circ}", "30°"),
    ("\\$18.90", "¤18.90"),
    ("$12.50", "¤12.50"),
    ("\\{1, 2\\}", "⦃1, 2⦄"),
    ("3\\cdot4 × 5·6", "3*4 * 5*6"),
    ("**405**.", "405"),
]

FORMS = {
    "Value": "31 | -14/3 | 2 3/4 | .551 | 13,680 | $12.50 | 20% | 30° | 36√2 | 5π | 17-8i | mp/(m+pr) | x = 5 | "
    "12 cm | 3 million | 0.1\\overline{6} | 5 feet 6 inches | seven",
    "Items": "(2, 3) | [2,3] | {2,3} | 1 and -1/3 | 3 or -2 | ±3 | \\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix} | x=1, y=2",
    "RealSet": "x < 3 | (3,4] | (0,9) ∪ (9,36) | x \\in [-2,7] | all real numbers | x \\ne 3",
    "Matrix": "\\begin{pmatrix} -1 & 0 \\\\ 0 & -1 \\end{pmatrix} | (-1,0;0,-1) | [[1,2],[3,4]]",
    "Ratio": "2:5 | 15:13:12 | 2 to 5",
    "Numeral": "2114five | 4343_6 | 2114 (base 5) | 1A4_{16}",
    "Relation": "5x - 7y + 11z + 4 = 0 | 2x = 8",
    "Letter": "D | \\text{(B)} | (C) | B) 12",
    "Alternatives": "3.5 (accept 7/2) | 12 (or twelve)",
    "Words": "NEVER | Lose 18 | no solution | March 5 | Saturday the 14th | \\text{Evelyn}",
    "Clock": "3:45 pm | 10 : 05 a.m. | 14:30 | noon | 5 o'clock",
    "Progressions": "2k\\pi, k \\in \\mathbb{Z} | \\pm\\frac{\\pi}{3} + 2\\pi n, where n is an integer",
    "Unread": "2..3 | ((( | \\int_0^1 x dx | \\frac{1}",
}


@pytest.mark.parametrize(("text", "expected"), NOTATION)
def test_one_notation_for_many_spellings(text, expected):
    assert plain(text) == expected


@pytest.mark.parametrize(("form", "text"), [(form, text) for form, row in FORMS.items() for text in row.split(" | ")])
def test_each_text_has_its_form(form, text):
    assert type(read(text)).__name__ == form


@pytest.mark.parametrize(
    ("text", "value"),
    [("2^3^2", 512), ("-2^2", -4), ("1/2/2", Fraction(1, 4)), ("2(3)", 6), ("6/2(3)", 9), ("5!", 120), ("√(9/4)", 1.5),
     ("4^{1/2}", 2), ("\\binom{5}{2}", 10), ("|-3|", 3), ("⌊2.5⌋", 2), ("-2 3/4", Fraction(-11, 4)), ("1.5e3", 1500)],
)  # fmt: skip
def test_exact_values(text, value):
    assert read_expression(text).rational == value


@pytest.mark.parametrize("text", ["", "2 3", "1 +", "(1", "x)", "\\frac{1}", "\\foo{1}", "a ? b", "\\sin", "3,4", "²"])
def test_what_is_not_wholly_mathematics_is_refused(text):
    with pytest.raises(NotMathematics):
        read_expression(text)


@pytest.mark.parametrize("text", ["1/0", "0^0", "10^{10^{10}}", "9^9^9^9", "1000000!", "\\binom{9^9}{5}", "(-1)!"])
def test_what_has_no_value_that_can_be_written_is_undecidable(text):
    with pytest.raises(Undecidable):
        _ = read_expression(text).rational


@given(st.text(max_size=200))
def test_any_text_has_a_form_and_a_canonical_spelling(text):
    assert isinstance(read(text).canonical, str)


def unary(op: str, value: str | None = None):
    return lambda node: Node(op, (node,), value)


def binary(op: str):
    return lambda pair: Node(op, pair)


LEAVES = st.one_of(
    st.integers(-20, 20).map(number),
    st.fractions(-9, 9, max_denominator=9).map(number),
    st.sampled_from(["π", "e", "i"]).map(lambda name: Node("const", (), name)),
    st.sampled_from("xyzR").map(lambda name: Node("sym", (), name)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        *(st.tuples(inner, inner).map(binary(op)) for op in ("add", "mul", "div")),
        inner.map(unary("neg")),
        st.tuples(inner, st.integers(-3, 3).map(number)).map(binary("pow")),
        st.tuples(st.sampled_from([number(2), number(3)]), inner).map(binary("root")),
        *(inner.map(unary("fun", name)) for name in ("sin", "cos", "tan", "cot")),
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(TREES)
def test_exact_floating_and_symbolic_values_of_a_tree_agree(node):
    from distil.verifier.algebra import to_sympy

    values = {name: 0.7 + place for place, name in enumerate(sorted(node.letters))}
    try:
        value, scale = approximate(node, values)
        exact = node.rational
    except (ArithmeticError, ValueError):
        assume(False)
    assume(scale < 1e9)
    if exact is not None:
        assert math.isclose(float(exact), value.real, rel_tol=1e-9, abs_tol=1e-9 * scale)
    symbolic = to_sympy(node).subs(values).evalf(30)
    assume(symbolic.is_number and symbolic.is_finite)
    assert abs(complex(symbolic) - value) <= 1e-6 * max(1, scale)


@settings(max_examples=60)
@given(TREES)
def test_the_canonical_spelling_reads_back_to_the_same_value(node):
    values = {name: 0.7 + place for place, name in enumerate(sorted(node.letters))}
    again = read_expression(plain(latex(node)))
    try:
        value, scale = approximate(node, values)
    except (ArithmeticError, ValueError):
        assume(False)
    assume(scale < 1e9)
    assert abs(approximate(again, values)[0] - value) <= 1e-9 * max(1, scale)
