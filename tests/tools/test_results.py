"""A finished run kept in git: whole, without a word that carries no licence, and quoted as it is."""

import contextlib
import hashlib
import html
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from distil.pipeline.files import InputError, read_json, read_jsonl, write_jsonl
from distil.pipeline.records import SECTIONS, Problem, Scored
from tests.scored_run import lock, write_run
from tests.workspace import inside
from tools.results.__main__ import RESULTS, SCORED, AnswerRow, CutOff, LargerCap, quoted, refuse_text, repeats, write

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"<!-- results/(?P<name>[\w.-]+) -->\n```\n(?P<text>.*?)\n```\n", re.DOTALL)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is scored, with the metrics of earlier stages that the committed run has."""
    folder = write_run(tmp_path_factory.mktemp("run"), seeds=(0, 1))
    for name in ("stages.eval", "stages.length_sweep"):
        assert inside(folder, name).returncode == 0
    for name in ("overfit_probe", "train_split", "verified"):
        shutil.copy(ROOT / f"metrics/{name}.json", folder / "metrics")
    lock(folder)
    return folder


@pytest.fixture
def ran(finished: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(finished, tmp_path / "run")
    with contextlib.chdir(tmp_path / "run"):
        yield tmp_path / "run"


def test_the_folder_has_every_answer_and_none_of_their_words(ran: Path) -> None:
    write("tiny")
    rows = list(read_jsonl(RESULTS / "tiny/answers.jsonl", AnswerRow))
    scored = [row for name in ("eval", "length_sweep") for row in read_jsonl(f"data/{name}/scored.jsonl", Scored)]
    assert [(row.problem_id, row.model, row.fold, row.verdict, row.tokens) for row in rows] == [
        (row.answer.problem_id, row.answer.model, row.answer.fold, row.verdict.verdict, row.answer.completion_tokens)
        for row in scored
    ]
    for name in ("params.yaml", "dvc.lock", "metrics/eval.json", "metrics/length_sweep.json", "plots/eval/years.csv"):
        assert (RESULTS / "tiny" / name).read_bytes() == Path(name).read_bytes()
    texts = [path.read_text() for path in (RESULTS / "tiny").rglob("*") if path.is_file()]
    for problem in read_jsonl("data/parsed/problems.jsonl", Problem):
        assert not any(problem.question in text for text in texts)
    assert not any("no idea" in text or "Some step" in text for text in texts)


def test_a_run_without_its_length_sweep_is_kept_without_it(ran: Path) -> None:
    """Hours lie between the first scores of a real student and its last adapter."""
    shutil.rmtree("data/length_sweep")
    for path in (*Path("metrics").glob("length_sweep.json"), *Path("plots/length_sweep").iterdir()):
        path.unlink()
    Path("metrics/overfit_probe.json").unlink()
    lock(ran)
    Path("metrics/length_sweep.json").write_text("of another run")
    write("tiny")
    assert not (RESULTS / "tiny/metrics/length_sweep.json").exists()
    assert {row.set for row in read_jsonl(RESULTS / "tiny/answers.jsonl", AnswerRow)} == {"eval"}
    assert not [line for line in quoted(RESULTS / "tiny") if "length" in line or "iterations" in line]


def test_chain_lengths_without_students_are_kept_beside_the_base(ran: Path) -> None:
    """A second adapter of each length is asked when the students have been scored long ago."""
    sweep = read_json("metrics/length_sweep.json")
    shutil.rmtree("data/eval")
    for path in (Path("metrics/eval.json"), *Path("plots/eval").iterdir()):
        path.unlink()
    lock(ran)
    write("tiny")
    assert {row.set for row in read_jsonl(RESULTS / "tiny/answers.jsonl", AnswerRow)} == {"length_sweep"}
    title, base, *lines = quoted(RESULTS / "tiny")
    assert title.startswith("Accuracy by length") and base.startswith(f"  base {100 * sweep['base']['accuracy']:.1f} %")
    beside = [line for line in lines if line.startswith("R6 minus base")]
    assert beside == [
        f"R6 minus base: {sweep['R6']['over_base']:+.1f} points ({sweep['R6']['over_base_low']:+.1f} to "
        f"{sweep['R6']['over_base_high']:+.1f}), its adapters "
        + ", ".join(f"{100 * seed:.1f} %" for seed in sweep["R6"]["seeds"])
    ]
    assert len(sweep["R6"]["seeds"]) > 1 and f"From first to last: {sweep['change']:+.1f} points" in " ".join(lines)


def test_what_a_larger_cap_changes_is_kept_with_the_run_that_it_is_of(ran: Path) -> None:
    none = dict.fromkeys(("ended", "ended_right", "still_cut_off"), 0)
    models = [
        CutOff(model=name, cut_off=cut_off, repeating=repeating, left_out=left_out, **none)
        for name, cut_off, repeating, left_out in (("base", 9, 4, 0), ("seed_0", 8, 1, 2))
    ]
    found = LargerCap(
        scored="", former_cap=2048, max_tokens=4096, n=12, models=models, base=0.5, student_mean=0.6, difference=10.0,
        difference_low=1.0, difference_high=19.0, sign_flip_p=None,
    )  # fmt: skip
    kept = RESULTS / "tiny/metrics/larger_cap.json"
    line = (
        "With 10 of 17 cut-off replies written on to 4,096 tokens (5 repeat one passage): base 50.0 %, students "
        "60.0 %, +10.0 points (+1.0 to +19.0)"
    )
    Path("cache").mkdir()
    for md5, there in ((hashlib.md5(Path("data/eval/scored.jsonl").read_bytes()).hexdigest(), True), ("0", False)):
        Path("cache/larger_cap.json").write_text(found.model_copy(update={"scored": md5}).model_dump_json())
        write("tiny")
        assert kept.exists() == there == (line in quoted(RESULTS / "tiny"))


def test_what_another_profile_left_in_the_lock_is_not_kept(ran: Path) -> None:
    """dvc.lock keeps seeds that this run has not trained, and stages that the pipeline no longer has."""
    Path("metrics/lora_seed").mkdir()
    for seed in (0, 7):
        Path(f"metrics/lora_seed/{seed}.json").write_text("{}")
    stages = yaml.safe_load(Path("dvc.lock").read_text())["stages"]
    for seed in (0, 7):
        md5 = hashlib.md5(b"{}").hexdigest()
        stages[f"lora_seed@{seed}"] = {"cmd": "", "outs": [{"path": f"metrics/lora_seed/{seed}.json", "md5": md5}]}
    stages["answers_level@R1"] = {"cmd": "", "outs": [{"path": "metrics/gone.json", "md5": "0"}]}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    write("tiny")
    assert [path.name for path in (RESULTS / "tiny/metrics/lora_seed").iterdir()] == ["0.json"]


def test_what_was_made_of_another_runs_outputs_is_not_kept(ran: Path) -> None:
    """A run that is scored leaves its predecessor's length sweep in dvc.lock, and what was made of both."""

    def stage(out: str, deps: dict[str, str]) -> dict[str, object]:
        md5 = hashlib.md5(Path(out).read_bytes()).hexdigest()
        read = [{"path": path, "md5": md5} for path, md5 in deps.items()]
        return {"cmd": "", "deps": read, "outs": [{"path": out, "md5": md5}]}

    Path("metrics/summary.json").write_text("{}")
    Path("metrics/contamination.json").write_text("{}")
    scored, sweep = (hashlib.md5(Path(f"metrics/{name}.json").read_bytes()).hexdigest() for name in SCORED)
    stages = yaml.safe_load(Path("dvc.lock").read_text())["stages"]
    stages["all"]["outs"] = [out for out in stages["all"]["outs"] if "length_sweep" not in out["path"]]
    stages["length_sweep"] = stage("metrics/length_sweep.json", {"data/train_split": "another run's.dir"})
    stages["summary"] = stage("metrics/summary.json", {"metrics/eval.json": scored, "metrics/length_sweep.json": sweep})
    stages["contamination"] = stage("metrics/contamination.json", {"metrics/eval.json": scored, "stages/x": "code"})
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    write("tiny")
    kept = {path.stem for path in (RESULTS / "tiny/metrics").iterdir()}
    assert {"eval", "contamination"} <= kept and not {"length_sweep", "summary"} & kept


