"""The stage through its own command line, on runs with a known truth and on every degenerate run."""

import contextlib
import hashlib
import json
import math
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from distil.pipeline import command
from distil.pipeline.files import as_json, read_jsonl, read_record, write_jsonl
from distil.pipeline.records import Answer, Problem, Scored, Split
from distil.pipeline.results import EvalTables
from distil.pipeline.subset import Limit, subset
from stages.eval.__main__ import BENCHMARKS, main
from stages.eval.leakage import trained_rows
from stages.eval.tables import pass_at
from tests.scored_run import write_run
from tests.workspace import stage

FLAT = {"n", "base", "student_mean", "student_std", "difference", "difference_low", "difference_high", "mcnemar_p"}
PARTS = ("contest_unseen", "contest_seen", "contest_all", "transfer", "paper_protocol")


def run(folder: Path) -> str | int | None:
    """Run the stage in this process, which saves loading its libraries; return what it exits with."""
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", ["stages.eval"])
        command.run(main)
    return end.value.code


def metrics(folder: Path) -> dict[str, Any]:
    assert run(folder) == 0
    return loads(folder / "metrics/eval.json")


def loads(path: Path) -> Any:
    """JSON without NaN or infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{path} has {name}")

    return json.loads(path.read_text(), parse_constant=refuse)


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
    unseen = tables["verdicts"][tables["verdicts"]["part"] == "contest_unseen"]
    assert sorted(unseen[unseen["model"] == "base"]["place"]) == list(range(36))


def test_the_same_bytes_twice(whole: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path)
    metrics(other)
    for name in ("metrics/eval.json", "data/eval/scored.jsonl", "data/eval/tables.json", "plots/eval/verdicts.csv"):
        first, second = ((folder / name).read_bytes() for folder in (whole, other))
        assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest(), name


def test_one_seed_only(tmp_path: Path) -> None:
    found = metrics(write_run(tmp_path, seeds=(7,)))
    assert found["contest_unseen"]["student_std"] is None
    assert "one seed" in found["reasons"]["contest_unseen.student_std"]
    assert found["contest_unseen"]["difference_low"] < found["contest_unseen"]["difference_high"]
    assert found["flip_rate"] is None and found["seeds_share_of_uncertainty"] is None
    crossed = loads(tmp_path / "data/eval/tables.json")["parts"]["contest_unseen"]["crossed"]
    assert crossed["sentence"].startswith("One seed")


def rewrite(folder: Path, change: Any) -> None:
    """Change every answer on disk."""
    for path in (folder / "data/answers").glob("*/*.jsonl"):
        rows = [change(row) for row in read_jsonl(path, Answer)]
        path.write_text("".join(row.model_dump_json() + "\n" for row in rows if row is not None))


@pytest.mark.parametrize(("text", "accuracy"), [("Answer: -98765", 0.0), ("", 0.0)])
def test_all_wrong_and_no_answer_at_all(tmp_path: Path, text: str, accuracy: float) -> None:
    folder = write_run(tmp_path)
    rewrite(folder, lambda row: row.model_copy(update={"text": text}))
    found = metrics(folder)["contest_unseen"]
    assert (found["base"], found["student_mean"], found["difference"]) == (accuracy, accuracy, 0)
    assert (found["gained"], found["lost"], found["mcnemar_p"]) == (0, 0, 1.0)
    assert found["difference_low"] == -found["difference_high"] < 0
    assert found["base_low"] == 0 < found["base_high"] < 0.2
    rows = pd.DataFrame(loads(folder / "data/eval/tables.json")["accuracy"])
    assert set(rows["no_answer"]) == {float(text == "")}


def test_all_right(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    keys = {row.id: row.answer for name in ("parsed", "transfer")
            for row in read_jsonl(folder / f"data/{name}/problems.jsonl", Problem)}  # fmt: skip
    rewrite(folder, lambda row: row.model_copy(update={"text": f"Answer: {keys[row.problem_id]}"}))
    found = metrics(folder)
    unseen = found["contest_unseen"]
    assert (unseen["base"], unseen["student_mean"], unseen["base_high"], unseen["mcnemar_p"]) == (1, 1, 1, 1)
    assert 0.8 < unseen["base_low"] < 1 and unseen["difference_low"] < 0 < unseen["difference_high"]
    assert found["leakage_inflation"] == 0 and found["leakage_inflation_low"] is None
    assert found["reasons"]["leakage_inflation"] == "nothing varies between clusters of questions"


def test_an_empty_transfer_benchmark(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    transfer = [folder / "data/transfer/problems.jsonl", folder / "data/teacher_cot/benchmark.jsonl"]
    for path in [*transfer, *(folder / "data/answers").glob("*/transfer.jsonl")]:
        path.write_text("")
    found = metrics(folder)
    assert found["transfer"]["n"] == 0 and found["transfer"]["base"] is None and found["transfer"]["holm_p"] is None
    assert found["reasons"] == {
        "transfer.n": "no question of this kind",
        "transfer.leak_paired": "the study's protocol was not asked these questions",
    }


def test_a_section_with_one_question(tmp_path: Path) -> None:
    folder = write_run(tmp_path, held_out=(2016,), per_section=1)
    found = metrics(folder)
    assert found["contest_unseen"]["n"] == 3
    rows = loads(folder / "data/eval/tables.json")["sections"]
    assert [row["n"] for row in rows if row["part"] == "contest_unseen"] == [1, 1, 1]
    assert all(-100 <= row["difference_low"] <= row["difference"] <= row["difference_high"] <= 100 for row in rows)


def test_zero_discordant_pairs_say_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    rewrite(folder, lambda row: row.model_copy(update={"text": "Answer: 60"}))
    metrics(folder)
    reasons = loads(folder / "data/eval/tables.json")["parts"]["contest_unseen"]["reasons"]
    assert "no discordant pair" in reasons["mcnemar_p"]


def test_nothing_seen_and_no_paper_fold(tmp_path: Path) -> None:
    """Only unseen questions answered: no seen part, no leakage, no protocol of the study, all said."""
    folder = write_run(tmp_path)
    rewrite(folder, lambda row: row if row.role == "unseen" and row.fold != "paper" else None)
    found = metrics(folder)
    assert found["contest_seen"]["n"] == found["paper_protocol"]["n"] == 0
    assert found["contest_seen"]["base"] is None and found["contest_seen"]["mcnemar_p"] is None
    assert found["leakage_inflation"] is None and found["paper_protocol_inflation"] is None
    assert found["reasons"] == {
        "contest_seen.n": "no question of this kind",
        "paper_protocol.n": "no question of this kind",
        "leakage_inflation": "no question under contest_seen",
        "paper_protocol_inflation": "no question under paper_protocol",
        **{
            f"{part}.leak_paired": "the study's protocol was not asked these questions"
            for part in ("contest_unseen", "contest_seen", "contest_all", "transfer", "paper_protocol")
        },
    }
    assert found["contest_unseen"]["n"] == found["contest_all"]["n"] == 36


def test_a_limit_shows_in_every_n_and_is_said(tmp_path: Path) -> None:
    folder = write_run(tmp_path, seeds=(0, 1))
    file = folder / "params.yaml"
    blocks = yaml.safe_load(file.read_text())
    blocks["answers"]["limit"] = {"unseen": 20, "seen": 12, "transfer": 10}
    file.write_text(yaml.safe_dump(blocks))
    problems = {name: list(read_jsonl(folder / path, Problem)) for name, path in BENCHMARKS.items()}
    split = read_record(folder / "data/train_split/folds.json", Split)
    asked = subset(problems["contest"], problems["transfer"], split, Limit(**blocks["answers"]["limit"]))
    for path in folder.glob("data/answers/*/*.jsonl"):
        rows = [
            row
            for row in read_jsonl(path, Answer)
            if asked.asks(row.benchmark, row.problem_id, row.fold, row.role, split.main)
        ]
        write_jsonl(path, rows)
    found = metrics(folder)
    sizes = {"contest_unseen": 20, "contest_all": 32, "transfer": 10, "paper_protocol": 32}
    assert {name: found[name]["n"] for name in sizes} == sizes
    assert found["asked"]["unseen"] == {"n": 20, "of": 36} and "sha256" in found["asked"]["drawn"]
    write_jsonl(folder / "data/answers/seed_0/contest.jsonl", [])
    assert "were to be answered" in str(run(folder)) or "has no answer" in str(run(folder))


def test_several_samples_of_a_question(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    for path in (folder / "data/answers").glob("*/transfer.jsonl"):
        rows = list(read_jsonl(path, Answer))
        other = [row.model_copy(update={"sample": 1, "text": "Answer: 1/7"}) for row in rows]
        third = [row.model_copy(update={"sample": 2, "text": "Answer: 2/14"}) for row in rows]
        path.write_text("".join(row.model_dump_json() + "\n" for row in [*rows, *other, *third]))
    metrics(folder)
    table = pd.DataFrame(loads(folder / "data/eval/tables.json")["samples"]["transfer"]).set_index("model")
    base = {row.answer.problem_id for row in read_jsonl(folder / "data/eval/scored.jsonl", Scored)
            if row.answer.model == "base" and row.answer.benchmark == "transfer" and row.answer.sample == 0
            and row.verdict.verdict == "CORRECT"}  # fmt: skip
    assert table.loc["base", "k"] == 3 and table.loc["base", "n"] == 30
    most = table.loc["base", "pass_at"][str(table.loc["base", "k"])]
    assert most["value"] == pytest.approx(len(base | {"t/1"}) / 30, abs=1e-5)  # samples 1 and 2 say 1/7
    assert most["low"] < most["value"] < most["high"]
    assert table.loc["base", "majority"]["value"] == pytest.approx(1 / 30, abs=1e-5)


def test_pass_at_k_is_the_share_of_draws_with_a_right_answer() -> None:
    """Against every draw of k of the answers."""
    for n, right, k in ((5, 2, 2), (4, 0, 2), (4, 4, 1), (6, 1, 4), (3, 3, 3)):
        draws = list(combinations([True] * right + [False] * (n - right), k))
        assert pass_at(k, pd.Series([n]), pd.Series([right]))[0] == pytest.approx(
            np.mean([any(draw) for draw in draws])
        )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "data/answers/seed_1/contest.jsonl").unlink(), "seed_1/contest.jsonl could not be read"),
        (lambda f: drop(f / "data/answers/seed_1/contest.jsonl"), "data/answers/seed_1 has no answer to"),
        (lambda f: drop(f / "data/answers/base/contest.jsonl"), "data/answers/base has no answer to"),
        (lambda f: (f / "data/train_split/folds.json").write_text("{"), "folds.json is not JSON"),
        (lambda f: move_year(f), "folds.json holds out"),
        (lambda f: parameter(f, "resamples: 2000", "resamples: 20"), "eval.resamples"),
        (lambda f: parameter(f, "effect: 5.0", "efect: 5.0"), "eval.efect"),
        (lambda f: parameter(f, "base:", "bass:"), "answers.models has no 'base'"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_message_and_keeps_earlier_outputs(
    whole: Path, tmp_path: Path, damage: Any, message: str
) -> None:
    folder = write_run(tmp_path)
    (folder / "data/eval").mkdir()
    (folder / "data/eval/scored.jsonl").write_text("earlier")
    damage(folder)
    said = run(folder)
    assert isinstance(said, str) and message in said
    assert len(said.splitlines()) == 1 and said.startswith("error: ")
    assert (folder / "data/eval/scored.jsonl").read_text() == "earlier"
    assert not (folder / "metrics/eval.json").exists()


def drop(path: Path) -> None:
    """Lose one of the unseen questions' answers."""
    lines = [line for line in path.read_text().splitlines(keepends=True) if "2016/junior_senior_test/03" not in line]
    path.write_text("".join(lines))


