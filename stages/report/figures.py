"""The pictures. Each is a function from a small table to an Altair chart. No statistics are computed here."""

from collections.abc import Sequence
from typing import NamedTuple

import altair as alt
import pandas as pd

INK, MUTED, LINE = "#1d2128", "#5b6270", "#e2dfd7"
BASE, STUDENT, TEACHER = "#6b7484", "#0f6e84", "#a8650c"
RIGHT, PALE = "#2a7048", "#efc8bc"
"""The palette. page.css has the colour of the dark theme for each of these."""
KINDS = {"base": BASE, "student": STUDENT, "teacher": TEACHER}
WIDTH = 350
PERCENT = alt.Axis(format=".0%", tickCount=5)
STEEP = 5
"""If the highest loss is this many times the lowest, a plain axis would show a flat line after the first fall."""


class Plan(NamedTuple):
    """A chart to draw: the name of its file, its caption, and a description for those who do not see it."""

    name: str
    chart: alt.TopLevelMixin
    caption: str
    alternative: str


def kind(frame: pd.DataFrame, legend: bool = True) -> alt.Color:
    """The colours of base, student and teacher, for those that `frame` has."""
    present = [name for name in KINDS if name in set(frame["kind"])]
    scale = alt.Scale(domain=present, range=[KINDS[name] for name in present])
    return alt.Color("kind:N", scale=scale, title=None) if legend else alt.Color("kind:N", scale=scale, legend=None)


def accuracy_by_model(models: pd.DataFrame, seeds: pd.DataFrame) -> alt.LayerChart:
    """Accuracy with its interval for base, student and teacher. Each seed is a tick on the student's row.

    `models` has model, kind, accuracy, low and high; `seeds` has model (the student's row), kind and accuracy.
    """
    y = alt.Y(
        "model:N", sort=list(models["model"]), title=None, axis=alt.Axis(labelLimit=170, domain=False, labelPadding=8)
    )
    x = alt.X("accuracy:Q", title="accuracy", scale=alt.Scale(domain=[0, 1]), axis=PERCENT)
    color = kind(models, legend=False)
    drawn = alt.Chart(models).encode(y=y, color=color)
    return alt.layer(
        alt.Chart(seeds).mark_tick(thickness=1.5, size=9, yOffset=15, opacity=0.8).encode(x=x, y=y, color=color),
        drawn.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title="accuracy"), x2="high:Q"),
        drawn.mark_point(filled=True, size=120, opacity=1).encode(x=x),
        drawn.mark_text(dy=-17, fontWeight="bold").encode(x=x, text=alt.Text("accuracy:Q", format=".1%")),
    ).properties(width=WIDTH - 60, height=250)


def accuracy_by_words(levels: pd.DataFrame) -> alt.LayerChart:
    """Accuracy with its interval against the mean words of the responses, a point for each chain length.

    `levels` has level, words, accuracy, low and high.
    """
    x = alt.X(
        "words:Q",
        title="mean words of a response (log scale)",
        axis=alt.Axis(grid=False, values=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]),
        scale=alt.Scale(type="log", nice=False, padding=18),
    )
    room = alt.Scale(zero=True, domainMax=float(levels["high"].max()) + 0.1, nice=False)  # for the levels' names
    y = alt.Y("accuracy:Q", title="accuracy", axis=PERCENT, scale=room)
    drawn = alt.Chart(levels).encode(x=x)
    return alt.layer(
        drawn.mark_line(color=STUDENT, strokeWidth=1.5, opacity=0.5).encode(y=y, order="words:Q"),
        drawn.mark_rule(color=STUDENT, strokeWidth=2.5).encode(y=alt.Y("low:Q", title="accuracy"), y2="high:Q"),
        drawn.mark_point(color=STUDENT, filled=True, size=90, opacity=1).encode(y=y),
        drawn.mark_text(dy=-9, fontWeight="bold").encode(y=alt.Y("high:Q", title="accuracy"), text="level:N"),
    ).properties(width=WIDTH, height=250)


