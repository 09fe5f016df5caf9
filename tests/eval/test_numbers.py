"""The numbers of a run with a known truth, counted again from its scored answers."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from distil.pipeline.files import as_json, read_jsonl, read_record
from distil.pipeline.records import Scored, Split
from distil.pipeline.results import EvalTables
from stages.eval.leakage import trained_rows
from tests.eval.evaluated import loads, metrics
from tests.scored_run import write_run
from tests.workspace import stage

FLAT = {"n", "base", "student_mean", "student_std", "difference", "difference_low", "difference_high", "mcnemar_p"}
PARTS = ("contest_unseen", "contest_seen", "contest_all", "transfer", "paper_protocol")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 108 questions and three seeds, evaluated."""
    folder = write_run(tmp_path_factory.mktemp("run"))
    done = stage(folder, "stages.eval")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return folder


def verdicts(folder: Path, fold: str | None, roles: set[str]) -> pd.DataFrame:
    """Right (1) or wrong (0) by problem and model, straight from the scored answers."""
    rows = list(read_jsonl(folder / "data/eval/scored.jsonl", Scored))
    table = pd.DataFrame(
        [
            {"id": row.answer.problem_id, "model": row.answer.model, "right": int(row.verdict.verdict == "CORRECT")}
            for row in rows
            if row.answer.benchmark == "contest"
            and ((row.answer.fold == fold and row.answer.role in roles) or row.answer.model == "base")
        ]
    )
    return table.pivot(index="id", columns="model", values="right").dropna()


def test_names_that_stay(whole: Path) -> None:
    found = loads(whole / "metrics/eval.json")
    for part in PARTS:
        assert set(found[part]) >= FLAT
    assert 0 < found["teacher"] < 1
    assert found["reasons"] == {"transfer.leak_paired": "the study's protocol was not asked these questions"}
    for part in ("contest_unseen", "contest_seen", "contest_all", "transfer", "paper_protocol"):
        own = found[part]
        assert own["difference_low_families"] < own["difference"] < own["difference_high_families"]
        assert own["baselines"]["chat"] == own["base"]
        assert set(own) >= {"leak_paired", "leak_paired_low", "leak_paired_high"}
    unseen = found["contest_unseen"]
    assert unseen["difference_low"] <= unseen["questions_low"] < unseen["difference"] < unseen["questions_high"]
    assert unseen["leak_paired_low"] < unseen["leak_paired"] < unseen["leak_paired_high"]
    assert found["teacher_unseen_n"] < found["teacher_n"]
    assert (found["teacher_transfer"], found["teacher_transfer_n"]) == (pytest.approx(20 / 29, abs=1e-5), 29)
    assert found["teacher_transfer_low"] < 20 / 29 < found["teacher_transfer_high"]
    assert [found[part]["n"] for part in PARTS] == [36, 63, 108, 30, 108]


def test_numbers_are_those_counted_from_the_scored_answers(whole: Path) -> None:
    found = loads(whole / "metrics/eval.json")["contest_unseen"]
    table = verdicts(whole, "held_out", {"unseen"})
    seeds = table[["seed_0", "seed_1", "seed_2"]]
    assert len(table) == found["n"]
    assert found["base"] == pytest.approx(table["base"].mean(), abs=1e-6)
    assert found["student_mean"] == pytest.approx(seeds.to_numpy().mean(), abs=1e-6)
    assert found["student_std"] == pytest.approx(seeds.mean().std(), abs=1e-6)
    assert found["difference"] == pytest.approx(100 * (seeds.to_numpy().mean() - table["base"].mean()), abs=1e-3)
    assert found["difference_low"] < found["difference"] < found["difference_high"]
    median = seeds.mean().sort_values(kind="stable").index[1]
    gained = int(((table["base"] == 0) & (table[median] == 1)).sum())
    lost = int(((table["base"] == 1) & (table[median] == 0)).sum())
    assert (found["gained"], found["lost"]) == (gained, lost)
    exact = mcnemar([[0, lost], [gained, 0]], exact=True).pvalue
    assert found["mcnemar_p"] == pytest.approx(exact, rel=1e-4)
    assert found["holm_p"] >= found["mcnemar_p"]


def test_every_question_counts_once_unseen_first(whole: Path) -> None:
    found = loads(whole / "metrics/eval.json")["contest_all"]
    table = verdicts(whole, "held_out", {"unseen", "train", "valid", "unused"})
    assert found["n"] == len(table) == 108
    assert found["student_mean"] == pytest.approx(table[["seed_0", "seed_1", "seed_2"]].to_numpy().mean(), abs=1e-6)


