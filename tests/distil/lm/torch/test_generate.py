"""PyTorch writes the texts that MLX writes from the same folder, however many are written at once."""

import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from distil import contest  # noqa: E402
from distil.lm import checkpoints, generate  # noqa: E402
from distil.lm.progress import LmParams  # noqa: E402
from distil.lm.state import ADAPTER, CONFIG  # noqa: E402
from distil.lm.torch.generate import _confirmed, _likeliest, load_to_answer  # noqa: E402
from distil.lm.torch.generate import generate as generate_torch  # noqa: E402
from distil.lm.torch.model import attend_in_rows, hidden_states, linear  # noqa: E402
from distil.lm.write import writer  # noqa: E402
from distil.pipeline.files import InputError, read_json, write_json  # noqa: E402
from tests.checkpoint import write_checkpoint  # noqa: E402

TINY = Path(__file__).parents[4] / "models/tiny-student"
SHAPES = [
    {"model_type": "qwen2", "num_attention_heads": 4, "num_key_value_heads": 2},
    {"model_type": "llama", "tie_word_embeddings": False},
    {"model_type": "llama", "mlp_bias": True, "attention_bias": True},
]


def write_adapter(folder, layers, rank=4, names=None):
    """An adapter of random numbers on the last layer of a model that `write_checkpoint` wrote."""
    from safetensors.numpy import save_file

    rng, width, inner, heads = np.random.default_rng(3), 32, 64, {"q": 32, "k": 16, "v": 16}
    sizes = {f"self_attn.{name}_proj": (width, out) for name, out in heads.items()}
    sizes |= {"self_attn.o_proj": (32, width), "mlp.gate_proj": (width, inner), "mlp.up_proj": (width, inner)}
    sizes |= {"mlp.down_proj": (inner, width)}
    folder.mkdir(parents=True)
    tensors = {}
    for name in names or sizes:
        read, written = sizes[name]
        prefix = f"model.layers.{layers - 1}.{name}"
        tensors[f"{prefix}.lora_a"] = rng.normal(size=(read, rank)).astype(np.float32)
        tensors[f"{prefix}.lora_b"] = rng.normal(size=(rank, written)).astype(np.float32)
    save_file(tensors, folder / ADAPTER)
    keys = list(names or sizes)
    settings = {"rank": rank, "dropout": 0.0, "scale": 0.1, "keys": keys}
    write_json(folder / CONFIG, {"fine_tune_type": "lora", "num_layers": 1, "lora_parameters": settings})
    return folder


def texts(replies):
    return [reply for _, reply in sorted(replies, key=lambda pair: pair[0])]


def prompts_of(tokenizer, questions):
    return [
        tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True)
        for question in questions
    ]


QUESTIONS = ["What is 3 + 4?", "x", "How many even numbers lie between 1 and 30?" * 2, "Find 12 x 9.", "What is 3 + 5?"]


@pytest.mark.parametrize("slots", [1, 2, 64])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["model_type"])
def test_float32_writes_mlxs_texts(shape, slots, tmp_path):
    folder = write_checkpoint(tmp_path / "model", seed=5, **shape)
    model, tokenizer = checkpoints.load(str(folder))
    prompts = prompts_of(tokenizer, QUESTIONS)
    expected = texts(generate.generate(model, tokenizer, prompts, 20, 8))
    found = texts(generate_torch(load_to_answer(str(folder), None, torch.float32), tokenizer, prompts, 20, slots))
    assert found == expected


@pytest.mark.parametrize("names", [None, ["self_attn.q_proj", "self_attn.v_proj"]], ids=["all layers", "two layers"])
def test_an_adapter_of_mlx_lm_changes_the_texts_as_it_does_there(names, tmp_path):
    folder = write_checkpoint(tmp_path / "model", seed=5, **SHAPES[0])
    adapter = write_adapter(tmp_path / "adapter", layers=2, names=names)
    model, tokenizer = checkpoints.load(str(folder))
    prompts = prompts_of(tokenizer, QUESTIONS)
    base = texts(generate.generate(model, tokenizer, prompts, 20, 8))
    expected = texts(generate.generate(checkpoints.with_adapter(model, adapter), tokenizer, prompts, 20, 8))
    assert expected != base
    weights = load_to_answer(str(folder), adapter, torch.float32)
    assert texts(generate_torch(weights, tokenizer, prompts, 20, 3)) == expected


def test_samples_are_drawn_from_the_same_numbers(tmp_path):
    folder = write_checkpoint(tmp_path / "model", seed=5, **SHAPES[0])
    model, tokenizer = checkpoints.load(str(folder))
    prompts = prompts_of(tokenizer, QUESTIONS)

    def samplers():
        return [generate.sampler(1.0, seed) for seed in range(len(prompts))]

    expected = texts(generate.generate(model, tokenizer, prompts, 20, 8, samplers()))
    weights = load_to_answer(str(folder), None, torch.float32)
    assert texts(generate_torch(weights, tokenizer, prompts, 20, 2, samplers())) == expected


def test_the_tiny_student_answers_alike(tmp_path):
    """Replies of a trained model end at different tokens, so that slots are filled while others write."""
    model, tokenizer = checkpoints.load(str(TINY))
    families = sorted(contest.FAMILIES)[:16]
    questions = [contest.draw(Random(number), family).text for number, family in enumerate(families)]
    prompts = [tokenizer.encode(question)[: 6 + number] for number, question in enumerate(questions)]
    expected = texts(generate.generate(model, tokenizer, prompts, 80, 64))
    assert {reply.finish_reason for reply in expected} >= {"stop"} and len({reply.tokens for reply in expected}) > 1
    weights = load_to_answer(str(TINY), None, torch.float32)
    for slots in (5, 16):
        assert texts(generate_torch(weights, tokenizer, prompts, 80, slots)) == expected


