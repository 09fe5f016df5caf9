"""The stage through its own command line, with a known trend, and on every degenerate sweep."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distil.pipeline.files import as_json, read_jsonl, read_record
from distil.pipeline.records import LEVELS, Answer, Scored
from distil.pipeline.sweep_results import SweepTables
from tests.scored_run import write_run
from tests.workspace import ending, inside, stage


def loads(path: Path) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{path} has {name}")

    return json.loads(path.read_text(), parse_constant=refuse)


def run(folder: Path) -> str | int | None:
    return ending(folder, "stages.length_sweep")


def metrics(folder: Path) -> dict[str, Any]:
    assert run(folder) == 0
    return loads(folder / "metrics/length_sweep.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 180 unseen questions, run."""
    folder = write_run(tmp_path_factory.mktemp("run"), held_out=(2013, 2014, 2015, 2016), per_section=15)
    done = stage(folder, "stages.length_sweep")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return folder


def test_names_that_stay(whole: Path) -> None:
    found = loads(whole / "metrics/length_sweep.json")
    for level in LEVELS:
        assert 0 <= found[level]["low"] <= found[level]["accuracy"] <= found[level]["high"] <= 1
        assert found[level]["words_min"] <= found[level]["words_median"] <= found[level]["words_max"]
        assert len(found[level]["seeds"]) == 3 and found[level]["accuracy"] == pytest.approx(
            np.mean(found[level]["seeds"]), abs=1e-5
        )
    assert set(found["truncated"]) == {"R3", "R5"} and all(
        0 < one["accuracy"] < 1 for one in found["truncated"].values()
    )
    assert found["n"] == 180 and found["reasons"] == {}


def test_the_tables_are_a_models_to_the_byte(whole: Path) -> None:
    path = whole / "data/length_sweep/tables.json"
    assert as_json(read_record(path, SweepTables).model_dump()) == path.read_text("utf-8")


def test_numbers_are_those_counted_from_the_scored_answers(whole: Path) -> None:
    found = loads(whole / "metrics/length_sweep.json")
    rows = list(read_jsonl(whole / "data/length_sweep/scored.jsonl", Scored))
    for level in LEVELS:
        own = [row for row in rows if row.answer.model == level][: 3 * found["n"]]
        right = np.mean([row.verdict.verdict == "CORRECT" for row in own])
        words = np.mean([len(row.answer.text.split()) for row in own])
        assert (found[level]["accuracy"], found[level]["words"]) == pytest.approx((right, words), abs=1e-4)
    assert [found[level]["chain_words"] for level in LEVELS] == [40, 33, 26, 19, 12, 5]


def test_the_known_trend_is_found(whole: Path) -> None:
    found = loads(whole / "metrics/length_sweep.json")
    assert found["trend_z"] < -5 and found["trend_p"] < 1e-6 and found["cochrans_q_p"] < 1e-6
    assert found["change_high"] < -20
    assert found["focus_extra"] > 0 and found["focus_extra_low"] < found["focus_extra"] < found["focus_extra_high"]
    pairs = pd.DataFrame(loads(whole / "data/length_sweep/tables.json")["pairs"])
    assert len(pairs) == 15 and (pairs["holm_p"] >= pairs["p"]).all()
    first_last = pairs[(pairs["first"] == "R1") & (pairs["second"] == "R6")].iloc[0]
    assert first_last["high"] < 0 and first_last["holm_p"] < 0.001
    assert first_last["points"] == pytest.approx(found["change"], abs=1e-3)


def test_a_control_that_is_worse_than_its_level_is_found_so(whole: Path) -> None:
    """Truncated chains lose one unit of log odds in the draws."""
    for control in loads(whole / "metrics/length_sweep.json")["truncated"].values():
        assert control["compressed_over_truncated_low"] > 0


def test_sections_add_up(whole: Path) -> None:
    tables = loads(whole / "data/length_sweep/tables.json")
    sections, levels = pd.DataFrame(tables["sections"]), pd.DataFrame(tables["levels"]).set_index("level")
    assert (sections.groupby("level")["n"].sum() == 180).all()
    assert sections.groupby("level")["accuracy"].mean().to_numpy() == pytest.approx(
        levels["accuracy"].sort_index().to_numpy(), abs=1e-4
    )
    assert all("not compared" in row["reason"] for row in tables["published"])


