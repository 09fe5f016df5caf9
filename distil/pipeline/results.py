"""What eval and length_sweep find: their tables.json under data/, and metrics/eval.json and metrics/length_sweep.json.

docs/metrics.md says what each number is. A model's fields are in the order of the file. A model with several bases has
the fields of the last base first, its own fields last.
"""

from typing import Literal

from distil.pipeline.records import FamiliesAre, JudgeWord, Level, Record, VerdictName, absent

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
    """What `answers.limit` left of each set of questions, and how they were drawn."""

    unseen: Asked
    seen: Asked
    transfer: Asked
    drawn: str


class BesidePublished(Record):
    """One published number beside this run's; `reason` says why the two were not compared."""

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


class Claim(Record):
    """What it has in addition of the parts that a claim rests on."""

    base_low: float | None
    base_high: float | None
    student_low: float | None
    student_high: float | None
    gained: int | None
    lost: int | None
    holm_p: float | None


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


class ClaimedPartMetrics(BesideProtocol, Claim, Headline):
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


# --- data/length_sweep/tables.json and metrics/length_sweep.json ---


class Count(Record):
    """How many questions."""

    n: int


class LevelScores(Record):
    """Accuracy over all seeds with its interval, every seed's, and words of the responses; None without questions."""

    accuracy: float | None
    low: float | None
    high: float | None
    seeds: list[float]
    std: float | None
    words: float | None
    words_median: float | None
    words_min: float | None
    words_max: float | None


class Rates(Record):
    """Shares of the responses; `finished` is accuracy among those that ended by themselves."""

    no_answer: float | None
    truncated: float | None
    finished: float | None


class ChainWords(Record):
    """Words of the chains that a level's adapters were trained on; None where there are no rows."""

    chain_words: float | None
    chain_words_median: float | None
    chain_words_min: float | None
    chain_words_max: float | None


class LengthKept(Record):
    """The share of responses within a quarter of the teacher's chain's length, of how many questions with a chain."""

    length_kept: float | None = None
    length_kept_n: int = 0


class OverBase(Record):
    """What a level's adapters gain on the base model, in points."""

    over_base: float | None = None
    over_base_low: float | None = None
    over_base_high: float | None = None


class OverTruncated(Record):
    """What compressed chains gain on full chains cut to the same length, in points."""

    compressed_over_truncated: float | None = None
    compressed_over_truncated_low: float | None = None
    compressed_over_truncated_high: float | None = None


class LevelNumbers(Rates, LevelScores, Count):
    """The numbers of the answers of one level, or of the base model."""


class OfLevel(Record):
    """Which chain length."""

    level: Level


class LevelRow(OverBase, LengthKept, ChainWords, LevelNumbers, OfLevel):
    """One chain length in data/length_sweep/tables.json."""


class ControlRow(OverTruncated, LengthKept, ChainWords, LevelNumbers, OfLevel):
    """The control of one chain length there: full chains cut to its length."""


class InSection(Record):
    """Which section."""

    section: str


class SectionRow(LevelNumbers, OfLevel, InSection):
    """One section at one chain length there."""


class Pair(Record):
    """Two levels there: the second minus the first in points, the sign-flip p, and that with Holm's correction."""

    first: Level
    second: Level
    points: float | None
    low: float | None
    high: float | None
    p: float | None
    holm_p: float | None


class TrendTests(Record):
    """Does accuracy fall from the first level to the last? In points; None where the sweep cannot tell."""

    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    trend_p: float | None = None
    trend_z: float | None = None
    cochrans_q: float | None = None
    cochrans_q_p: float | None = None


class FocusTest(Record):
    """How many points more accuracy falls in the section of interest than elsewhere."""

    focus_extra: float | None = None
    focus_extra_low: float | None = None
    focus_extra_high: float | None = None


class SweepTests(OverTruncated, FocusTest, TrendTests):
    """Every test over the levels."""


class SweepTables(Record):
    """data/length_sweep/tables.json."""

    base: LevelNumbers
    levels: list[LevelRow]
    truncated: list[ControlRow]
    sections: list[SectionRow]
    pairs: list[Pair]
    tests: SweepTests
    published: list[BesidePublished]
    left_out: int
    reasons: dict[str, str]

    @property
    def answered(self) -> list[LevelRow]:
        """The levels that have an accuracy, from the longest chains to the shortest."""
        return [row for row in self.levels if row.accuracy is not None]


class LevelMetrics(OverBase, LengthKept, ChainWords, LevelScores):
    """One chain length in metrics/length_sweep.json."""


class ControlMetrics(OverTruncated, LengthKept, ChainWords, LevelScores):
    """The control of one chain length there."""


