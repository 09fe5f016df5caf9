"""The records that cross a stage border: one JSON object a line, one model each.

Numbers are in results.py and recorded_results.py (eval), sweep_results.py (length_sweep) and metrics.py (the others).

raw               Manifest
parsed, transfer  Problem
teacher_cot       Chain
verified          Chain + Verdict (VerifiedChain)
train_split       Example (an mlx-lm chat row), Split
lora_seed         AdapterConfig
answers           Answer
eval              Scored (Answer + Verdict)
"""

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

SECTIONS = ("freshman_sophomore_test", "junior_senior_test", "two_person_speed_event")
Section = str
"""One of SECTIONS for the contest; any other name for a user's exams or another benchmark."""
Level = Literal["R1", "R2", "R3", "R4", "R5", "R6"]
LEVELS: tuple[Level, ...] = ("R1", "R2", "R3", "R4", "R5", "R6")
VerdictName = Literal["CORRECT", "WRONG", "NO_ANSWER", "UNVERIFIABLE"]
JudgeWord = Literal["CORRECT", "INCORRECT", "UNCLEAR"]
"""What an LLM judge says of an answer; UNCLEAR where it said neither of the others."""
FamiliesAre = Literal["families", "topics", "near-duplicates"]
"""What a kind of question is. Intervals for other kinds treat the kinds asked as a sample."""


class Record(BaseModel):
    """Base of all records: unknown fields are errors, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Projected = TypeVar("Projected", bound=Record)


def absent() -> Any:
    """A field that is None and is not written where it does not apply."""
    return Field(default=None, exclude_if=lambda value: value is None)


def projected(record: Record, model: type[Projected], **others: Any) -> Projected:
    """The fields of `model` that `record` has, and the others."""
    shared = type(record).model_fields.keys() & model.model_fields.keys()
    return model.model_validate({name: getattr(record, name) for name in shared} | others)


class ExamFile(Record):
    """One PDF under data/raw/exams. `year` and `section` are None where a file holds more than one, or nobody knows.

    `original` is its name where it came from; `text_pages` counts the pages with a text layer, 0 for a scan. `key` is
    its answer key, where that is a file of its own.
    """

    file: str
    original: str
    sha256: str
    pages: int
    text_pages: int
    year: int | None
    section: Section | None
    key: "ExamFile | None" = absent()


class Manifest(Record):
    """data/raw/manifest.json: where the exams come from, under which licence, and what they are."""

    source: Literal["sample", "folder", "problems", "study"]
    origin: str
    licence: str
    exams: list[ExamFile]


class Problem(Record):
    """One question with its key.

    `id` is `year/section/number` with a two-digit number (`2011/junior_senior_test/07`) for an exam, and the
    benchmark's own identifier elsewhere. `answer_uncorrected` and `question_uncorrected` hold what the source said
    where an erratum was applied, else None. `topic` is the kind of question, written only where the source has one:
    questions of one topic are the units of which other kinds of questions are a sample. `difficulty` is the source's
    own grade (1 to 5 in MATH-500), written only where it has one.
    """

    id: str
    year: int
    section: Section
    number: int
    question: str
    answer: str
    source: str
    page: int | None = None
    question_uncorrected: str | None = None
    answer_uncorrected: str | None = None
    errata: list[str] = Field(default_factory=list)
    topic: str | None = absent()
    difficulty: int | None = absent()


class Chain(Record):
    """A teacher's chain of thought for one problem at one length level, ending in its own answer.

    `prompt_hash` is the sha256 of the request that produced it (the teacher store's key), or of the replayed row.
    """

    problem_id: str
    level: Level
    role: Literal["solver", "distiller", "compressor", "replay"]
    model: str
    prompt_hash: str
    sampling: dict[str, Any]
    text: str
    answer: str | None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str
    attempt: int = 1


class Verdict(Record):
    """Whether an answer is equivalent to a key, by which rule, and both canonical forms, so that a person can audit it.

    `extracted` is the final answer as found in the text and `found_by` how (`boxed`, `answer_line`, ...);
    `within_rounding` is the lenient second column: CORRECT, or a decimal within half a unit of its last printed place.
    """

    verdict: VerdictName
    rule: str
    extracted: str | None
    found_by: str | None
    gold_form: str | None
    answer_form: str | None
    within_rounding: bool
    flags: list[str] = Field(default_factory=list)


class VerifiedChain(Record):
    """A chain with its verdict; `reason` says why it was rejected (None when accepted)."""

    chain: Chain
    verdict: Verdict
    reason: str | None = None


class Judgement(Record):
    """The LLM judge's word on one chain."""

    problem_id: str
    level: Level
    verdict: JudgeWord


class Disagreement(Record):
    """A chain on which the judge and the verifier differ."""

    problem_id: str
    level: Level
    judge: Literal["CORRECT", "INCORRECT"]
    verdict: Verdict


class Message(Record):
    """One chat turn."""

    role: Literal["system", "user", "assistant"]
    content: str


class Example(Record):
    """One training row in mlx-lm's chat format; mlx-lm ignores the extra keys."""

    messages: list[Message]
    problem_id: str
    level: Level


class Fold(Record):
    """Problem ids by what they are to this fold's adapter, and the problems that it answers.

    `train_rows` counts the rows to train on where problems give several chains.
    """

    train: list[str]
    valid: list[str]
    unseen: list[str]
    unused: list[str]
    answers: list[str] = Field(default_factory=list)
    train_rows: int | None = absent()


class Split(Record):
    """data/train_split/folds.json: the problems that each fold trains on, and which questions are near-duplicates.

    `main` names the folds that make the result. The adapters of `transfer_fold` answer the second benchmark. `clusters`
    has the number of each problem's cluster of near-duplicates. `families` has the number of its kind: its family in
    the sample contest, its topic where it has one, else its cluster. `family_names` has the kinds' names in order, and
    `families_are` says which of the three they are.
    """

    protocol: Literal["held_out_years", "held_out_families", "kfold_years", "kfold_families", "paper"]
    main: list[str] = Field(min_length=1)
    transfer_fold: str
    clusters: dict[str, int]
    families: dict[str, int]
    family_names: list[str]
    families_are: FamiliesAre
    folds: dict[str, Fold]


class Answer(Record):
    """One response of one model to one problem.

    `fold` names the adapter that answered (None for the base model); `role` says what this problem was to that
    adapter: `train`, `valid` (both "seen"), `unseen` (held out from it), or `unused` (not held out, yet no row of it
    was trained on). The tokens are None where nobody counted them; a recorded answer need not say how it ended.
    """

    problem_id: str
    benchmark: str
    model: str
    fold: str | None
    role: Literal["train", "valid", "unseen", "unused"]
    sample: int = 0
    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    finish_reason: Literal["stop", "length", "recorded"]


class LowRankShape(Record):
    """`lora_parameters` of an adapter, by mlx-lm's names."""

    rank: int
    dropout: float
    scale: float


class AdapterConfig(Record):
    """`adapter_config.json` in an adapter's folder: from it mlx-lm rebuilds the layers that the weights belong to."""

    fine_tune_type: Literal["lora", "dora", "full"]
    lora_parameters: LowRankShape | None
    model: str
    num_layers: int


class JudgedAnswer(Record):
    """An LLM judge's word on one recorded answer."""

    problem_id: str
    benchmark: str
    fold: str | None
    sample: int
    verdict: JudgeWord


class Scored(Record):
    """An answer with its verdict, and the verdict against the key before errata where that key differs."""

    answer: Answer
    verdict: Verdict
    verdict_uncorrected: Verdict | None = None