def test_plots_have_the_columns_of_their_templates(whole: Path) -> None:
    levels, sections = (pd.read_csv(whole / f"plots/length_sweep/{name}.csv") for name in ("levels", "sections"))
    assert {"level", "words", "chain_words", "accuracy", "low", "high", "n"} <= set(levels)
    assert {"section", "level", "accuracy", "low", "high"} <= set(sections)
    assert (len(levels), len(sections)) == (6, 18)


def test_a_missing_level_is_null_with_its_reason(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    shutil.rmtree(folder / "data/answers/R4")
    found = metrics(folder)
    assert found["R4"]["accuracy"] is None and found["R4"]["words"] is None
    assert found["reasons"] == {"R4": "no answers at this level"}
    assert found["R3"]["accuracy"] is not None and found["trend_p"] is not None


def test_only_questions_that_every_level_answered_count(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    path = folder / "data/answers/R2/contest.jsonl"
    lines = [line for line in path.read_text().splitlines(keepends=True) if "2016/junior_senior_test/03" not in line]
    path.write_text("".join(lines))
    assert metrics(folder)["n"] == 35
    assert loads(folder / "data/length_sweep/tables.json")["left_out"] == 1


def rewrite(folder: Path, change: Any) -> None:
    for path in (folder / "data/answers").glob("*R*/*.jsonl"):
        rows = [change(row) for row in read_jsonl(path, Answer)]
        path.write_text("".join(row.model_dump_json() + "\n" for row in rows if row is not None))


def test_one_level_only(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    for level in LEVELS[1:]:
        shutil.rmtree(folder / "data/answers" / level)
    found = metrics(folder)
    assert found["R1"]["accuracy"] is not None and found["trend_p"] is None and found["change"] is None
    assert found["reasons"]["trend_p"] == "fewer than two levels were answered"


@pytest.mark.parametrize("text", ["Answer: -98765", ""])
def test_all_wrong_at_every_level(tmp_path: Path, text: str) -> None:
    folder = write_run(tmp_path)
    rewrite(folder, lambda row: row.model_copy(update={"text": text}))
    found = metrics(folder)
    assert found["R1"]["accuracy"] == found["R6"]["accuracy"] == 0
    assert found["trend_p"] is found["cochrans_q"] is None and found["change"] == 0
    assert set(found["reasons"]) == {"trend_p", "cochrans_q", "focus_extra"}


def test_no_unseen_question(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    rewrite(folder, lambda row: row.model_copy(update={"role": "train"}))
    found = metrics(folder)
    assert found["n"] == 0 and found["R1"]["accuracy"] is None
    assert found["reasons"]["trend_p"] == "no question answered at every level"


def test_an_empty_focus_section_and_missing_chains(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    (folder / "params.yaml").write_text((folder / "params.yaml").read_text().replace("two_person_speed_event", "relay"))
    assert "'relay'" in metrics(folder)["reasons"]["focus_extra"]
    shutil.rmtree(folder / "data/train_split/levels/R5")
    found = metrics(folder)
    assert found["R5"]["chain_words"] is None and found["R5"]["accuracy"] is not None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: shutil.rmtree(f / "data/answers"), "has no answers of any level"),
        (lambda f: (f / "params.yaml").write_text("length_sweep: {levels: [R9]}"), "length_sweep.levels.0"),
        (lambda f: (f / "data/answers/R1/contest.jsonl").write_text("{}\n"), "contest.jsonl, line 1"),
    ],
)
def test_wrong_input_is_one_message(tmp_path: Path, damage: Any, message: str) -> None:
    folder = write_run(tmp_path)
    damage(folder)
    said = run(folder)
    assert isinstance(said, str) and message in said and len(said.splitlines()) == 1
    assert not (folder / "data/length_sweep").exists()


def test_help_says_how_to_run_it(tmp_path: Path) -> None:
    done = inside(tmp_path, "stages.length_sweep", "--help")
    assert done.returncode == 0 and "python -m stages.length_sweep" in done.stdout
