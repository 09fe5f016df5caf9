"""A finished run kept in git: whole, without a word that carries no licence, and quoted as it is."""

import contextlib
import hashlib
import html
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import NormalDist, mean, median

import pandas as pd
import pytest
import yaml

from distil.pipeline.files import InputError, read_json, read_jsonl, write_jsonl
from distil.pipeline.records import LEVELS, SECTIONS, Problem, Scored
from distil.statistics.power import REACH
from tests.scored_run import write_run
from tests.workspace import inside
from tools.params import compose
from tools.results.__main__ import RESULTS, AnswerRow, quoted, refuse_text, repeats, write

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"<!-- results/(?P<name>[\w.-]+) -->\n```\n(?P<text>.*?)\n```\n", re.DOTALL)


def lock(folder: Path) -> None:
    """dvc.lock as it stands after a run that wrote what is in metrics/ and plots/."""
    files = [path for name in ("metrics", "plots") for path in sorted((folder / name).rglob("*")) if path.is_file()]
    outs = [
        {"path": str(path.relative_to(folder)), "md5": hashlib.md5(path.read_bytes()).hexdigest()} for path in files
    ]
    outs += [{"path": f"data/{path.name}", "md5": "0.dir"} for path in sorted((folder / "data").iterdir())]
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"all": {"cmd": "", "outs": outs}}}))


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


def test_what_a_larger_cap_changes_is_kept_with_the_run_that_it_is_of(ran: Path) -> None:
    found = {"max_tokens": 4096, "base": 0.5, "student_mean": 0.6, "difference": 10.0, "difference_low": 1.0,
             "difference_high": 19.0, "models": [{"cut_off": 9, "repeating": 4, "left_out": 0},
                                                {"cut_off": 8, "repeating": 1, "left_out": 2}]}  # fmt: skip
    kept = RESULTS / "tiny/metrics/larger_cap.json"
    line = (
        "With 10 of 17 cut-off replies written on to 4,096 tokens (5 repeat one passage): base 50.0 %, students "
        "60.0 %, +10.0 points (+1.0 to +19.0)"
    )
    Path("cache").mkdir()
    for md5, there in ((hashlib.md5(Path("data/eval/scored.jsonl").read_bytes()).hexdigest(), True), ("0", False)):
        Path("cache/larger_cap.json").write_text(json.dumps({**found, "scored": md5}))
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
        (lambda: Path("data/eval/scored.jsonl").unlink(), "data/eval/scored.jsonl could not be read"),
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


def real_student_in_words() -> str:
    """What README and the real student's page say of the run, in one line."""
    section = (ROOT / "README.md").read_text("utf-8").split("## The result with a real student")[1].split("\n## ")[0]
    return " ".join((section + (ROOT / "docs/real-student.md").read_text("utf-8")).split())


