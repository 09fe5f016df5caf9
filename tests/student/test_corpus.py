from collections import Counter
from random import Random

import numpy as np
import pytest

from distil import contest
from distil.contest import LIMIT, evaluate, pool, read
from distil.pipeline.files import InputError
from stages.student import corpus
from stages.student import tokenizer as tokens

TOKENIZER = tokens.build()
MIX = {"facts": 0.25, "counting": 0.05, "direct": 0.4, "solution": 0.3}


@pytest.mark.parametrize("kind", corpus.KINDS)
def test_documents_come_back_and_every_token_has_its_weight(kind: str) -> None:
    for seed in range(50):
        document = corpus.KINDS[kind](Random(seed))
        ids, weights = corpus.encode(TOKENIZER, document)
        assert TOKENIZER.decode(ids, skip_special_tokens=False) == "".join(text for text, _ in document)
        for wanted in (0, 1, 2):
            weighted = [token for token, weight in zip(ids, weights, strict=True) if weight == wanted]
            text = "".join(text for text, weight in document if weight == wanted)
            assert TOKENIZER.decode(weighted, skip_special_tokens=False) == text


def test_the_loss_is_on_results_and_replies() -> None:
    def weighted(kind: str) -> str:
        return "|".join(text for text, weight in corpus.KINDS[kind](Random(4)) if weight)

    assert all(part.isdigit() for part in weighted("facts").split("|"))
    assert weighted("direct").startswith("Answer: |") and weighted("direct").endswith("|<|im_end|>")
    assert "=" in weighted("solution") and "Answer: " in weighted("solution")


def test_no_question_of_the_corpus_may_stand_in_an_exam() -> None:
    families: Counter[str] = Counter()
    for seed in range(600):
        question = corpus.question(Random(seed))
        pattern = next(
            found
            for _, pattern in contest.FAMILIES[question.family].patterns
            if (found := pattern.fullmatch(question.text))
        )
        assert pool(question.family, {name: int(digits) for name, digits in pattern.groupdict().items()}) == "corpus"
        families[question.family] += 1
    assert set(families) == set(contest.FAMILIES)


def test_solutions_contain_the_whole_working() -> None:
    for seed in range(50):
        prompt, reply, _ = (text for text, _ in corpus.worked_solution(Random(seed)))
        question = read(prompt.removesuffix(" Solution:\n"))
        assert question is not None
        assert all(str(step) in reply for step in question.steps)
        assert reply.endswith(f"\nAnswer: {question.answer}")


def test_facts_are_true_and_cover_every_operation() -> None:
    operations: Counter[str] = Counter()
    for seed in range(2000):
        fact = corpus.fact(Random(seed))
        assert evaluate(fact.a, fact.op, fact.b) == fact.result <= LIMIT and fact.a <= LIMIT
        operations[fact.op] += 1
    assert set(operations) == set(contest.VERBS)


def test_a_batch_has_whole_documents_in_the_shares_asked_for_and_follows_from_its_seed() -> None:
    packed, again = (corpus.batch(TOKENIZER, MIX, Random("1 2"), 16, 128) for _ in range(2))
    assert packed.tokens.shape == packed.weights.shape == packed.documents.shape == (16, 129)
    assert np.array_equal(packed.tokens, again.tokens) and np.array_equal(packed.weights, again.weights)
    sizes: Counter[str] = Counter()
    for number in range(1, packed.documents.max() + 1):
        rows, places = np.nonzero(packed.documents == number)
        text = TOKENIZER.decode(packed.tokens[rows, places].tolist(), skip_special_tokens=False)
        assert len(set(rows)) == 1 and np.all(np.diff(places) == 1) and text.endswith(tokens.END_OF_TEXT)
        sizes[kind_of(text)] += len(places)
    assert sizes.total() > 0.85 * packed.tokens.size
    assert not packed.weights[packed.documents == 0].any()
    for kind, share in MIX.items():
        assert sizes[kind] / sizes.total() == pytest.approx(share, abs=0.06)


def kind_of(document: str) -> str:
    """Which kind of document a text is, by what only that kind contains."""
    signs = {"direct": tokens.TURN_STARTS, "solution": "Solution:", "counting": "Count:"}
    return next((kind for kind, sign in signs.items() if sign in document), "facts")


def test_a_row_too_short_for_a_document_is_one_message() -> None:
    with pytest.raises(InputError, match=r"student.row_length: a document has \d+ tokens; set at least"):
        corpus.batch(TOKENIZER, MIX, Random(0), 16, 20)
