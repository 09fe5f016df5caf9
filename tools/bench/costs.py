"""What a token costs as the student grows: seconds of training and of answering, and memory, in one picture.

    python -m tools.bench.costs         (write docs/figures/costs.csv and costs.svg, print the rows of docs/scale.md)
    python -m tools.bench.costs --run FOLDER    (take a student's times from a finished run in another folder first)

The half billion's numbers are those of `make bench-peers`, the largest student's those of its run in results/. Those of
the other runs are kept in metrics/bench.json, below `costs`.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import altair as alt
import pandas as pd

from distil.pipeline.command import run
from distil.pipeline.files import InputError, read_json, read_jsonl, read_yaml, write_json, write_text
from distil.pipeline.records import Answer
from stages.report.drawing import draw
from stages.report.figures import BASE, STUDENT
from tools.bench.runs import Measured
from tools.plan.__main__ import token_counter
from tools.plan.model import find
from tools.plan.work import row_lengths
from tools.results.__main__ import AnswerRow

BENCH, TABLE, PICTURE = Path("metrics/bench.json"), Path("docs/figures/costs.csv"), Path("docs/figures/costs.svg")
LARGEST, LARGEST_SEEDS, UNINTERRUPTED = Path("results/qwen-1.5b"), (0, 1, 2), "seed_2"
"""The real student's run, and the one model in it whose answers were all written by one process."""
SEEDS = [f"seed_{number}" for number in range(5)]
NO_RUN = "It is no run's folder."
SLOTS = 128
"""Answers of `peer_answers_128`."""
KEPT = ("tiny-student", "smollm2")
"""The students whose finished runs are kept in metrics/bench.json: what `--run` takes."""
WEIGHTS = {"tiny-student": 815_360, "smollm2": 134.5e6, "qwen-0.5b": 494e6, "qwen-1.5b": 1.54e9}
"""Weights of each student as its card says; what embedding and head share counts once."""
TOLD = {
    "tiny-student": (
        "0.8 million weights, MLX, float32",
        "40 trainings of 400 steps, five seeds' answers, 512 at once",
    ),
    "smollm2": (
        "135 million, PyTorch, bfloat16",
        "three trainings of 4 steps (a seed and two lengths), 40 answers at once",
    ),
    "qwen-0.5b": ("0.5 billion, PyTorch, bfloat16", "three steps, 128 answers at once"),
    "qwen-1.5b": ("1.5 billion, PyTorch, bfloat16", "three trainings of 60 steps, one seed's 425 answers, 64 at once"),
}
"""How the page names each student, and what was timed."""
CLOCK, PROCESSOR = "by the clock", "of one processor"


class Cost(NamedTuple):
    """One student's milliseconds a token of a row trained on (lowest to highest) and a token written; gigabytes."""

    model: str
    weights: float
    seconds: str
    training_low: float
    training_high: float
    training_gb_low: float
    training_gb_high: float
    answering: float
    answering_gb: float | None
    answer_tokens: float
    """Mean tokens of an answer. With `answering` they give the milliseconds of an answer."""


