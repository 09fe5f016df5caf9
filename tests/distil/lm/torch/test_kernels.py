"""Each part's gradient is what PyTorch's automatic one gives for the plain formula."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

import torch.nn.functional as F  # noqa: E402

from distil.lm.torch import kernels  # noqa: E402


def plain_norm(x, weight, eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def plain_turn(x, cosines, sines):
    one, other = x.chunk(2, -1)
    return x * cosines + torch.cat([other, one], -1) * sines


def plain_attention(q, k, v):
    q, k, v = (part.transpose(0, 1) for part in (q, k, v))
    k, v = (part.repeat_interleave(len(q) // len(part), 0) for part in (k, v))
    hidden = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool).triu(1)
    scores = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).masked_fill(hidden, -torch.inf)
    return (scores.softmax(-1) @ v).transpose(0, 1)


ANGLES = torch.linspace(0, 3, 30 * 8).view(30, 1, 8)
SINES = torch.cat([-ANGLES.sin(), ANGLES.sin()], -1)
CASES = {
    "gate": (kernels.Gate.apply, lambda x: F.silu(x[:, :40]) * x[:, 40:], [(30, 80)], []),
    "norm": (kernels.RmsNorm.apply, plain_norm, [(30, 64)], [torch.rand(64), 1e-6]),
    "rotate": (kernels.Rotate.apply, plain_turn, [(30, 3, 16)], [ANGLES.cos().repeat(1, 1, 2), SINES]),
    "attention": (kernels.CausalAttention.apply, plain_attention, [(50, 6, 16), (50, 2, 16), (50, 2, 16)], []),
    "attention, one token": (kernels.CausalAttention.apply, plain_attention, [(1, 4, 8), (1, 4, 8), (1, 4, 8)], []),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("small", [False, True], ids=["one piece", "many pieces"])
def test_values_and_gradients_are_the_plain_formulas(name, small, monkeypatch):
    if small:
        monkeypatch.setattr(kernels, "CACHE", 200)
        monkeypatch.setattr(kernels, "QUERIES", 7)
    ours, plain, shapes, rest = CASES[name]
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(shape, generator=generator) for shape in shapes]
    found, wanted = [], []
    for function, out in ((ours, found), (plain, wanted)):
        leaves = [part.clone().requires_grad_() for part in inputs]
        value = function(*leaves, *rest)
        (value * torch.linspace(-1, 1, value.numel()).view_as(value)).sum().backward()
        out += [value.detach(), *(leaf.grad for leaf in leaves)]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("chunk", [256, 7])
def test_the_loss_of_the_head_and_its_gradient(chunk, monkeypatch):
    monkeypatch.setattr(kernels, "LOGITS", chunk)
    monkeypatch.setattr(kernels, "CACHE", 200)
    generator = torch.Generator().manual_seed(1)
    hidden, weight = torch.randn(30, 16, generator=generator), torch.randn(90, 16, generator=generator) * 3
    targets = torch.randint(0, 90, (30,), generator=generator)
    one, other = (hidden.clone().requires_grad_() for _ in range(2))
    losses = kernels.CrossEntropy.apply(one, weight, targets)
    wanted = F.cross_entropy(other @ weight.T, targets, reduction="none")
    torch.testing.assert_close(losses, wanted, rtol=1e-5, atol=1e-5)
    losses.mean().backward()
    wanted.mean().backward()
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)
