"""Take an adapter to other people's tools, or bring one of theirs in.

    python -m tools.export_adapter data/lora_seed/0/held_out --to peft --output exports/peft
    python -m tools.export_adapter data/lora_seed/0/held_out --to gguf --output exports/gguf
    python -m tools.export_adapter data/lora_seed/0/held_out --to fused --output exports/fused
    python -m tools.export_adapter models/qwen-4bit --to fused --output exports/base
    python -m tools.export_adapter exports/peft --to mlx --output exports/mlx --model models/tiny-student

SOURCE is a folder with an adapter in mlx-lm's layout or in PEFT's; its base model is the folder that its configuration
names, or `--model`. `peft` is read by transformers, vLLM and TGI, `gguf` by llama.cpp and Ollama (adapter.gguf), `mlx`
by this project and mlx-lm. `fused` is a whole checkpoint with the adapter in its weights, never quantised; of a SOURCE
that is a checkpoint itself it is those weights without quantisation, which is what PEFT loads an adapter onto.
docs/export.md has a command for each reader.
"""

import argparse
import tempfile
from pathlib import Path

from distil.lm.state import CONFIG
from distil.pipeline.command import run
from distil.pipeline.files import InputError, replacing_folder
from tools.export_adapter import gguf_layout, mlx_layout, peft_layout
from tools.export_adapter.adapter import Adapter, base_folder, config_of, layout
from tools.output import refuse_foreign, refuse_holding


def main() -> None:
    """Read the adapter in whichever layout it has, and write it in the one asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a folder with an adapter, or with a checkpoint (fused only)")
    parser.add_argument("--to", required=True, choices=("peft", "gguf", "fused", "mlx"))
    parser.add_argument(
        "--output", required=True, type=Path, help="the folder to write; an adapter or a model there is replaced"
    )
    parser.add_argument("--model", type=Path, help="the base model's folder, where the adapter does not name it")
    args = parser.parse_args()
    export(args.source, args.to, args.output, args.model)


def export(source: Path, to: str, output: Path, model: Path | None = None) -> None:
    """Write `source` in another layout, whole or not at all.

    Raises InputError when a part is missing or damaged, the layout has no room for what the adapter is, or `output`
    holds something else than an export, the base model, or `source` itself.
    """
    refuse_holding(output, source)
    refuse_foreign(output, CONFIG, gguf_layout.FILE, "config.json")
    if to == "fused":
        fuse(source, output, model)
    else:
        adapter = read(source, model)
        refuse_holding(output, adapter.base)
        with replacing_folder(output) as folder:
            {"peft": peft_layout.write, "gguf": gguf_layout.write, "mlx": mlx_layout.write}[to](adapter, folder)
    print(f"{source} -> {output} ({to})")


def read(source: Path, model: Path | None) -> Adapter:
    """Read a low-rank adapter in either layout. Raises InputError for a checkpoint."""
    found = layout(source)
    if found == "checkpoint":
        raise InputError(f"{source} holds a checkpoint and no adapter: --to fused alone takes one.")
    return (mlx_layout if found == "mlx" else peft_layout).read(source, model)


def fuse(source: Path, output: Path, model: Path | None) -> None:
    """Write a whole checkpoint: the base with the adapter, or without quantisation where `source` is a checkpoint."""
    from tools.export_adapter import fused  # here, since the other layouts have no use for MLX, a second to import

    with tempfile.TemporaryDirectory() as converted:
        base, adapter = source, None
        if (found := layout(source)) == "mlx":
            base, adapter = base_folder(source, config_of(source, lambda config: config.get("model")), model), source
        elif found == "peft":
            theirs, adapter = read(source, model), Path(converted)
            base = theirs.base
            mlx_layout.write(theirs, adapter)
        refuse_holding(output, base)
        with replacing_folder(output) as folder:
            fused.write(base, adapter, folder)


if __name__ == "__main__":
    run(main)
