"""A run's files without a run: records drawn from a small model of who answers what rightly."""

import json
import random
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import yaml

from distil.pipeline.files import write_json, write_jsonl, write_text
from distil.pipeline.records import (
    LEVELS,
    SECTIONS,
    Answer,
    Chain,
    Example,
    Message,
    Problem,
    Scored,
    Verdict,
    VerifiedChain,
)

YEARS = range(2011, 2026)
HELD_OUT = range(2022, 2026)
ABILITY = {"base": 0.15, "student": 0.5}
LEVEL_TRAINING = {
    "best_iteration": 100, "best_valid_loss": 0.4, "first_valid_loss": 4.0, "last_valid_loss": 0.5,
    "last_train_loss": 0.3, "iterations": 200, "reply_tokens_trained": 9000, "adapter_parameters": 61440,
    "train_rows": 123, "valid_rows": 45, "dropped_rows": 0, "dropped_problems": [],
}  # fmt: skip
WORDS = {"R1": 60, "R2": 40, "R3": 25, "R4": 14, "R5": 8, "R6": 2}
LEVEL_SEEDS = (0, 1)
TRUNCATED = ("R3", "R5")
LONG = 60
"""An answer of so many words that comes to no end was cut off."""
BASELINE = "few_shot"
"""The other way in which the base model is asked."""
ALIKE = 0.3


def nothing(problem: Problem, null: int) -> float:
    """Everybody's chance on a question in a run in which nothing happens: with `null` 0 it is 0 or 1, so that all
    give the same answers; above it is ALIKE, and `null` the seed of the draws.
    """
    return float(random.Random(problem.id).random() < ALIKE) if null == 0 else ALIKE


PROBE = {
    "best_iteration": 220,
    "best_iteration_low": 180,
    "best_iteration_high": 300,
    "best_valid_loss": 0.4,
    "last_iteration": 1000,
    "last_valid_loss": 0.6,
    "rise": 0.2,
    "rise_low": 0.1,
    "rise_high": 0.3,
    "valid_problems": 40,
    "resamples": 2000,
}


def problems(per_section: int = 15, years: Sequence[int] = YEARS) -> list[Problem]:
    """`per_section` problems in every section of every year, each with a whole number for its key."""
    rng = random.Random(1)
    return [
        Problem(
            id=f"{year}/{section}/{number:02d}",
            year=year,
            section=section,
            number=number,
            question=f"If {rng.randrange(2, 9)}x + {rng.randrange(60)} = {rng.randrange(60)}, find √(x^2 + {number}).",
            answer=str(rng.randrange(60)),
            source="sample",
            page=number // 8 + 1,
        )
        for year in years
        for section in SECTIONS
        for number in range(1, per_section + 1)
    ]


def transfer(count: int = 100) -> list[Problem]:
    """A second benchmark."""
    return [
        Problem(
            id=f"transfer/{number:03d}",
            year=0,
            section="transfer",
            number=number,
            question=f"Find {number} + 1.",
            answer=str(number + 1),
            source="sample",
        )
        for number in range(1, count + 1)
    ]


def verdict(right: bool, key: str, given: str | None) -> Verdict:
    """The verdict on a whole number; None is no answer."""
    return Verdict(
        verdict="CORRECT" if right else "WRONG" if given else "NO_ANSWER",
        rule="same_number" if given else "no_final_answer",
        extracted=given,
        found_by="answer_line" if given else None,
        gold_form=key,
        answer_form=given,
        within_rounding=right,
    )


