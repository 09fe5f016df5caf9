import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distil.lm.cpu import blas

blas.route()

import mlx.core as mx  # noqa: E402
import mlx.nn as nn  # noqa: E402

from distil.lm.cpu import exponentials  # noqa: E402

ROOT = Path(__file__).resolve().parents[4]


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(seed)) * scale


def test_exp_is_as_precise_as_float32() -> None:
    x = np.linspace(-45, 88, 200_001, dtype=np.float32)
    found, exact = np.array(exponentials.exp(mx.array(x))).astype(float), np.exp(x.astype(float))
    rounding = 1.2e-7 * (2 + np.abs(x))  # of the result, and of x * log2(e)
    assert np.all(np.abs(found - exact) < rounding * exact + 1e-24)
    ends = np.array(exponentials.exp(mx.array([-np.inf, -1e9, -100.0, -56.0, 0.0])))
    assert ends.tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (exponentials.sigmoid, mx.sigmoid),
        (exponentials.softmax, lambda x: mx.softmax(x, -1)),
        (lambda x: exponentials.swiglu(x, x + 1), lambda x: nn.silu(x) * (x + 1)),
        (
            lambda x: exponentials.cross_entropy(x, mx.arange(8)),
            lambda x: nn.losses.cross_entropy(x, mx.arange(8)),
        ),
    ],
)
def test_values_and_gradients_are_those_of_mlx(mine: Callable, theirs: Callable) -> None:
    x, weight = normal(8, 50, scale=5), normal(8, 50, seed=1)

    def total(function: Callable) -> Callable:
        return lambda x: (function(x) * weight.reshape(-1)[: function(x).size].reshape(function(x).shape)).sum()

    assert np.allclose(mine(x), theirs(x), rtol=1e-5, atol=1e-6)
    assert np.allclose(mx.grad(total(mine))(x), mx.grad(total(theirs))(x), rtol=1e-4, atol=1e-5)


def test_sigmoid_holds_far_out() -> None:
    found = np.array(exponentials.sigmoid(mx.array([-1e5, -200.0, 0.0, 200.0]))).tolist()
    assert found == pytest.approx([0, 0, 0.5, 1])


@pytest.mark.parametrize("mask", [None, "causal", "padding", "added"])
@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (4, 1)])
@pytest.mark.parametrize("length", [1, 6])
def test_attention_is_that_of_mlx(mask: str | None, heads: tuple[int, int], length: int) -> None:
    queries, keys, values = (
        normal(3, h, n, 8, seed=h + n) for h, n in ((heads[0], length), (heads[1], 6), (heads[1], 6))
    )
    given: mx.array | str | None = mask
    if mask == "padding":
        given = mx.arange(6)[None, None, None, :] >= mx.array([0, 2, 5])[:, None, None, None]
    elif mask == "added":
        given = normal(length, 6, seed=9)
    found = exponentials.attention(queries, keys, values, 0.3, given)
    expected = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=0.3, mask=given)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_model_answers_the_same_and_faster() -> None:
    """In a process of its own, because the functions of mlx-lm's module are replaced there."""
    code = """
import time
from distil.lm.cpu import blas
blas.route()
import mlx.core as mx
import numpy as np
from mlx_lm.models.qwen2 import Model, ModelArgs
from distil.lm.cpu import exponentials
mx.random.seed(0)
model = Model(ModelArgs(model_type="qwen2", hidden_size=64, num_hidden_layers=2, intermediate_size=512,
                        rms_norm_eps=1e-6, num_attention_heads=4, num_key_value_heads=2, vocab_size=64))
tokens = mx.random.randint(0, 64, (8, 128))
def measured():
    times = []
    for _ in range(7):
        start = time.process_time()
        mx.eval(logits := model(tokens))
        times.append(time.process_time() - start)
    return np.array(logits), min(times)
before, slow = measured()
exponentials.use_in(model)
after, fast = measured()
assert np.allclose(before, after, rtol=1e-4, atol=1e-4), abs(before - after).max()
print(slow / fast)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if blas._is_linux_cpu() and sys.platform == "linux":
        assert float(done.stdout) > 1.2
