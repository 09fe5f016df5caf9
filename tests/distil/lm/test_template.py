"""Chat templates that public reports name: those that would ruin a model are said before a token is trained."""

import datetime
import json
from pathlib import Path

import pytest

from distil.lm import template
from distil.lm.checkpoints import load, tokenizer_in
from distil.lm.generate import generate
from distil.pipeline.files import InputError
from distil.pipeline.records import Message
from tests.checkpoint import TEMPLATE, write_checkpoint
from tests.workspace import inside, write_workspace

OPENS_A_THOUGHT = TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
NEVER_ENDS = TEMPLATE.replace("<|im_end|>\n", "\n")
IN_PARTS = TEMPLATE.replace("{{ message.content }}", "{% for part in message.content %}{{ part.text }}{% endfor %}")
NO_ANSWER = TEMPLATE.replace("{{ message.content }}", "{% if message.role == 'user' %}{{ message.content }}{% endif %}")
ADDS = TEMPLATE.replace("{{ message.content }}", "{{ message.content + [] }}")
BEGINS = "{{ bos_token }}" + TEMPLATE
MARKED = TEMPLATE.replace("{{ message.content }}", "{% generation %}{{ message.content }}{% endgeneration %}")
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + TEMPLATE
)
DATED = "{{ strftime_now('%d %b %Y') }}" + TEMPLATE
IGNORES = TEMPLATE.split("{% if add_generation_prompt")[0]
QWEN3 = (  # what Qwen3 does with thoughts: an empty one for the last reply, none for the ones before
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ message.content.split('</think>')[-1] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>"
    "assistant\n{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
    "{% endif %}"
)
TURNS = [Message(role="user", content="2 + 3?"), Message(role="assistant", content="Answer: 5")]
SYSTEM = [Message(role="system", content="Be brief."), *TURNS]


def checkpoint(folder: Path, chat_template: str = TEMPLATE, **settings: object) -> Path:
    """A random model with a chat template."""
    write_checkpoint(folder)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"chat_template": chat_template} | settings))
    return folder


def other_end(folder: Path) -> Path:
    """Qwen2.5's base layout: turns end in one token, generation in another."""
    checkpoint(folder, eos_token="<|endoftext|>")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"eos_token_id": 256}))
    return folder


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (other_end, ["ends a reply with '<|im_end|>', which does not end generation",
                     "(these do: '<|endoftext|>')", "Add 258 to eos_token_id in ", "generation_config.json"]),
        (lambda folder: checkpoint(folder, OPENS_A_THOUGHT), ["asks with '<think>", "a training row has 'We add"]),
        (lambda folder: checkpoint(folder, NEVER_ENDS), ["no token that ends generation (these do: '<|im_end|>')",
                                                         "Write {{ eos_token }} after"]),
        (lambda folder: checkpoint(folder, ""), ["has no chat template"]),
        (lambda folder: checkpoint(folder, IN_PARTS), ["the user's turn 'What is 3 + 4?'", "text would be lost"]),
        (lambda folder: checkpoint(folder, NO_ANSWER), ["for the assistant's turn", "the text would be lost"]),
        (lambda folder: checkpoint(folder, ADDS), ["refuses the turns user, assistant: can only concatenate"]),
        (lambda folder: checkpoint(folder, "{% for m in messages %}"), ["Unexpected end of template", "'for'. Take"]),
    ],
)  # fmt: skip
def test_what_would_ruin_the_model_is_said_when_it_is_loaded(tmp_path, make, said):
    folder = make(tmp_path / "model")
    with pytest.raises(InputError) as caught:
        load(str(folder))
    assert all(part in str(caught.value) for part in said), caught.value
    assert "\n" not in str(caught.value)


def test_what_the_message_says_to_set_mends_it(tmp_path):
    folder = other_end(tmp_path / "model")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [256, 258]}))
    assert tokenizer_in(folder).eos_token_ids == {256, 258}
    checkpoint(folder, NEVER_ENDS.replace("{{ message.content }}", "{{ message.content }}{{ eos_token }}"))
    tokenizer_in(folder)


@pytest.mark.parametrize("chat_template", [TEMPLATE, NO_SYSTEM, DATED, IGNORES, QWEN3, BEGINS, MARKED])
def test_what_is_asked_is_how_the_row_begins(tmp_path, chat_template):
    tokenizer = tokenizer_in(checkpoint(tmp_path / "model", chat_template))
    row, prompt = template.row_tokens(tokenizer, TURNS)
    assert row[:prompt] == template.prompt_tokens(tokenizer, TURNS[:1]) and 0 < prompt < len(row)


def test_qwen3_is_trained_and_asked_without_a_thought(tmp_path):
    tokenizer = tokenizer_in(checkpoint(tmp_path / "model", QWEN3))
    row, prompt = template.row_tokens(tokenizer, TURNS)
    assert tokenizer.decode(row[prompt:]) == "Answer: 5<|im_end|>\n"
    assert tokenizer.decode(row[:prompt]).endswith("<think>\n\n</think>\n\n")


def test_a_template_that_refuses_a_system_turn_says_what_to_set(tmp_path):
    tokenizer = tokenizer_in(checkpoint(tmp_path / "model", NO_SYSTEM))
    with pytest.raises(InputError, match=r"refuses the turns .*System role not supported\. Set chat\.system to ''"):
        template.row_tokens(tokenizer, SYSTEM)


def test_the_day_does_not_change_rows(tmp_path, monkeypatch):
    tokenizer = tokenizer_in(checkpoint(tmp_path / "model", DATED))
    today = datetime.datetime.now().strftime("%d %b %Y")
    text = tokenizer.decode(template.prompt_tokens(tokenizer, TURNS[:1]))
    assert text.startswith("26 Jul 2024") and today not in text


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_git_lfs_pointer_is_named(tmp_path, name):
    folder = checkpoint(tmp_path / "model")
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    with pytest.raises(InputError, match=rf"{name} is a Git LFS pointer .*git lfs pull"):
        load(str(folder))


def test_gemma_2_answers_in_a_batch_as_alone(tmp_path):
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.models.gemma2 import Model, ModelArgs

    folder = checkpoint(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "gemma2", "head_dim": 16, "num_attention_heads": 4, "num_key_value_heads": 2}
    config |= {"query_pre_attn_scalar": 16, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}
    (folder / "config.json").write_text(json.dumps(config))
    model = Model(ModelArgs.from_dict(config))
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())))
    model, tokenizer = load(str(folder))
    prompts = [tokenizer.encode(text) for text in ("One", "A longer prompt", "Two words")]
    alone = [dict(generate(model, tokenizer, [prompt], 6, 1))[0].text for prompt in prompts]
    together = dict(generate(model, tokenizer, prompts, 6, 3))
    assert [together[number].text for number in range(3)] == alone


@pytest.mark.parametrize("command", [("stages.lora_seed", "--seed", "3"), ("stages.answers", "--model", "base")])
def test_the_stages_say_it_in_one_line(tmp_path, command):
    folder = write_workspace(tmp_path)
    checkpoint(folder / "models/random", OPENS_A_THOUGHT)
    done = inside(folder, *command)
    assert done.returncode == 1 and done.stderr.startswith("error: lora_seed.model: the chat template in models/random")
    assert not (folder / "data/lora_seed").exists() and not (folder / "data/answers").exists()
