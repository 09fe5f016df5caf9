"""The results of eval: data/eval/tables.json and metrics/eval.json.

docs/metrics.md explains each number. A model's fields are in the order of the file. A model with several bases has the
fields of the last base first and its own fields last.
"""

from typing import Literal

from distil.pipeline.records import FamiliesAre, Record, absent

# --- data/eval/tables.json ---


class Share(Record):
    """A share of right answers with its 95 % interval; all None without questions."""

    value: float | None
    low: float | None
    high: float | None


class Accuracy(Record):
    """A share of right answers of `n` questions, with its 95 % interval; None without questions."""

    n: int
    accuracy: float | None
    low: float | None
    high: float | None


class Gap(Record):
    """A difference in percentage points with its 95 % interval; `reason` says why `low` and `high` are None."""

    points: float | None
    low: float | None
    high: float | None
    reason: str | None = absent()


class PairedGap(Record):
    """A difference in percentage points on the same `n` questions, with its 95 % interval."""

    n: int
    points: float | None
    low: float | None
    high: float | None
    reason: str | None = absent()


class SeedResult(Record):
    """One seed against the base model: questions that only it got right, only the base did, and McNemar's exact p."""

    model: str
    accuracy: float
    gained: int
    lost: int
    p: float


class Crossed(Record):
    """Seeds and questions as crossed factors. Standard errors are percentage points, `t_low` and `t_high` fractions."""

    seed_share: float | None
    question_share: float | None
    interaction_share: float | None
    t_low: float | None
    t_high: float | None
    questions_standard_error: float | None
    seeds_standard_error: float | None
    seeds_share_of_uncertainty: float | None
    seeds_share_at_least: float | None
    seeds_share_at_most: float | None
    flip_rate: float | None
    sentence: str


class Power(Record):
    """The difference that is found four times in five, and how many questions it takes to find `effect` (points)."""

    detectable: float | None
    effect: float
    questions_needed: int | None


class Comparison(Record):
    """Student against base on one part. Accuracies are fractions, differences points; `reasons` explains each None.

    `crossed`, `power` and `mcnemar_model` (the seed that McNemar's test is about) are None without questions; `holm_p`
    is None where the comparison is not among those that are corrected together.
    """

    n: int
    base: float | None
    base_low: float | None
    base_high: float | None
    student_mean: float | None
    student_low: float | None
    student_high: float | None
    student_std: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    gained: int | None
    lost: int | None
    mcnemar_p: float | None
    interval_method: Literal["bca", "score"] | None
    questions_low: float | None
    questions_high: float | None
    difference_low_families: float | None
    difference_high_families: float | None
    families: int
    sign_flip_p: float | None
    clusters: int
    seeds: list[SeedResult]
    reasons: dict[str, str]
    mcnemar_model: str | None = absent()
    crossed: Crossed | None = absent()
    power: Power | None = absent()
    holm_p: float | None = absent()


class OfSection(Record):
    """Which part's section a comparison is about."""

    part: str
    section: str


class SectionComparison(Comparison, OfSection):
    """Student against base within one section."""


class Leakage(Record):
    """What having seen a question is worth, in points; stages/eval/leakage.py says how each gap is made."""

    n_seen: int
    n_unseen: int
    base: Gap
    student: Gap
    inflation: Gap
    paper_protocol: Gap
    paired: dict[str, PairedGap]
    rows: dict[str, int]


class Baseline(Record):
    """The untouched base model asked in one way, and how many points the student is above it."""

    part: str
    name: str
    n: int
    accuracy: float | None
    low: float | None
    high: float | None
    student_over: float | None
    student_over_low: float | None
    student_over_high: float | None


class Asked(Record):
    """How many questions of how many were asked."""

    n: int
    of: int


class AskedQuestions(Record):
    """How many questions of each set `answers.limit` left, and how they were drawn."""

    unseen: Asked
    seen: Asked
    transfer: Asked
    drawn: str