def test_the_pages_word_the_real_student_as_its_files_have_it(tmp_path: Path) -> None:
    """The sentences around the block: rows trained on, questions, what could be detected, what the run left out."""
    kept = ROOT / RESULTS / "qwen-1.5b"
    found = read_json(kept / "metrics/eval.json")
    unseen, transfer, detectable = (found[name] for name in ("contest_unseen", "transfer", "detectable_difference"))
    trained = read_json(kept / "metrics/lora_seed/0.json")["folds"]["held_out"]
    params = yaml.safe_load((kept / "params.yaml").read_text("utf-8"))
    by_heart = read_json(kept / "metrics/contamination.json")
    sweep = read_json(kept / "metrics/length_sweep.json")
    levels = {level: read_json(kept / f"metrics/lora_level/{level}.json") for level in LEVELS}
    (level_rows,) = {one["seeds"]["seed_0"]["train_rows"] for one in levels.values()}
    taught = {level: one["seeds"]["seed_0"]["reply_tokens_trained"] for level, one in levels.items()}
    below = {
        level: [-sweep[level][name] for name in ("over_base", "over_base_high", "over_base_low")]
        for level in LEVELS[2:]
    }
    by_words = sorted(LEVELS, key=lambda level: float(sweep[level]["chain_words"]))
    risen = [f"{level} {100 * sweep[level]['accuracy']:.1f} %" for level in by_words]
    exams, exact, long = by_heart["contest"], by_heart["transfer"], read_json(kept / "metrics/overfit_probe.json")
    assert exams["completed"] == 0
    rows = [row for row in read_jsonl(kept / "answers.jsonl", AnswerRow) if row.benchmark == "contest"]
    base, students = ([row for row in rows if row.model.startswith(name)] for name in ("base", "seed"))
    tokens, base_tokens = (median(row.tokens or 0 for row in some) for some in (students, base))
    stopped = [row for row in students if row.finish_reason == "length"]
    looping = sum(row.repeats for row in stopped)
    cut = {level: [row.finish_reason == "length" for row in rows if row.model == level] for level in LEVELS}
    solved = {
        name: {row.problem_id for row in rows if row.model == name and row.verdict == "CORRECT"}
        for name in ("R1", "seed_0", "seed_1", "seed_2")
    }
    rights = [len(solved[name]) for name in ("seed_0", "seed_1", "seed_2")]
    larger = read_json(kept / "metrics/larger_cap.json")
    by_base, *by_students = larger["models"]
    of_students = {name: sum(one[name] for one in by_students) for name in by_base if name != "model"}
    open_of_students, open_of_base = (one["cut_off"] - one["repeating"] for one in (of_students, by_base))
    curve = pd.read_csv(kept / "plots/overfit_probe.csv", index_col="iteration")["valid_loss"]
    passes = [f"{curve[number * long['best_iteration']]:.3f}" for number in range(2, 6)]
    assert {row.model for row in students} == {"seed_0", "seed_1", "seed_2"}
    words = real_student_in_words()
    for sentence in (
        f"({trained['train_rows']} to train on, {trained['valid_rows']} to validate), three seeds",
        f"{unseen['n']} questions of {min(params['train_split']['held_out_years'])} to 2025",
        f"takes {-unseen['difference_high']:.1f} to {-unseen['difference_low']:.1f} points away",
        f"(sign flips over all three seeds: p = {unseen['sign_flip_p']:.3f})",
        f"needs some {detectable:.1f} points for a power of 80 %",
        f"{transfer['n']} questions of MATH-500",
        f"(median {tokens} tokens, base {base_tokens})",
        f"({100 * unseen['student_cut_off']:.1f} % and {100 * unseen['base_cut_off']:.1f} %)",
        f"None of their {len(stopped)} cut-off replies is right, and {looping} repeat one passage",
        f"the students would gain {100 * of_students['still_cut_off'] / len(students):.1f} points and the base "
        f"{100 * by_base['still_cut_off'] / len(base):.1f}.",
        f"would still cut off {100 * (of_students['cut_off'] - of_students['ended']) / len(students):.1f} % and "
        f"{100 * (by_base['cut_off'] - by_base['ended']) / len(base):.1f} %.",
        f"Written on up to {larger['max_tokens']:,} tokens, {by_base['ended']} of the base's {open_of_base} others and "
        f"{of_students['ended']} of the students' {open_of_students} ended",
        f"R6's adapter answers {-sweep['change']:.1f} points less than R1's ({-sweep['change_high']:.1f} to "
        f"{-sweep['change_low']:.1f}, for these two adapters)",
        f"R2's chains have {sweep['R2']['chain_words']:.0f} words on average, R1's {sweep['R1']['chain_words']:.0f}.",
        f"R5 and R6 differ by {sweep['R5']['chain_words'] - sweep['R6']['chain_words']:.1f} words",
        f"{', '.join(risen[:-2])}, {risen[-2]} and {risen[-1]}.",
        f"R2 was trained on {taught['R2']:,} reply tokens, that of R1 on {taught['R1']:,} and that of R6 on "
        f"{taught['R6']:,}",
        f"had {trained['iterations']} iterations, so R2's learned from {taught['R2']:,} reply tokens and R6's from "
        f"{taught['R6']:,}. R1's {level_rows} chains are among the students' {trained['train_rows']}.",
        f"answers more, {len(solved['R1'])} against {', '.join(map(str, rights[:-1]))} and {rights[-1]}, is",
        f"on average {sweep['R6']['words']:.0f} words after R6, {sweep['R1']['words']:.0f} after R1 and "
        f"{sweep['R2']['words']:.0f} after R2, where the untouched base writes {mean(row.words for row in base):.0f}.",
        f"Of 225 replies {', '.join(str(sum(cut[level])) for level in LEVELS[:-1])} and {sum(cut['R6'])} were cut off",
        f"R1's rows are {level_rows} of the students' {trained['train_rows']}.",
        f"answers {len(solved['R1'] - solved['seed_0'])} questions that the student of the same seed does not",
        f"and misses {len(solved['seed_0'] - solved['R1'])} that this one answers",
        f"over {long['last_iteration']} iterations the validation loss is lowest after {long['best_iteration']}, where",
        f"rises by {long['rise']:.2f} nats a token from there to the end ({long['rise_low']:.2f} to "
        f"{long['rise_high']:.2f} ",
        f"to {long['best_valid_loss']:.3f} nats a token after {long['best_iteration']} iterations",
        f"is {long['best_iteration_low']} to {long['best_iteration_high']} ({long['resamples']:,} resamples)",
        f"each further pass the loss is higher: {', '.join(passes[:-1])} and {passes[-1]}",
        f"that is {long['rise']:.2f} more ({long['rise_low']:.2f} to {long['rise_high']:.2f} over",
        f"answers as many as the base, {len(solved['R1'])}. ",
        f"MATH-500 {100 * transfer['student_cut_off']:.1f} % and {100 * transfer['base_cut_off']:.1f} % were cut off",
        f"{found['teacher_n']} questions for which the study published chains. {found['teacher_unseen_n']} of these",
        f"on the {long['valid_problems']} problems of the training years",
        f"completes none of {exams['n']} word for word (at most {100 * exams['completed_high']:.1f} %)",
        f"{exact['completed'] * exact['n']:.0f} of {exact['n']} of MATH-500 ({100 * exact['completed']:.1f} %, "
        f"{100 * exact['completed_low']:.1f} to {100 * exact['completed_high']:.1f})",
    ):
        assert sentence in words
    assert "**The three students are worse than the base:" in words and unseen["difference_high"] < 0
    assert unseen["sign_flip_p"] < 0.05 and unseen["mcnemar_p"] < 0.05
    assert transfer["difference_low"] < 0 < transfer["difference_high"] and transfer["sign_flip_p"] > 0.05
    assert all(
        row.verdict != "CORRECT" for row in rows if row.finish_reason == "length" and row.model in {*LEVELS, *solved}
    )
    assert all(row.verdict != "CORRECT" for row in stopped)
    for both in (
        f"Neither R1's ({sweep['R1']['over_base_low']:.1f} to {sweep['R1']['over_base_high']:+.1f} points) nor R2's, "
        f"whose chains are the longest ({sweep['R2']['over_base_low']:.1f} to {sweep['R2']['over_base_high']:+.1f})",
        f"R3 to R6 are below the base, by {below['R3'][0]:.1f} points ({below['R3'][1]:.1f} to {below['R3'][2]:.1f}) "
        f"for R3 and up to {below['R6'][0]:.1f} ({below['R6'][1]:.1f} to {below['R6'][2]:.1f}) for R6.",
        f"({long['rise_low']:.2f} to {long['rise_high']:.2f} over other validation problems, for this one training)",
        f"{len(stopped)} cut-off replies is right, and {looping} repeat one passage",
    ):
        assert words.count(both) == 2, "README and docs/real-student.md say it"
    assert by_base["ended_right"] == of_students["ended_right"] == 0
    assert larger["difference"] == unseen["difference"]
    assert (by_base["repeating"], of_students["repeating"]) == (9, looping)
    assert (of_students["cut_off"], of_students["left_out"], by_base["left_out"]) == (len(stopped), 0, 0)
    batch = params["lora_seed"]["batch_size"]
    assert (
        long["best_iteration"] * batch == trained["train_rows"] and long["last_iteration"] == 5 * long["best_iteration"]
    )
    assert sweep["R1"]["accuracy"] == unseen["base"] and sweep["change_high"] < 0
    assert all(sweep[level]["over_base_low"] < 0 < sweep[level]["over_base_high"] for level in ("R1", "R2"))
    assert all(sweep[level]["over_base_high"] < 0 for level in LEVELS[2:])
    assert by_words == sorted(LEVELS, key=lambda level: float(sweep[level]["accuracy"])) and by_words[-1] == "R2"
    assert all(len(metrics["seeds"]) == 1 for metrics in levels.values())
    found_in_ten = 10 * NormalDist(1.96).cdf(5 * REACH / detectable)  # of a test at 5 %, in standard errors
    assert round(found_in_ten) == 4 and "effect of 5 points would have been found four times in ten" in words
    compose(tmp_path / "params.yaml", ["profile=qwen-1.5b"])
    composed = yaml.safe_load((tmp_path / "params.yaml").read_text("utf-8"))
    del params["composed_from"]  # a note on the file, which is worded otherwise today
    assert not [name for name, block in params.items() if not within(block, composed[name])]


