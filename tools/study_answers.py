"""The tables of docs/published.md, computed from the files that the study's authors published.

    python -m tools.study_answers ../shared/published            (write them into the page)
    python -m tools.study_answers ../shared/published --check    (fail where the page says anything else)

The folder holds the authors' answers to MATH-500 and their summaries. docs/published-disagreements.csv has every answer
on which judge and verifier differ, and who is at fault. A person read these answers.
"""

import argparse
import csv
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from distil.exams.tables import read_rows
from distil.pipeline.command import run
from distil.pipeline.files import InputError, write_text
from distil.pipeline.records import Problem
from distil.statistics.outcomes import questions_table, score
from distil.statistics.proportions import wilson
from distil.statistics.published import published
from distil.statistics.trend import cochran_armitage, slope
from distil.verifier import Verifier
from stages.answers.params import AnswerColumns
from stages.answers.replay import replay
from stages.eval import recorded
from stages.eval.params import EvalParams

PAGE = Path("docs/published.md")
DISAGREEMENTS = Path("docs/published-disagreements.csv")
ANSWERS = "qwen_tuned_math500_results.csv"
COLUMNS = {
    "student": AnswerColumns(id="unique_id", question="problem", response="qwen_response", judge="deepseek_verdict"),
    "teacher": AnswerColumns(id="unique_id", question="problem", response="agent1_answer", judge="agent2_verdict"),
}
PARAMS = EvalParams(resamples=10_000, seed=0, effect=5.0, margin=3.0, against_paper=True)
LEVELS = ("R2", "R3", "R4", "R5", "R6")
SECTIONS = {
    "all": "all",
    "freshman_sophomore_test": "freshman-sophomore",
    "junior_senior_test": "junior-senior",
    "two_person_speed_event": "two-person",
}
BLOCK = re.compile(r"(?<=<!-- table: )(?P<name>[\w-]+) -->\n.*?(?=<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class RightOf:
    """`right` of `n` answers."""

    right: int
    n: int

    def __str__(self) -> str:
        return f"{self.right}/{self.n} = {100 * self.right / self.n:.1f} %"


@dataclass(frozen=True)
class Study:
    """The folder with the authors' files. They are read and marked when first needed."""

    folder: Path

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of one of its CSV files."""
        return [row.values for row in read_rows(self.folder / name)]

    @cached_property
    def math500(self) -> dict[str, Any]:
        """The answers to MATH-500, marked and compared like data/eval/tables.json, with one row per answer."""
        problems = [
            Problem(
                id=row["unique_id"], year=0, section=row["subject"], number=number, question=row["problem"],
                answer=row["true_answer"], source="MATH-500", difficulty=int(row["level"]),
            )
            for number, row in enumerate(self.rows(ANSWERS), 1)
        ]  # fmt: skip
        questions = questions_table(problems, "transfer", {})
        with tempfile.TemporaryDirectory() as scratch, Verifier() as verifier:
            scored = Path(scratch, "scored.jsonl")
            said: dict[tuple[str, str, str], str] = {}
            with scored.open("w", encoding="utf-8") as file:
                for model, columns in COLUMNS.items():
                    replayed = replay(model, self.folder / ANSWERS, columns, {"transfer": problems})
                    path = Path(scratch, f"{model}.jsonl")
                    path.write_text("".join(row.model_dump_json() + "\n" for row in replayed.answers), "utf-8")
                    score(path, questions, verifier, file)
                    said |= {("transfer", model, row.problem_id): row.verdict for row in replayed.judged}
            rows = recorded.rows_of(scored, said)
        found = recorded.tables(rows, {"transfer": problems}, {"transfer": questions}, PARAMS).model_dump()
        return {"rows": rows, **found["recorded"]["math500"], "corrected": found["corrected"]}

    @cached_property
    def levels(self) -> dict[str, dict[str, RightOf]]:
        """Right answers of R1 to R6 over all questions, by section. Those of R1 are from its own summary."""
        first = {
            row["section"]: RightOf(int(row["CORRECT"]), int(row["CORRECT"]) + int(row["INCORRECT"]))
            for row in self.rows("verdict_by_section.csv")
        }
        total = RightOf(sum(one.right for one in first.values()), sum(one.n for one in first.values()))
        return {"R1": {"all": total, **first}, **self._summary("accuracy_summary.csv")}

    @cached_property
    def filtered(self) -> dict[str, dict[str, RightOf]]:
        """Right answers of R2 to R6 over the questions that the teacher answered rightly, by section."""
        return self._summary("accuracy_summary_filtered.csv")

    def _summary(self, name: str) -> dict[str, dict[str, RightOf]]:
        found: dict[str, dict[str, RightOf]] = {level: {} for level in LEVELS}
        for row in self.rows(name):
            if row["breakdown"] in ("overall", "section"):
                level = LEVELS[int(str(row["level"]).removeprefix("reasoning_")) - 1]
                found[level][row["group"]] = RightOf(int(row["correct"]), int(row["total"]))
        return found


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def models(study: Study) -> str:
    """Student and teacher by the verifier and by their judges."""
    rows = []
    for row in study.math500["models"]:
        judge = row["judge"]
        rows.append([
            row["model"], f"{row['right']} of {row['n']}", percent(row), f"{judge['judge_right']} of {judge['n']}",
            percent(judge), judge["agree"], f"{judge['kappa']:.3f}", judge["false_accepts"], judge["false_rejects"],
            row["no_answer"], judge["empty_accepted"],
        ])  # fmt: skip
    return table(
        ["answers of", "right by the verifier", "accuracy (95 %)", "by the judge", "accuracy (95 %)", "agree", "kappa",
         "false accepts", "false rejects", "no answer", "of these accepted by the judge"],
        rows,
    )  # fmt: skip


def pair(study: Study) -> str:
    """The teacher by student table and the paired test."""
    found = study.math500["pair"]
    return table(
        ["", "student right", "student wrong"],
        [["teacher right", found["both"], found["only_teacher"]],
         ["teacher wrong", found["only_student"], found["neither"]]],
    ) + (
        f"\nStudent minus teacher: {points(found)} points; exact McNemar p = {found['mcnemar_p']:.1e}.\n"
    )  # fmt: skip


def groups(study: Study) -> str:
    """Student against teacher by subject and by level."""
    rows = [
        [
            row["group"] if row["by"] == "section" else f"level {row['group']}", row["n"],
            percent(row, "student"), percent(row, "teacher"), points(row),
            f"{row['only_student']} / {row['only_teacher']}", f"{row['holm_p']:.2g}",
        ]
        for row in study.math500["groups"]
    ]  # fmt: skip
    return table(
        ["subject or level", "n", "student (95 %)", "teacher (95 %)", "difference, points (95 %)",
         "student / teacher alone", "Holm p"],
        rows,
    )  # fmt: skip


def disagreements(study: Study) -> str:
    """How many answers judge and verifier differ on, by who is at fault.

    Raises InputError where the list has other answers than those.
    """
    listed = read_disagreements()
    rows = study.math500["rows"]
    apart = rows[(rows["verdict"] == "CORRECT") != (rows["judge"] == "CORRECT")]
    apart = pd.concat([apart, rows[rows["judge"] == "UNCLEAR"]]).drop_duplicates(["id", "model"])
    found = {(row.model, row.id): (row.judge, row.verdict) for row in apart.itertuples()}
    said = {(row["answers_of"], row["id"]): (row["judge"], row["verifier"]) for row in listed}
    if found != said:
        odd = sorted(set(found.items()) ^ set(said.items()))[0]
        raise InputError(f"{DISAGREEMENTS} is not what judge and verifier differ on: see {odd}.")
    kinds = Counter((row["answers_of"], row["judge"], row["verifier"], row["fault"]) for row in listed)
    return table(
        ["answers of", "judge", "verifier", "at fault", "answers"], [[*kind, n] for kind, n in sorted(kinds.items())]
    )


def read_disagreements() -> list[dict[str, str]]:
    """The rows of docs/published-disagreements.csv."""
    with DISAGREEMENTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lengths(study: Study) -> str:
    """R1 to R6 over all questions, by section, with the slope of R2 to R6 and its test."""
    rows = []
    for section, name in SECTIONS.items():
        counts = {level: found[section] for level, found in study.levels.items()}
        swept = [counts[level] for level in LEVELS]
        right, n = [one.right for one in swept], [one.n for one in swept]
        step, test = slope(right, n), cochran_armitage(right, n, range(len(n)))
        assert test is not None
        rows.append([
            name, *(f"{100 * one.right / one.n:.1f}" for one in counts.values()),
            f"{100 * step.value:+.1f} ({100 * step.low:+.1f} to {100 * step.high:+.1f})", f"{test.p:.1e}",
        ])  # fmt: skip
    return table(["section", *study.levels, "points a level, R2 to R6 (95 %)", "trend p"], rows)


def footing(study: Study) -> str:
    """The numbers that the article compares, and the same numbers over the same questions."""
    rows = []
    for level in ("R1", *LEVELS):
        entry, whole = published()[level], study.levels[level]["all"]
        filtered = study.filtered[level]["all"] if level in study.filtered else None
        low, high = wilson(whole.right, whole.n) or (0.0, 0.0)
        over = "all" if filtered is None else "teacher right"
        rows.append([
            level, f"{100 * entry.accuracy:.2f} % of {entry.n}", over,
            f"{whole} ({100 * low:.1f} to {100 * high:.1f})", filtered or bounds(study),
        ])  # fmt: skip
    return table(
        ["level", "in the article", "over", "over all questions (95 %)", "over those the teacher got right"], rows
    )


def bounds(study: Study) -> str:
    """The bounds of R1's accuracy over the questions that the teacher got right."""
    whole, kept = study.levels["R1"]["all"], study.filtered["R6"]["all"].n
    left_out = whole.n - kept
    return f"{100 * (whole.right - left_out) / kept:.1f} to {100 * min(1, whole.right / kept):.1f} %: not published"


def corrected(study: Study) -> str:
    """The published contest accuracies corrected for the errors of the student's judge."""
    rows = [
        [row["of"], row["n"], row["over"].replace("_", " "), f"{100 * row['published']:.2f} %",
         f"{100 * row['corrected']:.1f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f})"]
        for row in study.math500["corrected"]
    ]  # fmt: skip
    return table(["of", "n", "over", "published", "corrected (95 %)"], rows)


def years(study: Study) -> str:
    """R1's accuracy by year, and the difficulty of the year's questions, as a model rated it."""
    hard = {str(row["Year"]): float(row["Average Difficulty"]) for row in study.rows("yearly_difficulty_average.csv")}
    found = {
        str(row["year"]): RightOf(int(row["CORRECT"]), int(row["CORRECT"]) + int(row["INCORRECT"]))
        for row in study.rows("verdict_by_year.csv")
    }
    rows = [[year, one, f"{hard[year]:.2f}"] for year, one in found.items()]
    rank = stats.spearmanr([one.right / one.n for one in found.values()], [hard[year] for year in found])
    return table(["year", "R1 right", "mean difficulty"], rows) + (
        f"\nSpearman's rank correlation over {len(rows)} years: {rank.statistic:+.2f} (p = {rank.pvalue:.2g}).\n"
    )


def percent(row: dict[str, Any], name: str = "") -> str:
    """`75.0 (71.0 to 78.6)`."""
    value, low, high = row[name or "accuracy"], row[f"{name}_low".lstrip("_")], row[f"{name}_high".lstrip("_")]
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def points(row: dict[str, Any]) -> str:
    """`-17.2 (-21.0 to -13.5)`."""
    return f"{row['difference']:+.1f} ({row['difference_low']:+.1f} to {row['difference_high']:+.1f})"


TABLES: dict[str, Callable[[Study], str]] = {
    "models": models, "pair": pair, "groups": groups, "disagreements": disagreements, "footing": footing,
    "lengths": lengths, "corrected": corrected, "years": years,
}  # fmt: skip


def rendered(text: str, study: Study) -> str:
    """The page with every table computed. Raises InputError for an unknown table."""

    def filled(found: re.Match[str]) -> str:
        if found["name"] not in TABLES:
            raise InputError(f"{PAGE} wants a table {found['name']!r}; there are {', '.join(TABLES)}.")
        return f"{found['name']} -->\n{TABLES[found['name']](study)}"

    return BLOCK.sub(filled, text)


def main() -> None:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the authors' published files")
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    old = PAGE.read_text(encoding="utf-8")
    new = rendered(old, Study(args.folder))
    if not args.check:
        write_text(PAGE, new)
    elif new != old:
        raise InputError(f"{PAGE} is not what {args.folder} gives. Run `python -m tools.study_answers {args.folder}`.")


if __name__ == "__main__":
    run(main)