def main() -> None:
    """Measure what is asked for, then write the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a folder with params.yaml, metrics/timings and data of a run")
    args = parser.parse_args()
    found = read_json(BENCH)
    if args.run:
        name = kept_name(args.run)  # before a folder is read that lacks what such a run has
        found.setdefault("costs", {})[name] = of_run(args.run)
    students = list(every(found))  # an error among them leaves the file as it is
    write_json(BENCH, found)
    table = pd.DataFrame(students)
    write_text(TABLE, table.to_csv(index=False))
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(Path(folder), PICTURE.stem, chart(table), "", "")
    write_text(PICTURE, drawn.svg + "\n")
    print("\n".join(rows(table)))


def kept_name(folder: Path) -> str:
    """The student of a run. Raises InputError for one whose times are taken from elsewhere."""
    model = read_yaml(folder / "params.yaml", NO_RUN)["lora_seed"]["model"]
    if (name := Path(model).name) not in KEPT:
        raise InputError(
            f"--run {folder}: its student is {model}, and runs are kept of {' and '.join(KEPT)} alone. The others' "
            f"times are those of `make bench-peers` and of {LARGEST}."
        )
    return name


def of_run(folder: Path) -> Measured:
    """What a finished run took, and what `make plan` counts of its rows.

    A model whose answers several processes wrote is left out, since its seconds are the last one's alone.
    """
    timings, split = folder / "metrics/timings", folder / "data/train_split"
    params = read_yaml(folder / "params.yaml", NO_RUN)
    trainings = {
        kind: [one for path in sorted(timings.glob(f"{kind}/*.json")) for one in read_json(path).values()]
        for kind in ("lora_seed", "lora_level")
    }
    every_one = [one for some in trainings.values() for one in some]
    answers = {}
    for path in sorted(timings.glob("answers/*.json")):
        timed = read_json(path)
        files = sorted((folder / "data/answers" / path.stem).glob("*.jsonl"))
        written = [row for part in files for row in read_jsonl(part, Answer)]
        if timed["answers"] == len(written):
            answers[path.stem] = timed | {
                "prompt_tokens": sum(row.prompt_tokens or 0 for row in written),
                "tokens": sum(row.completion_tokens or 0 for row in written),
            }
    counter = token_counter(find(params["lora_seed"]["model"]), params["chat"]["system"])
    means = {}
    for rows in sorted(split.rglob("train.jsonl")):
        of_row, of_reply = (sum(part) / len(part) for part in row_lengths(rows.parent, counter))
        means[rows.parent.relative_to(split).as_posix()] = [round(of_row, 2), round(of_reply, 2)]
    probed = params["overfit_probe"]["iters"] > 0
    probe = read_json(timings / "overfit_probe.json")["training_seconds"] if probed else 0
    return {
        "row_tokens_per_second": {
            kind: sorted(one["row_tokens_per_second"] for one in some) for kind, some in trainings.items()
        },
        "peak_memory_gb": sorted({one["peak_memory_gb"] for one in every_one}),
        "training_seconds": round(sum(one["training_seconds"] for one in every_one) + probe, 1),
        "answers": answers,
        "mean_tokens": means,
    }


def every(found: Measured) -> Iterable[Cost]:
    """The students by size: from finished runs, from `make bench-peers`, and from the real student's results.

    Raises InputError where a finished run is missing or none of its seeds' answers count.
    """
    for name in KEPT:
        took = found.get("costs", {}).get(name)
        if took is None:
            raise InputError(f"{BENCH} has no run of {name} below `costs`: `python -m tools.bench.costs --run FOLDER`.")
        speeds = sorted(speed for some in took["row_tokens_per_second"].values() for speed in some)
        models, memory = [took["answers"][key] for key in took["answers"] if key in SEEDS], took["peak_memory_gb"]
        if not models:
            raise InputError(
                f"{BENCH}: each seed's answers in the run of {name} were written by several processes, so that nobody "
                "knows how long they took. Take a run in which one process wrote a seed's answers without a stop."
            )
        seconds, tokens, answers = (sum(model[part] for model in models) for part in ("seconds", "tokens", "answers"))
        steps = per(speeds[-1]), per(speeds[0]), memory[0], memory[-1]
        yield Cost(name, WEIGHTS[name], CLOCK, *steps, per(tokens / seconds), None, round(tokens / answers, 1))
    training, answering = (found["peers"][name]["ours"] for name in ("peer_lora_bf16", "peer_answers_128"))
    rate, room = per(training["processor"]), training["peak_gb"]
    written = per(answering["processor"]), answering["peak_gb"], answering["tokens"] / SLOTS
    yield Cost("qwen-0.5b", WEIGHTS["qwen-0.5b"], PROCESSOR, rate, rate, room, room, *written)
    yield largest()


def largest() -> Cost:
    """The real student's run."""
    timings = LARGEST / "metrics/timings"
    seeds = [read_json(timings / f"lora_seed/{seed}.json")["held_out"] for seed in LARGEST_SEEDS]
    speeds, memory = ([seed[name] for seed in seeds] for name in ("row_tokens_per_second", "peak_memory_gb"))
    rows = [row for row in read_jsonl(LARGEST / "answers.jsonl", AnswerRow) if row.model == UNINTERRUPTED]
    tokens = sum(row.tokens or 0 for row in rows)
    answering = per(tokens / read_json(timings / f"answers/{UNINTERRUPTED}.json")["seconds"])
    steps = per(max(speeds)), per(min(speeds)), min(memory), max(memory)
    name = LARGEST.name
    return Cost(name, WEIGHTS[name], CLOCK, *steps, answering, None, round(tokens / len(rows), 1))


