"""The numbers in metrics/*.json. Those of eval are in results.py, those of length_sweep in sweep_results.py.

docs/metrics.md explains each number. A model's fields are in the order of the file. A model with several bases has the
fields of the last base first and its own fields last.
"""

from pydantic import ConfigDict

from distil.pipeline.records import FamiliesAre, Level, Record, absent

# --- metrics/parsed.json ---


class ParsedMetrics(Record):
    """metrics/parsed.json: problems read and left out, and what was corrected, where there is something to correct.

    `exams_not_read` counts the files that have no text to read, where there are any.
    `recovered_*` are the shares of the sample contest's questions and answers that were read exactly.
    """

    problems: int
    left_out: int
    by_section: dict[str, int]
    by_year: dict[str, int]
    left_out_by_reason: dict[str, int]
    exams_not_read: int | None = absent()
    errata_applied: int | None = absent()
    errata_noted: int | None = absent()
    corrections_applied: int | None = absent()
    corrections_not_applied: int | None = absent()
    recovered_questions: float | None = absent()
    recovered_answers: float | None = absent()


# --- metrics/teacher_cot.json ---


class RoleUsage(Record):
    """Requests to one role's model, their tokens and their price."""

    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class TeacherCounts(Record):
    """Problems asked, those with chains, and those without."""

    teacher: str
    problems: int
    answered: int
    failed: int


class BenchmarkAnswers(Record):
    """Questions of the transfer benchmark that the solver was asked, and those without an answer."""

    asked: int
    failed: int


class TeacherMetrics(TeacherCounts):
    """metrics/teacher_cot.json: chains by level, requests, tokens and dollars in all and by role."""

    verified: int
    verified_at_attempt: dict[str, int]
    truncated_chains: int
    chains: dict[Level, int]
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    by_role: dict[str, RoleUsage]
    benchmark: BenchmarkAnswers | None = absent()


class ReplayMetrics(TeacherCounts):
    """metrics/teacher_cot.json of recorded chains: chains by level, rows recorded, and rows that fit no problem."""

    chains: dict[Level, int]
    recorded: int
    unmatched: int
    ambiguous: int
    surplus: int
    empty: int


# --- metrics/verified.json ---


class AcceptedShare(Record):
    """Chains of one group, how many were accepted, and the share with its interval."""

    n: int
    accepted: int
    share: float
    low: float
    high: float
    within_rounding: float


class LevelShare(AcceptedShare):
    """Chains of one level; `reasons` counts why the others were rejected."""

    reasons: dict[str, int]


class JudgeAgreement(Record):
    """How often the LLM judge, where it was clear, and the verifier agree on chains; `kappa` is Cohen's."""

    n: int
    unclear: int
    agree: int
    kappa: float | None
    kappa_reason: str | None
    only_judge_accepts: int
    only_verifier_accepts: int


class VerifiedMetrics(Record):
    """metrics/verified.json: the teacher's accuracy, and which chains were accepted; `judge` where there was one.

    `attempts` counts the chains of all attempts, where several of a problem were wanted.
    """

    accepted: int
    rejected: int
    teacher_accuracy: float | None
    teacher_accuracy_low: float | None
    teacher_accuracy_high: float | None
    n: int
    reasons: dict[str, int]
    by_section: dict[str, AcceptedShare]
    by_year: dict[str, AcceptedShare]
    by_level: dict[Level, LevelShare]
    judge: JudgeAgreement | None = absent()
    attempts: AcceptedShare | None = absent()


# --- metrics/train_split.json ---


class FoldCounts(Record):
    """Of one fold: its rows, how many leak, and how many questions it is judged on are like one it trains on.

    `unseen_sharing_template` counts unseen questions that a training row equals but for its numbers. The other counts
    are of questions with a run of words in common with a row; their names have the length of the run
    (`unseen_sharing_8_words`). Where problems give several chains, `train_rows` counts those; where rows that overlap
    are removed, `removed_overlapping` counts their problems.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, int]

    train: int
    valid: int
    unseen: int
    unused: int
    leaked_rows: int
    unseen_sharing_template: int


class LevelRows(Record):
    """Rows that every chain length trains on and is validated on."""

    train: int
    valid: int


class NearDuplicates(Record):
    """Problems, those with an accepted chain, and pairs and clusters of near-duplicates."""

    problems: int
    with_chain: int
    near_duplicate_pairs: int
    near_duplicate_pairs_with_transfer: int
    clusters_of_several: int


class PlantedPairs(Record):
    """Pairs that the sample contest asks twice on purpose: all, those not tuned on, and the shares of both found."""

    planted_pairs: int
    planted_pairs_kept: int
    planted_pairs_found: int
    planted_recall: float | None
    planted_recall_kept: float | None


class SplitCounts(Record):
    """Kinds of questions, rows of the chain lengths, and every fold's counts."""

    families: int
    families_are: FamiliesAre
    level_rows: LevelRows
    folds: dict[str, FoldCounts]