class BesidePublished(Record):
    """One published number and this run's; `reason` says why they were not compared."""

    of: str
    name: str
    published: float
    published_n: int
    accuracy: float | None
    over: Literal["all", "teacher_correct"]
    difference: float | None
    margin: float
    tost_p: float | None
    equivalent: bool | None
    power: float | None
    reason: str | None


class AccuracyRow(Record):
    """Accuracy of one model on one group of a part's questions; `by` is `all`, or what makes the group."""

    part: str
    by: str
    group: str
    model: str
    n: int
    correct: float
    accuracy: float | None
    low: float | None
    high: float | None
    std: float | None
    uncorrected: float
    within_rounding: float
    no_answer: float
    truncated: float
    finished: float | None


class SeveralSamples(Record):
    """pass@k and majority@n of a model that answered every question `k` times."""

    model: str
    fold: str | None
    role: str
    n: int
    k: int
    pass_at: dict[str, Share]
    majority: Share


class EvalTables(Record):
    """data/eval/tables.json."""

    parts: dict[str, Comparison]
    sections: list[SectionComparison]
    leakage: Leakage
    baselines: list[Baseline]
    teacher: Accuracy
    teacher_unseen: Accuracy
    teacher_sections: dict[str, Accuracy]
    teacher_transfer: Accuracy | None = absent()
    families_are: FamiliesAre
    asked: AskedQuestions
    published: list[BesidePublished]
    accuracy: list[AccuracyRow]
    samples: dict[str, list[SeveralSamples]]


# --- metrics/eval.json ---


class Headline(Record):
    """What metrics/eval.json has of every part's comparison."""

    n: int
    base: float | None
    student_mean: float | None
    student_std: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    difference_low_families: float | None
    difference_high_families: float | None
    families: int
    mcnemar_p: float | None


class ClaimNumbers(Record):
    """The further numbers of the parts that a claim rests on."""

    base_low: float | None
    base_high: float | None
    student_low: float | None
    student_high: float | None
    gained: int | None
    lost: int | None
    holm_p: float | None
    questions_low: float | None = absent()
    questions_high: float | None = absent()
    sign_flip_p: float | None = absent()


class BesideProtocol(Record):
    """The study's protocol on the same questions, the base model by how it was asked, and answers cut off."""

    leak_paired: float | None
    leak_paired_low: float | None
    leak_paired_high: float | None
    baselines: dict[str, float | None]
    base_cut_off: float | None
    student_cut_off: float | None


class PartMetrics(BesideProtocol, Headline):
    """One part in metrics/eval.json."""


class ClaimedPartMetrics(BesideProtocol, ClaimNumbers, Headline):
    """A part in metrics/eval.json that a claim rests on."""


class EvalMetrics(Record):
    """metrics/eval.json; `reasons` says why each None is one."""

    contest_unseen: ClaimedPartMetrics
    contest_seen: PartMetrics
    contest_all: PartMetrics
    transfer: ClaimedPartMetrics
    paper_protocol: PartMetrics
    teacher: float | None
    teacher_low: float | None
    teacher_high: float | None
    teacher_n: int
    teacher_unseen: float | None
    teacher_unseen_low: float | None
    teacher_unseen_high: float | None
    teacher_unseen_n: int
    teacher_transfer: float | None = absent()
    teacher_transfer_low: float | None = absent()
    teacher_transfer_high: float | None = absent()
    teacher_transfer_n: int | None = absent()
    leakage_inflation: float | None
    leakage_inflation_low: float | None
    leakage_inflation_high: float | None
    paper_protocol_inflation: float | None
    paper_protocol_inflation_low: float | None
    paper_protocol_inflation_high: float | None
    flip_rate: float | None
    seeds_share_of_uncertainty: float | None
    seeds_share_at_most: float | None
    families_are: FamiliesAre
    detectable_difference: float | None
    questions_needed: int | None
    asked: AskedQuestions
    reasons: dict[str, str]
