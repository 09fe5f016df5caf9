"""Describe the parts of this machine that can change a result. The file is among the metrics; no stage hashes it.

python -m distil.lm.environment [--output metrics/environment.json] [--compare FILE]

`--compare` writes nothing and explains how this machine differs from the one that wrote FILE.
"""

import argparse
import functools
import hashlib
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from distil.lm.cpu import blas
from distil.pipeline.command import run
from distil.pipeline.files import read_record, write_json
from distil.pipeline.metrics import Blas, Environment, Numerics, Package

OUTPUT = Path("metrics/environment.json")

FEATURES = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512vl",
    "avx512bw",
    "avx512_bf16",
    "amx_tile",
    "asimd",
)
"""The processor features that choose kernels in BLAS, MLX or NumPy; `asimd` is 64-bit ARM's."""

NUMERIC_PACKAGES = ("mlx", "mlx-cpu", "mlx-cuda", "mlx-metal", "mlx-lm", "numpy", "scipy")

CONSEQUENCES = {
    "platform": "adapters may differ in the last bits because another platform adds up sums in another order",
    "blas": "adapters may differ in the last bits because other BLAS kernels add up sums in another order",
    "mlx_device": "adapters may differ in the last bits because MLX's kernels for that device add up in another order",
    "numeric_packages": "adapters may differ because another version of a numerical library did the arithmetic",
    "cpu_features": "none is expected while BLAS runs the same core type; NumPy and MLX may choose kernels by them",
    "os": "none is expected: the same wheels run there",
    "python": "none is expected: no stage depends on details of the interpreter",
    "packages": "a text stage may differ where one of these packages changed what it does",
}


def numerics() -> Numerics:
    """What decides the last bits of a trained weight here."""
    routed = blas.route()
    import mlx.core as mx  # after the routing, which must come first

    return Numerics(
        platform=f"{platform.system()} {platform.machine()}",
        blas=routed,
        mlx_device=str(mx.default_device()).removeprefix("Device(").removesuffix(")"),
        numeric_packages={name: found for name, found in _packages().items() if name in NUMERIC_PACKAGES},
    )


def this_machine() -> Environment:
    """Describe operating system, processor, Python, packages, BLAS and MLX device."""
    return Environment(
        **dict(numerics()),
        os=f"macOS {platform.mac_ver()[0]}" if sys.platform == "darwin" else " ".join(platform.libc_ver()),
        cpu_features=_cpu_features(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: found for name, found in _packages().items() if name not in NUMERIC_PACKAGES},
    )


def same_numerics(one: Numerics, other: Numerics) -> bool:
    """Whether two machines promise the same bits from training.

    A package counts by its version: the wheels of one version differ between platforms, which is a part of its own.
    """
    return _essence(one) == _essence(other)


def explain(committed: Environment, here: Environment) -> list[str]:
    """One sentence for each part that differs: its committed value, its value here, and the likely consequence."""
    sentences = []
    parts, parts_here = committed.model_dump(), here.model_dump()
    for part, consequence in CONSEQUENCES.items():
        there, now = parts[part], parts_here[part]
        if there == now:
            continue
        if isinstance(there, dict) and isinstance(now, dict):
            changed = [name for name in sorted(there.keys() | now.keys()) if there.get(name) != now.get(name)]
            shown = "; ".join(f"{name}: {_short(there.get(name))} -> {_short(now.get(name))}" for name in changed[:5])
            shown += f"; and {len(changed) - 5} more" if len(changed) > 5 else ""
        elif isinstance(there, list) and isinstance(now, list):
            gone, new = sorted(set(there) - set(now)), sorted(set(now) - set(there))
            shown = f"only there: {' '.join(gone) or 'none'}; only here: {' '.join(new) or 'none'}"
        else:
            shown = f"{there} -> {now}"
        sentences.append(f"{part.replace('_', ' ')} ({shown}): {consequence}.")
    return sentences


def _essence(machine: Numerics) -> tuple[str, Blas, str, dict[str, str]]:
    versions = {name: package.version for name, package in machine.numeric_packages.items()}
    return machine.platform, machine.blas, machine.mlx_device, versions


def _short(value: Any) -> str:
    """A package as its version and the start of its wheel's hash, anything else as itself."""
    if isinstance(value, dict):
        return f"{value['version']} ({value['wheel'][:12]})"
    return "none" if value is None else str(value)


@functools.cache
def _packages() -> dict[str, Package]:
    """Version and hash of every installed distribution's record, by name."""
    installed = {}
    for found in metadata.distributions():
        if name := (found.metadata["Name"] or "").lower().replace("_", "-"):
            installed[name] = Package(version=found.version, wheel=_wheel_hash(found.read_text("RECORD") or ""))
    return dict(sorted(installed.items()))


def _wheel_hash(record: str) -> str:
    """Hash of what a wheel installed, by its RECORD, less what depends on the installer or on the folder.

    Compiled files, launchers (whose first line is the interpreter's path) and the installer's own notes are left out.
    """
    notes = ("/INSTALLER", "/REQUESTED", "/RECORD", "/direct_url.json", "/uv_cache.json", "/uv_build.json")
    kept = (
        line
        for line in record.splitlines()
        if not (path := line.split(",")[0]).startswith("..") and not path.endswith((".pyc", *notes))
    )
    return hashlib.sha256("\n".join(sorted(kept)).encode()).hexdigest()


def _cpu_features() -> list[str]:
    """Those of FEATURES that this processor has; on a Mac the names its kernel reports."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return [subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()]
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    flags = {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split(":")[1].split()}
    return [feature for feature in FEATURES if feature in flags]


def main() -> int:
    """Describe this machine, or compare it with another one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to write it (%(default)s)")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="explain how this machine differs from FILE's")
    options = parser.parse_args()
    if options.compare:
        print("\n".join(explain(read_record(options.compare, Environment), this_machine())) or "The same environment.")
    else:
        write_json(options.output, this_machine().model_dump())
    return 0


if __name__ == "__main__":
    run(main)