class TrainSplitMetrics(SplitCounts, PlantedPairs, NearDuplicates):
    """metrics/train_split.json."""


# --- metrics/lora_seed/*.json, metrics/lora_level/*.json, metrics/overfit_probe.json ---


class TrainingMetrics(Record):
    """One adapter's training. Losses are per token of a reply; `dropped_problems` had rows that were too long."""

    best_iteration: int
    best_valid_loss: float
    first_valid_loss: float
    last_valid_loss: float
    last_train_loss: float | None
    iterations: int
    reply_tokens_trained: int
    adapter_parameters: int
    train_rows: int
    valid_rows: int
    dropped_rows: int
    dropped_problems: list[str]


class SeedMetrics(Record):
    """metrics/lora_seed/<seed>.json."""

    seed: int
    folds: dict[str, TrainingMetrics]


class LevelSeedsMetrics(Record):
    """metrics/lora_level/<name>.json."""

    seeds: dict[str, TrainingMetrics]


class Minimum(Record):
    """metrics/overfit_probe.json: where the validation loss was lowest, with intervals over the validation problems.

    `rise` is the loss of the last validation minus the lowest: above zero, the student was over-fitted by then.
    """

    best_iteration: int
    best_iteration_low: int
    best_iteration_high: int
    best_valid_loss: float
    last_iteration: int
    last_valid_loss: float
    rise: float
    rise_low: float
    rise_high: float
    valid_problems: int
    resamples: int


class Validation(Record):
    """One point of a training's curve: mean losses per token of a reply; before iteration 1 nothing was trained."""

    iteration: int
    train_loss: float | None
    valid_loss: float


class TrainingTimings(Record):
    """Speed and memory of one training, in metrics/timings/; after a resumption of the iterations since then."""

    training_seconds: float
    row_tokens_per_second: int | None
    peak_memory_gb: float


# --- metrics/student.json ---


class StudentAccuracy(Record):
    """Right answers of `n` questions, as a share with its interval, to four places."""

    n: int
    accuracy: float
    low: float
    high: float


class StudentAnswers(StudentAccuracy):
    """The same of an exam's questions, and of each section."""

    sections: dict[str, StudentAccuracy]


class StudentScores(Record):
    """What the base student answers: the contest and its other wording, each in two ways, and results of arithmetic."""

    chat: StudentAnswers
    solution: StudentAnswers
    transfer_chat: StudentAnswers
    transfer_solution: StudentAnswers
    facts: StudentAccuracy


class StudentSize(Record):
    """Its parameters, its vocabulary, and how many tokens it was trained on."""

    parameters: int
    vocabulary: int
    tokens: int


class StudentMetrics(StudentScores, StudentSize):
    """metrics/student.json; docs/student.md says what was asked."""


# --- metrics/contamination.json ---


class Completed(Record):
    """What the untouched base model completes of a benchmark, given the first half of each of `n` questions."""

    n: int
    completed: float | None
    completed_low: float | None
    completed_high: float | None
    words_met: float | None
    base: float | None
    base_where_completed: float | None
    base_elsewhere: float | None


class ContaminationMetrics(Record):
    """metrics/contamination.json; `reason` says why nothing could be tried."""

    contest: Completed | None = absent()
    transfer: Completed | None = absent()
    reason: str | None = absent()

    def of(self, benchmark: str) -> Completed | None:
        """One benchmark's numbers; None where nothing was tried."""
        return {"contest": self.contest, "transfer": self.transfer}[benchmark]


# --- metrics/summary.json ---


class Summary(Record):
    """metrics/summary.json: accuracies in percent, differences in points; None where the run has no such number."""

    base: float | None
    student: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    p: float | None
    R1: float | None
    R6: float | None
    teacher: float | None
    leak: float | None
    base_low: float | None
    base_high: float | None
    student_low: float | None
    student_high: float | None


class RecordedSummary(Record):
    """metrics/summary.json of recorded answers: accuracies in percent, student minus teacher in points.

    `models` has each model's accuracy on every benchmark that student and teacher did not both answer, as `contest_R2`.
    """

    math500_teacher: float | None
    math500_student: float | None
    math500_difference: float | None
    math500_difference_low: float | None
    math500_difference_high: float | None
    models: dict[str, float | None] | None = absent()


# --- metrics/environment.json ---


class Blas(Record):
    """The library that computes MLX's matrix products; `core_type` and `threads` are known for OpenBLAS only."""

    library: str
    core_type: str | None = None
    threads: int | None = None


class Package(Record):
    """An installed package: its version, and a hash of the files that its wheel installed."""

    version: str
    wheel: str


class Numerics(Record):
    """What the last bits of a trained weight depend on."""

    platform: str
    blas: Blas
    mlx_device: str
    numeric_packages: dict[str, Package]


class Environment(Numerics):
    """metrics/environment.json: everything about a machine that can change a result. No stage reads it."""

    os: str
    cpu_features: list[str]
    python: str
    packages: dict[str, Package]
