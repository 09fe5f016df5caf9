"""The results of length_sweep: data/length_sweep/tables.json and metrics/length_sweep.json.

docs/metrics.md explains each number. A model's fields are in the order of the file. A model with several bases has the
fields of the last base first and its own fields last.
"""

from distil.pipeline.records import Level, Record, absent
from distil.pipeline.results import BesidePublished


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


class LevelPair(Record):
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
    pairs: list[LevelPair]
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