def section_by_level(cells: pd.DataFrame, levels: Sequence[str]) -> alt.FacetChart:
    """Accuracy with its interval by chain length, one panel for each section.

    `cells` has section, level, accuracy, low and high.
    """
    x = alt.X("level:O", title=None, sort=list(levels), axis=alt.Axis(labelAngle=0))
    y = alt.Y("accuracy:Q", title="accuracy", axis=PERCENT)
    drawn = alt.Chart(cells).encode(x=x)
    return (
        alt.layer(
            drawn.mark_line(color=STUDENT, strokeWidth=1.5, opacity=0.5).encode(y=y),
            drawn.mark_rule(color=STUDENT, strokeWidth=2).encode(y=alt.Y("low:Q", title="accuracy"), y2="high:Q"),
            drawn.mark_point(color=STUDENT, filled=True, size=55, opacity=1).encode(y=y),
        )
        .properties(width=WIDTH, height=105)
        .facet(
            row=alt.Row(
                "section:N", title=None, header=alt.Header(orient="top", labelAnchor="start", labelFontWeight="bold")
            )
        )
    )


def accuracy_by_section(cells: pd.DataFrame) -> alt.LayerChart:
    """Accuracy with its interval of base, student and teacher in every section.

    `cells` has section, kind, accuracy, low and high.
    """
    words = alt.Axis(labelAngle=0, labelExpr="split(datum.label, ' ')")  # one word a line, or names run together
    x = alt.X("section:N", title=None, sort=list(dict.fromkeys(cells["section"])), axis=words)
    y = alt.Y("accuracy:Q", title="accuracy", axis=PERCENT, scale=alt.Scale(domain=[0, 1]))
    offset = alt.XOffset("kind:N", sort=list(KINDS))
    drawn = alt.Chart(cells).encode(x=x, color=kind(cells), xOffset=offset)
    return alt.layer(
        drawn.mark_rule(strokeWidth=2.5).encode(y=alt.Y("low:Q", title="accuracy"), y2="high:Q"),
        drawn.mark_point(filled=True, size=80, opacity=1).encode(y=y),
    ).properties(width=WIDTH, height=230)


def year_by_year(years: pd.DataFrame) -> alt.LayerChart:
    """Accuracy of base and student in every year. Points are hollow where the student was trained on the year.

    `years` has year, kind, role (`seen` or `unseen`), accuracy, low and high.
    """
    x = alt.X("year:O", title=None, axis=alt.Axis(labelAngle=-90 if years["year"].nunique() > 8 else 0))
    y = alt.Y("accuracy:Q", title="accuracy", axis=PERCENT)
    drawn = alt.Chart(years).encode(x=x, color=kind(years), xOffset="kind:N")
    return alt.layer(
        drawn.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q", title="accuracy"), y2="high:Q"),
        drawn.transform_filter("datum.role == 'unseen'").mark_point(filled=True, size=55, opacity=1).encode(y=y),
        drawn.transform_filter("datum.role != 'unseen'").mark_point(fill="#ffffff", size=40, opacity=1).encode(y=y),
    ).properties(width=WIDTH, height=230)


def seen_and_unseen(cells: pd.DataFrame) -> alt.LayerChart:
    """Accuracy with its interval on questions the student was trained on and on those held out.

    `cells` has kind (`base` or `student`), questions (the words on the axis), accuracy, low and high.
    """
    x = alt.X(
        "questions:N",
        title=None,
        sort=list(dict.fromkeys(cells["questions"])),
        axis=alt.Axis(labelAngle=0, labelLimit=140),
    )
    y = alt.Y("accuracy:Q", title="accuracy", axis=PERCENT)
    drawn = alt.Chart(cells).encode(x=x, color=kind(cells))
    return alt.layer(
        drawn.mark_rule(strokeWidth=2.5).encode(y=alt.Y("low:Q", title="accuracy"), y2="high:Q"),
        drawn.mark_point(filled=True, size=100, opacity=1).encode(y=y),
        drawn.mark_text(align="left", dx=10, fontWeight="bold").encode(y=y, text=alt.Text("accuracy:Q", format=".1%")),
    ).properties(width=WIDTH, height=230)


