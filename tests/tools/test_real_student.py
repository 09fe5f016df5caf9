"""What README and docs/real-student.md say of the real student, held to its kept runs."""

from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean, median

import pandas as pd
import yaml

from distil.pipeline.files import read_json, read_jsonl
from distil.pipeline.records import LEVELS
from distil.statistics.power import detectable, power
from distil.statistics.seeds import StandardErrors, influences, standard_errors
from tools.params import compose
from tools.results.__main__ import RESULTS, AnswerRow

ROOT = Path(__file__).resolve().parents[2]


def real_student_in_words() -> str:
    """What README and the real student's page say of the run, in one line."""
    section = (ROOT / "README.md").read_text("utf-8").split("## The result with a real student")[1].split("\n## ")[0]
    return " ".join((section + (ROOT / "docs/real-student.md").read_text("utf-8")).split())


def errors_of(kept: Path) -> StandardErrors:
    """The standard errors of the students' difference from the base, from a kept run's verdicts."""
    table = pd.read_csv(kept / "plots/eval/verdicts.csv").query("part == 'contest_unseen'")
    right = table.pivot(index="id", columns="model", values="right")
    clusters = table.drop_duplicates("id").set_index("id")["cluster"].loc[right.index].to_numpy()
    gaps = right.filter(like="seed_").sub(right["base"], axis=0).to_numpy(float)
    return standard_errors(gaps.mean(axis=0), influences(gaps, clusters))


def test_the_pages_word_the_real_student_as_its_files_have_it(tmp_path: Path) -> None:
    """The sentences around the block: rows trained on, questions, what could be detected, what the run left out."""
    kept = ROOT / RESULTS / "qwen-1.5b"
    found = read_json(kept / "metrics/eval.json")
    unseen, transfer, errors = found["contest_unseen"], found["transfer"], errors_of(kept)
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
    stopped_of_base = [row for row in base if row.finish_reason == "length"]
    of_students_at_most, of_base_at_most = (
        mean(row.verdict == "CORRECT" or row.finish_reason == "length" for row in some) for some in (students, base)
    )
    cut = {level: [row.finish_reason == "length" for row in rows if row.model == level] for level in LEVELS}
    solved = {
        name: {row.problem_id for row in rows if row.model == name and row.verdict == "CORRECT"}
        for name in ("R1", "seed_0", "seed_1", "seed_2")
    }
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
        f"by {-unseen['difference_high']:.1f} to {-unseen['difference_low']:.1f} points.**",
        f"None of the base's {len(stopped_of_base)} is right, and "
        f"{sum(row.repeats for row in stopped_of_base)} repeat one.",
        f"the difference would be {100 * (of_students_at_most - of_base_at_most):.1f} points",
        f"(sign flips over all three seeds: p = {unseen['sign_flip_p']:.3f})",
        f"needs some {100 * (detectable(errors) or 0):.1f} points for a power of 80 %",
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
    assert "the three students are worse than the base, by" in words and unseen["difference_high"] < 0
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
    assert (
        round(10 * power(0.05, errors)) == 3
        and "effect of 5 points would have been found three times in ten at best." in words
    )
    compose(tmp_path / "params.yaml", ["profile=qwen-1.5b"])
    composed = yaml.safe_load((tmp_path / "params.yaml").read_text("utf-8"))
    del params["composed_from"]  # a note on the file, which is worded otherwise today
    assert not [name for name, block in params.items() if not within(block, composed[name])]


def right(kept: Path) -> dict[str, set[str]]:
    """The contest questions that each model of a kept run answers rightly."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in read_jsonl(kept / "answers.jsonl", AnswerRow):
        if row.benchmark == "contest" and row.verdict == "CORRECT":
            found[row.model].add(row.problem_id)
    return found


def test_the_pages_word_the_second_adapters_as_their_files_have_them() -> None:
    kept, first = ROOT / RESULTS / "qwen-1.5b-ends", ROOT / RESULTS / "qwen-1.5b"
    sweep = read_json(kept / "metrics/length_sweep.json")
    again, before, words = right(kept), right(first), real_student_in_words()
    changed = {name: (len(again[name] - before[name]), len(before[name] - again[name])) for name in again}
    rows = [row for row in read_jsonl(kept / "answers.jsonl", AnswerRow) if row.finish_reason == "length"]
    cut = {name: [row for row in rows if row.model == name] for name in ("R1", "R6")}
    students = [len(before[f"seed_{seed}"]) for seed in range(3)]
    change = f"{sweep['change']:.1f} points, {sweep['change_low']:.1f} to {sweep['change_high']:.1f}"
    gained = [len(again["R1"] - before[f"seed_{seed}"]) for seed in range(3)]
    lost = [len(before[f"seed_{seed}"] - again["R1"]) for seed in range(3)]
    assert (gained[1], lost[1]) == (gained[2], lost[2])
    first_torch, later_torch = (
        read_json(path / "metrics/environment.json")["packages"]["torch"]["version"] for path in (first, kept)
    )
    for sentence in (
        f"A second adapter of R1 and R6 answers {100 * sweep['R1']['accuracy']:.1f} % and "
        f"{100 * sweep['R6']['accuracy']:.1f} %, R6's again less than R1's ({change}, for these two)",
        f"R1's two adapters answer {len(before['R1'])} and {len(again['R1'])} questions, the three students "
        f"{students[0]}, {students[1]} and {students[2]}.",
        f"({gained[0]} gained and {lost[0]} lost against seed 0, {gained[1]} and {lost[1]} against each of the others;",
        f"names PyTorch {first_torch.partition('+')[0]}, this one's {later_torch.partition('+')[0]}.",
        f"R1's second adapter answers {len(again['R1'])} questions and its first {len(before['R1'])} "
        f"({changed['R1'][0]} gained, {changed['R1'][1]} lost), R6's {len(again['R6'])} and {len(before['R6'])} "
        f"({changed['R6'][0]} gained, {changed['R6'][1]} lost)",
        f"Of its 225 replies {len(cut['R1'])} were cut off, {sum(row.repeats for row in cut['R1'])} of them while "
        f"repeating one passage, and {len(cut['R6'])} of R6's; none of these is right",
    ):
        assert sentence in words
    assert sweep["change_high"] < 0 and sweep["R1"]["over_base_low"] < 0 < sweep["R1"]["over_base_high"]
    assert all(row.verdict != "CORRECT" for row in rows) and len(again["R1"]) > max(students)
    assert sweep["base"] == read_json(first / "metrics/length_sweep.json")["base"], "the base was asked anew"


def test_the_hashes_of_what_was_made_again_are_those_of_the_first_run() -> None:
    stages = yaml.safe_load((ROOT / RESULTS / "qwen-1.5b/dvc.lock").read_text("utf-8"))["stages"]
    made = {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}
    hashes = f"`{made['data/lora_level/R6']}` and `{made['data/answers/R6']}`"
    assert hashes in real_student_in_words()
    later = yaml.safe_load((ROOT / RESULTS / "qwen-1.5b-ends/dvc.lock").read_text("utf-8"))["stages"]
    for stage in ("raw", "parsed", "transfer", "teacher_cot", "verified", "train_split"):
        assert later[stage]["outs"] == stages[stage]["outs"]
    models = [
        dep["md5"] for lock in (stages, later) for dep in lock["lora_level@R6"]["deps"] if dep["path"].startswith("mod")
    ]
    assert models[0] == models[1]


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
