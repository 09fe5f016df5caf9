"""Extraction by itself: what is found, and by which cue."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil.verifier import extract

FOUND = [
    # the last box, with nested braces, spaces and several on a line
    (r"So the area is \boxed{12}.", "12", "boxed"),
    (r"First \boxed{3}." "\n" r"Then \boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}", "boxed"),
    (r"\boxed{3} and \boxed{-2}", "3, -2", "boxed"),
    (r"\[ \boxed{x = 4} \]", "x = 4", "boxed"),
    (r"\boxed {7}", "7", "boxed"),
    (r"\fbox{7}", "7", "boxed"),
    (r"$\boxed{\text{(B)}\ 12}$", r"\text{(B)}\ 12", "boxed"),
    (r"\boxed{\{1, 2\}}", r"\{1, 2\}", "boxed"),
    # the unit or noun after a box belongs to it; a name before it does where there are several
    (r"\boxed{5} \text{ cm}", r"5 \text{ cm}", "boxed"),
    (r"So $\boxed{204}$ minutes.", "204 minutes", "boxed"),
    (r"It is \boxed{5} in total.", "5", "boxed"),
    (r"There are \boxed{18} chickens and \boxed{7} rabbits.", "18 chickens, 7 rabbits", "boxed"),
    (r"We get $a = \boxed{3}$ and $b = \boxed{5}$.", "a = 3, b = 5", "boxed"),
    # boxes in boxes, on lines of their own, empty, without braces, one after another in a derivation
    (r"\boxed{\boxed{19}}", r"\boxed{19}", "boxed"),
    ("The cubes are \\boxed{1000}.\nand\n\\boxed{729}", "1000, 729", "boxed"),
    (r"First \boxed{3}, so we get \boxed{12}.", "12", "boxed"),
    (r"\boxed{3} + \boxed{4} = \boxed{7}", "7", "boxed"),
    ("\\boxed{15}\n\nRemember to write your answer as \\boxed{}.", "15", "boxed"),
    (r"So it is $\boxed 7$.", "7", "boxed"),
    # of a box and an answer line, the later one
    ("\\boxed{\\Delta E} is small.\n\n**Answer: D**", "D", "answer_line"),
    ("Answer: 5\n\nMore carefully, \\boxed{6}.", "6", "boxed"),
    ("\\boxed{6}\n\nAnswer: see above.", "6", "boxed"),
    # a doubt that ends in a confirmation takes nothing back
    ("\\boxed{10}\n\nWait, let me check: 2 * 5 = 10. Yes, that is correct.", "10", "boxed"),
    ("\\boxed{10}\n\nNote: a common mistake is to count twice.", "10", "boxed"),
    ("\\boxed{10}\n\nWait, that is wrong. It should be \\boxed{11}.", "11", "boxed"),
    ("\\boxed{10}\n\nWait, that is wrong. So the answer is 11.", "11.", "answer_phrase"),
    ("\x08oxed{5}", "5", "boxed"),
    # an answer line or heading
    ("7 * 4 = 28\nAnswer: 31", "31", "answer_line"),
    ("Answer: 31\n", "31", "answer_line"),
    ("**Answer:** 308.5.", "308.5.", "answer_line"),
    ("**Answer: 405**", "405", "answer_line"),
    ("**Final Answer:** $\\frac{1}{2}$", "$\\frac{1}{2}$", "answer_line"),
    ("FINAL ANSWER: 640.", "640.", "answer_line"),
    ("### Answer: 12", "12", "answer_line"),
    ("Final answer: no solution", "no solution", "answer_line"),
    ("Answer = 5", "5", "answer_line"),
    ("Ans: 5", "5", "answer_line"),
    ("The answer: 5", "5", "answer_line"),
    ("Answer (in cm): 5", "5", "answer_line"),
    ("Steps.\n\n**Final Answer:**  \nNEVER", "NEVER", "answer_line"),
    ("Steps.\n\n### Final Answer\n\n$x = 3$", "$x = 3$", "answer_line"),
    ("Steps.\n\n**Answer**\n\n\\[\n\\frac{1}{2}\n\\]", "\\frac{1}{2}", "answer_line"),
    ("Answer: The value is 31. So we are done.", "31.", "answer_line"),
    ("Answer: x = 3 or x = -2", "x = 3 or x = -2", "answer_line"),
    ("Answer: (2, 3)", "(2, 3)", "answer_line"),
    ("Answer: D. 12", "D. 12", "answer_line"),
    ("#### 31", "31", "answer_line"),
    ("<answer>31</answer>", "31", "answer_line"),
    ("- Answer: 4", "4", "answer_line"),
    ("Answer: 11 (since 2*11 = 22)", "11", "answer_line"),
    ("ANS. 204", "204", "answer_line"),
    ("Therefore, the final answer: 204", "204", "answer_line"),
    ("✅ **Final Answer:** 58", "58", "answer_line"),
    ("**Answers:** 6 and 9", "6 and 9", "answer_line"),
    ("<answer>31", "31", "answer_line"),
    ("**答案：** 25", "25", "answer_line"),
    ("所以最终答案是 180 天。", "180 天", "answer_line"),
    ("故选：B", "B", "answer_line"),
    ("Respuesta final: 7", "7", "answer_line"),
    # thoughts, special tokens and turns of others
    ("<think>Maybe \\boxed{70}.</think>\n\nThe total is 72.", "72", "number"),
    ("Maybe \\boxed{70}.\n</think>\n\nAnswer: 72", "72", "answer_line"),
    ("[THINK]It is \\boxed{1}[/THINK]It is \\boxed{2}.", "2", "boxed"),
    ("<thinking>1</thinking><answer> 2 </answer>", "2", "answer_line"),
    ("<|channel|>analysis<|message|>\\boxed{1}<|end|><|start|>assistant<|channel|>final<|message|>\\boxed{2}<|return|>",
     "2", "boxed"),
    ("Answer: 30<|im_end|>", "30", "answer_line"),
    ("Answer: 30</s>", "30", "answer_line"),
    ("30<|eot_id|>", "30", "bare"),
    ("<|im_start|>assistant\nAnswer: 30<|im_end|>\n<|im_start|>user\nAnswer: 31", "30", "answer_line"),
    ("<｜Assistant｜>\\boxed{30}<｜end▁of▁sentence｜>", "30", "boxed"),
    ("Answer: 30\n\nHuman: What is 2+2?\n\nAssistant: the answer is 4", "30", "answer_line"),
    ("Answer: 30\n\nQuestion: What is 2+2?\nAnswer: 4", "30", "answer_line"),
    ("Question: What is 5 * 6?\nAnswer: 30", "30", "answer_line"),
    ("It is \\boxed{30}.\n\nProblem 2: What is 2+2? It is \\boxed{4}.", "30", "boxed"),
    # the answer is
    ("So the answer is 5.", "5.", "answer_phrase"),
    ("Thus, the answer is **27**.\n\nIf the problem was different, so would be the result.", "27.", "answer_phrase"),
    ("The final answer is:\n\\[\n17\n\\]", "17", "answer_phrase"),
    ("The final answer is $\\frac{2}{3}$. I hope it is correct.", "$\\frac{2}{3}$.", "answer_phrase"),
    ("so the answer is therefore (2, 3)", "(2, 3)", "answer_phrase"),
    ("The answer to the question is 12", "12", "answer_phrase"),
    ("The answer is 7. Check: 7 is prime.", "7.", "answer_phrase"),
    ("The answer is 7.\n\nWait, that is wrong. Let me recompute. So the answer is 9.", "9.", "answer_phrase"),
    ("The final answer is\n17", "17", "answer_phrase"),
    ("The answer is\n\\[\nx = 1,\ny = 2\n\\]", "x = 1, y = 2", "answer_phrase"),
    ("Answer: 7. Check: 7 is prime.", "7.", "answer_line"),
    ("The answer is D. 12", "D. 12", "answer_phrase"),
    ("The answers are $6$ and $9$.", "$6$ and $9$.", "answer_phrase"),
    ("The correct option is \\textbf{(B)}.", "\\textbf{(B)}.", "answer_phrase"),
    # nothing but an answer
    ("31", "31", "bare"),
    ("36√2", "36√2", "bare"),
    ("x = 3 or x = -2", "x = 3 or x = -2", "bare"),
    ("no solution", "no solution", "bare"),
    ("Lose 18", "Lose 18", "bare"),
    ("17 \\text{ mph}", "17 \\text{ mph}", "bare"),
    ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "bare"),
    ("It is Thursday", "It is Thursday", "bare"),
    # the closing sentence of a finished response
    ("We add.\n\nSo Hillary has 7 nickels.", "7", "number"),
    ("Sum = (19 - 2) × 180° = 17 × 180°. So the sum is 3060°.", "3060°", "number"),
    ("From \\(a = 2\\) we get \\(b = 5\\), so the probability is \\( \\frac{2}{3} \\).", "\\frac{2}{3}", "maths"),
    ("We have p.\n\nOnly **Thursday** works.", "Thursday", "bold"),
    ("**Step 5:** \\(h = 300 / 3.38332 \\approx 88.67\\) ft.", "h = 300 / 3.38332 \\approx 88.67", "maths"),
    ("2L = 120 → L = 60. Then 3600 + W² = 4225 → W² = 625 → W = 25.", "25.", "number"),
    ("**Step 6:** Add.\n\\[\nh = \\frac{300}{3.38} \\approx 88.67 \\text{ feet}.\n\\]",
     "h = \\frac{300}{3.38} \\approx 88.67 \\text{ feet}.",
     "maths"),
    ("From \\(ab = 24\\), \\(k = 23\\), yielding \\(2k=46\\).", "46", "maths"),
    ("So the ratio \\(\\Rightarrow k:w = 2:5\\).", "2:5", "maths"),
    ("Thus the line is \\(y = 2x\\).", "y = 2x", "maths"),
    ("Thus solutions: \\(x = 1\\) and \\(x = -1\\).", "x = 1, x = -1", "maths"),
    ("**Step 3** – Add. \n**BD = 2 × DE ≈ 8.51.**", "2 × DE ≈ 8.51.", "bold"),
    ("Then **k+S** = 7+2047 = 2054.", "2054.", "number"),
    ("The diagonal of a square is side times √2, so 3√2.", "3√2", "number"),
    ("Sum = 6 + 3√2 + 12√3.", "Sum = 6 + 3√2 + 12√3.", "bare"),
    ("Area w = 24·(√3/2) = 12√3. So k + w = 6 + 3√2 + 12√3.", "6 + 3√2 + 12√3.", "number"),
    ("Total = 438 cents. So 5 bars cost 783 - 438 = 345 cents, making each bar 69 cents.", "69", "number"),
    ("Solving gives \\(k = 11\\) (since \\(k \\ge 0\\)).", "k = 11", "maths"),
    ("Max sum gives avg 5.5 < 6, so it is NEVER true.", "NEVER", "capitals"),
    ("Both have the same base.\n\n**Conclusion:** No.", "No", "closing_word"),
    ("D) gives an integer. Thus A.", "A", "closing_word"),
    ("It is not an integer. Answer: A.", "A.", "answer_line"),
    ("First 2 + 2 = 4. #### 5 is no tag\n\n#### 31", "31", "answer_line"),
    ("Then \\(2^k = 4\\) and \\(k = 2\\).", "k = 2", "maths"),
    ("The components: -5 + 17 = 12 and 6 + 7 = 13, giving (12,13).", "(12,13)", "number"),
    ("The equation is solved. Solving yields \\(x = 0.75\\) (rejecting \\(x=-6\\)).", "x = 0.75", "maths"),
    ("Therefore there are $5 \\cdot 4 = 20$ arrangements in all 5 seats.", "20", "maths"),
    ("Then S = 9.\n\nTherefore 9 customers would buy a set that costs $2500.", "9", "number"),
]  # fmt: skip

NOTHING = [
    "",
    "   \n ",
    "?",
    "N/A",
    "I don't know",
    "Answer:",
    "7 * 4 = 28\nAnswer:\n",
    "Answer: unknown",
    "The answer is",
    "Let us think about the two cases and\n\nfind that the sum",
    "Hence R = 25.\n\nThus",
    "We get\n\\[\nx = 5",
    "so \\(x = 4",
    "I cannot see the text of the question. Could you provide it? I'll work through it step by step.",
    "\\boxed{",
    "\\boxed{}",
    "\\boxed{ }",
    "So we test (7,60): \\(49 + 3600 =",
    "Valid integer values of k: 6, 8,",
    "So the answer is 21 or perhaps not. " + "We go on to look at another case in detail. " * 12 + "\n\n**Step",
    "Adding\n\n\\[ 4 + 5",
    "The answer is 7.\n\nWait, that is wrong. Let me recompute and",
    "The answer is 7.\n\n7 + 2 =",
    "The answer is 7. But that is not right, so it must be 9.",
    "The answer is:\n\n7\n\nLet me re-read the question. It asks for something else.",
    "The answer is 7, wait, no.",
    # taken back
    "\\boxed{10}\n\nWait, that is wrong; I forgot the case n = 0, so it is 11.",
    "Is it \\boxed{10}? No: that double counts. So 11.",
    "\\boxed{10}. Hmm, that can't be right.",
    "\\boxed{10} is incorrect, since 0 is even.",
    "\\boxed{10}\n\nOops, I made a sign error.",
    "\\boxed{10}\n\nOn second thought, I miscounted the corners.",
    "It is not \\boxed{10}.",
    "Answer: 7\n\nWait, that is wrong. Let me recompute and",
    "Answer: 7\n\nActually, I misread the question.",
    # broken off
    "It is \\boxed{5}. Check: \\boxed{",
    "So \\boxed{45}. Wait, recompute: the total must be \\boxed{46",
    "The first part is \\boxed{45}, and hence the requested number of all such pairs is",
    # still thinking
    "<think>I get \\boxed{70} at first",
    "<think>I get \\boxed{70} at first.</think>",
    "<think>1</think>Answer: 2<think>or rather \\boxed{3}",
    "<|channel|>analysis<|message|>So \\boxed{70}",
    "[THINK]Answer: 70",
]


@pytest.mark.parametrize(("text", "answer", "cue"), FOUND)
def test_answers_are_found_by_their_cue(text, answer, cue):
    found = extract(text)
    assert (found.answer, found.found_by) == (answer, cue)


@pytest.mark.parametrize("text", NOTHING)
def test_no_final_answer_is_none_and_never_a_guess(text):
    found = extract(text)
    assert found.answer is None and found.found_by is None


def test_of_two_answer_lines_that_conflict_the_last_counts_and_is_flagged():
    found = extract("Answer: 30\nNo, wait.\nAnswer: 31")
    assert found.answer == "31" and found.flags == ["conflicting_answer_lines"]
    assert extract("Answer: 31\nAnswer: 31").flags == []


def test_an_answer_that_is_taken_back_is_flagged():
    for text in ("Answer: 7\n\nWait, that is wrong. Let me recompute and", "\\boxed{7} is wrong."):
        assert extract(text).flags == ["doubted"]
    assert extract("Wait, that is wrong.\nAnswer: 7\n").flags == []
    assert extract("<think>Answer: 7").flags == ["thinking"]


def test_a_box_and_an_answer_line_that_differ_are_flagged():
    found = extract("\\boxed{5}\nAnswer: 6")
    assert found.answer == "6" and found.flags == ["answer_line_differs"]
    assert extract("\\boxed{5}\nAnswer: 5.").flags == []


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_exception(text):
    found = extract(text)
    assert (found.answer is None) == (found.found_by is None)


@given(
    st.integers(-999, 999), st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=80)
)
def test_the_answer_line_is_found_whatever_came_before(number, before):
    found = extract(f"{before.replace('boxed', '').replace('box', '')}\nAnswer: {number}")
    assert found.answer == str(number)


@pytest.mark.parametrize(
    "text", ["\\boxed{" * 150_000, "Answer: " * 130_000, "the answer is " * 70_000, "**" * 500_000, "1 = " * 250_000,
             "$" * 10**6, "\\(" * 500_000, "a" * 10**6, "(" * 10**6, "Answer:" + " " * 10**6, "9" * 10**6,
             "{\\boxed{1}" * 90_000, "\n" * 10**6, "<think>" * 150_000, "</think>" * 120_000, "Question: \n" * 90_000,
             "Answer: 1\nQuestion: 2\n" * 45_000, "\\boxed{1} wait, " * 60_000, "<|channel|>" * 90_000,
             "\\boxed 1 " * 110_000, "not " * 250_000 + "\\boxed{1}", "答案" * 300_000, "actually " * 110_000]
)  # fmt: skip
def test_a_megabyte_of_anything_is_read_in_seconds(text):
    start = time.process_time()
    extract(text)
    assert time.process_time() - start < 5
