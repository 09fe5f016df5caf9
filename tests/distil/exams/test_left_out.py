"""Which questions a model that reads only text cannot be asked."""

import pytest

from distil.exams.left_out import reason_against


@pytest.mark.parametrize(
    "question",
    [
        "In the figure, find x.",
        "In Figure 2, find angle ABC.",
        "Refer to Fig. 1.",
        "Find the area of the region in figure 3.",
        "Which of the figures below has the largest area?",
        "Refer to the diagram. Find x.",
        "Use the graph below to find f(2).",
        "The accompanying graph shows the height of a ball.",
        "The graph of y = f(x) is shown below. Find f(3).",
        "Find the speed shown on the chart.",
        "The table below shows the scores. Find the mean.",
        "Find the mean of the ages in the accompanying table.",
        "A triangle with sides extended is shown (but not necessarily drawn to scale).",
        "A circle is inscribed in a square, as drawn.",
        "A path of unit squares is drawn below.",
    ],
)
def test_a_question_about_a_figure_is_left_out(question):
    assert reason_against(question) == "refers to a figure"


@pytest.mark.parametrize(
    "question",
    [
        "Two socks are drawn at random from a drawer with 3 black and 5 red ones.",
        "A line is drawn through (1, 2) with slope 3.",
        "It is shown that n is even. Find the least n.",
        "Find the x-intercept of the graph of y = 2x + 1.",
        "Find the area under the graph below the line y = 2.",
        "Is the graph above y = 3 for all x?",
        "Translate the graph to the right by 2 units.",
        "A survey has shown that 3 of 5 people own a graph.",
        "Give your answer to four significant figures. 7 people sit around a round table.",
        "How many numbers can be formed with the figures 1, 2 and 3?",
        "How far is a figure 8 of two circles of radius 1?",
        "The table below shows the votes. \\begin{tabular}{c|c} Ann & 3 \\\\ Bob & 4 \\end{tabular}",
        "The table below shows the votes.\n\n| Ann | Bob |\n| --- | --- |\n| 3 | 4 |",
    ],
)
def test_a_question_in_words_alone_is_asked(question):
    assert reason_against(question) is None