def score(rng: random.Random, problem: Problem, chance: float, words: int, **answer: object) -> Scored:
    """One answer to `problem`, right with probability `chance`, of about `words` words."""
    right = rng.random() < chance
    given = problem.answer if right else rng.choice([str(int(problem.answer) + 1), str(int(problem.answer) + 7), None])
    steps = "\n".join(f"Take step {step} of the working." for step in range(words // 6))
    text = f"{steps}\nAnswer: {given}".strip() if given else f"{steps}\nThis goes on and on"
    return Scored(
        answer=Answer(
            problem_id=problem.id,
            text=text,
            prompt_tokens=20,
            completion_tokens=len(text.split()),
            finish_reason="stop" if given or words < LONG else "length",
            **answer,
        ),  # type: ignore[arg-type]
        verdict=verdict(right, problem.answer, given),
    )


def scored(
    contest: list[Problem], second: list[Problem], seeds: Sequence[int], unseen: set[str], null: int | None = None
) -> Iterator[Scored]:
    """Base and seeds on both benchmarks: the main fold on everything, the study's own protocol beside it.

    With `null` nothing happens.
    """
    words = LONG if null is None else 20
    rng = random.Random(2 if null is None else f"scored {null}")
    difficulty = {problem.id: rng.gauss(0, 0.25) for problem in [*contest, *second]}

    def likely(problem: Problem, ability: float) -> float:
        return ability + difficulty[problem.id] if null is None else nothing(problem, null)

    for model, ability in (("base", ABILITY["base"]), (BASELINE, ABILITY["base"] + 0.1)):
        for benchmark, asked in (("contest", contest), ("transfer", second)):
            for problem in asked:
                if model == "base" or benchmark == "transfer" or problem.id in unseen:
                    chance = likely(problem, ability)
                    yield score(rng, problem, chance, 20, benchmark=benchmark, model=model, fold=None, role="unseen")
    for seed in seeds:
        for benchmark, asked in (("contest", contest), ("transfer", second)):
            for problem in asked:
                new = benchmark == "transfer" or problem.id in unseen
                chance = likely(problem, ABILITY["student"] + (0 if new else 0.15))
                role = "unseen" if new else "train"
                model = f"seed_{seed}"
                yield score(rng, problem, chance, words, benchmark=benchmark, model=model, fold="held_out", role=role)
                if benchmark == "contest":
                    leaked = rng.random() < 0.9
                    yield score(
                        rng, problem, likely(problem, ABILITY["student"] + 0.15 * leaked), words,
                        benchmark=benchmark, model=model, fold="paper", role="train" if leaked else "unseen",
                    )  # fmt: skip


def level_scored(
    contest: list[Problem],
    levels: Sequence[str],
    unseen: set[str],
    name: str = "{level}",
    lost: float = 0.0,
    null: int | None = None,
) -> Iterator[Scored]:
    """Two students for each level, on the unseen questions; the shorter its chains, the less they get right, unless
    nothing happens.
    """
    rng = random.Random(3 if null is None else f"{name} {null}")
    for level in levels:
        for seed in LEVEL_SEEDS:
            for problem in contest:
                if problem.id in unseen:
                    harder = 1.3 if problem.section == SECTIONS[2] else 0.9
                    chance = (
                        0.55 - lost - 0.07 * LEVELS.index(level) * harder if null is None else nothing(problem, null)
                    )
                    yield score(
                        rng, problem, chance, WORDS[level],
                        benchmark="contest", model=name.format(level=level), fold=f"seed_{seed}", role="unseen",
                    )  # fmt: skip


def chains(contest: list[Problem], levels: Sequence[str] = LEVELS) -> Iterator[VerifiedChain]:
    """The teacher's chains: right for nine problems of ten, and only those at the shorter levels."""
    rng = random.Random(4)
    for problem in contest:
        right = rng.random() < 0.9
        given = problem.answer if right else str(int(problem.answer) + 2)
        for level in levels if right else levels[:1]:
            steps = "\n".join(f"Take step {step} of the working." for step in range(WORDS[level] // 6))
            yield VerifiedChain(
                chain=Chain(
                    problem_id=problem.id,
                    level=level,
                    role="distiller",
                    model="embedded",
                    prompt_hash="0" * 64,
                    sampling={"temperature": 0},
                    text=f"{steps}\nAnswer: {given}".strip(),
                    answer=given,
                    finish_reason="stop",
                ),
                verdict=verdict(right, problem.answer, given),
                reason=None if right else "final answer is not the key",
            )


def write_run(
    folder: Path,
    contest: list[Problem],
    second: list[Problem],
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    levels: Sequence[str] = LEVELS,
    null: int | None = None,
) -> None:
    """Write under `folder` what the stages up to the answers leave there, but for what `verified` writes.

    With `null` nothing happens: whoever is asked, and whatever it was trained on, is right with the same chance.
    """
    unseen = {problem.id for problem in contest if problem.year in HELD_OUT}
    train = [problem.id for problem in contest if problem.id not in unseen]
    write_text(folder / "params.yaml", yaml.safe_dump(params(seeds, levels), sort_keys=False))
    write_json(folder / "data/raw/manifest.json", {"files": []})
    write_jsonl(folder / "data/parsed/problems.jsonl", contest)
    write_jsonl(folder / "data/transfer/problems.jsonl", second)
    verified = list(chains(contest, levels or LEVELS[:1]))
    write_jsonl(folder / "data/teacher_cot/chains.jsonl", (row.chain for row in verified))
    ids = [problem.id for problem in contest]
    fold = {"train": train, "valid": [], "unseen": sorted(unseen), "unused": [], "answers": ids}
    paper = {"train": ids[:-5], "valid": [], "unseen": ids[-5:], "unused": [], "answers": ids}
    write_json(
        folder / "data/train_split/folds.json",
        {
            "protocol": "held_out_years",
            "main": ["held_out"],
            "folds": {"held_out": fold, "paper": paper},
            "transfer_fold": "held_out",
            "clusters": {name: number for number, name in enumerate(ids)},
            "families": {name: number for number, name in enumerate(ids)},
            "family_names": [f"cluster {number}" for number in range(len(ids))],
            "families_are": "near-duplicates",
        },
    )
    rows = list(scored(contest, second, seeds, unseen, null))
    for model in ["base", BASELINE, *(f"seed_{seed}" for seed in seeds)]:
        for benchmark in ("contest", "transfer"):
            own = (row.answer for row in rows if (row.answer.model, row.answer.benchmark) == (model, benchmark))
            write_jsonl(folder / f"data/answers/{model}/{benchmark}.jsonl", own)
    for kind, chosen, name, lost in (
        ("levels", levels, "{level}", 0.0),
        ("truncated", [level for level in TRUNCATED if level in levels], "truncated_{level}", 0.1),
    ):
        level_rows = list(level_scored(contest, chosen, unseen, name, lost, null))
        for level in chosen:
            own = (row.answer for row in level_rows if row.answer.model == name.format(level=level))
            write_jsonl(folder / f"data/answers/{name.format(level=level)}/contest.jsonl", own)
            for seed in LEVEL_SEEDS:
                adapter(folder / f"data/lora_level/{name.format(level=level)}/seed_{seed}")
            trained = {"seeds": {f"seed_{seed}": LEVEL_TRAINING for seed in LEVEL_SEEDS}}
            write_json(folder / f"metrics/lora_level/{name.format(level=level)}.json", trained)
            taught = (row.chain for row in verified if row.chain.level == level and row.chain.problem_id not in unseen)
            examples = (
                Example(
                    messages=[Message(role="user", content="?"), Message(role="assistant", content=chain.text)],
                    problem_id=chain.problem_id,
                    level=chain.level,
                )
                for chain in taught
            )
            write_jsonl(folder / f"data/train_split/{kind}/{level}/train.jsonl", examples)
    for seed in seeds:
        adapter(folder / f"data/lora_seed/{seed}/held_out")
        write_text(folder / f"plots/lora_seed/{seed}.csv", curves(seed, ["held_out", "paper"]))
    probe = curves(9, ["held_out"], iterations=1000).replace("fold,", "").replace("held_out,", "")
    write_text(folder / "plots/overfit_probe.csv", probe)
    write_json(folder / "metrics/overfit_probe.json", PROBE)
    write_json(folder / "metrics/parsed.json", {"problems": len(contest), "left_out": 4})


def adapter(folder: Path) -> None:
    """An adapter folder as mlx-lm writes it, with a few bytes for weights."""
    config = {
        "fine_tune_type": "lora", "model": "models/tiny-student", "num_layers": -1,
        "lora_parameters": {"rank": 8, "scale": 4.0, "dropout": 0.0},
    }  # fmt: skip
    write_text(folder / "adapter_config.json", json.dumps(config))
    write_text(folder / "adapters.safetensors", "weights")


def curves(seed: int, folds: Sequence[str], iterations: int = 200) -> str:
    """Loss curves that fall, the validation loss rising again past 160 iterations."""
    rng = random.Random(seed)
    lines = ["fold,iteration,train_loss,valid_loss"]
    for fold in folds:
        for iteration in range(0, iterations + 1, iterations // 10):
            train = 2 / (1 + iteration / 40) + 0.02 * rng.random()
            lines.append(f"{fold},{iteration},{train:.4f},{train + 0.1 + max(0, iteration - 160) / 2000:.4f}")
    return "\n".join(lines) + "\n"


def params(seeds: Sequence[int], levels: Sequence[str]) -> dict[str, object]:
    """The repository's params.yaml with these seeds and levels, and fewer resamples."""
    root = Path(__file__).resolve().parents[2]
    values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    values["eval"]["resamples"] = values["length_sweep"]["resamples"] = 2000
    values["lora_seed"]["seeds"] = list(seeds)
    values["length_sweep"]["levels"] = list(levels)
    values["length_sweep"]["truncated"] = [level for level in TRUNCATED if level in levels]
    values["length_sweep"]["seeds"] = list(LEVEL_SEEDS)
    values["length_sweep"]["rows"] = {level: f"levels/{level}" for level in levels} | {
        f"truncated_{level}": f"truncated/{level}" for level in TRUNCATED if level in levels
    }
    values["answers"]["models"] = {
        "base": {"weights": "models/tiny-student"},
        BASELINE: {"weights": "models/tiny-student", "prompt": {"shots": 3}},
    } | {f"seed_{seed}": {"weights": f"data/lora_seed/{seed}"} for seed in seeds}
    return values


HOSTILE = (
    "</script><script>window.injected = 1</script>",
    "<img src=x onerror='window.injected = 2'>",
    "<!-- <script> & \u2028 \" ' \x00 ]]> \\u003c/script>",
    "javascript:window.injected = 3 {{ 7 * 7 }} {% raw %}",
)


def hostile(contest: list[Problem]) -> list[Problem]:
    """The problems with texts in the first few that try to become part of the page."""
    return [
        problem.model_copy(update={"question": text, "source": text}) if text else problem
        for problem, text in zip_longest(contest, HOSTILE)
    ]