def test_the_pages_word_the_studys_split_as_its_files_have_it() -> None:
    """Which of the questions were read in training is not in the kept files: the split's rows carry no licence."""
    kept = ROOT / RESULTS / "qwen-1.5b-split"
    unseen = read_json(kept / "metrics/eval.json")["contest_unseen"]
    trained = read_json(kept / "metrics/lora_seed/0.json")["folds"]["paper"]
    rows = [row for row in read_jsonl(kept / "answers.jsonl", AnswerRow) if row.benchmark == "contest"]
    right = {
        fold: {row.problem_id for row in rows if row.fold == fold and row.verdict == "CORRECT"}
        for fold in ("paper", "held_out")
    }
    assert len(right["paper"]) == len(right["held_out"]) == 54
    readme, page = (
        " ".join((ROOT / name).read_text("utf-8").split()) for name in ("README.md", "docs/real-student.md")
    )
    low, high = unseen["leak_paired_low"], unseen["leak_paired_high"]
    assert f"{unseen['leak_paired']:+.1f} points ({low:.1f} to {high:+.1f})" in readme
    assert f"as many of the {unseen['n']} questions, {len(right['paper'])}, when" in readme
    assert f"In {trained['iterations']} iterations" in readme
    gained, lost = (len(right[one] - right[other]) for one, other in (("paper", "held_out"), ("held_out", "paper")))
    assert f"({gained} gained, {lost} lost)" in page
    asked = Counter(row.role for row in rows if row.fold == "paper")
    assert f"{asked['train']} are then among its {trained['train_rows']} training rows" in page
    assert f"{asked['valid']} among its {trained['valid_rows']} validation rows" in page
    assert f"{asked['train']} of them are among its training rows" in readme
    batch = yaml.safe_load((kept / "params.yaml").read_text("utf-8"))["lora_seed"]["batch_size"]
    assert trained["iterations"] * batch < trained["train_rows"]
    read = f"read {trained['iterations'] * batch} of the {trained['train_rows']} rows, each once"
    assert read in page and low < 0 < high