def test_leakage_is_the_difference_in_differences(whole: Path) -> None:
    seen, unseen = (verdicts(whole, "held_out", roles) for roles in ({"train", "valid"}, {"unseen"}))
    seeds = ["seed_0", "seed_1", "seed_2"]
    gap = 100 * (
        (seen[seeds].to_numpy().mean() - seen["base"].mean())
        - (unseen[seeds].to_numpy().mean() - unseen["base"].mean())
    )
    found = loads(whole / "metrics/eval.json")
    assert found["leakage_inflation"] == pytest.approx(gap, abs=1e-3)
    assert found["leakage_inflation_low"] < gap < found["leakage_inflation_high"]
    table = loads(whole / "data/eval/tables.json")["leakage"]
    assert table["student"]["points"] - table["base"]["points"] == pytest.approx(gap, abs=1e-3)


def test_leakage_counts_rows_and_not_problems(whole: Path) -> None:
    """The report names these counts; several chains of a problem are several rows."""
    split = read_record(whole / "data/train_split/folds.json", Split)
    problems = {name: len(fold.train) for name, fold in split.folds.items()}
    assert loads(whole / "data/eval/tables.json")["leakage"]["rows"] == problems
    paper = split.folds["paper"].model_copy(update={"train_rows": 99})
    split = split.model_copy(update={"folds": split.folds | {"paper": paper}})
    assert trained_rows(split) == problems | {"paper": 99}


def test_accuracy_table_has_every_group_with_wilsons_interval(whole: Path) -> None:
    table = pd.DataFrame(loads(whole / "data/eval/tables.json")["accuracy"])
    assert set(table["by"]) == {"all", "section", "year", "form", "family"}
    assert set(table["model"]) == {"base", "student", "seed_0", "seed_1", "seed_2"}
    base = table[(table["model"] == "base") & (table["part"] == "transfer") & (table["by"] == "all")].iloc[0]
    low, high = proportion_confint(base["correct"], base["n"], method="wilson")
    assert (base["low"], base["high"]) == pytest.approx((low, high), abs=1e-6)
    whole_part = table[(table["by"] == "all") & (table["part"] == "contest_all")].set_index("model")
    years = table[(table["by"] == "year") & (table["part"] == "contest_all")].groupby("model")["correct"].sum()
    assert years.to_numpy() == pytest.approx(whole_part["correct"][years.index].to_numpy(), abs=1e-3)
    assert (
        table["finished"].dropna() >= table["accuracy"][table["finished"].notna()] - 1e-9
    ).all()  # none cut off is right


def test_the_tables_are_a_models_to_the_byte(whole: Path) -> None:
    path = whole / "data/eval/tables.json"
    assert as_json(read_record(path, EvalTables).model_dump()) == path.read_text("utf-8")


def test_both_sides_of_an_erratum_are_reported(whole: Path) -> None:
    scored = [row for row in read_jsonl(whole / "data/eval/scored.jsonl", Scored) if row.verdict_uncorrected]
    assert {row.answer.problem_id for row in scored} == {"2011/freshman_sophomore_test/01"}
    table = pd.DataFrame(loads(whole / "data/eval/tables.json")["accuracy"])
    rows = table[(table["part"] == "contest_all") & (table["by"] == "all")].set_index("model")
    right = any(row.verdict.verdict == "CORRECT" for row in scored if row.answer.model == "base")
    assert rows.loc["base", "uncorrected"] == pytest.approx(rows.loc["base", "accuracy"] - right / 108, abs=1e-5)


def test_a_profile_that_cannot_be_compared_says_so(whole: Path) -> None:
    rows = loads(whole / "data/eval/tables.json")["published"]
    assert [row["of"] for row in rows][:2] == ["teacher", "base"]
    assert all("not compared" in row["reason"] and row["tost_p"] is None for row in rows)


def test_plots_have_the_columns_of_their_templates(whole: Path) -> None:
    columns = {
        "models": {"model", "accuracy", "low", "high", "n"},
        "sections": {"section", "model", "accuracy", "low", "high"},
        "years": {"year", "questions", "model"},
        "parts": {"part", "model"},
        "discordant": {"model", "change", "questions"},
        "verdicts": {"part", "id", "fingerprint", "cluster", "place", "model", "right"},
    }
    tables = {path.stem: pd.read_csv(path) for path in sorted((whole / "plots/eval").glob("*.csv"))}
    assert set(tables) == set(columns)
    for name, needed in columns.items():
        assert needed <= set(tables[name]) and len(tables[name]) and not tables[name].isna().any().any()
    teacher = tables["models"].set_index("model").loc["teacher"]
    assert teacher["n"] == loads(whole / "metrics/eval.json")["teacher_unseen_n"], "beside models on unseen questions"
    unseen = tables["verdicts"][tables["verdicts"]["part"] == "contest_unseen"]
    assert sorted(unseen[unseen["model"] == "base"]["place"]) == list(range(36))


def test_the_same_bytes_twice(whole: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path)
    metrics(other)
    for name in ("metrics/eval.json", "data/eval/scored.jsonl", "data/eval/tables.json", "plots/eval/verdicts.csv"):
        first, second = ((folder / name).read_bytes() for folder in (whole, other))
        assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest(), name