class SweepLevels(Record):
    """The chain lengths by name; one that was not swept is left out."""

    R1: LevelMetrics | None = absent()
    R2: LevelMetrics | None = absent()
    R3: LevelMetrics | None = absent()
    R4: LevelMetrics | None = absent()
    R5: LevelMetrics | None = absent()
    R6: LevelMetrics | None = absent()
    base: LevelScores
    truncated: dict[Level, ControlMetrics]

    def level(self, name: Level) -> LevelMetrics | None:
        """One chain length by name; None where it was not swept."""
        return getattr(self, name)


class SweepEnd(Record):
    """How many questions every level answered, and why each None is one."""

    n: int
    reasons: dict[str, str]


class SweepMetrics(SweepEnd, SweepTests, SweepLevels):
    """metrics/length_sweep.json."""


# --- data/eval/tables.json and metrics/eval.json where all answers were recorded elsewhere ---


class JudgeRating(Record):
    """A judge of recorded answers beside the verifier, on the `n` answers that it judged either way.

    A false accept is an answer that only the judge calls right, a false reject one that only the verifier does.
    `empty_accepted` are answers without an answer in them that the judge calls right.
    """

    accuracy: float | None
    low: float | None
    high: float | None
    n: int
    verifier_right: int
    judge_right: int
    agree: int
    false_accepts: int
    false_rejects: int
    kappa: float | None
    sensitivity: float | None
    sensitivity_low: float | None
    sensitivity_high: float | None
    specificity: float | None
    specificity_low: float | None
    specificity_high: float | None
    unclear: int
    empty_accepted: int


class RecordedModel(Accuracy):
    """One model's recorded answers by the verifier, and by a judge where there was one."""

    model: str
    right: int
    no_answer: int
    unverifiable: int
    judge: JudgeRating | None


class StudentAndTeacher(Record):
    """A recorded student minus its teacher on the same questions; accuracies are fractions, differences points."""

    n: int
    teacher: float | None
    teacher_low: float | None
    teacher_high: float | None
    student: float | None
    student_low: float | None
    student_high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    only_student: int | None
    only_teacher: int | None
    mcnemar_p: float | None
    holm_p: float | None


class WholePair(StudentAndTeacher):
    """The same on a whole benchmark, with the questions that both got right and that neither did."""

    both: int
    neither: int


class GroupPair(StudentAndTeacher):
    """The same on one section, or on one level of difficulty."""

    by: Literal["section", "difficulty"]
    group: str


class RecordedTrend(Record):
    """Accuracy over chain lengths on the questions that all answered: Page's p, and last minus first in points."""

    levels: list[Level]
    n: int
    p: float | None
    change: float | None
    change_low: float | None
    change_high: float | None


class Disagreement(Record):
    """An answer on which judge and verifier differ, or on which the judge said neither; `rule` is the verifier's."""

    id: str
    model: str
    judge: JudgeWord
    verifier: VerdictName
    rule: str


class RecordedBenchmark(Record):
    """Everything about the recorded answers to one benchmark."""

    n: int
    models: list[RecordedModel]
    pair: WholePair | None
    groups: list[GroupPair]
    trend: RecordedTrend | None
    disagreements: list[Disagreement]


class Corrected(Record):
    """A published accuracy corrected for the errors of the student's judge."""

    of: str
    n: int
    over: Literal["all", "teacher_correct"]
    published: float
    corrected: float
    low: float
    high: float


class RecordedTables(Record):
    """data/eval/tables.json of a run of recorded answers, by benchmark."""

    recorded: dict[str, RecordedBenchmark]
    corrected: list[Corrected]


class JudgeMetrics(Record):
    """What metrics/eval.json has of the judges of teacher and student."""

    judge_student: float | None = absent()
    judge_student_n: int | None = absent()
    judge_student_kappa: float | None = absent()
    judge_student_false_accepts: int | None = absent()
    judge_student_false_rejects: int | None = absent()
    judge_student_empty_accepted: int | None = absent()
    judge_teacher: float | None = absent()
    judge_teacher_n: int | None = absent()
    judge_teacher_kappa: float | None = absent()
    judge_teacher_false_accepts: int | None = absent()
    judge_teacher_false_rejects: int | None = absent()
    judge_teacher_empty_accepted: int | None = absent()


class RecordedPart(JudgeMetrics, WholePair):
    """A benchmark in metrics/eval.json that both teacher and student answered."""


class RecordedModels(Record):
    """A benchmark there that they did not both answer: every model's accuracy, and the trend over chain lengths."""

    n: int
    models: dict[str, Accuracy]
    trend: RecordedTrend | None


class RecordedMetrics(Record):
    """metrics/eval.json of a run of recorded answers."""

    recorded: Literal[True]
    math500: RecordedPart | RecordedModels | None = absent()
    contest: RecordedPart | RecordedModels | None = absent()
    transfer: RecordedPart | RecordedModels | None = absent()
