import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from distil import contest
from distil.contest import FAMILIES, LIMIT
from stages.student import tokenizer as tokens

TOKENIZER = tokens.build()
MODEL = Path(__file__).resolve().parents[2] / "models/tiny-student"


def pieces(text: str) -> list[str]:
    return [TOKENIZER.decode([token], skip_special_tokens=False) for token in TOKENIZER.encode(text).ids]


def back(text: str) -> str:
    return TOKENIZER.decode(TOKENIZER.encode(text).ids, skip_special_tokens=False)


@given(st.text() | st.text(alphabet=" \t\n\r\x00\x7f\u00a0\u2028é🤖٣½0169aA<|im_end|>$\\{}^"))
def test_any_text_comes_back(text: str) -> None:
    assert back(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "e\u0301 and \u00e9",
        "🤖👩‍🔬",
        "\x00\x01\x1b[0m",
        "  \n\t ",
        "100.25",
        "x² + ½√3",
        "\\frac{12}{7}",
        "<|im_start|>user\n",
    ],
)
def test_awkward_texts_come_back(text: str) -> None:
    assert back(text) == text


@pytest.mark.parametrize(
    "around", ["{}", "x{}", "{}x", "({})", " {} ", "of {} pens", "-{}", "{}/3", "\n{}.", "2^{}", "${}$"]
)
def test_a_number_is_one_token_whatever_surrounds_it(around: str) -> None:
    for number in range(LIMIT + 1):
        assert str(number) in pieces(around.format(number))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7 * 4 = 28;\n", ["7", " * ", "4", " = ", "28", ";\n"]),
        ("If 3x + 4 = 19, find", ["If ", "3", "x", " + ", "4", " = ", "19", ",", " find"]),
        ("sqrt(20 + 16)", ["sqrt", "(", "20", " + ", "16", ")"]),
        ("61 and 100", ["6", "1", " and ", "1", "0", "0"]),
        ("47 mod 9", ["47", " mod ", "9"]),
    ],
)
def test_white_space_never_belongs_to_a_number(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_the_contest_is_written_in_whole_words() -> None:
    for family in FAMILIES:
        question = contest.draw(Random(1), family)
        reply = "\n".join([*contest.worded_steps(question, Random(1)), f"Answer: {question.answer}"])
        split = [piece for piece in pieces(f"{question.text}\n{reply}") if piece.strip()]
        assert "".join(split).count(" ") < len(split)
        letters = [piece for piece in split if piece.strip().isalpha() and len(piece.strip()) == 1]
        assert set(map(str.strip, letters)) <= set("AaxfgtI")


def test_real_exam_questions_take_less_than_a_token_a_byte(shared: Path) -> None:
    exams = [json.loads(path.read_text()) for path in sorted((shared / "job/transcribed").glob("*.json"))]
    text = json.dumps(exams, ensure_ascii=False)
    assert len(TOKENIZER.encode(text).ids) < 0.8 * len(text.encode())
    assert back(text) == text


@pytest.mark.parametrize("trust", [None, True])
def test_transformers_loads_it_as_it_stands(tmp_path: Path, trust: bool | None) -> None:
    """transformers 5 would put Qwen's own beside a Qwen2 model; also after a save, as mlx_lm.fuse makes one."""
    tokens.save(TOKENIZER, tmp_path / "a")
    (tmp_path / "a/config.json").write_text('{"model_type": "qwen2"}')
    loaded = AutoTokenizer.from_pretrained(tmp_path / "a", trust_remote_code=trust)
    loaded.save_pretrained(tmp_path / "b")
    (tmp_path / "b/config.json").write_text('{"model_type": "qwen2"}')
    for folder in ("a", "b"):
        loaded = AutoTokenizer.from_pretrained(tmp_path / folder)
        for text in ("Find the value of 12 + 3x.", "e\u0301 100"):
            assert loaded.encode(text) == TOKENIZER.encode(text).ids
            assert loaded.decode(loaded.encode(text), skip_special_tokens=False) == text
    assert loaded.eos_token == tokens.TURN_ENDS


def test_the_checkpoint_in_the_repository_has_this_tokenizer() -> None:
    assert json.loads((MODEL / "tokenizer.json").read_text()) == json.loads(TOKENIZER.to_str())
