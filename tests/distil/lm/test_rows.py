from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil.lm.checkpoints import load
from distil.lm.rows import Row, collate, epoch, read_rows, schedule
from distil.pipeline.files import InputError, write_jsonl
from tests.checkpoint import write_checkpoint
from tests.workspace import problems, rows

lengths = st.lists(st.integers(2, 300), min_size=1, max_size=80)


@given(lengths, st.integers(1, 9), st.integers(0, 5))
def test_an_epoch_uses_every_row_once_in_batches_of_like_length(lengths, batch_size, seed):
    batches = epoch(lengths, batch_size, np.random.default_rng(seed))
    assert sorted(number for batch in batches for number in batch) == list(range(len(lengths)))
    assert sorted(map(len, batches), reverse=True)[:-1] == [batch_size] * (len(batches) - 1)
    spans = sorted(
        (min(lengths[number] for number in batch), max(lengths[number] for number in batch)) for batch in batches
    )
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@given(lengths, st.integers(1, 9), st.integers(0, 60))
def test_the_schedule_taken_up_anywhere_goes_on_as_it_would_have(lengths, batch_size, start):
    whole = list(islice(schedule(lengths, batch_size, 11), start + 20))
    assert list(islice(schedule(lengths, batch_size, 11, start), 20)) == whole[start:]


def test_the_short_batch_is_not_always_the_longest_rows():
    lengths = list(range(10, 31))
    short = {
        tuple(batch)
        for seed in range(20)
        for batch in epoch(lengths, 4, np.random.default_rng(seed))
        if len(batch) == 1
    }
    assert len(short) > 3


def test_collate_pads_to_the_longest_row_or_a_multiple():
    batch = [Row("a", [5, 6, 7], 1), Row("b", [8, 9], 1)]
    inputs, positions, targets, weights = collate(batch)
    assert inputs.tolist() == [[5, 6], [8, 9]]
    assert positions.tolist() == [0, 1, 2]
    assert targets.tolist() == [6, 7, 9]
    assert weights.tolist() == [1, 1, 1]
    inputs, positions, targets, weights = collate(batch, 8)
    assert inputs.shape == (2, 7) and positions.tolist()[:3] == [0, 1, 7]
    assert targets.tolist()[:3] == [6, 7, 9] and weights.tolist() == [1, 1, 1, 0, 0, 0, 0, 0]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return load(str(write_checkpoint(tmp_path_factory.mktemp("model"))))[1]


def test_rows_keep_their_end_and_long_ones_are_listed(tmp_path, tokenizer):
    examples = rows(problems(12))
    write_jsonl(tmp_path / "train.jsonl", examples)
    everything, none = read_rows(tmp_path / "train.jsonl", tokenizer, 10_000)
    assert none == [] and len(everything) == 12
    for row, example in zip(everything, examples, strict=True):
        assert tokenizer.decode(row.tokens[row.prompt :]) == example.messages[-1].content + "<|im_end|>\n"
    longest = max(len(row.tokens) for row in everything)
    kept, dropped = read_rows(tmp_path / "train.jsonl", tokenizer, longest - 1)
    assert dropped == [row.problem_id for row in everything if len(row.tokens) == longest]
    assert len(kept) == 12 - len(dropped)


def test_no_row_short_enough_is_an_error(tmp_path, tokenizer):
    write_jsonl(tmp_path / "train.jsonl", rows(problems(3)))
    with pytest.raises(InputError, match=r"train.jsonl has no row of at most 10 tokens \(3 longer ones\)"):
        read_rows(tmp_path / "train.jsonl", tokenizer, 10)


def test_a_line_that_is_no_row_is_named(tmp_path, tokenizer):
    (tmp_path / "train.jsonl").write_text('{"text": "hello"}\n')
    with pytest.raises(InputError, match=r"train\.jsonl, line 1, messages"):
        read_rows(tmp_path / "train.jsonl", tokenizer, 100)


def test_padding_of_the_real_chains(shared):
    """Stock mlx-lm pads the same rows by about 37 %."""
    import json

    chains = [json.loads(line) for line in (shared / "job/chains/distilled_train.jsonl").read_text().splitlines()]
    assert len(chains) > 300
    lengths = [sum(len(message["content"].split()) for message in chain["messages"]) for chain in chains]
    padded = sum(
        len(batch) * max(lengths[number] for number in batch) for batch in epoch(lengths, 4, np.random.default_rng(0))
    )
    assert padded <= 1.05 * sum(lengths)