def discordant_pairs(pairs: pd.DataFrame) -> alt.LayerChart:
    """For each seed, the questions only the student got right (to the right) and only the base model (to the left).

    `pairs` has seed, gained and lost.
    """
    y = alt.Y("seed:N", sort=list(pairs["seed"]), title=None, axis=alt.Axis(domain=False, labelPadding=8))
    room = 0.1 * (pairs["gained"].max() + pairs["lost"].max() + 1)  # for the numbers beside the bars
    x = alt.X(
        "gained:Q",
        title="← only base right   |   only student right →",
        axis=alt.Axis(labelExpr="abs(datum.value)"),
        scale=alt.Scale(domain=[-pairs["lost"].max() - room, pairs["gained"].max() + room], nice=False),
    )
    drawn = alt.Chart(pairs.assign(left=-pairs["lost"])).encode(y=y)
    return alt.layer(
        drawn.mark_bar(color=STUDENT, height=20).encode(x=x),
        drawn.mark_bar(color=BASE, height=20).encode(x="left:Q"),
        drawn.mark_text(align="left", dx=5, fontWeight="bold").encode(x=x, text="gained:Q"),
        drawn.mark_text(align="right", dx=-5, fontWeight="bold").encode(x="left:Q", text="lost:Q"),
    ).properties(width=WIDTH - 40, height=alt.Step(36))


def questions_by_seed(patterns: pd.DataFrame, models: Sequence[str]) -> alt.Chart:
    """Every question as a column, every model as a row, coloured by verdict. Equal patterns are next to each other.

    `patterns` has model, start, end (columns from and to) and verdict (`right`, `wrong`, `no answer`, `undecided`).
    """
    verdicts = alt.Scale(domain=["right", "wrong", "no answer", "undecided"], range=[RIGHT, PALE, LINE, MUTED])
    return (
        alt.Chart(patterns)
        .mark_bar(height=alt.RelativeBandSize(0.92))
        .encode(
            x=alt.X("start:Q", title="questions", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False, tickCount=5)),
            x2="end:Q",
            y=alt.Y("model:N", sort=list(models), title=None, axis=alt.Axis(domain=False, labelPadding=8)),
            color=alt.Color("verdict:N", scale=verdicts, title=None),
        )
        .properties(width=WIDTH, height=alt.Step(30))
    )


def loss_curves(curves: pd.DataFrame, best: pd.DataFrame) -> alt.LayerChart:
    """Training and validation loss of every seed, with a mark at the iteration whose adapter was kept.

    `curves` has seed, iteration, part (`training` or `validation`) and loss. `best` has seed, iteration and loss. The
    loss has a log axis where it falls steeply.
    """
    parts = alt.Scale(domain=["training", "validation"], range=[BASE, STUDENT])
    x = alt.X("iteration:Q", title="iteration", scale=alt.Scale(nice=False))
    if curves["loss"].max() > STEEP * curves["loss"].min() > 0:
        y = alt.Y("loss:Q", title="loss (nats per token, log scale)", scale=alt.Scale(type="log", nice=False))
    else:
        y = alt.Y("loss:Q", title="loss (nats per token)", scale=alt.Scale(zero=False))
    return alt.layer(
        alt.Chart(curves)
        .mark_line(strokeWidth=1.5, opacity=0.75)
        .encode(x=x, y=y, detail="seed:N", color=alt.Color("part:N", scale=parts, title=None)),
        alt.Chart(best).mark_point(shape="diamond", filled=True, size=90, color=TEACHER, opacity=1).encode(x=x, y=y),
    ).properties(width=WIDTH, height=230)


def result(models: alt.LayerChart, words: alt.LayerChart | None) -> alt.HConcatChart:
    """The README's picture: accuracy by model and, where there was a length sweep, accuracy against words."""
    panels = [models.properties(title="Accuracy on questions held out")]
    if words is not None:
        panels.append(words.properties(title="Shorter chains to learn from"))
    return alt.hconcat(*panels, spacing=90, bounds="flush")