def test_the_page_says_which_of_the_texts_compared_with_transformers_are_longer() -> None:
    """`make check-model` takes the 40 questions with the base's shortest answers that ended."""
    rows = [row for row in read_jsonl(ROOT / RESULTS / "qwen-1.5b/answers.jsonl", AnswerRow) if row.set == "eval"]
    tokens: dict[str, dict[str, int]] = {
        name: {row.problem_id: row.tokens or 0 for row in rows if row.model == name and row.benchmark == "contest"}
        for name in ("base", "seed_0")
    }
    ended = {row.problem_id for row in rows if row.model == "base" and row.finish_reason == "stop"}
    asked = sorted(tokens["base"].keys() & ended, key=lambda name: (tokens["base"][name], name))[:40]
    assert [sum(tokens[name][one] > 400 for one in asked) for name in ("base", "seed_0")] == [0, 4]
    assert "none of the base's and four of the adapter's have more than 400 tokens" in real_student_in_words()


def within(kept: object, composed: object) -> bool:
    """Whether a kept run's parameters are those composed today, which may have more."""
    if isinstance(kept, dict) and isinstance(composed, dict):
        return all(name in composed and within(value, composed[name]) for name, value in kept.items())
    return kept == composed


def test_no_kept_run_holds_a_machines_path_or_a_response() -> None:
    for path in (ROOT / RESULTS).rglob("*.jsonl"):
        row = json.loads(path.open().readline())
        assert set(row) == set(AnswerRow.model_fields)
