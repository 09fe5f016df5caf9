"""Route MLX's matrix products on a Linux CPU to the OpenBLAS inside SciPy's wheel: some sixty times faster.

MLX's wheel for Linux CPUs links Netlib's reference BLAS. The names it imports from there (`cblas_{s,d,c}gemm`) are
looked up in the process's global scope first, so a small library loaded there before MLX takes the calls and forwards
them to SciPy's OpenBLAS, which has them with a prefix. The library is built once with the C compiler and cached.

One thread, because processes run side by side; one kind of kernel, because each kind adds up in another order and a
trained adapter must have the same bits on every machine. Both must be settled before OpenBLAS is loaded. Set
OPENBLAS_NUM_THREADS or OPENBLAS_CORETYPE yourself to override them, and BLAS=off to compare with MLX's own BLAS.
Nothing of this happens on macOS or with MLX's CUDA build.
"""

import ctypes
import functools
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from distil.pipeline.metrics import Blas

CORE_TYPES = {"x86_64": "Haswell", "aarch64": "ARMV8"}
"""OpenBLAS's kernels that every machine of an architecture runs: AVX2 on x86-64, plain ARMv8 on 64-bit ARM."""

SHIM = """
#define FORWARD(name, scalar) \\
  extern void scipy_##name(int, int, int, int, int, int, scalar, const void *, int, const void *, int, \\
                           scalar, void *, int); \\
  void name(int order, int ta, int tb, int m, int n, int k, scalar alpha, const void *a, int lda, \\
            const void *b, int ldb, scalar beta, void *c, int ldc) { \\
    scipy_##name(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc); }
FORWARD(cblas_dgemm, double)
FORWARD(cblas_cgemm, const void *)
extern void scipy_cblas_sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float, \\
                              float *, int);
extern void scipy_cblas_sgemv(int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc) {
  if (m == 1 && order == 101)  /* one row, as attention to one new token: no need to pack the other matrix */
    tb == 111 ? scipy_cblas_sgemv(101, 112, k, n, alpha, b, ldb, a, ta == 111 ? 1 : lda, beta, c, 1)
              : scipy_cblas_sgemv(101, 111, n, k, alpha, b, ldb, a, ta == 111 ? 1 : lda, beta, c, 1);
  else
    scipy_cblas_sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc); }
"""


class _Unavailable(Exception):
    """Why the products cannot be routed on this machine."""


@functools.cache
def route() -> Blas:
    """Route the products of this process; call before the first import of MLX. Further calls return the same answer.

    Where routing is impossible one line on standard error says why, and MLX goes on with its own, slower BLAS. Raises
    RuntimeError when MLX is already imported, since the call then comes too late.
    """
    own = Blas(library="MLX's own")
    if not _is_linux_cpu():
        return own
    # mx.compile translates and loads C++ at run time there: 1.0 to 1.7 times slower than eager at this project's sizes
    os.environ.setdefault("MLX_DISABLE_COMPILE", "1")
    if os.environ.get("BLAS", "").lower() == "off":
        return own
    if "mlx.core" in sys.modules:
        raise RuntimeError("blas.route() was called after MLX was imported: call it first.")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_CORETYPE", CORE_TYPES.get(platform.machine(), ""))
    try:
        openblas = _load_openblas()
        ctypes.CDLL(str(_shim()), mode=ctypes.RTLD_GLOBAL)
    except (_Unavailable, OSError) as error:
        print(f"note: MLX computes with its own slow BLAS on this machine: {error}", file=sys.stderr)
        return own
    return _described(openblas)


def _is_linux_cpu() -> bool:
    """Whether the MLX installed here is the build for Linux CPUs; asked without importing it."""
    cuda = any(_installed(f"mlx-cuda-{version}") for version in (12, 13))
    return sys.platform == "linux" and _installed("mlx-cpu") and not cuda


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _load_openblas() -> ctypes.CDLL:
    """Load SciPy's OpenBLAS into the global scope, with one thread even where SciPy has loaded it before."""
    scipy = importlib.util.find_spec("scipy")
    folder = Path(scipy.origin).parents[1] / "scipy.libs" if scipy and scipy.origin else Path("scipy.libs")
    found = sorted(folder.glob("libscipy_openblas-*.so"))
    if not found:
        raise _Unavailable("SciPy was not installed from a wheel that carries OpenBLAS.")
    openblas = ctypes.CDLL(str(found[0]), mode=ctypes.RTLD_GLOBAL)
    openblas.scipy_openblas_set_num_threads(int(os.environ["OPENBLAS_NUM_THREADS"]))
    return openblas


def _described(openblas: ctypes.CDLL) -> Blas:
    """OpenBLAS's description of itself. Warns on standard error when it runs other kernels than those asked for."""
    openblas.scipy_openblas_get_config.restype = ctypes.c_char_p
    openblas.scipy_openblas_get_corename.restype = ctypes.c_char_p
    core_type = openblas.scipy_openblas_get_corename().decode()
    wanted = os.environ["OPENBLAS_CORETYPE"]
    if core_type.lower() != wanted.lower():
        print(
            f"note: OpenBLAS computes with {core_type} kernels instead of {wanted} (SciPy was imported before "
            "blas.route(), or this processor lacks them): trained weights may differ in their last bits.",
            file=sys.stderr,
        )
    version = " ".join(openblas.scipy_openblas_get_config().decode().split()[:2])
    return Blas(library=version, core_type=core_type, threads=openblas.scipy_openblas_get_num_threads())


def _shim() -> Path:
    """The forwarding library, built unless the cache has it for these versions of MLX, SciPy and the source above."""
    source = hashlib.sha256(SHIM.encode()).hexdigest()[:12]
    name = f"blas-{platform.machine()}-mlx{metadata.version('mlx')}-scipy{metadata.version('scipy')}-{source}.so"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "obryan-distillation"
    target = cache / name
    if target.is_file():
        return target
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise _Unavailable("there is no C compiler (install gcc or clang).")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        code, built = Path(folder, "shim.c"), Path(folder, "shim.so")
        code.write_text(SHIM, encoding="utf-8")
        command = [compiler, "-O2", "-shared", "-fPIC", str(code), "-o", str(built)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise _Unavailable(f"{compiler} failed: {' '.join(result.stderr.split())[:300]}")
        built.replace(target)
    return target