def rows(table: pd.DataFrame) -> Iterator[str]:
    """The table as rows of Markdown."""
    for record in table.to_dict("records"):
        cost = Cost(**{str(name): value for name, value in record.items()})
        memory = span(cost.training_gb_low, cost.training_gb_high, 2 if cost.training_gb_low < 1 else 1)
        room = "not kept" if pd.isna(cost.answering_gb) else f"{cost.answering_gb:.1f} GB"
        name, kept = TOLD[cost.model]
        training = span(cost.training_low, cost.training_high, 2 if cost.training_low < 1 else 1)
        answer = f"{cost.answering * cost.answer_tokens / 1000:.{3 if cost.answering < 1 else 1}f}"
        yield (
            f"| {name} | {training} | {memory} GB | {cost.answering:.{2 if cost.answering < 1 else 1}f} | "
            f"{answer} s of {cost.answer_tokens:.0f} tokens | {room} | {cost.seconds} | {kept} |"
        )


def span(low: float, high: float, places: int) -> str:
    """One number, or two where they differ."""
    ends = f"{low:.{places}f}", f"{high:.{places}f}"
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def per(rate: float) -> float:
    """Milliseconds of one, of so many a second."""
    return round(1000 / rate, 3)


def chart(table: pd.DataFrame) -> alt.HConcatChart:
    """Three panels over the number of weights, both axes logarithmic. A bar is from the lowest to the highest."""
    answering = table.assign(answering_high=table["answering"])
    training_gb = table.assign(what="training", low=table["training_gb_low"], high=table["training_gb_high"])
    answering_gb = table.assign(what="answering", low=table["answering_gb"], high=table["answering_gb"])
    memory = pd.concat([training_gb, answering_gb]).dropna(subset=["low"])
    times = alt.Color("seconds:N", title=None, scale=alt.Scale(domain=[PROCESSOR, CLOCK], range=[STUDENT, BASE]))
    kinds = alt.Color("what:N", title=None, scale=alt.Scale(domain=["training", "answering"], range=[STUDENT, BASE]))
    panels = [
        panel(table, "training_low", "training_high", "ms a token trained on", times),
        panel(answering, "answering", "answering_high", "ms a token written", times),
        panel(memory, "low", "high", "GB of memory", kinds),
    ]
    return alt.hconcat(*panels, spacing=30).resolve_scale(color="independent")


DECADES = [10.0**power for power in range(-3, 11)]


def panel(table: pd.DataFrame, low: str, high: str, title: str, color: alt.Color) -> alt.LayerChart:
    """One quantity over the number of weights."""
    x = alt.X(
        "weights:Q",
        title="weights",
        scale=alt.Scale(type="log", domain=[4e5, 4e9]),
        axis=alt.Axis(values=DECADES, format="~s"),
    )
    y = alt.Y(f"{low}:Q", title=title, scale=alt.Scale(type="log"), axis=alt.Axis(values=DECADES, format="~g"))
    drawn = alt.Chart(table).encode(x=x, color=color)
    return alt.layer(
        drawn.mark_rule(strokeWidth=3).encode(y=y, y2=f"{high}:Q"),
        drawn.mark_point(filled=True, size=90, opacity=1).encode(y=y),
    ).properties(width=190, height=200)


if __name__ == "__main__":
    run(main)