def test_a_reply_ends_at_each_end_token_of_the_checkpoint(tmp_path):
    """Some checkpoints end a turn with another token than the tokenizer's own: generation_config.json lists both."""
    folder = tmp_path / "model"
    shutil.copytree(TINY, folder)
    tokenizer = checkpoints.tokenizer_for(str(folder))
    question = tokenizer.encode("What is 3 + 4?")
    lm = {"compute": "float32", "threads": 1}

    def replies():
        for backend in ("mlx", "torch"):
            write, _ = writer(str(folder), None, backend, LmParams(backend=backend, **lm), 4)
            ((_, reply),) = write([question], 40, None, ())
            yield reply.text, reply.tokens, reply.finish_reason

    whole, same = replies()
    assert whole == same
    fourth = tokenizer.encode(whole[0], add_special_tokens=False)[3]
    for name in ("config.json", "generation_config.json"):
        settings = read_json(folder / name)
        write_json(folder / name, settings | {"eos_token_id": [2, fourth]})
    shorter, same = replies()
    assert shorter == same and shorter[1] < whole[1] and shorter[2] == "stop"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
def test_a_reply_depends_on_its_prompt_alone(dtype, monkeypatch, tmp_path):
    """Whatever others are written, and when: the logits of a prompt's every step have the same bits.

    Three hundred tokens, so that texts of many lengths look back together over several multiples of `WHOLE`. Free slots
    hold guesses of what follows, more of them where fewer texts are left.
    """
    folder = write_checkpoint(tmp_path / "model", seed=5, **SHAPES[0])
    weights, tokenizer = load_to_answer(str(folder), None, dtype), checkpoints.load_tokenizer(str(folder))
    prompts = prompts_of(tokenizer, [f"What is {number} + {'4' * (number % 9)}?" for number in range(40)])
    step, seen = [], []

    def choose(logits, samplers):
        step[:] = logits.clone().split(1)
        return _likeliest(logits)

    def confirmed(draft, chosen):
        right = _confirmed(draft, chosen)
        seen.append(torch.cat(step[: len(right)]))
        del step[: len(draft)]
        return right

    monkeypatch.setattr("distil.lm.torch.generate._choose", choose)
    monkeypatch.setattr("distil.lm.torch.generate._confirmed", confirmed)
    whole = dict(generate_torch(weights, tokenizer, prompts, 300, 20))
    whole_logits = torch.cat(seen).float()
    most = 1
    for known in ({*range(40)} - {3}, {*range(0, 40, 2)}, {*range(30)}):
        seen.clear()
        rest = dict(generate_torch(weights, tokenizer, prompts, 300, 20, None, known))
        assert rest == {number: reply for number, reply in whole.items() if number not in known}
        assert {row.tobytes() for row in torch.cat(seen).float().numpy()} <= {
            row.tobytes() for row in whole_logits.numpy()
        }
        most = max(most, *map(len, seen))
    assert most > 5  # guesses are confirmed


def test_bfloat16_puts_the_same_adapter_on(tmp_path):
    """Logits after a prompt, against float32's: far closer than the base model's are."""
    folder = write_checkpoint(tmp_path / "model", seed=5, **SHAPES[0])
    adapter = write_adapter(tmp_path / "adapter", layers=2)
    prompt = torch.arange(40)
    found = {}
    for name, put_on, dtype in (
        ("wide", adapter, torch.float32),
        ("narrow", adapter, torch.bfloat16),
        ("base", None, torch.float32),
    ):
        weights = load_to_answer(str(folder), put_on, dtype)
        with torch.inference_mode():
            hidden = hidden_states(weights, prompt, prompt, attend_in_rows([40]))
            found[name] = linear(hidden, weights.head).float()
    assert (found["narrow"] - found["wide"]).norm() < 0.1 * (found["base"] - found["wide"]).norm()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
def test_the_likeliest_token_is_the_first_of_the_largest(dtype):
    rows = [[-1.0, 3.0, 3.0, 2.0], [-3.0, -1.0, -2.0, -1.0], [-0.0, 0.0, -5.0, 0.0], [0.5, -9.0, 0.25, 0.5]]
    assert _likeliest(torch.tensor(rows).to(dtype)) == [1, 1, 0, 0]
    drawn = torch.randn(50, 400, generator=torch.Generator().manual_seed(2)).to(dtype)
    assert _likeliest(drawn) == [row.index(max(row)) for row in drawn.tolist()]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / ADAPTER).unlink(), "No such file"),
        (lambda folder: (folder / ADAPTER).write_bytes(b"\0" * 20), "adapter"),
        (lambda folder: (folder / CONFIG).write_text("{}"), "lora_parameters"),
    ],
)
def test_an_adapter_that_does_not_fit_is_a_message(damage, said, tmp_path):
    folder = write_checkpoint(tmp_path / "model", **SHAPES[0])
    adapter = write_adapter(tmp_path / "adapter", layers=2)
    damage(adapter)
    with pytest.raises(InputError, match=f"holds no adapter for this model.*{said}|{said}.*holds no adapter"):
        load_to_answer(str(folder), adapter, torch.float32)
    with pytest.raises(InputError, match="the model has no layer"):
        load_to_answer(str(folder), write_adapter(tmp_path / "deeper", layers=9), torch.float32)
