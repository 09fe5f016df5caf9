import unicodedata
from pathlib import Path

import pytest

from distil.pipeline.records import Problem
from stages.parsed.transcription import read_transcriptions
from stages.raw.sample import exams, load_layout
from stages.train_split.clusters import clusters, near_duplicates, template
from stages.train_split.overlap import overlapping
from stages.train_split.planted import kept, recalls

SAME = [
    ("Find the mean of 3, 5 and 7.", "5", "Find the mean of 3, 5 and 7.", "5"),
    ("Find the mean of 3, 5 and 7.", "5", "Find the mean of 3, 5 and 7.", "5.0"),
    ("Find the mean of 3, 5 and 7.", "5", "FIND the mean of 3,5 and 7", "5"),
    ("A decagon has angles that measure 23 degrees.", "8", "A decagon has angles that measures 23 degrees.", "8"),
    (
        "A circle of radius 4 has a chord of length 6. Find k.", "7",
        "A circle of radius 4 has a chord of length 6. Find k (1 place).", "7",
    ),
    ("Solve 2x + 7 = 37 for x.", "15", "If 2x + 7 = 37, find the value of x.", "15"),
    ("A rope is 31 feet long and 29 are cut off.", "2", "Two numbers add to 31, one is 29. Find the other.", "2"),
    ("Find the perimeter of a rectangle 6 by 24.", "60", "A rectangle is 24 by 6. Find its perimeter.", "60"),
    ("Three scores have the mean (7 + 30 + 23)/3. Find it.", "20", "Find the mean of the scores 7, 30, 23.", "20"),
    ("Find a probability of 3 in 6.", "1/2", "In 6, 3: find a probability.", r"\frac{1}{2}"),
    ("Of 1,200 bolts 45 are lost. How many are left?", "1155", "How many of 1200 bolts are left if 45 go?", "1,155"),
    (r"Of $1{,}200$ bolts 45 are lost.", "1155", r"If 45 of the $1,\!200$ bolts go, find the rest.", "1155 bolts"),
    ("A square has sides of 8 and 8. Find its area.", "64", "Find the area of 8 by 8.", "64 cm^2"),
    ("What is 12 of 48 as a share?", "25", "12 is what share of 48?", r"25\%"),
    ("Where is José's café?", "NFC", unicodedata.normalize("NFD", "Where is José's café?"), "NFD"),
]  # fmt: skip
DIFFERENT = [
    ("Find the mean of 3, 5 and 7.", "5", "Find the mean of 3, 5 and 9.", "17/3"),
    ("A trapezoid has sides 2, 41, 20 and 41.", "40", "A trapezoid has sides 2, 15, 20 and 15.", "12"),
    ("If x = 4, find x^2 + 2.", "18", "If x = 4, find (x^2 + 14)/3 - 2.", "8"),
    ("A remark ALWAYS true?", "NEVER", "A remark ALWAYS true!", "ALWAYS"),
    ("Find the distance from (1,200) to 0.", "5", "Find the distance from 1200 to 0.", "5"),
    ("A dog has 4 legs.", "4", "Find the roots of x - 4.", "4"),
    ("Question 12 (left out)", "1", "Question 13 (left out)", "1"),
]


def pairs(questions: list[str], keys: list[str]) -> list[tuple[int, int]]:
    return near_duplicates(questions, keys, 0.8)


@pytest.mark.parametrize(("first", "key", "second", "other_key"), SAME)
def test_the_same_problem_reworded_is_a_near_duplicate(first, key, second, other_key):
    assert pairs([first, second], [key, other_key]) == [(0, 1)]


@pytest.mark.parametrize(("first", "key", "second", "other_key"), DIFFERENT)
def test_another_problem_in_the_same_words_is_not(first, key, second, other_key):
    assert pairs([first, second], [key, other_key]) == []


def test_pairs_are_found_across_blocks_of_the_similarity_matrix(monkeypatch):
    monkeypatch.setattr("stages.train_split.clusters.ROWS_AT_ONCE", 3)
    questions = [f"Find the square root of the number {n}." for n in range(10)]
    again = ["Find square root of the number 0.", "Find the square root of number 7."]
    assert pairs([*questions, *again], ["1"] * 12) == [(0, 10), (7, 11)]


@pytest.mark.parametrize("seed", range(3, 8))
def test_planted_pairs_of_contests_never_looked_at_are_found(seed):
    """The rule was tuned on half of the planted pairs of the seed 2026."""
    layout = load_layout(Path("stages/raw/contest.yaml"))
    problems = [
        Problem(
            id=f"{exam.year}/{exam.section}/{number:02d}", year=exam.year, section=exam.section, number=number,
            question=question.text, answer=question.answer, source="tests",
        )
        for exam in exams(layout, seed) for number, question in enumerate(exam.questions, 1) if question.figure is None
    ]  # fmt: skip
    found = recalls(problems, pairs([one.question for one in problems], [one.answer for one in problems]))
    assert found.planted_pairs > 20 and found.planted_recall and found.planted_recall_kept
    assert found.planted_recall >= 0.95 and found.planted_recall_kept >= 0.95


def test_the_halves_are_drawn_by_the_ids_alone():
    problems = [
        Problem(id=name, year=1, section="s", number=1, question="q", answer="1", source="tests") for name in "abcdefgh"
    ]
    pairs_of_all = [(i, j) for i in range(8) for j in range(i)]
    half = [pair for pair in pairs_of_all if kept(problems, pair)]
    assert 0.25 < len(half) / len(pairs_of_all) < 0.75
    assert all(kept(problems, (j, i)) for i, j in half)


def test_masked_numbers_leave_the_template():
    assert template("Find 12 + 3x.") == template("Find 4 + 56x.") != template("Find 4 - 56x.")


def test_clusters_join_chains_of_pairs_and_are_numbered_by_first_member():
    assert clusters(6, [(1, 4), (4, 5)]) == [0, 1, 2, 3, 1, 1]


def test_overlap_counts_benchmark_questions_that_share_a_run_of_words():
    training = ["the quick brown fox jumps over the lazy dog today"]
    benchmark = ["See: the quick brown fox jumps over a dog", "a quick brown dog", "the lazy dog today"]
    assert sum(overlapping(benchmark, training, 4)) == 2
    assert sum(overlapping(benchmark, training, 6)) == 1
    assert sum(overlapping(benchmark, [], 4)) == 0


READ = Path(__file__).with_name("real_pairs.txt")
"""Pairs of the real exams that the rule flags, each read by a person: ids, and whether they are one problem."""


def test_no_real_pair_is_flagged_wrongly(shared):
    problems, _ = read_transcriptions(shared / "job/transcribed")
    found = pairs([one.question for one in problems], [one.answer for one in problems])
    read = dict(line.rsplit(" ", 1) for line in READ.read_text().splitlines())
    flagged = [f"{problems[first].id} {problems[second].id}" for first, second in found]
    assert set(flagged) <= set(read), "read these and add them"
    wrong = sum(read[pair] == "different" for pair in flagged)
    assert len(flagged) >= 23 and wrong <= 0.01 * len(flagged)
