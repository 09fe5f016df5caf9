"""The comparisons that `make bench` prints, each a function from a setting to medians and a ratio."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distil.pipeline.files import InputError
from tools.bench import share
from tools.bench.models import write_rows
from tools.bench.runs import Measured, stock_training, turn_about, worker
from tools.bench.seeds import seeds_seconds
from tools.bench.verifiers import compare

SAMPLE = 40
"""How many problems the one-at-a-time loop is timed on."""
CHAINS = Path("../shared/job/chains/distilled_train.jsonl")


@dataclass(frozen=True)
class Setting:
    """What the comparisons share: the student, a fold's rows, an adapter and its benchmark, a scratch folder."""

    student: Path
    split: Path
    adapter: Path
    problems: Path
    max_tokens: int
    batch_size: int
    scratch: Path
    repeats: int


def lora_tiny(setting: Setting) -> Measured:
    """Reply tokens per second of LoRA on the student, the default rows and batch size."""
    return training(setting, setting.student, 60)


def lora_4m(setting: Setting) -> Measured:
    """The same for random weights of 4 million parameters."""
    worker("model", setting.scratch / "4m", setting.student, "4m")
    return training(setting, setting.scratch / "4m", 30)


def training(setting: Setting, model: Path, iters: int) -> Measured:
    """Stock command against this project's loop on the same model and rows, batches of 8."""
    found = turn_about(
        lambda: stock_training(model, setting.split, iters, 8, 10, setting.scratch / "stock")["rate"],
        lambda: worker("ours-train", model, setting.split, iters * 3, 8)["rate"],
        setting.repeats,
    )
    return found | {"unit": "reply tokens/s"}


def train_step_half_billion(setting: Setting) -> Measured:
    """A training step and a loss at Qwen2.5-0.5B's shape, random float32 weights, four rows of 127 tokens; run once.

    `gemm_share` is this project's step as a share of the rate of large matrix products here: a step of LoRA is 4
    floating point operations per weight and token, forwards and back to the activations.
    """
    model, split = setting.scratch / "half_billion", write_rows(setting.scratch / "long_rows", 4, 58)
    worker("model", model, setting.student, "half_billion")
    stock = stock_training(model, split, 1, 4, 1, setting.scratch / "stock")
    ours, peak = worker("ours-train", model, split, 2, 4), worker("gemm")["rate"]
    step, forward = (ours["batch_tokens"] / stock[part] for part in ("first_seconds", "forward_seconds"))
    return {
        "stock": round(step, 3),
        "ours": round(ours["rate"], 3),
        "ratio": round(ours["rate"] / step, 3),
        "unit": "reply tokens/s",
        "forward_stock": round(forward, 3),
        "forward_ours": round(ours["forward_rate"], 3),
        "forward_ratio": round(ours["forward_rate"] / forward, 3),
        "gemm_gflops": round(peak, 1),
        "gemm_share": round(4 * ours["parameters"] * ours["row_rate"] / 1e9 / peak, 3),
    }


def answers(setting: Setting) -> Measured:
    """Answers per second of one seed's adapter on the contest, against mlx_lm.generate called once per problem."""
    texts: Measured = {}

    def stock() -> float:
        arguments = (setting.student, setting.adapter, setting.problems, setting.max_tokens, SAMPLE)
        found = worker("stock-answers", *arguments)
        texts["stock"] = found["texts"]
        return found["rate"]

    def ours() -> float:
        arguments = (setting.student, setting.adapter, setting.problems, setting.max_tokens, setting.batch_size)
        found = worker("ours-answers", *arguments)
        texts["ours"] = found["texts"]
        return found["rate"]

    found = turn_about(stock, ours, setting.repeats)
    same = sum(texts["ours"][int(number)].strip() == text.strip() for number, text in texts["stock"].items())
    return found | {"unit": "answers/s", "compared_texts": len(texts["stock"]), "same_texts": same}


def padding(setting: Setting) -> Measured:
    """Padded over real tokens on the study's recorded chains, batches of 4; the ratio is this project's own."""
    if not CHAINS.exists():
        raise InputError(f"{CHAINS} is not there; the study's files lie next to this checkout.")
    found = worker("padding", setting.student, CHAINS, 4)
    rounded = {side: round(found[side], 4) for side in ("stock", "ours")}
    return rounded | {"ratio": rounded["ours"], "unit": "padded/real tokens", "rows": found["rows"]}


def seeds_jobs2(setting: Setting) -> Measured:
    """Seconds of the five seeds' stages under `make repro`, with JOBS=1 (as stock) and JOBS=2."""
    found = turn_about(
        lambda: seeds_seconds(setting.scratch / "one", 1), lambda: seeds_seconds(setting.scratch / "two", 2), 1
    )
    return found | {"unit": "s"}


def verify(_: Setting) -> Measured:
    """Labelled pairs judged per second, Math-Verify against this verifier. `judges` has the quality of each."""
    judges = compare()
    rates = {"stock": judges["math_verify"]["rows_per_second"], "ours": judges["ours"]["rows_per_second"]}
    rounded = {side: round(rate, 1) for side, rate in rates.items()}
    return rounded | {"ratio": round(judges["ratio"], 3), "unit": "pairs/s", "judges": judges}


def shared(setting: Setting) -> Measured:
    """A stage's 100,000 answers scored and 100,000 questions resampled, alone and with a free Dask worker's help.

    Every process computes on one thread: one process against two.
    `quiet_ratio` is the ratio to expect on cores that nobody else uses: the processor time of one process, over that of
    the busier of the two. The results have to be the same bytes.
    """
    share.write_answers(setting.scratch)
    alone, both = list[share.SharedRun](), list[share.SharedRun]()

    def rate(runs: list[share.SharedRun], run: share.SharedRun) -> float:
        runs.append(run)
        return run.rate

    found = turn_about(
        lambda: rate(alone, share.alone(setting.scratch)),
        lambda: rate(both, share.beside(setting.scratch)),
        setting.repeats,
    )
    for side, runs in (("stock", alone), ("ours", both)):
        for part in ("score_seconds", "resample_seconds", "busier_seconds"):
            found[f"{part}_{side}"] = round(statistics.median(getattr(run, part) for run in runs), 3)
    digests = [run.digest for run in alone + both]
    return found | {
        "unit": "questions/s",
        "quiet_ratio": round(found["busier_seconds_stock"] / found["busier_seconds_ours"], 3),
        "compared_texts": len(digests),
        "same_texts": digests.count(digests[0]),
    }


Comparison = Callable[[Setting], Measured]
COMPARISONS: dict[str, Comparison] = {
    comparison.__name__: comparison
    for comparison in (padding, verify, lora_tiny, lora_4m, answers, seeds_jobs2, train_step_half_billion, shared)
}