def test_the_same_run_gives_the_same_bytes(ran: Path) -> None:
    write("tiny")
    before = {path: path.read_bytes() for path in RESULTS.rglob("*") if path.is_file()}
    write("tiny")
    assert {path: path.read_bytes() for path in RESULTS.rglob("*") if path.is_file()} == before


def test_what_is_quoted_is_counted_from_the_rows(ran: Path) -> None:
    write("tiny")
    lines, rows = quoted(RESULTS / "tiny"), list(read_jsonl(RESULTS / "tiny/answers.jsonl", AnswerRow))
    students = [row for row in rows if row.set == "eval" and row.fold == "held_out" and row.role == "unseen"]
    students = [row for row in students if row.benchmark == "contest"]
    cut = sum(row.finish_reason == "length" for row in students)
    share = 100 * cut / len(students)
    loops = sum(row.finish_reason == "length" and row.repeats for row in students)
    stopped = f"students: {cut} of {len(students)} ({share:.1f} %), {loops} of them while repeating one passage"
    assert f"Stopped at the token cap, {stopped}" in lines
    right = sum(row.verdict == "CORRECT" for row in students) / len(students)
    assert any(f"student  {100 * right:5.1f} %" in line for line in lines)


PASSAGE = "A passage of some length, in which a case is tried without an end to it. Next case, the same as before: "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", False),
        ("So x = 5. " * 20, True),
        ("So x = 5. " * 19, False),  # 190 characters
        (PASSAGE * 3, True),
        (PASSAGE * 2, False),
        ("First the sum is 12. " + "Then wait, no. " * 30 + "Then wa", True),  # cut off within the passage
        ("Wait. " * 100 + "\\boxed{5}", False),  # it found out
        (" ".join(f"Case {n}: {n} + {n} = {2 * n}." for n in range(99)), False),
    ],
)  # fmt: skip
def test_a_reply_that_repeats_itself_to_its_end_is_known(text: str, said: bool) -> None:
    assert repeats(text) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: Path("params.yaml").write_text("profile: paper\n"), "params.yaml is that of the profile paper"),
        (lambda: Path("metrics/eval.json").write_text("{}"), "holds no scored run: metrics/eval.json"),
        (lambda: Path("plots/eval/years.csv").unlink(), "holds no scored run: plots/eval/years.csv"),
        (lambda: Path("dvc.lock").unlink(), "dvc.lock"),
        (lambda: Path("data/eval/scored.jsonl").unlink(), "holds no scored run: data/eval are"),
        (lambda: Path("data/length_sweep/scored.jsonl").write_text("of before\n"), "run: data/length_sweep are"),
        (lambda: Path("dvc.lock").write_text("schema: '2.0'\n"), "dvc.lock has no stages that can be read"),
        (lambda: Path("dvc.lock").write_text("<<<<<<< HEAD\nstages:\n"), "dvc.lock has conflicts of a merge: take one"),
        (lambda: leak(), "holds the text of a question"),
    ],
)
def test_what_is_not_a_finished_run_is_not_kept(ran: Path, change: object, said: str) -> None:
    change()  # type: ignore[operator]
    with pytest.raises(InputError, match=re.escape(said)):
        write("tiny")
    assert not RESULTS.exists() or not list(RESULTS.iterdir())


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a.json", json.dumps),
        ("b.csv", lambda text: '"' + text.replace('"', '""') + '"'),
        ("c.svg", html.escape),
        ("d.md", lambda text: f"> {text}"),
        ("e.yaml", lambda text: yaml.safe_dump({"question": text}, width=30)),
        ("f.txt", lambda text: text.replace(" is ", "\nis ")),
    ],
)
def test_a_question_is_seen_however_a_file_writes_it(tmp_path: Path, name: str, written: Callable[[str], str]) -> None:
    question = 'If $\\frac{x}{2} < 3$ & x is "whole", what is John\'s largest x?'
    row = Problem(id="1", year=1, section=SECTIONS[0], number=1, question=question, answer="5", source="tests")
    for part in ("parsed", "transfer"):
        write_jsonl(tmp_path / f"data/{part}/problems.jsonl", [row])
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/adapter.bin").write_bytes(b"\xff\x00\x9f")
    with contextlib.chdir(tmp_path):
        refuse_text(Path("kept"))
        (tmp_path / "kept" / name).write_text(written(question))
        with pytest.raises(InputError, match=f"{name} holds the text of a question"):
            refuse_text(Path("kept"))


def leak() -> None:
    """A plot that names a question by its text."""
    question = next(read_jsonl("data/parsed/problems.jsonl", Problem)).question
    Path("plots/eval/years.csv").write_text(question)
    lock(Path())


def blocks() -> list[tuple[str, str, str]]:
    return [(page.name, found["name"], found["text"]) for page in PAGES for found in BLOCK.finditer(page.read_text())]


def test_pages_quote_the_kept_runs_as_they_are() -> None:
    """Between `<!-- results/NAME -->` and the end of the block that follows stands what `--show` prints."""
    kept = sorted(path.name for path in (ROOT / RESULTS).glob("*") if path.is_dir())
    found = blocks()
    assert {name for _, name, _ in found} == set(kept), "every kept run is quoted on a page, and nothing else is"
    for page, name, text in found:
        assert text == "\n".join(quoted(ROOT / RESULTS / name)), f"{page}: put the output of --show {name} there"


def test_no_kept_run_holds_a_machines_path_or_a_response() -> None:
    for path in (ROOT / RESULTS).rglob("*.jsonl"):
        row = json.loads(path.open().readline())
        assert set(row) == set(AnswerRow.model_fields)
