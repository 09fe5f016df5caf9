import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil.exams.inline_math import Exponent, Fraction, Root, fraction, parse, power, root, write


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("x^2 + 3", ("x", Exponent(("2",)), " + 3")),
        ("Find (a + b + c)/3.", ("Find ", Fraction(("a + b + c",), ("3",)), ".")),
        ("sqrt(20 + 16) + 7", (Root(("20 + 16",)), " + 7")),
        ("(x^2 + 3)/5 - 2", (Fraction(("x", Exponent(("2",)), " + 3"), ("5",)), " - 2")),
        ("2sqrt(3)/3", (Fraction(("2", Root(("3",))), ("3",)),)),
        ("((a + b)/c)^2", ("(", Fraction(("a + b",), ("c",)), ")", Exponent(("2",)))),
        ("(a + b)^2/3", (Fraction(("(a + b)", Exponent(("2",))), ("3",)),)),
        ("1/(2x)", (Fraction(("1",), ("2x",)),)),
        ("2^(n + 1)", ("2", Exponent(("n + 1",)))),
        ("3 1/2", ("3 ", Fraction(("1",), ("2",)))),
    ],
)
def test_finds_what_can_be_drawn(text, nodes):
    assert parse(text) == nodes


@pytest.mark.parametrize(
    "text",
    ["(3)/4", "x^(2)", "1/2/3", "f(x)/2", "3/4x", "and/or", "10/11/2012", "x^nm", "sqrt()", "^2", "( a)/3", "(", ""],
)
def test_leaves_what_would_not_come_back(text):
    assert all(isinstance(node, str) for node in parse(text))


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (fraction("3x", "4"), "3x/4"),
        (fraction("a + b", "c^2"), "(a + b)/c^2"),
        (fraction("-3", "2x"), "(-3)/(2x)"),
        (fraction("(a + b)", "2"), "((a + b))/2"),
        (fraction("1/2", "3"), "(1/2)/3"),
        (power("12"), "^12"),
        (power("2n"), "^(2n)"),
        (root("x"), "sqrt(x)"),
    ],
)
def test_writes_brackets_where_the_line_needs_them(written, text):
    assert written == text


@given(
    st.lists(st.sampled_from([*"abx210.()/^ +", "sqrt(", "f(", " + ", ")/", "(a + b)", "1/2"]), max_size=14).map(
        "".join
    )
)
def test_write_is_the_inverse_of_parse(text):
    assert write(parse(text)) == text
