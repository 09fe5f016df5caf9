import pytest

from stages.train_split.clusters import clusters, near_duplicates
from stages.train_split.overlap import overlapping

SAME = [
    ("Find the mean of 3, 5 and 7.", "Find the mean of 3, 5 and 7."),
    ("Find the mean of 3, 5 and 7.", "FIND the mean of 3,5 and 7"),
    ("A decagon has angles that measure 23 degrees.", "A decagon has angles that measures 23 degrees."),
    (
        "A circle of radius 4 has a chord of length 6. Find k.",
        "A circle of radius 4 has a chord of length 6. Find k (1 place).",
    ),
]
DIFFERENT = [
    ("Find the mean of 3, 5 and 7.", "Find the mean of 3, 5 and 9."),
    ("A trapezoid has sides 2, 41, 20 and 41.", "A trapezoid has sides 2, 15, 20 and 15."),
    ("How much do 3 pens at 4 cents each cost?", "How much do 4 pens at 3 cents each cost?"),
    ("Find the mean of 3, 5 and 7.", "A rope is 3 feet long; 5 feet are cut off and 7 added."),
    ("Question 12 (left out)", "Question 13 (left out)"),
]


@pytest.mark.parametrize("pair", SAME)
def test_the_same_problem_reworded_is_a_near_duplicate(pair):
    assert near_duplicates(pair, 0.8) == [(0, 1)]


@pytest.mark.parametrize("pair", DIFFERENT)
def test_another_problem_in_the_same_words_is_not(pair):
    assert near_duplicates(pair, 0.8) == []


def test_pairs_are_found_across_blocks_of_the_similarity_matrix(monkeypatch):
    monkeypatch.setattr("stages.train_split.clusters.ROWS_AT_ONCE", 3)
    questions = [f"Find the sum of {n} and {n + 1}." for n in range(10)]
    assert near_duplicates([*questions, questions[0], questions[7]], 0.8) == [(0, 10), (7, 11)]


def test_clusters_join_chains_of_pairs_and_are_numbered_by_first_member():
    assert clusters(6, [(1, 4), (4, 5)]) == [0, 1, 2, 3, 1, 1]


def test_overlap_counts_benchmark_questions_that_share_a_run_of_words():
    training = ["the quick brown fox jumps over the lazy dog today"]
    benchmark = ["See: the quick brown fox jumps over a dog", "a quick brown dog", "the lazy dog today"]
    assert overlapping(benchmark, training, 4) == 2
    assert overlapping(benchmark, training, 6) == 1
    assert overlapping(benchmark, [], 4) == 0


def test_the_real_exams_repeat_problems_between_sections_and_years(shared):
    import json

    questions = []
    for file in sorted((shared / "job" / "transcribed").glob("*.json")):
        for section in json.loads(file.read_text()).values():
            questions += [row["question"] for row in section.values() if "not visible" not in row["question"]]
    pairs = near_duplicates(questions, 0.8)
    assert len(pairs) >= 25
    assert sum(questions[i] == questions[j] for i, j in pairs) >= 12