def move_year(folder: Path) -> None:
    """A split that holds out more than the answers know of."""
    path = folder / "data/train_split/folds.json"
    split = json.loads(path.read_text())
    split["folds"]["held_out"]["unseen"].append("2011/junior_senior_test/03")
    path.write_text(json.dumps(split))


def parameter(folder: Path, old: str, new: str) -> None:
    text = (folder / "params.yaml").read_text()
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new))


def test_help_says_how_to_run_it(tmp_path: Path) -> None:
    done = stage(tmp_path, "stages.eval", "--help")
    assert done.returncode == 0 and "python -m stages.eval" in done.stdout


def test_a_failure_is_one_line_and_exit_status_one(tmp_path: Path) -> None:
    done = stage(tmp_path, "stages.eval")
    assert done.returncode == 1 and "params.yaml could not be read" in done.stderr and "Traceback" not in done.stderr


def test_kfold_gives_every_question_an_unseen_and_a_seen_prediction(tmp_path: Path) -> None:
    """Two folds that hold out half each and answer the other half, too: seen and unseen are the same questions."""
    folder = write_run(tmp_path)
    path = folder / "data/train_split/folds.json"
    split = json.loads(path.read_text())
    names = split["folds"]["held_out"]["answers"]
    halves = {"fold_1": names[::2], "fold_2": names[1::2]}
    split["folds"] = {
        name: {
            "train": [n for n in names if n not in set(half)],
            "valid": [],
            "unseen": half,
            "unused": [],
            "answers": names,
        }
        for name, half in halves.items()
    }
    split |= {"main": list(halves), "transfer_fold": "fold_1", "protocol": "kfold_years"}
    path.write_text(json.dumps(split))
    for file in (folder / "data/answers").glob("seed_*/*.jsonl"):
        rows, rng = [], np.random.default_rng(1)
        for row in read_jsonl(file, Answer):
            if row.benchmark == "transfer":
                rows.append(row.model_copy(update={"fold": "fold_1"}))
            elif row.fold == "held_out":
                for name, half in halves.items():
                    unseen = row.problem_id in half
                    text = "Answer: 60" if unseen and rng.random() < 0.5 else row.text
                    rows.append(
                        row.model_copy(update={"fold": name, "role": "unseen" if unseen else "train", "text": text})
                    )
        file.write_text("".join(row.model_dump_json() + "\n" for row in rows))
    found = metrics(folder)
    assert found["contest_unseen"]["n"] == found["contest_seen"]["n"] == found["contest_all"]["n"] == len(names)
    assert found["contest_unseen"] == found["contest_all"] | {
        key: found["contest_unseen"][key] for key in found["contest_unseen"] if key not in found["contest_all"]
    } | {key: found["contest_unseen"][key] for key in ("difference_low", "difference_high")}  # their own random draws
    assert found["contest_unseen"]["base"] == found["contest_seen"]["base"]
    assert found["leakage_inflation_low"] > 0
    assert math.isfinite(found["leakage_inflation_high"])
